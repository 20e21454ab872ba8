/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_CURSOR_H
#define GUPX_CURSOR_H

#include <linux/mm_types.h>

#include "policy.h"

/**
 * enum gupx_lock - what the cursor has of the target's mmap_lock
 * @GUPX_LOCK_NONE: nothing: not taken yet, or given back between two steps
 * @GUPX_LOCK_HELD: held for reading
 * @GUPX_LOCK_DROPPED: a fault let go of it (rows O2, O3)
 */
enum gupx_lock {
	GUPX_LOCK_NONE,
	GUPX_LOCK_HELD,
	GUPX_LOCK_DROPPED,
};

/**
 * struct gupx_cursor - one request on its way through the target's memory
 * @mm: the target; the caller of gupx_cursor_init() owns a user reference
 * @start: first byte asked, page aligned
 * @addr: next byte to do; everything from @start to here is done
 * @end: exclusive
 * @request: GUPX_R_*
 * @lock: state of mm->mmap_lock
 * @vma: the mapping at @addr; valid only while the lock is held, NULL otherwise
 * @vma_facts: GUPX_V_* of @vma
 * @fault_tried: the fault at @addr has dropped the lock before
 * @empty: where a page is to be faulted in, the empty ones from @addr on
 * @faulted: where the last fault was, 0 if there was none
 * @nr_moved: how often in a row the run at @addr was not there for the kernel's engine
 * @pages: memory for the kernel's engine, by gupx_engine_alloc(); NULL: not needed yet
 * @held_since: when the present hold of the lock began, ns; only while traced
 * @held_from: @addr at that time
 * @stop: set once, when the request ends short of @end
 */
struct gupx_cursor {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long addr;
	unsigned long end;
	u32 request;
	enum gupx_lock lock;
	struct vm_area_struct *vma;
	u32 vma_facts;
	bool fault_tried;
	unsigned long empty;
	unsigned long faulted;
	unsigned int nr_moved;
	struct page **pages;
	u64 held_since;
	unsigned long held_from;
	struct gupx_verdict stop;
};

void gupx_cursor_init(struct gupx_cursor *cursor, struct mm_struct *mm,
		      unsigned long start, unsigned long len, u32 request);
void gupx_cursor_fini(struct gupx_cursor *cursor);
struct gupx_verdict gupx_cursor_lock(struct gupx_cursor *cursor);
void gupx_cursor_unlock(struct gupx_cursor *cursor);
void gupx_cursor_drop(struct gupx_cursor *cursor);
void gupx_cursor_stop(struct gupx_cursor *cursor, struct gupx_verdict verdict);

static inline void gupx_cursor_step(struct gupx_cursor *cursor,
				    unsigned long nr)
{
	cursor->addr += nr << PAGE_SHIFT;
	cursor->fault_tried = false;
}

static inline bool gupx_cursor_is_over(const struct gupx_cursor *cursor)
{
	return cursor->addr >= cursor->end || cursor->stop.action == GUPX_STOP;
}

#endif /* GUPX_CURSOR_H */
