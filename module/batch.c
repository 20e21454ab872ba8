// SPDX-License-Identifier: GPL-2.0
/*
 * Taking page references, in runs. release.c gives them back.
 *
 * A pin of a small folio is 1024 references; of a large one, a reference and a
 * pincount; of the zero page, on kernels that leave it uncounted, nothing. Twins
 * in mm/gup.c: try_grab_folio(). Here n pages of a folio cost
 * one atomic, and the node statistics are brought up to date once a batch.
 *
 */
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "entry.h"
#include "batch.h"
#include "policy.h"
#include "release.h"

/**
 * gupx_batch_init() - an empty batch
 * @batch: to be filled
 * @capacity: runs
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_batch_init(struct gupx_batch *batch, unsigned int capacity)
{
	u64 *word = kvmalloc_array(capacity, sizeof(*word), GFP_KERNEL_ACCOUNT);

	if (!word)
		return -ENOMEM;
	gupx_batch_use_buffer(batch, word, capacity);
	batch->is_borrowed = false;
	return 0;
}

/**
 * gupx_batch_use_buffer() - an empty batch, in memory that stays the caller's
 * @batch: to be filled
 * @word: the memory
 * @capacity: runs
 */
void gupx_batch_use_buffer(struct gupx_batch *batch, u64 *word,
			   unsigned int capacity)
{
	*batch = (struct gupx_batch){
		.capacity = capacity,
		.stat.item = NR_FOLL_PIN_ACQUIRED,
		.is_borrowed = true,
		.word = word,
	};
}

static void free_buffer(const struct gupx_batch *batch)
{
	if (!batch->is_borrowed)
		kvfree(batch->word);
}

/**
 * gupx_batch_fini() - free an empty batch
 * @batch: its runs belong to someone else by now
 */
void gupx_batch_fini(struct gupx_batch *batch)
{
	WARN_ON_ONCE(batch->nr || batch->pending_refs ||
		     !gupx_stat_is_empty(&batch->stat));
	free_buffer(batch);
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

/**
 * gupx_batch_flush_refs() - take the references that are still owed
 * @batch: under the page-table lock that the run was found under
 *
 * Until then nothing but that lock keeps the folio.
 */
void gupx_batch_flush_refs(struct gupx_batch *batch)
{
	u32 flags;

	if (!batch->pending_refs)
		return;
	flags = gupx_run_flags(batch->word[batch->nr - 1]);
	add_references(batch->pending_folio, batch->pending_refs, flags);
	if (flags & GUPX_RUN_PIN)
		gupx_stat_add(&batch->stat, folio_nid(batch->pending_folio),
			      batch->pending_refs);
	batch->pending_refs = 0;
	batch->pending_folio = NULL;
}

static u32 get_size_flag(struct folio *folio)
{
	return folio_test_large(folio) ? GUPX_RUN_LARGE : 0;
}

/* A run lies in one large folio, or is of one-page folios, or the zero page. */
static bool can_join_last(const struct gupx_batch *batch, struct page *page,
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

static bool is_whole_folio(struct page *page, unsigned long nr, u32 flags)
{
	if (flags & GUPX_RUN_ZERO)
		return false;
	return !(flags & GUPX_RUN_LARGE) ||
	       nr == folio_nr_pages(page_folio(page));
}

static void append_run(struct gupx_batch *batch, struct page *page,
		       unsigned long addr, unsigned long nr, u32 flags)
{
	if (!batch->nr) {
		batch->addr = addr;
		batch->flags = flags;
		batch->uniform = true;
	}
	if (flags != batch->flags || !is_whole_folio(page, nr, flags))
		batch->uniform = false;
	if (can_join_last(batch, page, nr, flags)) {
		batch->word[batch->nr - 1] += nr * GUPX_RUN_ONE_MORE;
	} else {
		gupx_batch_flush_refs(batch);
		batch->word[batch->nr++] =
			gupx_run_pack(page_to_pfn(page), nr, flags);
	}
	batch->end = addr + (nr << PAGE_SHIFT);
}

/**
 * gupx_batch_take() - take the pages of one entry
 * @batch: has room for it
 * @entry: judged %GUPX_GO, under its page-table lock
 * @addr: of the first page
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE
 *
 * Rows E8, E8z, L20, L21. The references stay owed, so that more entries of a
 * large folio join them; gupx_batch_flush_refs() before the lock goes.
 */
void gupx_batch_take(struct gupx_batch *batch, const struct gupx_entry *entry,
		     unsigned long addr, u32 flags)
{
	flags |= get_size_flag(entry->folio);
	if ((entry->facts & GUPX_E_KIND) == GUPX_E_ZERO)
		flags |= GUPX_RUN_ZERO;
	if (batch->pending_folio != entry->folio)
		gupx_batch_flush_refs(batch);
	append_run(batch, entry->page, addr, entry->nr, flags);
	if (gupx_run_is_uncounted(flags))
		return;
	batch->pending_folio = entry->folio;
	batch->pending_refs += entry->nr;
}

/**
 * gupx_batch_last_run() - the last run, for one-page folios or whole ones behind it
 * @batch: not empty
 *
 * Nothing is owed afterwards. Ends with gupx_batch_append_span().
 *
 * Return: its word.
 */
u64 *gupx_batch_last_run(struct gupx_batch *batch)
{
	gupx_batch_flush_refs(batch);
	return &batch->word[batch->nr - 1];
}

/**
 * gupx_batch_append_span() - what was put behind gupx_batch_last_run()
 * @batch: any
 * @last: the last run now
 * @nr: pages put there; their references are taken
 * @flags: how they were taken, of all alike
 */
void gupx_batch_append_span(struct gupx_batch *batch, u64 *last,
			    unsigned long nr, u32 flags)
{
	batch->nr = last - batch->word + 1;
	batch->end += nr << PAGE_SHIFT;
	if (nr && flags != batch->flags)
		batch->uniform = false;
	if (flags & GUPX_RUN_PIN)
		gupx_stat_add_runs(&batch->stat, last + 1, nr);
}

/**
 * gupx_batch_add_kernel_pages() - put pages that the kernel's engine took into the batch
 * @batch: has room for @nr runs
 * @pages: taken, in the order of their addresses
 * @nr: pages
 * @addr: of the first one
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE
 */
void gupx_batch_add_kernel_pages(struct gupx_batch *batch, struct page **pages,
				 unsigned long nr, unsigned long addr,
				 u32 flags)
{
	unsigned long i;

	for (i = 0; i < nr; i++, addr += PAGE_SIZE) {
		u32 mark = flags | GUPX_RUN_KERNEL |
			   get_size_flag(page_folio(pages[i]));

		if (is_zero_pfn(page_to_pfn(pages[i])))
			mark |= GUPX_RUN_ZERO;
		append_run(batch, pages[i], addr, 1, mark);
	}
}

/**
 * gupx_batch_mark_folio() - gupx_batch_mark_accessed() of a folio
 * @folio: of a page judged %GUPX_GO, under its page-table lock
 * @dirty: mark it dirty too
 */
void gupx_batch_mark_folio(struct folio *folio, bool dirty)
{
	if (dirty && !folio_test_dirty(folio))
		folio_mark_dirty(folio);
	/* What is on no LRU list has no use for it; the kernel's walk agrees. */
	if (!folio_test_large(folio) || !folio_test_hugetlb(folio))
		folio_mark_accessed(folio);
}

/**
 * gupx_batch_mark_accessed() - mark the page as used, as an access would
 * @entry: judged %GUPX_GO, under its page-table lock
 * @write: mark it dirty too
 *
 * The marks go to the folio, not to the entry: the entry belongs to the target's
 * CPUs (row E8).
 */
void gupx_batch_mark_accessed(const struct gupx_entry *entry, bool write)
{
	if ((entry->facts & GUPX_E_KIND) != GUPX_E_ZERO)
		gupx_batch_mark_folio(entry->folio, write && !entry->dirty);
}

static void release_words(const u64 *word, unsigned int nr)
{
	struct gupx_stat_batch stat = { .item = NR_FOLL_PIN_RELEASED };

	gupx_release_runs(word, nr, &stat);
	gupx_stat_flush(&stat);
}

/**
 * gupx_batch_release() - give back the runs that found no owner
 * @batch: ends empty
 * @first: runs before this one have an owner
 */
void gupx_batch_release(struct gupx_batch *batch, unsigned int first)
{
	gupx_stat_flush(&batch->stat);
	if (first < batch->nr)
		release_words(batch->word + first, batch->nr - first);
	gupx_batch_clear(batch);
}
