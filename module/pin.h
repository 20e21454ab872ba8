/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PIN_H
#define GUPX_PIN_H

#include <linux/mm_types.h>

#include "policy.h"

struct gupx_entry;

/* Of a run: how it was taken, and so how it has to be released. */
#define GUPX_RUN_PIN BIT(0) /* otherwise a plain reference (GET) */
#define GUPX_RUN_WRITE BIT(1)
#define GUPX_RUN_KERNEL BIT(2) /* by the kernel's engine */
#define GUPX_RUN_ZERO BIT(3)   /* nr times the one zero page */
#define GUPX_RUN_SHORT BIT(4)  /* not fit to be held for long */
#define GUPX_RUN_FLAGS (BIT(5) - 1)

/* The largest folio there is: 1 GiB. */
#define GUPX_RUN_PAGES_MAX BIT(18)

/**
 * struct gupx_run - pages in a row, in the target and in memory
 * @addr: of the first page in the target
 * @page: the first page; all lie in one folio, or all are one-page folios
 * @nr: pages, at most %GUPX_RUN_PAGES_MAX
 * @flags: GUPX_RUN_*
 */
struct gupx_run {
	unsigned long addr;
	struct page *page;
	u32 nr;
	u32 flags;
};

/**
 * struct gupx_batch - what one stretch of the loop took, on its way to an owner
 * @nr: runs in use
 * @capacity: runs there is room for
 * @owed: references noted but not yet taken; none is owed any more when the
 *	page-table lock is let go
 * @owed_to: the folio they are for
 * @node: NUMA node that @counted belongs to
 * @counted: pins not yet in the node's statistics
 * @run: the runs
 *
 * Whoever empties a batch owns its references.
 */
struct gupx_batch {
	unsigned int nr;
	unsigned int capacity;
	unsigned long owed;
	struct folio *owed_to;
	int node;
	long counted;
	struct gupx_run *run;
};

int gupx_pin_batch_init(struct gupx_batch *batch, unsigned int capacity);
int gupx_pin_batch_grow(struct gupx_batch *batch, unsigned long more);
void gupx_pin_batch_fini(struct gupx_batch *batch);
void gupx_pin_take(struct gupx_batch *batch, const struct gupx_entry *entry,
		   unsigned long addr, u32 flags);
void gupx_pin_settle(struct gupx_batch *batch);
void gupx_pin_count(struct gupx_batch *batch);
void gupx_pin_adopt(struct gupx_batch *batch, struct page **pages,
		    unsigned long nr, unsigned long addr, u32 flags);
void gupx_pin_touch(const struct gupx_entry *entry, bool write);
void gupx_pin_release(const struct gupx_run *run);
void gupx_pin_release_batch(struct gupx_batch *batch, unsigned int first);

/* How a request takes pages: GUPX_R_* to GUPX_RUN_*. */
static inline u32 gupx_pin_flags(u32 request)
{
	return (request & GUPX_R_PIN ? GUPX_RUN_PIN : 0) |
	       (request & GUPX_R_WRITE ? GUPX_RUN_WRITE : 0) |
	       (request & GUPX_R_SHORT ? GUPX_RUN_SHORT : 0);
}

static inline bool gupx_pin_is_full(const struct gupx_batch *batch)
{
	return batch->nr == batch->capacity;
}

static inline void gupx_pin_forget(struct gupx_batch *batch)
{
	batch->nr = 0;
}

#endif /* GUPX_PIN_H */
