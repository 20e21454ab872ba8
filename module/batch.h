/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_BATCH_H
#define GUPX_BATCH_H

#include <linux/mm_types.h>

#include "policy.h"
#include "run.h"
#include "stat.h"

struct gupx_entry;

/**
 * struct gupx_batch - what one stretch of the loop took, on its way to an owner
 * @nr: runs in use
 * @capacity: runs there is room for
 * @addr: of the first page in the target; no gap behind it
 * @end: where the last run ends there
 * @flags: GUPX_RUN_* of the first run
 * @uniform: all runs have these, and each is of one-page folios or a whole folio
 * @pending_refs: references on a folio, noted but not yet taken; none is owed any more
 *	when the page-table lock is let go
 * @pending_folio: that folio
 * @stat: pins taken, not yet in their nodes' statistics
 * @is_borrowed: @word is somebody else's
 * @word: the runs, as gupx_run_pack() has them
 *
 * Whoever empties a batch owns its references.
 */
struct gupx_batch {
	unsigned int nr;
	unsigned int capacity;
	unsigned long addr;
	unsigned long end;
	u32 flags;
	bool uniform;
	unsigned long pending_refs;
	struct folio *pending_folio;
	struct gupx_stat_batch stat;
	bool is_borrowed;
	u64 *word;
};

int gupx_batch_init(struct gupx_batch *batch, unsigned int capacity);
void gupx_batch_use_buffer(struct gupx_batch *batch, u64 *word,
			   unsigned int capacity);
void gupx_batch_fini(struct gupx_batch *batch);
void gupx_batch_take(struct gupx_batch *batch, const struct gupx_entry *entry,
		     unsigned long addr, u32 flags);
u64 *gupx_batch_last_run(struct gupx_batch *batch);
void gupx_batch_append_span(struct gupx_batch *batch, u64 *last,
			    unsigned long nr, u32 flags);
void gupx_batch_flush_refs(struct gupx_batch *batch);
void gupx_batch_add_kernel_pages(struct gupx_batch *batch, struct page **pages,
				 unsigned long nr, unsigned long addr,
				 u32 flags);
void gupx_batch_mark_folio(struct folio *folio, bool dirty);
void gupx_batch_mark_accessed(const struct gupx_entry *entry, bool write);
void gupx_batch_release(struct gupx_batch *batch, unsigned int first);

/* How a request takes pages: GUPX_R_* to GUPX_RUN_*. */
static inline u32 gupx_batch_run_flags(u32 request)
{
	return (request & GUPX_R_PIN ? GUPX_RUN_PIN : 0) |
	       (request & GUPX_R_WRITE ? GUPX_RUN_WRITE : 0) |
	       (request & GUPX_R_SHORT ? GUPX_RUN_SHORT : 0);
}

/* Is this run of the zero page one that nobody counts? Row E8z. */
static inline bool gupx_run_is_uncounted(u32 flags)
{
	return (flags & GUPX_RUN_ZERO) && (flags & GUPX_RUN_PIN) &&
	       gupx_can_skip_zero_page();
}

/*
 * Does the page hold poison, for all that is known? Of a hugetlb folio the kernel marks
 * the head page, whichever page it is, so all of it counts.
 */
static inline bool gupx_batch_is_poisoned(struct page *page)
{
	struct folio *folio = page_folio(page);

	if (PageHWPoison(page))
		return true;
	return folio_test_large(folio) && folio_test_hugetlb(folio) &&
	       PageHWPoison(&folio->page);
}

/* Is there room for what is at this address, and no gap before it? */
static inline bool gupx_batch_has_room(const struct gupx_batch *batch,
				       unsigned long addr)
{
	return !batch->nr ||
	       (batch->nr < batch->capacity && batch->end == addr);
}

/* For so many runs more. */
static inline unsigned int gupx_batch_room(const struct gupx_batch *batch)
{
	return batch->capacity - batch->nr;
}

static inline void gupx_batch_clear(struct gupx_batch *batch)
{
	batch->nr = 0;
}

#endif /* GUPX_BATCH_H */
