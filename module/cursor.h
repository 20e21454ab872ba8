/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_CURSOR_H
#define GUPX_CURSOR_H

#include <linux/mm_types.h>

#include "policy.h"
#include "template.h"

struct gupx_batch;
struct gupx_cursor;

/*
 * An engine: a function that processes the next pages of a request. gupx_gup_fill()
 * describes the parameters and the return value.
 */
typedef bool (*gupx_fill_fn)(struct gupx_cursor *cursor,
			     struct gupx_batch *batch);

/**
 * enum gupx_lock - state of the target's mmap_lock
 * @GUPX_LOCK_NONE: not taken yet, or dropped between two steps
 * @GUPX_LOCK_HELD: held for reading
 * @GUPX_LOCK_DROPPED: dropped by a fault (rows O2, O3: check for signals, then take the
 *	lock again)
 */
enum gupx_lock {
	GUPX_LOCK_NONE,
	GUPX_LOCK_HELD,
	GUPX_LOCK_DROPPED,
};

/**
 * struct gupx_cursor - progress of one request through the target's memory
 * @mm: address space of the target; the caller of gupx_cursor_init() owns a user
 *	reference
 * @start: first address of the request, page aligned
 * @addr: next address to process; everything from @start to @addr is done
 * @end: end of the request; exclusive
 * @request: flags of the request, GUPX_R_*
 * @lock: state of mm->mmap_lock
 * @vma: mapping at @addr; NULL if the lock is not held, or before the lookup
 * @vma_facts: facts of @vma, GUPX_V_*
 * @fault_tried: true if an earlier fault at @addr dropped the lock
 * @absent: number of consecutive page-table entries from @addr on that need a page fault;
 *	valid if the last verdict is %GUPX_FAULT
 * @faulted: address of the last fault, 0 if there was none
 * @nr_moved: number of consecutive times that the pages to delegate were unmapped before
 *	the kernel's engine was called
 * @keeps_template: true if @template is kept from one page table to the next. This is useful
 *	for requests that take few pages of each table
 * @template: template of the last entry that was accepted in @vma; may be empty
 * @pages: page array of gupx_engine_alloc(); NULL until it is needed
 * @held_since: time in ns when the current measurement for the tracepoint gupx_lock_held
 *	began; 0 if there is none
 * @held_from: value of @addr at the time @held_since
 * @stop: verdict that ended the request before @end; set at most once
 * @fill: engine of the request, gupx_gup_fill() or gupx_engine_fill(); NULL for
 *	EXPLAIN, which only judges
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
	unsigned long absent;
	unsigned long faulted;
	unsigned int nr_moved;
	bool keeps_template;
	struct gupx_template template;
	struct page **pages;
	u64 held_since;
	unsigned long held_from;
	struct gupx_verdict stop;
	gupx_fill_fn fill;
};

void gupx_cursor_init(struct gupx_cursor *cursor, struct mm_struct *mm,
		      unsigned long start, unsigned long len, u32 request,
		      gupx_fill_fn fill);
void gupx_cursor_move(struct gupx_cursor *cursor, unsigned long start);
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
