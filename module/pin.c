// SPDX-License-Identifier: GPL-2.0
/*
 * Taking page references and giving them back, in runs.
 *
 * A pin of a small folio is 1024 references; of a large one, a reference and a
 * pincount; of the zero page, on kernels that leave it uncounted, nothing. Twins
 * in mm/gup.c: try_grab_folio() and gup_put_folio(). Here n pages of a folio cost
 * one atomic, and the node statistics are brought up to date once a batch.
 *
 * What our own loop took is released by our own mirror of the taking. What the
 * kernel's engine took goes back by the kernel's unpin.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "entry.h"
#include "pin.h"
#include "policy.h"

/* Runs between two looks whether somebody else should run. */
#define RELEASED_AT_A_TIME 512

/**
 * gupx_pin_batch_init() - an empty batch
 * @batch: to be filled
 * @capacity: runs
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_pin_batch_init(struct gupx_batch *batch, unsigned int capacity)
{
	*batch = (struct gupx_batch){ .capacity = capacity };
	batch->word = kvmalloc_array(capacity, sizeof(*batch->word),
				     GFP_KERNEL_ACCOUNT);
	return batch->word ? 0 : -ENOMEM;
}

/**
 * gupx_pin_batch_lend() - an empty batch, in memory that stays the caller's
 * @batch: to be filled
 * @word: the memory
 * @capacity: runs
 */
void gupx_pin_batch_lend(struct gupx_batch *batch, u64 *word,
			 unsigned int capacity)
{
	*batch = (struct gupx_batch){
		.capacity = capacity,
		.is_lent = true,
		.word = word,
	};
}

static void free_words(const struct gupx_batch *batch)
{
	if (!batch->is_lent)
		kvfree(batch->word);
}

/**
 * gupx_pin_batch_grow() - make room for more runs
 * @batch: may hold runs
 * @more: runs
 *
 * Return: 0, or -ENOMEM and the batch is as it was.
 */
int gupx_pin_batch_grow(struct gupx_batch *batch, unsigned long more)
{
	const unsigned long capacity = batch->nr + more;
	u64 *word;

	if (capacity <= batch->capacity)
		return 0;
	/* In a full memory cgroup: the caller is told, the log need not be. */
	word = kvmalloc_array(capacity, sizeof(*word),
			      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!word)
		return -ENOMEM;
	memcpy(word, batch->word, batch->nr * sizeof(*word));
	free_words(batch);
	batch->is_lent = false;
	batch->word = word;
	batch->capacity = capacity;
	return 0;
}

/**
 * gupx_pin_batch_fini() - free an empty batch
 * @batch: its runs belong to someone else by now
 */
void gupx_pin_batch_fini(struct gupx_batch *batch)
{
	WARN_ON_ONCE(batch->nr || batch->owed || batch->counted);
	free_words(batch);
}

static void add_references(struct folio *folio, unsigned long nr, u32 flags)
{
	if (!(flags & GUPX_RUN_PIN)) {
		folio_ref_add(folio, nr);
	} else if (folio_test_large(folio)) {
		folio_ref_add(folio, nr);
		atomic_add(nr, &folio->_pincount);
	} else {
		folio_ref_add(folio, nr * GUP_PIN_COUNTING_BIAS);
	}
}

/* Is this run of the zero page one that nobody counts? Row E8z. */
static bool is_uncounted(u32 flags)
{
	return (flags & GUPX_RUN_ZERO) && (flags & GUPX_RUN_PIN) &&
	       gupx_can_skip_zero_page();
}

/**
 * gupx_pin_count() - enter the pins taken into the node's statistics
 * @batch: no lock needed
 *
 * Pins may be seen before they are counted; that harms nobody.
 */
void gupx_pin_count(struct gupx_batch *batch)
{
	if (batch->counted)
		mod_node_page_state(NODE_DATA(batch->node),
				    NR_FOLL_PIN_ACQUIRED, batch->counted);
	batch->counted = 0;
}

static void count_taken(struct gupx_batch *batch, int node, unsigned long nr)
{
	if (batch->node != node)
		gupx_pin_count(batch);
	batch->node = node;
	batch->counted += nr;
}

/**
 * gupx_pin_settle() - take the references that are still owed
 * @batch: under the page-table lock that the run was found under
 *
 * Until then nothing but that lock keeps the folio.
 */
void gupx_pin_settle(struct gupx_batch *batch)
{
	u32 flags;

	if (!batch->owed)
		return;
	flags = gupx_run_flags(batch->word[batch->nr - 1]);
	add_references(batch->owed_to, batch->owed, flags);
	if (flags & GUPX_RUN_PIN)
		count_taken(batch, folio_nid(batch->owed_to), batch->owed);
	batch->owed = 0;
	batch->owed_to = NULL;
}

static u32 size_flag(struct folio *folio)
{
	return folio_test_large(folio) ? GUPX_RUN_LARGE : 0;
}

/* A run lies in one large folio, or is of one-page folios, or the zero page. */
static bool joins(const struct gupx_batch *batch, struct page *page,
		  unsigned long nr, u32 flags)
{
	const u64 last = batch->nr ? batch->word[batch->nr - 1] : 0;
	const u64 next = gupx_run_next(last, flags, nr);

	if (!batch->nr)
		return false;
	if (flags & GUPX_RUN_ZERO)
		return next != ~0ULL;
	if (next != gupx_run_pack(page_to_pfn(page), 1, flags))
		return false;
	return !(flags & GUPX_RUN_LARGE) ||
	       page_folio(pfn_to_page(gupx_run_pfn(last))) == page_folio(page);
}

static bool is_whole(struct page *page, unsigned long nr, u32 flags)
{
	if (flags & GUPX_RUN_ZERO)
		return false;
	return !(flags & GUPX_RUN_LARGE) ||
	       nr == folio_nr_pages(page_folio(page));
}

static void append(struct gupx_batch *batch, struct page *page,
		   unsigned long addr, unsigned long nr, u32 flags)
{
	if (!batch->nr) {
		batch->addr = addr;
		batch->flags = flags;
		batch->uniform = true;
	}
	if (flags != batch->flags || !is_whole(page, nr, flags))
		batch->uniform = false;
	if (joins(batch, page, nr, flags)) {
		batch->word[batch->nr - 1] += nr * GUPX_RUN_ONE_MORE;
	} else {
		gupx_pin_settle(batch);
		batch->word[batch->nr++] =
			gupx_run_pack(page_to_pfn(page), nr, flags);
	}
	batch->end = addr + (nr << PAGE_SHIFT);
}

/**
 * gupx_pin_take() - take the pages of one entry
 * @batch: has room for it
 * @entry: judged %GUPX_GO, under its page-table lock
 * @addr: of the first page
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE
 *
 * Rows E8, E8z, L20, L21. The references stay owed, so that more entries of a
 * large folio join them; gupx_pin_settle() before the lock goes.
 */
void gupx_pin_take(struct gupx_batch *batch, const struct gupx_entry *entry,
		   unsigned long addr, u32 flags)
{
	flags |= size_flag(entry->folio);
	if ((entry->facts & GUPX_E_KIND) == GUPX_E_ZERO)
		flags |= GUPX_RUN_ZERO;
	if (batch->owed_to != entry->folio)
		gupx_pin_settle(batch);
	append(batch, entry->page, addr, entry->nr, flags);
	if (is_uncounted(flags))
		return;
	batch->owed_to = entry->folio;
	batch->owed += entry->nr;
}

/**
 * gupx_pin_last() - the last run, for one-page folios or whole ones behind it
 * @batch: not empty
 *
 * Nothing is owed afterwards. Ends with gupx_pin_note().
 *
 * Return: its word.
 */
u64 *gupx_pin_last(struct gupx_batch *batch)
{
	gupx_pin_settle(batch);
	return &batch->word[batch->nr - 1];
}

/**
 * gupx_pin_note() - what was put behind gupx_pin_last()
 * @batch: any
 * @last: the last run now
 * @nr: pages put there; their references are taken
 * @node: where they are
 * @flags: how they were taken, of all alike
 */
void gupx_pin_note(struct gupx_batch *batch, u64 *last, unsigned long nr,
		   int node, u32 flags)
{
	batch->nr = last - batch->word + 1;
	batch->end += nr << PAGE_SHIFT;
	if (nr && flags != batch->flags)
		batch->uniform = false;
	if (flags & GUPX_RUN_PIN)
		count_taken(batch, node, nr);
}

/**
 * gupx_pin_adopt() - put pages that the kernel's engine took into the batch
 * @batch: has room for @nr runs
 * @pages: taken, in the order of their addresses
 * @nr: pages
 * @addr: of the first one
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE
 */
void gupx_pin_adopt(struct gupx_batch *batch, struct page **pages,
		    unsigned long nr, unsigned long addr, u32 flags)
{
	unsigned long i;

	for (i = 0; i < nr; i++, addr += PAGE_SIZE) {
		u32 mark = flags | GUPX_RUN_KERNEL |
			   size_flag(page_folio(pages[i]));

		if (is_zero_pfn(page_to_pfn(pages[i])))
			mark |= GUPX_RUN_ZERO;
		append(batch, pages[i], addr, 1, mark);
	}
}

/**
 * gupx_pin_mark() - gupx_pin_touch() of a folio
 * @folio: of a page judged %GUPX_GO, under its page-table lock
 * @dirty: mark it dirty too
 */
void gupx_pin_mark(struct folio *folio, bool dirty)
{
	if (dirty && !folio_test_dirty(folio))
		folio_mark_dirty(folio);
	/* What is on no LRU list has no use for it; the kernel's walk agrees. */
	if (!folio_test_large(folio) || !folio_test_hugetlb(folio))
		folio_mark_accessed(folio);
}

/**
 * gupx_pin_touch() - mark the page as used, as an access would
 * @entry: judged %GUPX_GO, under its page-table lock
 * @write: mark it dirty too
 *
 * The marks go to the folio, not to the entry: the entry belongs to the target's
 * CPUs (row E8).
 */
void gupx_pin_touch(const struct gupx_entry *entry, bool write)
{
	if ((entry->facts & GUPX_E_KIND) != GUPX_E_ZERO)
		gupx_pin_mark(entry->folio, write && !entry->dirty);
}

static void dirty_folio(struct folio *folio)
{
	if (folio_test_dirty(folio))
		return;
	folio_lock(folio);
	folio_mark_dirty(folio);
	folio_unlock(folio);
}

/**
 * gupx_pin_count_released() - enter the pins released into the node's statistics
 * @tally: ends empty
 */
void gupx_pin_count_released(struct gupx_tally *tally)
{
	if (tally->nr)
		mod_node_page_state(NODE_DATA(tally->node),
				    NR_FOLL_PIN_RELEASED, tally->nr);
	tally->nr = 0;
}

static void count_released(struct gupx_tally *tally, int node, unsigned long nr)
{
	if (tally->node != node)
		gupx_pin_count_released(tally);
	tally->node = node;
	tally->nr += nr;
}

/* Of the zero page, or of a large folio. It may be gone afterwards. */
static void release_special(struct page *page, unsigned long nr, u32 flags,
			    struct gupx_tally *tally)
{
	struct folio *folio = page_folio(page);
	unsigned long references = nr;

	if ((flags & GUPX_RUN_LARGE) && (flags & GUPX_RUN_WRITE))
		dirty_folio(folio);
	if (flags & GUPX_RUN_PIN) {
		count_released(tally, folio_nid(folio), nr);
		if (flags & GUPX_RUN_LARGE)
			atomic_sub(nr, &folio->_pincount);
		else
			references *= GUP_PIN_COUNTING_BIAS;
	}
	folio_put_refs(folio, references);
}

static void release_page(struct page *page, u32 flags, struct gupx_tally *tally)
{
	/* No pinned folio grows or is split: it is one-page still. */
	struct folio *folio = (struct folio *)page;
	const bool pin = flags & GUPX_RUN_PIN;

	if (flags & GUPX_RUN_WRITE)
		dirty_folio(folio);
	if (pin)
		count_released(tally, page_to_nid(page), 1);
	folio_put_refs(folio, pin ? GUP_PIN_COUNTING_BIAS : 1);
}

/* Runs of one-page folios, or of nothing else? */
static bool is_small(u32 flags)
{
	return !(flags & (GUPX_RUN_ZERO | GUPX_RUN_LARGE | GUPX_RUN_KERNEL));
}

/**
 * struct manner - how one-page folios are released that were taken the same way
 * @mould: a run of one of them is this and its frame number
 * @mask: of a page's flags, what has to be looked at
 * @calm: what it is where nothing is to be done but to give references back
 * @references: how many, for each page
 * @node: where such pages lie
 */
struct manner {
	u64 mould;
	unsigned long mask;
	unsigned long calm;
	int references;
	int node;
};

static struct manner manner_of(u64 word)
{
	const u32 flags = gupx_run_flags(word);
	struct page *page = pfn_to_page(gupx_run_pfn(word));
	struct manner manner = {
		.mould = gupx_run_pack(0, 1, flags),
		.mask = NODES_MASK << NODES_PGSHIFT |
			(flags & GUPX_RUN_WRITE ? BIT(PG_dirty) : 0),
		.references = flags & GUPX_RUN_PIN ? GUP_PIN_COUNTING_BIAS : 1,
		.node = page_to_nid(page),
	};

	manner.calm =
		(gupx_compat_page_flags(page) | BIT(PG_dirty)) & manner.mask;
	return manner;
}

/* Return: 0, if the page is calm. */
static __always_inline unsigned long unrest_of(const struct manner *manner,
					       const struct page *page)
{
	return (gupx_compat_page_flags(page) ^ manner->calm) & manner->mask;
}

static __always_inline void release_calm(const struct manner *manner,
					 struct page *page)
{
	folio_put_refs((struct folio *)page, manner->references);
}

/*
 * Four runs of one calm page each: so little is to be done for one that to look at
 * each alone would be most of it.
 *
 * Return: whether that is what they are; if not, nothing was done.
 */
static __always_inline bool release_four(const struct manner *manner,
					 const u64 *word)
{
	struct page *const first = pfn_to_page(0);
	const u64 a = word[0] ^ manner->mould;
	const u64 b = word[1] ^ manner->mould;
	const u64 c = word[2] ^ manner->mould;
	const u64 d = word[3] ^ manner->mould;

	if ((a | b | c | d) >> GUPX_RUN_PFN_BITS)
		return false;
	if (unrest_of(manner, first + a) | unrest_of(manner, first + b) |
	    unrest_of(manner, first + c) | unrest_of(manner, first + d))
		return false;
	release_calm(manner, first + a);
	release_calm(manner, first + b);
	release_calm(manner, first + c);
	release_calm(manner, first + d);
	return true;
}

static __always_inline bool release_single(const struct manner *manner,
					   u64 word)
{
	const u64 pfn = word ^ manner->mould;
	struct page *page = pfn_to_page(0) + pfn;

	if (pfn >> GUPX_RUN_PFN_BITS || unrest_of(manner, page))
		return false;
	release_calm(manner, page);
	return true;
}

/* Runs of one calm page each. Return: the first that is not one. */
static noinline const u64 *release_singles(const u64 *word, const u64 *end,
					   const struct manner *manner)
{
	const struct manner of_all = *manner;

	while (end - word >= 4 && release_four(&of_all, word))
		word += 4;
	while (word < end && release_single(&of_all, *word))
		word++;
	return word;
}

/* Calm pages in a row. Return: the first that is not. */
static struct page *release_row(struct page *page, struct page *end,
				struct manner manner)
{
	for (; page < end && !unrest_of(&manner, page); page++)
		release_calm(&manner, page);
	return page;
}

static void release_pages_of(u64 word, const struct manner *manner,
			     struct gupx_tally *tally)
{
	const u32 flags = gupx_run_flags(word);
	struct page *page = pfn_to_page(gupx_run_pfn(word));
	struct page *const end = page + gupx_run_pages(word);

	while (page < end) {
		struct page *const next = release_row(page, end, *manner);

		if (flags & GUPX_RUN_PIN)
			count_released(tally, manner->node, next - page);
		page = next;
		if (page < end)
			release_page(page++, flags, tally);
	}
}

/*
 * One-page folios, in runs that were taken the same way.
 *
 * Return: the first run that was not.
 */
static const u64 *release_small(const u64 *word, const u64 *end,
				struct gupx_tally *tally)
{
	const u32 flags = gupx_run_flags(*word);
	const struct manner manner = manner_of(*word);

	while (word < end && gupx_run_flags(*word) == flags) {
		const u64 *const next = release_singles(word, end, &manner);

		if (flags & GUPX_RUN_PIN)
			count_released(tally, manner.node, next - word);
		word = next;
		if (word < end && gupx_run_flags(*word) == flags)
			release_pages_of(*word++, &manner, tally);
	}
	return word;
}

static void release_zero_of_kernel(struct page *page, unsigned long nr,
				   u32 flags)
{
	for (; nr; nr--) {
		if (flags & GUPX_RUN_PIN)
			unpin_user_page(page);
		else
			put_page(page);
	}
}

static void release_of_kernel(struct page *page, unsigned long nr, u32 flags)
{
	if (flags & GUPX_RUN_ZERO)
		release_zero_of_kernel(page, nr, flags);
	else if (flags & GUPX_RUN_PIN)
		unpin_user_page_range_dirty_lock(page, nr,
						 flags & GUPX_RUN_WRITE);
	else
		while (nr--)
			put_page(page++);
}

static void release_run(u64 word, struct gupx_tally *tally)
{
	struct page *page = pfn_to_page(gupx_run_pfn(word));
	const unsigned long nr = gupx_run_pages(word);
	const u32 flags = gupx_run_flags(word);

	if (flags & GUPX_RUN_KERNEL)
		release_of_kernel(page, nr, flags);
	else if (!is_uncounted(flags))
		release_special(page, nr, flags, tally);
}

/**
 * gupx_pin_release() - give back all references of some runs
 * @word: the first run, taken by either engine
 * @nr: runs
 * @tally: gupx_pin_count_released() after the last run
 *
 * Cannot fail. Sleeps: a page pinned for writing is marked dirty under its lock,
 * before the reference goes, or the last writes would be lost.
 */
void gupx_pin_release(const u64 *word, unsigned long nr,
		      struct gupx_tally *tally)
{
	const u64 *const end = word + nr;

	while (word < end) {
		if (is_small(gupx_run_flags(*word)))
			word = release_small(
				word, min(end, word + RELEASED_AT_A_TIME),
				tally);
		else
			release_run(*word++, tally);
		cond_resched();
	}
}

/**
 * gupx_pin_release_batch() - give back the runs that found no owner
 * @batch: ends empty
 * @first: runs before this one have an owner
 */
void gupx_pin_release_batch(struct gupx_batch *batch, unsigned int first)
{
	struct gupx_tally tally = {};

	gupx_pin_count(batch);
	gupx_pin_release(batch->word + first, batch->nr - first, &tally);
	gupx_pin_count_released(&tally);
	gupx_pin_forget(batch);
}
