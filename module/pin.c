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
	gupx_pin_forget(batch);
	batch->run = kvmalloc_array(capacity, sizeof(*batch->run),
				    GFP_KERNEL_ACCOUNT);
	return batch->run ? 0 : -ENOMEM;
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
	struct gupx_run *run;

	if (capacity <= batch->capacity)
		return 0;
	run = kvmalloc_array(capacity, sizeof(*run), GFP_KERNEL_ACCOUNT);
	if (!run)
		return -ENOMEM;
	memcpy(run, batch->run, batch->nr * sizeof(*run));
	kvfree(batch->run);
	batch->run = run;
	batch->capacity = capacity;
	if (batch->nr)
		batch->last = &run[batch->nr - 1];
	return 0;
}

/**
 * gupx_pin_batch_fini() - free an empty batch
 * @batch: its runs belong to someone else by now
 */
void gupx_pin_batch_fini(struct gupx_batch *batch)
{
	WARN_ON_ONCE(batch->nr || batch->owed || batch->counted);
	kvfree(batch->run);
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
	flags = batch->last->flags;
	add_references(batch->owed_to, batch->owed, flags);
	if (flags & GUPX_RUN_PIN)
		gupx_pin_count_taken(batch, folio_nid(batch->owed_to),
				     batch->owed);
	batch->owed = 0;
	batch->owed_to = NULL;
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

/* A run lies in one large folio, or is of one-page folios, or the zero page. */
static bool joins(const struct gupx_batch *batch, struct page *page,
		  unsigned long addr, unsigned long nr, u32 flags)
{
	const struct gupx_run *last = batch->last;

	if (flags & GUPX_RUN_ZERO)
		return last->nr && last->flags == flags &&
		       last->nr + nr <= GUPX_RUN_PAGES_MAX &&
		       gupx_pin_end(last) == addr;
	return gupx_pin_joins(batch, page, addr, nr, flags) &&
	       (!(flags & GUPX_RUN_LARGE) ||
		page_folio(last->page) == page_folio(page));
}

static u32 size_flag(struct folio *folio)
{
	return folio_test_large(folio) ? GUPX_RUN_LARGE : 0;
}

/**
 * gupx_pin_take_special() - gupx_pin_take() of anything but one-page folios
 * @batch: not full
 * @entry: judged %GUPX_GO, under its page-table lock
 * @addr: of the first page
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE
 *
 * The references stay owed, so that more entries of a large folio join them.
 */
void gupx_pin_take_special(struct gupx_batch *batch,
			   const struct gupx_entry *entry, unsigned long addr,
			   u32 flags)
{
	flags |= size_flag(entry->folio);
	if ((entry->facts & GUPX_E_KIND) == GUPX_E_ZERO)
		flags |= GUPX_RUN_ZERO;
	if (batch->owed_to != entry->folio)
		gupx_pin_settle(batch);
	if (joins(batch, entry->page, addr, entry->nr, flags)) {
		batch->last->nr += entry->nr;
	} else {
		gupx_pin_settle(batch);
		gupx_pin_begin(batch, entry->page, addr, entry->nr, flags);
	}
	if (is_uncounted(flags))
		return;
	batch->owed_to = entry->folio;
	batch->owed += entry->nr;
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
		if (joins(batch, pages[i], addr, 1, mark))
			batch->last->nr++;
		else
			gupx_pin_begin(batch, pages[i], addr, 1, mark);
	}
}

/**
 * gupx_pin_mark() - gupx_pin_touch() of a folio that lacks a mark
 * @folio: of a page judged %GUPX_GO, under its page-table lock
 * @dirty: mark it dirty too
 */
void gupx_pin_mark(struct folio *folio, bool dirty)
{
	if (dirty && !folio_test_dirty(folio))
		folio_mark_dirty(folio);
	folio_mark_accessed(folio);
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
static void release_special(const struct gupx_run *run,
			    struct gupx_tally *tally)
{
	struct folio *folio = page_folio(run->page);
	unsigned long references = run->nr;

	if ((run->flags & GUPX_RUN_LARGE) && (run->flags & GUPX_RUN_WRITE))
		dirty_folio(folio);
	if (run->flags & GUPX_RUN_PIN) {
		count_released(tally, folio_nid(folio), run->nr);
		if (run->flags & GUPX_RUN_LARGE)
			atomic_sub(run->nr, &folio->_pincount);
		else
			references *= GUP_PIN_COUNTING_BIAS;
	}
	folio_put_refs(folio, references);
}

static void release_own(const struct gupx_run *run, struct gupx_tally *tally)
{
	const bool pin = run->flags & GUPX_RUN_PIN;
	struct page *page = run->page;
	struct page *end = page + run->nr;

	if (is_uncounted(run->flags))
		return;
	if (run->flags & (GUPX_RUN_ZERO | GUPX_RUN_LARGE))
		return release_special(run, tally);
	for (; page < end; page++) {
		/* No pinned folio grows or is split: it is one-page still. */
		struct folio *folio = (struct folio *)page;

		if (run->flags & GUPX_RUN_WRITE)
			dirty_folio(folio);
		if (pin)
			count_released(tally, page_to_nid(page), 1);
		folio_put_refs(folio, pin ? GUP_PIN_COUNTING_BIAS : 1);
	}
}

static void release_zero_of_kernel(const struct gupx_run *run)
{
	unsigned long left;

	for (left = run->nr; left; left--) {
		if (run->flags & GUPX_RUN_PIN)
			unpin_user_page(run->page);
		else
			put_page(run->page);
	}
}

static void release_of_kernel(const struct gupx_run *run)
{
	unsigned long i;

	if (run->flags & GUPX_RUN_ZERO) {
		release_zero_of_kernel(run);
	} else if (run->flags & GUPX_RUN_PIN) {
		unpin_user_page_range_dirty_lock(run->page, run->nr,
						 run->flags & GUPX_RUN_WRITE);
	} else {
		for (i = 0; i < run->nr; i++)
			put_page(run->page + i);
	}
}

/**
 * gupx_pin_release() - give back all references of a run
 * @run: taken by either engine
 * @tally: gupx_pin_count_released() after the last run
 *
 * Cannot fail. Sleeps: a page pinned for writing is marked dirty under its lock,
 * before the reference goes, or the last writes would be lost.
 */
void gupx_pin_release(const struct gupx_run *run, struct gupx_tally *tally)
{
	if (run->flags & GUPX_RUN_KERNEL)
		release_of_kernel(run);
	else
		release_own(run, tally);
}

/**
 * gupx_pin_release_batch() - give back the runs that found no owner
 * @batch: ends empty
 * @first: runs before this one have an owner
 */
void gupx_pin_release_batch(struct gupx_batch *batch, unsigned int first)
{
	struct gupx_tally tally = {};
	unsigned int i;

	gupx_pin_count(batch);
	for (i = first; i < batch->nr; i++)
		gupx_pin_release(&batch->run[i], &tally);
	gupx_pin_count_released(&tally);
	gupx_pin_forget(batch);
}
