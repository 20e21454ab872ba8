// SPDX-License-Identifier: GPL-2.0
/*
 * The cursor: the position of a request, and the state of the target's mmap_lock.
 *
 * The lock is only taken for reading. The lock may be dropped between any two steps. If the
 * lock was dropped, the VMA is looked up and judged again (row L4). The lock is never held
 * during a copy to user space: the target may be the caller itself, and a page fault of the
 * copy would then take the lock a second time and deadlock with a waiting writer.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "cursor.h"
#include "trace.h"

/**
 * gupx_cursor_init() - start a request
 * @cursor: cursor to fill
 * @mm: address space of the target, kept alive by the caller
 * @start: first address, page aligned
 * @len: length in bytes, a multiple of the page size; the range does not wrap
 * @request: flags of the request, GUPX_R_*
 * @fill: engine of the request; NULL for EXPLAIN, which only judges
 */
void gupx_cursor_init(struct gupx_cursor *cursor, struct mm_struct *mm,
		      unsigned long start, unsigned long len, u32 request,
		      gupx_fill_fn fill)
{
	*cursor = (struct gupx_cursor){
		.mm = mm,
		.start = start,
		.addr = start,
		.end = start + len,
		.request = request,
		.fill = fill,
	};
}

/**
 * gupx_cursor_move() - continue a request at another address
 * @cursor: cursor in any lock state; the caller sets its end
 * @start: first address, page aligned
 *
 * The lock stays held, and the VMA is kept if it contains the address.
 */
void gupx_cursor_move(struct gupx_cursor *cursor, unsigned long start)
{
	cursor->start = start;
	cursor->addr = start;
	cursor->fault_tried = false;
	cursor->faulted = 0;
	cursor->nr_moved = 0;
	cursor->stop = (struct gupx_verdict){};
	if (cursor->vma && start < cursor->vma->vm_start)
		cursor->vma = NULL;
}

/**
 * gupx_cursor_fini() - free the memory that a request allocated
 * @cursor: cursor with the lock not held
 */
void gupx_cursor_fini(struct gupx_cursor *cursor)
{
	kfree(cursor->pages);
	cursor->pages = NULL;
}

/*
 * Start to measure how long the lock is held. The tracepoint gupx:gupx_lock_held reports
 * this time, because writers may have to wait that long. Directly before each call of
 * gupx_cursor_lock(), the loop drops the lock if a writer is waiting. So a writer waits at
 * most from one call to the next. For this reason, each call ends a measurement and starts
 * the next one, even if no writer was waiting and the lock stayed held.
 */
static void begin_hold(struct gupx_cursor *cursor)
{
	if (!trace_gupx_lock_held_enabled())
		return;
	cursor->held_since = ktime_get_ns();
	cursor->held_from = cursor->addr;
}

static void end_hold(struct gupx_cursor *cursor, bool kept)
{
	/*
	 * If the tracepoint was enabled while the lock was held, the start time is not
	 * known, and cursor->held_since is 0. Report nothing in this case.
	 */
	if (trace_gupx_lock_held_enabled() && cursor->held_since)
		trace_gupx_lock_held(cursor,
				     ktime_get_ns() - cursor->held_since, kept);
	cursor->held_since = 0;
}

/**
 * gupx_cursor_lock() - take the target's mmap_lock for reading
 * @cursor: cursor in any lock state
 *
 * Rows O2, O3: if a fault dropped the lock, check for signals before taking the lock
 * again. Otherwise a fault that never completes would keep the caller in the loop.
 *
 * Return: %GUPX_GO with the lock held, or %GUPX_STOP without it.
 */
struct gupx_verdict gupx_cursor_lock(struct gupx_cursor *cursor)
{
	if (cursor->lock == GUPX_LOCK_HELD) {
		end_hold(cursor, true);
		begin_hold(cursor);
		return gupx_policy_do(GUPX_GO);
	}
	/* Row O3 (gup_signal_pending()). */
	if (cursor->lock == GUPX_LOCK_DROPPED &&
	    (fatal_signal_pending(current) ||
	     ((cursor->request & GUPX_R_INTERRUPTIBLE) &&
	      signal_pending(current))))
		return gupx_policy_signal();
	if (mmap_read_lock_killable(cursor->mm))
		return gupx_policy_signal();
	cursor->lock = GUPX_LOCK_HELD;
	begin_hold(cursor);
	return gupx_policy_do(GUPX_GO);
}

/**
 * gupx_cursor_unlock() - drop the lock if it is held
 * @cursor: cursor in any lock state
 */
void gupx_cursor_unlock(struct gupx_cursor *cursor)
{
	if (cursor->lock == GUPX_LOCK_HELD) {
		end_hold(cursor, false);
		mmap_read_unlock(cursor->mm);
	}
	cursor->lock = GUPX_LOCK_NONE;
	cursor->vma = NULL;
}

/**
 * gupx_cursor_drop() - record that a fault dropped the lock
 * @cursor: cursor in state %GUPX_LOCK_HELD
 */
void gupx_cursor_drop(struct gupx_cursor *cursor)
{
	/* It is not known when the fault dropped the lock, so do not report a time. */
	cursor->held_since = 0;
	cursor->lock = GUPX_LOCK_DROPPED;
	cursor->vma = NULL;
	cursor->fault_tried = true;
}

/**
 * gupx_cursor_stop() - end a request early
 * @cursor: cursor at the first page that was not done
 * @verdict: verdict with the reason
 */
void gupx_cursor_stop(struct gupx_cursor *cursor, struct gupx_verdict verdict)
{
	cursor->stop = verdict;
	trace_gupx_stop(cursor);
}
