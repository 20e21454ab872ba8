// SPDX-License-Identifier: GPL-2.0
/*
 * Where a request stands, and what it holds of the target's mmap_lock.
 *
 * The lock is only ever taken for reading. It may be let go of between any two
 * steps; the VMA is then looked up and judged again (row L4). It is never held
 * across a copy to user space: the target may be the caller itself, and a writer
 * that waits in between would deadlock the two readers.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "cursor.h"
#include "trace.h"

/**
 * gupx_cursor_init() - begin a request
 * @cursor: to be filled
 * @mm: the target, kept alive by the caller
 * @start: first byte, page aligned
 * @len: bytes, a multiple of the page size; the range was checked not to wrap
 * @request: GUPX_R_*
 */
void gupx_cursor_init(struct gupx_cursor *cursor, struct mm_struct *mm,
		      unsigned long start, unsigned long len, u32 request)
{
	*cursor = (struct gupx_cursor){
		.mm = mm,
		.start = start,
		.addr = start,
		.end = start + len,
		.request = request,
	};
}

/**
 * gupx_cursor_fini() - free what a request has allocated on its way
 * @cursor: lock not held
 */
void gupx_cursor_fini(struct gupx_cursor *cursor)
{
	kfree(cursor->pages);
	cursor->pages = NULL;
}

/*
 * For gupx:lock_held, which tells how long a writer may have to wait: a hold ends
 * with every chance for one, whether or not there is any. Whoever steps looks for
 * writers right before it takes the lock, held or not.
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
	/* Switched on in the middle of a hold: that one does not count. */
	if (trace_gupx_lock_held_enabled() && cursor->held_since)
		trace_gupx_lock_held(cursor,
				     ktime_get_ns() - cursor->held_since, kept);
	cursor->held_since = 0;
}

/* Row O3: which signals end a wait that a fault began. */
static bool is_interrupted(const struct gupx_cursor *cursor)
{
	if (fatal_signal_pending(current))
		return true;
	return (cursor->request & GUPX_R_INTERRUPTIBLE) &&
	       signal_pending(current);
}

/**
 * gupx_cursor_lock() - hold the target's mmap_lock for reading
 * @cursor: in any lock state
 *
 * Rows O2, O3. A lock that a fault dropped is taken again only after a look at
 * the signals, or a fault that never ends would keep its caller for ever.
 *
 * Return: %GUPX_GO, lock held; or %GUPX_STOP, lock not held.
 */
struct gupx_verdict gupx_cursor_lock(struct gupx_cursor *cursor)
{
	const struct gupx_verdict signal =
		gupx_policy_stop(GUPX_STAGE_SIGNAL, GUPX_REASON_SIGNAL, EINTR);

	if (cursor->lock == GUPX_LOCK_HELD) {
		end_hold(cursor, true);
		begin_hold(cursor);
		return gupx_policy_do(GUPX_GO);
	}
	if (cursor->lock == GUPX_LOCK_DROPPED && is_interrupted(cursor))
		return signal;
	if (mmap_read_lock_killable(cursor->mm))
		return signal;
	cursor->lock = GUPX_LOCK_HELD;
	begin_hold(cursor);
	return gupx_policy_do(GUPX_GO);
}

/**
 * gupx_cursor_unlock() - let go of the lock, if it is held
 * @cursor: in any lock state
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
 * gupx_cursor_drop() - note that a fault has let go of the lock
 * @cursor: was %GUPX_LOCK_HELD
 */
void gupx_cursor_drop(struct gupx_cursor *cursor)
{
	/* When it did, nobody knows. */
	cursor->held_since = 0;
	cursor->lock = GUPX_LOCK_DROPPED;
	cursor->vma = NULL;
	cursor->fault_tried = true;
}

/**
 * gupx_cursor_stop() - the request ends here, short of its end
 * @cursor: at the first page that was not done
 * @verdict: why
 */
void gupx_cursor_stop(struct gupx_cursor *cursor, struct gupx_verdict verdict)
{
	cursor->stop = verdict;
	trace_gupx_stop(cursor);
}
