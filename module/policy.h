/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy: facts in, a verdict out. Pure: no locks, no mm, no allocation; it
 * compiles in user space too, where tests/host/policy_test.c tries every input.
 *
 * Glossary
 *   request  what is asked, and what this kernel can do:     GUPX_R_*
 *   vma      what is true of the mapping:                    GUPX_V_*
 *   entry    what is true of one page-table entry:           GUPX_E_*
 *   fault    what handle_mm_fault() answered:                GUPX_H_*
 *   verdict  what to do now and, where that is to stop, why
 *
 * The order of the tests is part of the policy: where two rows match, the first
 * one decides which errno the caller sees. Twins in Linux 6.12, mm/gup.c:
 * check_vma_flags(), follow_page_pte(), follow_huge_pmd(), faultin_page().
 */
#ifndef GUPX_POLICY_H
#define GUPX_POLICY_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#ifndef BIT
#define BIT(nr) (1U << (nr))
#endif
#endif

#include <linux/gupx.h>

/* The request: what the caller asked, with the bits that the ABI has for it. */
#define GUPX_R_WRITE GUPX_F_WRITE
#define GUPX_R_FORCE GUPX_F_FORCE
#define GUPX_R_NOFAULT GUPX_F_NOFAULT
#define GUPX_R_NOWAIT GUPX_F_NOWAIT
#define GUPX_R_ANON GUPX_F_ANON
#define GUPX_R_DUMP GUPX_F_DUMP
#define GUPX_R_HWPOISON GUPX_F_HWPOISON
#define GUPX_R_INTERRUPTIBLE GUPX_F_INTERRUPTIBLE
#define GUPX_R_HONOR_NUMA GUPX_F_HONOR_NUMA
/* A short-term pin that is held all the same: judged as long-term by V3, V6. */
#define GUPX_R_SHORT GUPX_F_SHORT
#define GUPX_R_ASKED                                                          \
	(GUPX_R_WRITE | GUPX_R_FORCE | GUPX_R_NOFAULT | GUPX_R_NOWAIT |       \
	 GUPX_R_ANON | GUPX_R_DUMP | GUPX_R_HWPOISON | GUPX_R_INTERRUPTIBLE | \
	 GUPX_R_HONOR_NUMA | GUPX_R_SHORT)
/* And what follows from the verb and from the kernel. */
#define GUPX_R_GET BIT(16)
#define GUPX_R_PIN BIT(17)
#define GUPX_R_LONGTERM BIT(18)
#define GUPX_R_POPULATE BIT(19)
/* This kernel's fault handler unshares file pages too: E7 (b). */
#define GUPX_R_CAN_UNSHARE_FILE BIT(20)
/* This kernel's engine moves hugetlb pages: O4. Others WARN when asked to. */
#define GUPX_R_CAN_MOVE_HUGETLB BIT(21)
#define GUPX_R_LAST GUPX_R_CAN_MOVE_HUGETLB
/* All there are, for tests that try all of them. */
#define GUPX_R_ALL (GUPX_R_ASKED | (2 * GUPX_R_LAST - GUPX_R_GET))

#define GUPX_R_WANTS_PAGES (GUPX_R_GET | GUPX_R_PIN)
#define GUPX_R_HELD_LONG (GUPX_R_LONGTERM | GUPX_R_SHORT)

/* The mapping. */
#define GUPX_V_IO BIT(0)
#define GUPX_V_PFNMAP BIT(1)
#define GUPX_V_ANON BIT(2)
#define GUPX_V_FSDAX BIT(3)
#define GUPX_V_HUGETLB BIT(4)
#define GUPX_V_SECRETMEM BIT(5)
#define GUPX_V_READ BIT(6)
#define GUPX_V_WRITE BIT(7)
#define GUPX_V_SHADOW_STACK BIT(8)
#define GUPX_V_MAYREAD BIT(9)
#define GUPX_V_MAYWRITE BIT(10)
#define GUPX_V_SHARED BIT(11)
#define GUPX_V_MAYSHARE BIT(12)
/* The filesystem is told of the first write to a page. */
#define GUPX_V_MKWRITE BIT(13)
/* The file's pages are written back. */
#define GUPX_V_WRITEBACK BIT(14)
#define GUPX_V_LAST GUPX_V_WRITEBACK
#define GUPX_V_ALL (2 * GUPX_V_LAST - 1)

/* The entry: one kind, then marks. */
#define GUPX_E_KIND 0xfU
#define GUPX_E_EMPTY 0U	    /* nothing mapped, at whatever level */
#define GUPX_E_ABSENT 1U    /* swap, migration or marker in a PTE */
#define GUPX_E_BAD 2U	    /* corrupted, at whatever level */
#define GUPX_E_PAGE 3U	    /* an ordinary page */
#define GUPX_E_ZERO 4U	    /* the zero page */
#define GUPX_E_HUGE_ZERO 5U /* the huge zero folio */
#define GUPX_E_NO_PAGE 6U   /* a frame without a struct page */
#define GUPX_E_DEVMAP 7U    /* ZONE_DEVICE behind a device map (6.1, 6.12) */
#define GUPX_E_OPAQUE 8U    /* only the kernel can tell what is behind it */
#define GUPX_E_KINDS 9U
#define GUPX_E_WRITABLE BIT(4)
#define GUPX_E_PROTNONE BIT(5)
#define GUPX_E_PMD BIT(6) /* the entry is a PMD */
#define GUPX_E_PAGE_ANON BIT(7)
#define GUPX_E_PAGE_EXCLUSIVE BIT(8)
#define GUPX_E_SOFT_DIRTY_DUE BIT(9) /* tracked, and not yet marked */
#define GUPX_E_UFFD_WP BIT(10)
#define GUPX_E_NEVER_FORCE BIT(11)  /* a PUD, a device map */
#define GUPX_E_REFCOUNT_BAD BIT(12) /* 0 or less, signed */
#define GUPX_E_P2PDMA BIT(13)
#define GUPX_E_NOT_LONGTERM_PINNABLE \
	BIT(14) /* not to be held for long where it is */
/* A fault may bring more than zeroes: a fault handler, hugetlb's page cache. */
#define GUPX_E_FILLED BIT(15)
#define GUPX_E_LAST GUPX_E_FILLED
#define GUPX_E_ALL (2 * GUPX_E_LAST - 1)

/* The fault handler's answer. */
#define GUPX_H_COMPLETED BIT(0)
#define GUPX_H_OOM BIT(1)
#define GUPX_H_HWPOISON BIT(2)
#define GUPX_H_SIGBUS BIT(3)
#define GUPX_H_SIGSEGV BIT(4)
#define GUPX_H_OTHER_ERROR BIT(5)
#define GUPX_H_RETRY BIT(6)
#define GUPX_H_LAST GUPX_H_RETRY
#define GUPX_H_ALL (2 * GUPX_H_LAST - 1)

/**
 * enum gupx_action - what a verdict says to do
 * @GUPX_GO: take the page, step on
 * @GUPX_SKIP: counts as done, there is no page to take: step on
 * @GUPX_FAULT: fault it in, look again
 * @GUPX_UNSHARE: fault it in with UNSHARE, look again
 * @GUPX_BREAK_COW: the same where UNSHARE does not work: fault for writing
 * @GUPX_DELEGATE: only the kernel's own engine can take this page
 * @GUPX_LOOK_AGAIN: the fault was served, the lock is still held
 * @GUPX_RELOCK: the fault dropped the lock: take it again, look again
 * @GUPX_STOP: end here
 */
enum gupx_action {
	GUPX_GO,
	GUPX_SKIP,
	GUPX_FAULT,
	GUPX_UNSHARE,
	GUPX_BREAK_COW,
	GUPX_DELEGATE,
	GUPX_LOOK_AGAIN,
	GUPX_RELOCK,
	GUPX_STOP,
};

/**
 * struct gupx_verdict - what to do and, where that is %GUPX_STOP, why
 * @action: enum gupx_action
 * @stage: enum gupx_stage
 * @reason: enum gupx_reason
 * @error: positive errno, or 0
 */
struct gupx_verdict {
	__u8 action;
	__u8 stage;
	__u8 reason;
	__u8 error;
};

static inline struct gupx_verdict gupx_policy_do(enum gupx_action action)
{
	return (struct gupx_verdict){ .action = action };
}

static inline struct gupx_verdict
gupx_policy_stop(enum gupx_stage stage, enum gupx_reason reason, int error)
{
	return (struct gupx_verdict){
		.action = GUPX_STOP,
		.stage = stage,
		.reason = reason,
		.error = error,
	};
}

/* No memory for the request's own bookkeeping, in the middle of it. */
static inline struct gupx_verdict gupx_policy_no_memory(void)
{
	return gupx_policy_stop(GUPX_STAGE_ACCOUNT,
				GUPX_REASON_NO_KERNEL_MEMORY, ENOMEM);
}

/* Rows L5 and L8: nothing is mapped here, and this is no gate area. */
static inline struct gupx_verdict gupx_policy_judge_hole(__u32 request)
{
	return gupx_policy_stop(GUPX_STAGE_LOOKUP, GUPX_REASON_NO_MAPPING,
				request & GUPX_R_POPULATE ? ENOMEM : EFAULT);
}

/* Row L7. @readable: the page table has a present user entry. */
static inline struct gupx_verdict gupx_policy_judge_gate(bool readable,
							 __u32 request)
{
	if (request & GUPX_R_WRITE)
		return gupx_policy_stop(GUPX_STAGE_GATE, GUPX_REASON_GATE_WRITE,
					EFAULT);
	if (!readable)
		return gupx_policy_stop(GUPX_STAGE_GATE, GUPX_REASON_GATE_EMPTY,
					EFAULT);
	return gupx_policy_do(GUPX_GO);
}

/* A private mapping that may be written: a write gets a copy of its own. */
static inline bool gupx_policy_is_cow(__u32 vma)
{
	return (vma & (GUPX_V_SHARED | GUPX_V_MAYWRITE)) == GUPX_V_MAYWRITE;
}

/* Row V6: writes behind the filesystem's back would be lost or corrupt it. */
static inline bool gupx_policy_tracks_dirty(__u32 vma)
{
	const __u32 written = GUPX_V_SHARED | GUPX_V_WRITE;

	return !(vma & GUPX_V_ANON) && (vma & written) == written &&
	       (vma & (GUPX_V_MKWRITE | GUPX_V_WRITEBACK));
}

/* Rows V7 to V9. */
static inline enum gupx_reason gupx_policy_refuse_write(__u32 vma,
							__u32 request)
{
	/* A shadow stack's entries look writable: this is their only guard. */
	if ((vma & GUPX_V_WRITE) && !(vma & GUPX_V_SHADOW_STACK))
		return GUPX_REASON_NONE;
	if (!(request & GUPX_R_FORCE))
		return GUPX_REASON_NO_WRITE;
	if (vma & GUPX_V_HUGETLB)
		return GUPX_REASON_FORCE_HUGETLB;
	if (!gupx_policy_is_cow(vma))
		return GUPX_REASON_FORCE_SHARED;
	return GUPX_REASON_NONE;
}

/* Row V10. */
static inline enum gupx_reason gupx_policy_refuse_read(__u32 vma, __u32 request)
{
	if (vma & GUPX_V_READ)
		return GUPX_REASON_NONE;
	if ((request & GUPX_R_FORCE) && (vma & GUPX_V_MAYREAD))
		return GUPX_REASON_NONE;
	return GUPX_REASON_NO_READ;
}

/* Rows V1 to V10, in their order. V11 denies nothing: requests are remote. */
static inline enum gupx_reason gupx_policy_refuse_vma(__u32 vma, __u32 request)
{
	const bool write = request & GUPX_R_WRITE;
	const bool held =
		(request & GUPX_R_PIN) && (request & GUPX_R_HELD_LONG);

	if (vma & (GUPX_V_IO | GUPX_V_PFNMAP))
		return GUPX_REASON_IO_MAPPING;
	if ((request & GUPX_R_ANON) && !(vma & GUPX_V_ANON))
		return GUPX_REASON_NOT_ANON;
	if (held && (vma & GUPX_V_FSDAX))
		return GUPX_REASON_FSDAX;
	if (vma & GUPX_V_SECRETMEM)
		return GUPX_REASON_SECRETMEM;
	if (write && held && gupx_policy_tracks_dirty(vma))
		return GUPX_REASON_DIRTY_TRACKING;
	return write ? gupx_policy_refuse_write(vma, request)
		     : gupx_policy_refuse_read(vma, request);
}

/**
 * gupx_policy_judge_vma() - may this request look into this mapping at all?
 * @vma: GUPX_V_*
 * @request: GUPX_R_*
 *
 * Return: %GUPX_GO or %GUPX_STOP. Populate hides the errno, not the reason: L6.
 */
static inline struct gupx_verdict gupx_policy_judge_vma(__u32 vma,
							__u32 request)
{
	const enum gupx_reason reason = gupx_policy_refuse_vma(vma, request);
	int error = EFAULT;

	if (reason == GUPX_REASON_NONE)
		return gupx_policy_do(GUPX_GO);
	if (reason == GUPX_REASON_FSDAX)
		error = EOPNOTSUPP;
	if (request & GUPX_R_POPULATE)
		error = EINVAL;
	return gupx_policy_stop(GUPX_STAGE_VMA, reason, error);
}

/* Row E4: FORCE writes through a read-only entry only where COW is broken. */
static inline bool gupx_policy_can_write(__u32 entry, __u32 vma, __u32 request)
{
	const __u32 own = GUPX_E_PAGE_ANON | GUPX_E_PAGE_EXCLUSIVE;

	if (entry & GUPX_E_WRITABLE)
		return true;
	if (!(request & GUPX_R_FORCE) || (entry & GUPX_E_NEVER_FORCE))
		return false;
	if (vma & (GUPX_V_SHARED | GUPX_V_MAYSHARE))
		return false;
	if (!(vma & GUPX_V_MAYWRITE))
		return false;
	/* A plain write fault would do: take it, FORCE is not for this. */
	if (vma & GUPX_V_WRITE)
		return false;
	if ((entry & own) != own)
		return false;
	return !(entry & (GUPX_E_SOFT_DIRTY_DUE | GUPX_E_UFFD_WP));
}

/* Row E2: a dump leaves a hole where a fault would only bring zeroes. */
static inline struct gupx_verdict
gupx_policy_judge_empty(__u32 entry, __u32 vma, __u32 request)
{
	if ((request & GUPX_R_DUMP) &&
	    ((vma & GUPX_V_ANON) || !(entry & GUPX_E_FILLED)))
		return gupx_policy_stop(GUPX_STAGE_FOLLOW,
					GUPX_REASON_DUMP_EMPTY, EFAULT);
	return gupx_policy_do(GUPX_FAULT);
}

/*
 * Row E7: a pin for reading must see what the target sees from now on, so a page
 * that a later write of the target would copy away is made its own first.
 */
static inline enum gupx_action gupx_policy_unshare(__u32 entry, __u32 vma,
						   __u32 request)
{
	if (!(request & GUPX_R_PIN) || (request & GUPX_R_WRITE) ||
	    (entry & GUPX_E_WRITABLE))
		return GUPX_GO;
	if (entry & GUPX_E_PAGE_ANON)
		return entry & GUPX_E_PAGE_EXCLUSIVE ? GUPX_GO : GUPX_UNSHARE;
	if (!(request & GUPX_R_LONGTERM) || !gupx_policy_is_cow(vma))
		return GUPX_GO;
	if (request & GUPX_R_CAN_UNSHARE_FILE)
		return GUPX_UNSHARE;
	/* UNSHARE of a file page would return 0 for ever on such a kernel. */
	return vma & GUPX_V_WRITE ? GUPX_BREAK_COW : GUPX_GO;
}

/* Rows E5, E6, E11: entries that no ordinary page stands behind. */
static inline struct gupx_verdict gupx_policy_judge_special(__u32 entry,
							    __u32 request)
{
	const __u32 kind = entry & GUPX_E_KIND;
	const bool pages = request & GUPX_R_WANTS_PAGES;

	if (kind == GUPX_E_DEVMAP)
		return gupx_policy_do(pages ? GUPX_DELEGATE : GUPX_SKIP);
	if ((request & GUPX_R_DUMP) && kind != GUPX_E_PAGE)
		return gupx_policy_stop(GUPX_STAGE_FOLLOW,
					GUPX_REASON_DUMP_SPECIAL, EFAULT);
	if (kind == GUPX_E_OPAQUE)
		return gupx_policy_do(GUPX_DELEGATE);
	if (kind == GUPX_E_NO_PAGE && pages)
		return gupx_policy_stop(GUPX_STAGE_FOLLOW, GUPX_REASON_NO_PAGE,
					EEXIST);
	return gupx_policy_do(kind == GUPX_E_NO_PAGE ? GUPX_SKIP : GUPX_GO);
}

/* Row O4: a page that must not be held for long where it is. */
static inline struct gupx_verdict gupx_policy_judge_longterm(__u32 vma,
							     __u32 request)
{
	if ((vma & GUPX_V_HUGETLB) && !(request & GUPX_R_CAN_MOVE_HUGETLB))
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_MIGRATE,
					ENOMEM);
	return gupx_policy_do(GUPX_DELEGATE);
}

/* Rows E8p, E9, and O4: may the page be taken, and by whom? */
static inline struct gupx_verdict gupx_policy_judge_page(__u32 entry, __u32 vma,
							 __u32 request)
{
	if (entry & GUPX_E_REFCOUNT_BAD)
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_REFCOUNT,
					ENOMEM);
	if (entry & GUPX_E_P2PDMA)
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_P2PDMA,
					EREMOTEIO);
	if ((request & GUPX_R_LONGTERM) &&
	    (entry & GUPX_E_NOT_LONGTERM_PINNABLE))
		return gupx_policy_judge_longterm(vma, request);
	return gupx_policy_do(GUPX_GO);
}

/*
 * The kernel breaks COW of an entry without a struct page by copying from the same
 * address of whoever faults (mm/memory.c, __wp_page_copy_user()): that is us, not
 * the target. A write would put our own bytes, or a WARN and zeroes, in its place.
 */
static inline bool gupx_policy_copies_blindly(__u32 entry, __u32 vma)
{
	const __u32 kind = entry & GUPX_E_KIND;

	return gupx_policy_is_cow(vma) &&
	       (kind == GUPX_E_DEVMAP || kind == GUPX_E_NO_PAGE ||
		kind == GUPX_E_OPAQUE);
}

/* Rows E1 to E9, E11 and O4, before NOFAULT has its word. */
static inline struct gupx_verdict
gupx_policy_classify_entry(__u32 entry, __u32 vma, __u32 request)
{
	struct gupx_verdict verdict;
	enum gupx_action action;

	switch (entry & GUPX_E_KIND) {
	case GUPX_E_BAD:
		return gupx_policy_stop(GUPX_STAGE_FOLLOW,
					GUPX_REASON_BAD_ENTRY, EFAULT);
	case GUPX_E_EMPTY:
		return gupx_policy_judge_empty(entry, vma, request);
	case GUPX_E_ABSENT:
		return gupx_policy_do(GUPX_FAULT);
	}
	if ((entry & GUPX_E_PROTNONE) && (request & GUPX_R_HONOR_NUMA))
		return entry & GUPX_E_PMD
			       ? gupx_policy_judge_empty(entry, vma, request)
			       : gupx_policy_do(GUPX_FAULT);
	if ((request & GUPX_R_WRITE) && !(entry & GUPX_E_WRITABLE) &&
	    gupx_policy_copies_blindly(entry, vma))
		return gupx_policy_stop(GUPX_STAGE_FOLLOW,
					GUPX_REASON_UNSUPPORTED, EOPNOTSUPP);
	if ((request & GUPX_R_WRITE) &&
	    !gupx_policy_can_write(entry, vma, request))
		return gupx_policy_do(GUPX_FAULT);
	verdict = gupx_policy_judge_special(entry, request);
	if (verdict.action != GUPX_GO)
		return verdict;
	action = gupx_policy_unshare(entry, vma, request);
	if (action != GUPX_GO)
		return gupx_policy_do(action);
	return gupx_policy_judge_page(entry, vma, request);
}

static inline bool gupx_policy_wants_fault(struct gupx_verdict verdict)
{
	return verdict.action == GUPX_FAULT || verdict.action == GUPX_UNSHARE ||
	       verdict.action == GUPX_BREAK_COW;
}

/**
 * gupx_policy_judge_entry() - what is to be done about this entry?
 * @entry: GUPX_E_*
 * @vma: GUPX_V_*
 * @request: GUPX_R_*
 *
 * Return: %GUPX_GO, %GUPX_SKIP, %GUPX_FAULT, %GUPX_UNSHARE, %GUPX_BREAK_COW,
 * %GUPX_DELEGATE or %GUPX_STOP. Row O5 turns each fault into a stop.
 */
static inline struct gupx_verdict
gupx_policy_judge_entry(__u32 entry, __u32 vma, __u32 request)
{
	const struct gupx_verdict verdict =
		gupx_policy_classify_entry(entry, vma, request);

	if ((request & GUPX_R_NOFAULT) && gupx_policy_wants_fault(verdict))
		return gupx_policy_stop(GUPX_STAGE_FOLLOW, GUPX_REASON_NOFAULT,
					EFAULT);
	return verdict;
}

/**
 * gupx_policy_judge_fault() - what does the fault handler's answer mean?
 * @fault: GUPX_H_*
 * @request: GUPX_R_*
 *
 * Rows L13 to L15. COMPLETED and RETRY have dropped the lock, but for RETRY
 * under NOWAIT.
 *
 * Return: %GUPX_LOOK_AGAIN, %GUPX_RELOCK or %GUPX_STOP.
 */
static inline struct gupx_verdict gupx_policy_judge_fault(__u32 fault,
							  __u32 request)
{
	if (fault & GUPX_H_COMPLETED)
		return gupx_policy_do(GUPX_RELOCK);
	if (fault & GUPX_H_OOM)
		return gupx_policy_stop(GUPX_STAGE_FAULT, GUPX_REASON_FAULT_OOM,
					ENOMEM);
	if (fault & GUPX_H_HWPOISON)
		return gupx_policy_stop(
			GUPX_STAGE_FAULT, GUPX_REASON_FAULT_HWPOISON,
			request & (GUPX_R_HWPOISON | GUPX_R_POPULATE)
				? EHWPOISON
				: EFAULT);
	if ((fault & GUPX_H_SIGSEGV) && !(fault & GUPX_H_SIGBUS))
		return gupx_policy_stop(GUPX_STAGE_FAULT,
					GUPX_REASON_FAULT_SIGSEGV, EFAULT);
	/* Of an error bit we do not know: the kernel BUG()s, we refuse. */
	if (fault & (GUPX_H_SIGBUS | GUPX_H_OTHER_ERROR))
		return gupx_policy_stop(GUPX_STAGE_FAULT,
					GUPX_REASON_FAULT_SIGBUS, EFAULT);
	if ((fault & GUPX_H_RETRY) && (request & GUPX_R_NOWAIT))
		return gupx_policy_stop(GUPX_STAGE_FAULT,
					GUPX_REASON_WOULD_WAIT, 0);
	if (fault & GUPX_H_RETRY)
		return gupx_policy_do(GUPX_RELOCK);
	return gupx_policy_do(GUPX_LOOK_AGAIN);
}

#endif /* GUPX_POLICY_H */
