/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of the loop: gupx:gupx_request, gupx_vma, gupx_entries, gupx_fault,
 * gupx_fault_done, gupx_lock_held and gupx_stop. Each costs one static branch while it is
 * disabled.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM gupx

#if !defined(GUPX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define GUPX_TRACE_H

#include <linux/tracepoint.h>

#include "cursor.h"
#include "engine.h"

/* clang-format off */

#define gupx_show_action(action)                                              \
	__print_symbolic(action,                                              \
		{ GUPX_GO, "go" }, { GUPX_SKIP, "skip" },                     \
		{ GUPX_FAULT, "fault" }, { GUPX_UNSHARE, "unshare" },         \
		{ GUPX_BREAK_COW, "break-cow" },                              \
		{ GUPX_DELEGATE, "delegate" },                                \
		{ GUPX_LOOK_AGAIN, "look-again" },                            \
		{ GUPX_RELOCK, "relock" }, { GUPX_STOP, "stop" })

TRACE_EVENT(gupx_request,
	TP_PROTO(const struct gupx_cursor *cursor),
	TP_ARGS(cursor),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned long, len)
		__field(u32, request)
		__field(bool, engine_kernel)
	),
	TP_fast_assign(
		__entry->addr = cursor->addr;
		__entry->len = cursor->end - cursor->addr;
		__entry->request = cursor->request;
		__entry->engine_kernel = cursor->fill == gupx_engine_fill;
	),
	TP_printk("addr=%#lx len=%#lx request=%#x engine=%s", __entry->addr,
		  __entry->len, __entry->request,
		  __entry->engine_kernel ? "kernel" : "gupx")
);

TRACE_EVENT(gupx_vma,
	TP_PROTO(const struct gupx_cursor *cursor,
		 struct gupx_verdict verdict),
	TP_ARGS(cursor, verdict),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(u32, facts)
		__field(u8, action)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->addr = cursor->addr;
		__entry->facts = cursor->vma_facts;
		__entry->action = verdict.action;
		__entry->reason = verdict.reason;
	),
	TP_printk("addr=%#lx facts=%#x verdict=%s reason=%u", __entry->addr,
		  __entry->facts, gupx_show_action(__entry->action),
		  __entry->reason)
);

/* The walk accepted a series of page-table entries and got a verdict on the next entry. */
TRACE_EVENT(gupx_entries,
	TP_PROTO(const struct gupx_cursor *cursor, unsigned long from,
		 struct gupx_verdict verdict),
	TP_ARGS(cursor, from, verdict),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned long, pages)
		__field(u8, action)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->addr = from;
		__entry->pages = (cursor->addr - from) >> PAGE_SHIFT;
		__entry->action = verdict.action;
		__entry->reason = verdict.reason;
	),
	TP_printk("addr=%#lx pages=%lu then=%s reason=%u", __entry->addr,
		  __entry->pages, gupx_show_action(__entry->action),
		  __entry->reason)
);

TRACE_EVENT(gupx_fault,
	TP_PROTO(const struct gupx_cursor *cursor, unsigned int flags),
	TP_ARGS(cursor, flags),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned int, flags)
	),
	TP_fast_assign(
		__entry->addr = cursor->faulted;
		__entry->flags = flags;
	),
	TP_printk("addr=%#lx flags=%#x", __entry->addr, __entry->flags)
);

TRACE_EVENT(gupx_fault_done,
	TP_PROTO(const struct gupx_cursor *cursor, unsigned int answer,
		 struct gupx_verdict verdict),
	TP_ARGS(cursor, answer, verdict),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned int, answer)
		__field(u8, action)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->addr = cursor->faulted;
		__entry->answer = answer;
		__entry->action = verdict.action;
		__entry->reason = verdict.reason;
	),
	TP_printk("addr=%#lx answer=%#x verdict=%s reason=%u", __entry->addr,
		  __entry->answer, gupx_show_action(__entry->action),
		  __entry->reason)
);

/*
 * The time for which the target's mmap_lock was held. The measurement ends when the lock is
 * dropped, or when the loop checks for waiting writers and keeps the lock.
 */
TRACE_EVENT(gupx_lock_held,
	TP_PROTO(const struct gupx_cursor *cursor, u64 ns, bool kept),
	TP_ARGS(cursor, ns, kept),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(unsigned long, pages)
		__field(bool, wanted)
		__field(bool, kept)
	),
	TP_fast_assign(
		__entry->ns = ns;
		/*
		 * The cursor was at held_from when the measurement began. If a run cannot
		 * be added to the set, the cursor is moved back to this run, so addr may be
		 * below held_from.
		 */
		__entry->pages = cursor->addr > cursor->held_from ?
			(cursor->addr - cursor->held_from) >> PAGE_SHIFT : 0;
		__entry->wanted = mmap_lock_is_contended(cursor->mm);
		__entry->kept = kept;
	),
	TP_printk("ns=%llu pages=%lu wanted=%d kept=%d", __entry->ns,
		  __entry->pages, __entry->wanted, __entry->kept)
);

TRACE_EVENT(gupx_stop,
	TP_PROTO(const struct gupx_cursor *cursor),
	TP_ARGS(cursor),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned long, done)
		__field(u8, stage)
		__field(u8, reason)
		__field(u8, error)
	),
	TP_fast_assign(
		__entry->addr = cursor->addr;
		__entry->done = cursor->addr - cursor->start;
		__entry->stage = cursor->stop.stage;
		__entry->reason = cursor->stop.reason;
		__entry->error = cursor->stop.error;
	),
	TP_printk("addr=%#lx done=%#lx stage=%u reason=%u error=%u",
		  __entry->addr, __entry->done, __entry->stage,
		  __entry->reason, __entry->error)
);

/* clang-format on */

#endif /* GUPX_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
