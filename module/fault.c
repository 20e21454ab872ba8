// SPDX-License-Identifier: GPL-2.0
/*
 * Fault in a page: convert the flags of the request to fault flags, and convert the
 * result of handle_mm_fault() to a verdict. This is the counterpart of faultin_page()
 * in mm/gup.c.
 *
 * The fault runs in the caller's context on the target's mm: the fault is accounted to
 * the caller, and the caller sleeps if the fault has to wait.
 */
#include <linux/mm.h>

#include "fault.h"
#include "trace.h"

static unsigned int get_fault_flags(const struct gupx_cursor *cursor,
				    unsigned long addr, enum gupx_action action)
{
	unsigned int flags = FAULT_FLAG_REMOTE | FAULT_FLAG_ALLOW_RETRY |
			     FAULT_FLAG_KILLABLE;

	/* WRITE and UNSHARE are mutually exclusive (row L12). */
	if (action == GUPX_UNSHARE)
		flags |= FAULT_FLAG_UNSHARE;
	else if (action == GUPX_BREAK_COW || (cursor->request & GUPX_R_WRITE))
		flags |= FAULT_FLAG_WRITE;
	if (cursor->request & GUPX_R_INTERRUPTIBLE)
		flags |= FAULT_FLAG_INTERRUPTIBLE;
	if (cursor->request & GUPX_R_NOWAIT)
		flags |= FAULT_FLAG_RETRY_NOWAIT;
	if (cursor->fault_tried && addr == cursor->addr)
		flags |= FAULT_FLAG_TRIED;
	return flags;
}

static u32 get_fault_facts(vm_fault_t ret)
{
	static const struct {
		vm_fault_t bits;
		u32 fact;
	} map[] = {
		{ VM_FAULT_COMPLETED, GUPX_H_COMPLETED },
		{ VM_FAULT_OOM, GUPX_H_OOM },
		{ VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE,
		  GUPX_H_HWPOISON },
		{ VM_FAULT_SIGBUS, GUPX_H_SIGBUS },
		{ VM_FAULT_SIGSEGV, GUPX_H_SIGSEGV },
		{ VM_FAULT_FALLBACK, GUPX_H_OTHER_ERROR },
		{ VM_FAULT_RETRY, GUPX_H_RETRY },
	};
	u32 facts = 0;
	unsigned int i;

	/* All other bits, such as VM_FAULT_MAJOR, do not affect the verdict. */
	if (!(ret & (VM_FAULT_ERROR | VM_FAULT_RETRY | VM_FAULT_COMPLETED)))
		return 0;
	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (ret & map[i].bits)
			facts |= map[i].fact;
	return facts;
}

/**
 * gupx_fault_in() - fault in a page
 * @cursor: cursor with mmap_lock held and its VMA judged
 * @addr: address of the page, at the cursor or ahead of it in the same VMA
 * @action: %GUPX_FAULT, %GUPX_UNSHARE or %GUPX_BREAK_COW
 *
 * Return: %GUPX_LOOK_AGAIN or %GUPX_STOP if the mmap_lock is still held; %GUPX_RELOCK if
 * the fault dropped the mmap_lock, and then cursor->vma is NULL.
 */
struct gupx_verdict gupx_fault_in(struct gupx_cursor *cursor,
				  unsigned long addr, enum gupx_action action)
{
	const unsigned int flags = get_fault_flags(cursor, addr, action);
	struct gupx_verdict verdict;
	vm_fault_t ret;

	cursor->faulted = addr;
	trace_gupx_fault(cursor, flags);
	ret = handle_mm_fault(cursor->vma, addr, flags, NULL);
	verdict =
		gupx_policy_judge_fault(get_fault_facts(ret), cursor->request);
	trace_gupx_fault_done(cursor, (__force unsigned int)ret, verdict);
	if (verdict.action == GUPX_RELOCK)
		gupx_cursor_drop(cursor);
	return verdict;
}
