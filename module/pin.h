/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PIN_H
#define GUPX_PIN_H

#include <linux/mm.h>
#include <linux/page_idle.h>

#include "entry.h"
#include "policy.h"

/* Of a run: how it was taken, and so how it has to be released. */
#define GUPX_RUN_PIN BIT(0) /* otherwise a plain reference (GET) */
#define GUPX_RUN_WRITE BIT(1)
#define GUPX_RUN_KERNEL BIT(2) /* by the kernel's engine */
#define GUPX_RUN_ZERO BIT(3)   /* nr times the one zero page */
#define GUPX_RUN_SHORT BIT(4)  /* not fit to be held for long */
#define GUPX_RUN_LARGE BIT(5)  /* pages of one large folio */
#define GUPX_RUN_FLAGS (BIT(6) - 1)

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
 * @owed: references on a large folio, noted but not yet taken; none is owed any
 *	more when the page-table lock is let go
 * @owed_to: that folio
 * @node: NUMA node that @counted belongs to
 * @counted: pins not yet in the node's statistics
 * @run: the runs
 * @last: of @run the last one in use, or @none
 * @none: a run without pages, which none joins
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
	struct gupx_run *last;
	struct gupx_run none;
};

/**
 * struct gupx_tally - pins released, not yet in a node's statistics
 * @node: where
 * @nr: how many
 */
struct gupx_tally {
	int node;
	long nr;
};

int gupx_pin_batch_init(struct gupx_batch *batch, unsigned int capacity);
int gupx_pin_batch_grow(struct gupx_batch *batch, unsigned long more);
void gupx_pin_batch_fini(struct gupx_batch *batch);
void gupx_pin_take_special(struct gupx_batch *batch,
			   const struct gupx_entry *entry, unsigned long addr,
			   u32 flags);
void gupx_pin_settle(struct gupx_batch *batch);
void gupx_pin_count(struct gupx_batch *batch);
void gupx_pin_adopt(struct gupx_batch *batch, struct page **pages,
		    unsigned long nr, unsigned long addr, u32 flags);
void gupx_pin_mark(struct folio *folio, bool dirty);
void gupx_pin_release(const struct gupx_run *run, struct gupx_tally *tally);
void gupx_pin_count_released(struct gupx_tally *tally);
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
	batch->last = &batch->none;
}

static inline unsigned long gupx_pin_end(const struct gupx_run *run)
{
	return run->addr + ((unsigned long)run->nr << PAGE_SHIFT);
}

/* Do pages at an address go on where the batch's last run ends? */
static inline bool gupx_pin_joins(const struct gupx_batch *batch,
				  const struct page *page, unsigned long addr,
				  unsigned long nr, u32 flags)
{
	const struct gupx_run *last = batch->last;

	return page == last->page + last->nr && flags == last->flags &&
	       addr == gupx_pin_end(last) &&
	       last->nr + nr <= GUPX_RUN_PAGES_MAX;
}

static inline void gupx_pin_begin(struct gupx_batch *batch, struct page *page,
				  unsigned long addr, unsigned long nr,
				  u32 flags)
{
	batch->last = &batch->run[batch->nr++];
	batch->last->addr = addr;
	batch->last->page = page;
	batch->last->nr = nr;
	batch->last->flags = flags;
}

static inline void gupx_pin_count_taken(struct gupx_batch *batch, int node,
					unsigned long nr)
{
	if (batch->node != node)
		gupx_pin_count(batch);
	batch->node = node;
	batch->counted += nr;
}

/**
 * gupx_pin_take() - take the pages of one entry
 * @batch: not full
 * @entry: judged %GUPX_GO, under its page-table lock
 * @addr: of the first page
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE
 *
 * Rows E8, E8z, L20, L21. gupx_pin_settle() before the lock goes.
 */
static inline void gupx_pin_take(struct gupx_batch *batch,
				 const struct gupx_entry *entry,
				 unsigned long addr, u32 flags)
{
	const bool pin = flags & GUPX_RUN_PIN;
	struct page *page = entry->page;
	unsigned long i;

	if ((entry->facts & GUPX_E_KIND) != GUPX_E_PAGE ||
	    folio_test_large(entry->folio))
		return gupx_pin_take_special(batch, entry, addr, flags);
	if (batch->owed)
		gupx_pin_settle(batch);
	if (gupx_pin_joins(batch, page, addr, entry->nr, flags))
		batch->last->nr += entry->nr;
	else
		gupx_pin_begin(batch, page, addr, entry->nr, flags);
	if (pin)
		gupx_pin_count_taken(batch, page_to_nid(page), entry->nr);
	for (i = 0; i < entry->nr; i++)
		page_ref_add(page + i, pin ? GUP_PIN_COUNTING_BIAS : 1);
}

/**
 * gupx_pin_touch() - mark the pages as used, as an access would
 * @entry: judged %GUPX_GO, under its page-table lock
 * @write: mark them dirty too
 *
 * The marks go to the folio, not to the entry: the entry belongs to the target's
 * CPUs (row E8). A folio that carries them all is left alone.
 */
static inline void gupx_pin_touch(const struct gupx_entry *entry, bool write)
{
	const unsigned long used = BIT(PG_active) | BIT(PG_referenced);
	const bool dirty = write && !entry->dirty;
	unsigned long nr = folio_test_large(entry->folio) ? 1 : entry->nr;
	struct page *page = folio_page(entry->folio, 0);

	if ((entry->facts & GUPX_E_KIND) == GUPX_E_ZERO)
		return;
	for (; nr; nr--, page++)
		if (dirty || (gupx_compat_page_flags(page) & used) != used ||
		    folio_test_idle(page_folio(page)))
			gupx_pin_mark(page_folio(page), dirty);
}

#endif /* GUPX_PIN_H */
