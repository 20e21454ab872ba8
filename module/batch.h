/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_BATCH_H
#define GUPX_BATCH_H

#include <linux/mm_types.h>

#include "policy.h"
#include "run.h"
#include "stat.h"

struct gupx_entry;

/**
 * struct gupx_batch - runs of pages that are not added to a pin set or copied yet
 * @nr: number of runs
 * @capacity: maximum number of runs
 * @addr: address of the first page in the target; there are no gaps between the runs
 * @end: end of the last run in the target; exclusive
 * @flags: GUPX_RUN_* of the first run
 * @uniform: true if all runs have the same flags and consist of whole folios
 * @pending_refs: number of references that still have to be taken on @pending_folio before
 *	the page-table lock is dropped
 * @pending_folio: folio of the last run, if @pending_refs is not 0
 * @stat: pins that are not in the node statistics yet
 * @is_borrowed: true if @word is a buffer of the caller
 * @word: runs, packed by gupx_run_pack()
 *
 * The batch owns the references on its pages. If a caller moves the runs elsewhere and
 * clears the batch, the caller owns the references.
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

/* Convert the flags of a request, GUPX_R_*, to the flags of a run, GUPX_RUN_*. */
static inline u32 gupx_batch_run_flags(u32 request)
{
	return (request & GUPX_R_PIN ? GUPX_RUN_PIN : 0) |
	       (request & GUPX_R_WRITE ? GUPX_RUN_WRITE : 0) |
	       (request & GUPX_R_SHORT ? GUPX_RUN_SHORT : 0);
}

/*
 * Check that the batch has room for a run at @addr, and that the run would directly follow
 * the last run. A request without a batch (populate) always has room.
 */
static inline bool gupx_batch_has_room(const struct gupx_batch *batch,
				       unsigned long addr)
{
	return !batch || !batch->nr ||
	       (batch->nr < batch->capacity && batch->end == addr);
}

/* Get the number of runs that the batch still has room for. */
static inline unsigned int gupx_batch_room(const struct gupx_batch *batch)
{
	return batch->capacity - batch->nr;
}

/* Add a run of one page, with plain references, to an empty batch. */
static inline void gupx_batch_add_first(struct gupx_batch *batch, u64 word,
					unsigned long addr)
{
	batch->word[0] = word;
	batch->nr = 1;
	batch->addr = addr;
	batch->end = addr + PAGE_SIZE;
	batch->flags = gupx_run_flags(word);
	batch->uniform = true;
}

#endif /* GUPX_BATCH_H */
