// SPDX-License-Identifier: GPL-2.0
/*
 * Drop the references that batch.c took on the pages of runs. This is the counterpart of
 * gup_put_folio() in mm/gup.c. Most runs consist of one-page folios that do not have to
 * be marked dirty, so most of the time of a release is spent on dropping their
 * references, and this file is optimized for that case.
 *
 * Pages that our loop pinned are released by the code in this file. Pages that the
 * kernel's engine pinned are released with the kernel's unpin functions.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "release.h"
#include "run.h"
#include "stat.h"

/*
 * Maximum number of pages to release between calls of cond_resched(). The release of a
 * page may free it, which takes time.
 */
#define RELEASE_BATCH 512UL

static void dirty_folio(struct folio *folio)
{
	if (folio_test_dirty(folio))
		return;
	folio_lock(folio);
	folio_mark_dirty(folio);
	folio_unlock(folio);
}

/* Release a run of the zero page or of a large folio. This may free the large folio. */
static void release_special_run(struct page *page, unsigned long nr, u32 flags,
				struct gupx_stat_batch *stat)
{
	struct folio *folio = page_folio(page);
	unsigned long references = nr;

	if ((flags & GUPX_RUN_LARGE) && (flags & GUPX_RUN_WRITE))
		dirty_folio(folio);
	if (flags & GUPX_RUN_PIN) {
		gupx_stat_add(stat, folio_nid(folio), nr);
		if (flags & GUPX_RUN_LARGE)
			atomic_sub(nr, &folio->_pincount);
		else
			references *= GUP_PIN_COUNTING_BIAS;
	}
	folio_put_refs(folio, references);
}

/**
 * struct put_mode - how to release runs of one-page folios that all have the same flags
 * @run_template: one-page run with these flags and frame number 0, packed as in run.h
 * @clean_flags: PG_dirty if the runs are of a write request, else 0. If a page has all of
 *	these page flags, it does not have to be marked dirty, and put_clean() releases it.
 * @references: number of references to drop for each page
 */
struct put_mode {
	u64 run_template;
	unsigned long clean_flags;
	int references;
};

static __always_inline bool is_clean(const struct put_mode *mode,
				     unsigned long flags)
{
	return (flags & mode->clean_flags) == mode->clean_flags;
}

static __always_inline void put_clean(const struct put_mode *mode,
				      struct page *page)
{
	folio_put_refs((struct folio *)page, mode->references);
}

/*
 * Release four runs if each of them has one page, which does not have to be marked dirty,
 * and has the flags of @mode. It is faster to check four runs together: if each run were
 * checked separately, the checks would take most of the time.
 *
 * Return: true if the four runs were released; false if none of them was released.
 */
static __always_inline bool put_clean_four(const struct put_mode *mode,
					   const u64 *word)
{
	struct page *const first = pfn_to_page(0);
	const u64 a = word[0] ^ mode->run_template;
	const u64 b = word[1] ^ mode->run_template;
	const u64 c = word[2] ^ mode->run_template;
	const u64 d = word[3] ^ mode->run_template;

	if ((a | b | c | d) >> GUPX_RUN_PFN_BITS)
		return false;
	if (!is_clean(mode, gupx_compat_page_flags(first + a) &
				    gupx_compat_page_flags(first + b) &
				    gupx_compat_page_flags(first + c) &
				    gupx_compat_page_flags(first + d)))
		return false;
	put_clean(mode, first + a);
	put_clean(mode, first + b);
	put_clean(mode, first + c);
	put_clean(mode, first + d);
	return true;
}

static __always_inline bool put_clean_run(const struct put_mode *mode, u64 word)
{
	const u64 pfn = word ^ mode->run_template;
	struct page *page = pfn_to_page(0) + pfn;

	if (pfn >> GUPX_RUN_PFN_BITS ||
	    !is_clean(mode, gupx_compat_page_flags(page)))
		return false;
	put_clean(mode, page);
	return true;
}

/*
 * Release runs up to the first run that has several pages, has other flags than @mode, or
 * has a page that has to be marked dirty.
 *
 * Return: the first run that was not released, or @end.
 */
static noinline const u64 *put_clean_runs(const u64 *word, const u64 *end,
					  const struct put_mode *mode)
{
	const struct put_mode all_mode = *mode;

	while (end - word >= 4 && put_clean_four(&all_mode, word))
		word += 4;
	while (word < end && put_clean_run(&all_mode, *word))
		word++;
	return word;
}

static void release_run_pages(u64 word, const struct put_mode mode)
{
	struct page *page = pfn_to_page(gupx_run_pfn(word));
	struct page *const end = page + gupx_run_pages(word);
	struct page *stop = page;

	while (page < end) {
		if (page == stop) {
			stop += min_t(unsigned long, end - page, RELEASE_BATCH);
			cond_resched();
		}
		for (; page < stop &&
		       is_clean(&mode, gupx_compat_page_flags(page));
		     page++)
			put_clean(&mode, page);
		if (page < stop) {
			/*
			 * This page has to be marked dirty, because a write request pinned
			 * it or took a reference on it. The references prevent a collapse,
			 * so the page is still a one-page folio.
			 */
			dirty_folio((struct folio *)page);
			put_clean(&mode, page++);
		}
	}
}

/*
 * Count the pages in consecutive runs that have the same flags as @word.
 *
 * Return: the first run that has other flags, or @end.
 */
static const u64 *count_span(const u64 *word, const u64 *end,
			     struct gupx_stat_batch *stat)
{
	const u32 flags = gupx_run_flags(*word);
	unsigned long nr = 0;

	for (; word < end && gupx_run_flags(*word) == flags; word++)
		nr += gupx_run_pages(*word);
	gupx_stat_add_runs(stat, word, nr);
	return word;
}

/*
 * Release consecutive runs of one-page folios that have the same flags as @word. If there
 * are several NUMA nodes, count the pins before the release: the count reads the node of
 * each page, and the release may free the page.
 *
 * Return: the first run that has other flags, or @end.
 */
static const u64 *release_small_runs(const u64 *word, const u64 *end,
				     struct gupx_stat_batch *stat)
{
	const u32 flags = gupx_run_flags(*word);
	const bool pin = flags & GUPX_RUN_PIN;
	const struct put_mode mode = {
		.run_template = gupx_run_pack(0, 1, flags),
		.clean_flags = flags & GUPX_RUN_WRITE ? BIT(PG_dirty) : 0,
		.references = pin ? GUP_PIN_COUNTING_BIAS : 1,
	};
	const int node = page_to_nid(pfn_to_page(gupx_run_pfn(*word)));
	const bool count_first = pin && nr_online_nodes > 1;
	unsigned long nr = 0;

	if (count_first)
		end = count_span(word, end, stat);
	while (word < end && gupx_run_flags(*word) == flags) {
		const u64 *const next = put_clean_runs(word, end, &mode);

		nr += next - word;
		word = next;
		if (word < end && gupx_run_flags(*word) == flags) {
			nr += gupx_run_pages(*word);
			release_run_pages(*word++, mode);
		}
	}
	if (pin && !count_first)
		gupx_stat_add(stat, node, nr);
	return word;
}

static void release_kernel_zero(struct page *page, unsigned long nr, u32 flags)
{
	for (; nr; nr--) {
		if (flags & GUPX_RUN_PIN)
			unpin_user_page(page);
		else
			put_page(page);
		if (nr % RELEASE_BATCH == 0)
			cond_resched();
	}
}

static void release_kernel_run(struct page *page, unsigned long nr, u32 flags)
{
	if (flags & GUPX_RUN_ZERO) {
		release_kernel_zero(page, nr, flags);
		return;
	}
	while (nr) {
		const unsigned long now = min(nr, RELEASE_BATCH);
		unsigned long i;

		if (flags & GUPX_RUN_PIN)
			unpin_user_page_range_dirty_lock(
				page, now, flags & GUPX_RUN_WRITE);
		else
			for (i = 0; i < now; i++)
				put_page(page + i);
		page += now;
		nr -= now;
		cond_resched();
	}
}

static void release_run(u64 word, struct gupx_stat_batch *stat)
{
	struct page *page = pfn_to_page(gupx_run_pfn(word));
	const unsigned long nr = gupx_run_pages(word);
	const u32 flags = gupx_run_flags(word);

	if (gupx_run_is_released(word))
		return;
	if (flags & GUPX_RUN_KERNEL)
		release_kernel_run(page, nr, flags);
	else if (!gupx_run_is_uncounted(flags))
		release_special_run(page, nr, flags, stat);
}

/**
 * gupx_release_runs() - drop all references of some runs
 * @word: array of the runs; our loop or the kernel's engine took the references
 * @nr: number of runs
 * @stat: batch that counts the released pins; the caller flushes it
 *
 * The function cannot fail. It may sleep, because it takes the folio lock to mark the page
 * of a write request dirty. A page is marked dirty before its references are dropped;
 * otherwise the last writes to the page could be lost.
 */
void gupx_release_runs(const u64 *word, unsigned long nr,
		       struct gupx_stat_batch *stat)
{
	const u32 special = GUPX_RUN_ZERO | GUPX_RUN_LARGE | GUPX_RUN_KERNEL;
	const u64 *const end = word + nr;

	/* Fast path for one plain reference on one page: all other bits of the run are 0. */
	if (nr == 1 && !(*word >> GUPX_RUN_PFN_BITS)) {
		put_page(pfn_to_page(*word));
		return;
	}
	while (word < end) {
		if (!(gupx_run_flags(*word) & special))
			word = release_small_runs(
				word, min(end, word + RELEASE_BATCH), stat);
		else
			release_run(*word++, stat);
		cond_resched();
	}
}
