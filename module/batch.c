// SPDX-License-Identifier: GPL-2.0
/*
 * Take references on pages and store the pages as runs. release.c drops the references.
 *
 * A pin of a one-page folio takes 1024 references. A pin of a page of a large folio takes
 * one reference and adds one to the pincount. A pin of the zero page changes no count on
 * kernels that do not count pins of the zero page.
 *
 * This is the counterpart of try_grab_folio() in mm/gup.c. In contrast to that function,
 * the references on several pages of a folio are taken at once, and the node statistics
 * are updated once for each batch.
 */
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "arch.h"
#include "entry.h"
#include "batch.h"
#include "policy.h"
#include "release.h"

/**
 * gupx_batch_init() - allocate an empty batch
 * @batch: batch to fill
 * @capacity: number of runs
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
 * gupx_batch_use_buffer() - initialize an empty batch in a buffer of the caller
 * @batch: batch to fill
 * @word: buffer, which the caller still owns
 * @capacity: number of runs that fit into the buffer
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

/**
 * gupx_batch_fini() - free the memory of an empty batch
 * @batch: batch whose runs were released or moved to another owner
 */
void gupx_batch_fini(struct gupx_batch *batch)
{
	WARN_ON_ONCE(batch->nr || batch->pending_refs ||
		     !gupx_stat_is_empty(&batch->stat));
	if (!batch->is_borrowed)
		kvfree(batch->word);
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
 * gupx_batch_flush_refs() - take the pending references
 * @batch: batch that may have pending references
 *
 * The caller still holds the page-table lock under which the pages were found. Until the
 * references are taken, only the page-table lock keeps the folio from being freed.
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

/*
 * Check whether pages can extend the last run. There are three kinds of runs: consecutive
 * pages of one large folio, one-page folios with consecutive frame numbers, and the zero
 * page, which may be repeated.
 */
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

static void append_run(struct gupx_batch *batch, struct page *page,
		       unsigned long addr, unsigned long nr, u32 flags)
{
	const bool whole_folio = !(flags & GUPX_RUN_ZERO) &&
				 (!(flags & GUPX_RUN_LARGE) ||
				  nr == folio_nr_pages(page_folio(page)));

	if (!batch->nr) {
		batch->addr = addr;
		batch->flags = flags;
		batch->uniform = true;
	}
	if (flags != batch->flags || !whole_folio)
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
 * gupx_batch_take() - add the pages of an accepted entry to a batch
 * @batch: batch with room for a run
 * @entry: entry with verdict %GUPX_GO, under its page-table lock
 * @addr: address of the first page
 * @flags: GUPX_RUN_* of the request, from gupx_batch_run_flags()
 *
 * Rows E8, E8z (try_grab_folio()), L20 and L21. The references on the pages are not taken
 * yet but stay pending, so that the references for several entries of a large folio are
 * taken at once. Call gupx_batch_flush_refs() before dropping the page-table lock.
 */
void gupx_batch_take(struct gupx_batch *batch, const struct gupx_entry *entry,
		     unsigned long addr, u32 flags)
{
	flags |= get_size_flag(entry->folio);
	if ((entry->facts & GUPX_E_KIND) == GUPX_E_ZERO)
		flags |= GUPX_RUN_ZERO;
	if (batch->pending_folio != entry->folio)
		gupx_batch_flush_refs(batch);
	gupx_arch_flush_pages(entry->folio, entry->page, entry->nr);
	append_run(batch, entry->page, addr, entry->nr, flags);
	if (gupx_run_is_uncounted(flags))
		return;
	batch->pending_folio = entry->folio;
	batch->pending_refs += entry->nr;
}

/**
 * gupx_batch_last_run() - prepare to write runs directly after the last run
 * @batch: batch that is not empty
 *
 * The function takes the pending references. The caller extends the last run or adds runs
 * of whole folios after it, then calls gupx_batch_append_span().
 *
 * Return: pointer to the word that stores the last run.
 */
u64 *gupx_batch_last_run(struct gupx_batch *batch)
{
	gupx_batch_flush_refs(batch);
	return &batch->word[batch->nr - 1];
}

/**
 * gupx_batch_append_span() - complete a batch after the caller has written runs to it
 * @batch: batch that was passed to gupx_batch_last_run() before the runs were written
 * @last: pointer to the word that stores the new last run
 * @nr: number of pages that the caller added; the references on them are already taken
 * @flags: GUPX_RUN_* of all these pages
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
 * gupx_batch_add_kernel_pages() - add pages that the kernel's engine pinned or took
 *	references on
 * @batch: batch with room for @nr runs
 * @pages: array of the pages, in the order of their addresses
 * @nr: number of pages
 * @addr: address of the first page
 * @flags: GUPX_RUN_* of the request, from gupx_batch_run_flags()
 */
void gupx_batch_add_kernel_pages(struct gupx_batch *batch, struct page **pages,
				 unsigned long nr, unsigned long addr,
				 u32 flags)
{
	unsigned long i;

	for (i = 0; i < nr; i++, addr += PAGE_SIZE) {
		u32 run_flags = flags | GUPX_RUN_KERNEL |
				get_size_flag(page_folio(pages[i]));

		if (is_zero_pfn(page_to_pfn(pages[i])))
			run_flags |= GUPX_RUN_ZERO;
		append_run(batch, pages[i], addr, 1, run_flags);
	}
}

/**
 * gupx_batch_mark_folio() - mark a folio accessed
 * @folio: folio of an accepted entry, under its page-table lock
 * @dirty: true to mark it dirty too
 */
void gupx_batch_mark_folio(struct folio *folio, bool dirty)
{
	if (dirty && !folio_test_dirty(folio))
		folio_mark_dirty(folio);
	/*
	 * Hugetlb folios are not on an LRU list, so do not mark them accessed. The kernel
	 * does not mark them either.
	 */
	if (!folio_test_large(folio) || !folio_test_hugetlb(folio))
		folio_mark_accessed(folio);
}

/**
 * gupx_batch_mark_accessed() - mark the folio of an entry accessed
 * @entry: entry with verdict %GUPX_GO, under its page-table lock
 * @write: true to mark the folio dirty too. If the entry is dirty, this is not necessary:
 *	the kernel marks the folio dirty when it unmaps the entry
 *
 * Row E8 (FOLL_TOUCH): mark the folio, but do not change the entry, because the accessed
 * and dirty bits of the entry record accesses by the target.
 */
void gupx_batch_mark_accessed(const struct gupx_entry *entry, bool write)
{
	if ((entry->facts & GUPX_E_KIND) != GUPX_E_ZERO)
		gupx_batch_mark_folio(entry->folio, write && !entry->dirty);
}

/**
 * gupx_batch_release() - release the runs that were not moved to another owner
 * @batch: batch; empty afterwards
 * @first: index of the first run to release
 */
void gupx_batch_release(struct gupx_batch *batch, unsigned int first)
{
	/* Only pins are counted. If the first run is a pin, all of them are pins. */
	const bool pin = batch->flags & GUPX_RUN_PIN;
	struct gupx_stat_batch stat;

	if (!batch->nr)
		return;
	if (pin)
		gupx_stat_flush(&batch->stat);
	if (first < batch->nr && pin) {
		stat = (struct gupx_stat_batch){
			.item = NR_FOLL_PIN_RELEASED,
		};
		gupx_release_runs(batch->word + first, batch->nr - first,
				  &stat);
		gupx_stat_flush(&stat);
	} else if (first < batch->nr) {
		gupx_release_runs(batch->word + first, batch->nr - first,
				  &batch->stat);
	}
	batch->nr = 0;
}
