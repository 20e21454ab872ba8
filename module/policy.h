/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy: pure functions from facts to a verdict. They take no locks, use no mm
 * and allocate nothing. The file also compiles in user space, where
 * tests/host/policy_test.c tests it with every input.
 *
 * Glossary
 *   request  flags of the caller, capabilities of this kernel:  GUPX_R_*
 *   vma      facts of the mapping:                              GUPX_V_*
 *   entry    facts of one page-table entry:                     GUPX_E_*
 *   fault    facts of the result of handle_mm_fault():          GUPX_H_*
 *   verdict  the action to take and, if it is to stop, the reason
 *
 * Row ids in comments, such as V3 or E7, are those of module/POLICY.md. The order of the
 * checks is part of the policy: if two rows match, the first row determines the errno.
 * The counterparts in mm/gup.c of Linux 6.12 are check_vma_flags(), follow_page_pte(),
 * follow_huge_pmd() and faultin_page().
 */
#ifndef GUPX_POLICY_H
#define GUPX_POLICY_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/types.h>
#else
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#ifndef BIT
#define BIT(nr) (1U << (nr))
#endif
#endif

#include <linux/gupx.h>

/* Flags of the caller's request; they have the same bits as in the ABI. */
#define GUPX_R_WRITE GUPX_F_WRITE
#define GUPX_R_FORCE GUPX_F_FORCE
#define GUPX_R_NOFAULT GUPX_F_NOFAULT
#define GUPX_R_NOWAIT GUPX_F_NOWAIT
#define GUPX_R_ANON GUPX_F_ANON
#define GUPX_R_DUMP GUPX_F_DUMP
#define GUPX_R_HWPOISON GUPX_F_HWPOISON
#define GUPX_R_INTERRUPTIBLE GUPX_F_INTERRUPTIBLE
#define GUPX_R_HONOR_NUMA GUPX_F_HONOR_NUMA
/*
 * The request pins without FOLL_LONGTERM. Rows V3 (fsdax) and V6 (dirty tracking) apply
 * anyway.
 */
#define GUPX_R_SHORT GUPX_F_SHORT
/* All flags of the caller that the policy uses. */
#define GUPX_R_ASKED                                                          \
	(GUPX_R_WRITE | GUPX_R_FORCE | GUPX_R_NOFAULT | GUPX_R_NOWAIT |       \
	 GUPX_R_ANON | GUPX_R_DUMP | GUPX_R_HWPOISON | GUPX_R_INTERRUPTIBLE | \
	 GUPX_R_HONOR_NUMA | GUPX_R_SHORT)
/* Flags that the module adds, depending on the ioctl and on the kernel. */
#define GUPX_R_GET BIT(16)
#define GUPX_R_PIN BIT(17)
#define GUPX_R_LONGTERM BIT(18)
#define GUPX_R_POPULATE BIT(19)
/* Row E7 (b): the fault handler of this kernel unshares file pages too. */
#define GUPX_R_CAN_UNSHARE_FILE BIT(20)
/* Row O4: this kernel can migrate hugetlb pages for a pin. Other kernels WARN. */
#define GUPX_R_CAN_MOVE_HUGETLB BIT(21)
#define GUPX_R_LAST GUPX_R_CAN_MOVE_HUGETLB
/* All flags of a request, for the tests. */
#define GUPX_R_ALL (GUPX_R_ASKED | (2 * GUPX_R_LAST - GUPX_R_GET))

#define GUPX_R_WANTS_PAGES (GUPX_R_GET | GUPX_R_PIN)
#define GUPX_R_HELD_LONG (GUPX_R_LONGTERM | GUPX_R_SHORT)

/* Check that each flag of the ABI is used by the policy or is listed here as not used. */
static_assert((GUPX_PIN_FLAGS | GUPX_POPULATE_FLAGS | GUPX_READ_FLAGS) ==
		      (GUPX_R_ASKED | GUPX_F_ENGINE_KERNEL | GUPX_F_READ_ONLY),
	      "new GUPX_F_ flag: add it to GUPX_R_ASKED, or here");
/* EXPLAIN judges with the policy, so it accepts the flags that the policy uses. */
static_assert(GUPX_EXPLAIN_FLAGS == GUPX_R_ASKED,
	      "GUPX_EXPLAIN_FLAGS and GUPX_R_ASKED have to be the same");
/* The module's own flags use the bits above the flags of the ABI. */
static_assert(GUPX_R_ASKED < GUPX_R_GET);

/* Facts of the mapping. */
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
/* The mapping has page_mkwrite() or pfn_mkwrite(). */
#define GUPX_V_MKWRITE BIT(13)
/* The kernel writes dirty pages of the file back to storage. */
#define GUPX_V_WRITEBACK BIT(14)
/* userfaultfd is registered for read and write accesses (UFFDIO_REGISTER_MODE_RWP) */
#define GUPX_V_UFFD_RWP BIT(15)
#define GUPX_V_LAST GUPX_V_UFFD_RWP
#define GUPX_V_ALL (2 * GUPX_V_LAST - 1)

/* Facts of a page-table entry: one kind and several flags. */
#define GUPX_E_KIND 0xfU
#define GUPX_E_EMPTY 0U	    /* an empty page-table entry, at any level */
#define GUPX_E_ABSENT 1U    /* swap, migration or other marker entry in a PTE */
#define GUPX_E_BAD 2U	    /* a corrupted page-table entry, at any level */
#define GUPX_E_PAGE 3U	    /* a normal page */
#define GUPX_E_ZERO 4U	    /* the zero page */
#define GUPX_E_HUGE_ZERO 5U /* the huge zero folio */
#define GUPX_E_NO_PAGE 6U   /* a frame without a struct page */
#define GUPX_E_DEVMAP 7U    /* a devmap entry: ZONE_DEVICE memory (6.1, 6.12) */
#define GUPX_E_OPAQUE 8U    /* the kernel's engine has to find the page */
#define GUPX_E_GUARD 9U	    /* marker of a guard region in a PTE */
#define GUPX_E_KINDS 10U
#define GUPX_E_WRITABLE BIT(4)
#define GUPX_E_PROTNONE BIT(5)
#define GUPX_E_PMD BIT(6) /* the entry is a PMD */
#define GUPX_E_PAGE_ANON BIT(7)
#define GUPX_E_PAGE_EXCLUSIVE BIT(8)
/* The kernel tracks soft-dirty, but the soft-dirty bit of the entry is not set. */
#define GUPX_E_SOFT_DIRTY_DUE BIT(9)
#define GUPX_E_UFFD_WP BIT(10)
/* The entry is a PUD or a devmap entry, for which FORCE has no effect. */
#define GUPX_E_NEVER_FORCE BIT(11)
#define GUPX_E_REFCOUNT_BAD BIT(12) /* the refcount is zero or negative */
#define GUPX_E_P2PDMA BIT(13)
/* The page has to be migrated before it can be long-term pinned. */
#define GUPX_E_NOT_LONGTERM_PINNABLE BIT(14)
/*
 * A fault may bring in data that is not zero, because the VMA has a fault handler or, for
 * hugetlb, the page cache has a page at this offset.
 */
#define GUPX_E_FILLED BIT(15)
#define GUPX_E_LAST GUPX_E_FILLED
#define GUPX_E_ALL (2 * GUPX_E_LAST - 1)

/* Facts of the result of the fault handler. */
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
 * enum gupx_action - action that a verdict requests
 * @GUPX_GO: accept the page and step over it
 * @GUPX_SKIP: step over the entry; it counts as done, but it has no page to accept
 * @GUPX_FAULT: fault in the page, then retry
 * @GUPX_UNSHARE: fault with FAULT_FLAG_UNSHARE, then retry
 * @GUPX_BREAK_COW: fault for writing, because this kernel cannot unshare the page with
 *	FAULT_FLAG_UNSHARE, then retry
 * @GUPX_DELEGATE: let the kernel's engine take a reference on the page or pin it
 * @GUPX_LOOK_AGAIN: retry; the lock is still held
 * @GUPX_RELOCK: take the lock, which the fault dropped, then retry
 * @GUPX_STOP: end the request
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
 * struct gupx_verdict - action to take and, for %GUPX_STOP, the reason
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

/* Stop because memory for gupx's own data could not be allocated. */
static inline struct gupx_verdict gupx_policy_no_memory(void)
{
	return gupx_policy_stop(GUPX_STAGE_ACCOUNT,
				GUPX_REASON_NO_KERNEL_MEMORY, ENOMEM);
}

/* Rows L9 and O3: stop because a signal arrived. */
static inline struct gupx_verdict gupx_policy_signal(void)
{
	return gupx_policy_stop(GUPX_STAGE_SIGNAL, GUPX_REASON_SIGNAL, EINTR);
}

/* Rows L5 (populate) and L8: the address has no VMA and is not the gate page. */
static inline struct gupx_verdict gupx_policy_judge_hole(__u32 request)
{
	return gupx_policy_stop(GUPX_STAGE_LOOKUP, GUPX_REASON_NO_MAPPING,
				request & GUPX_R_POPULATE ? ENOMEM : EFAULT);
}

/*
 * Row L7: judge the gate page. @readable is true if the PTE of the gate page is present and
 * has the user bit.
 */
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

/* Counterpart of is_cow_mapping(). */
static inline bool gupx_policy_is_cow(__u32 vma)
{
	return (vma & (GUPX_V_SHARED | GUPX_V_MAYWRITE)) == GUPX_V_MAYWRITE;
}

/*
 * Row V6 (writable_file_mapping_allowed()): writes through a long-term pin bypass
 * the dirty tracking of the filesystem. Such writes could be lost or corrupt data.
 */
static inline bool gupx_policy_tracks_dirty(__u32 vma)
{
	const __u32 written = GUPX_V_SHARED | GUPX_V_WRITE;

	return !(vma & GUPX_V_ANON) && (vma & written) == written &&
	       (vma & (GUPX_V_MKWRITE | GUPX_V_WRITEBACK));
}

/* Rows V7 to V9: check whether a request may write to a mapping. */
static inline enum gupx_reason gupx_policy_refuse_write(__u32 vma,
							__u32 request)
{
	/*
	 * Page-table entries of a shadow stack look writable. So refuse a write here,
	 * because no later check would refuse it.
	 */
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

/*
 * Check rows V1 to V10 (check_vma_flags()), in this order. Protection keys (row V11) are
 * not checked, because the kernel does not check them for remote requests, and all
 * requests of this module are remote.
 */
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
	if (write)
		return gupx_policy_refuse_write(vma, request);
	if (vma & GUPX_V_READ)
		return GUPX_REASON_NONE;
	/*
	 * Row V10: with FORCE, a request may read a mapping that mprotect() could make
	 * readable.
	 */
	if ((request & GUPX_R_FORCE) && (vma & GUPX_V_MAYREAD))
		return GUPX_REASON_NONE;
	return GUPX_REASON_NO_READ;
}

/**
 * gupx_policy_judge_vma() - check whether a request may access a mapping
 * @vma: facts of the mapping, GUPX_V_*
 * @request: flags of the request, GUPX_R_*
 *
 * Row L6: if the mapping is refused, populate always fails with EINVAL. The reason in the
 * verdict is the same as for other requests.
 *
 * Return: %GUPX_GO or %GUPX_STOP.
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

/*
 * Row E4 (can_follow_write_pte()): with FORCE, a read-only entry may be used for writing
 * only if copy-on-write has been broken for its page.
 */
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
	/*
	 * In a writable mapping, a write fault makes the entry writable, so the request
	 * does not need FORCE.
	 */
	if (vma & GUPX_V_WRITE)
		return false;
	if ((entry & own) != own)
		return false;
	return !(entry & (GUPX_E_SOFT_DIRTY_DUE | GUPX_E_UFFD_WP));
}

/* Row E2 (no_page_table()): DUMP stops at entries where a fault would only add zeroes. */
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
 * Row E7 (gup_must_unshare()): the holder of a read pin has to see later writes of the
 * target. If such a write would go to a copy of the page and not to the pinned page,
 * unshare the page first.
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
	/* On older kernels, an UNSHARE fault on a file page has no effect and returns 0. */
	return vma & GUPX_V_WRITE ? GUPX_BREAK_COW : GUPX_GO;
}

/*
 * Rows E5 (DUMP), E6 (no struct page) and E11 (devmap): judge entries that do not map a
 * normal page. Return: %GUPX_GO if none of these rows applies.
 */
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

/* Rows E9 (refcount), E8p (P2PDMA) and O4 (long-term): check the page itself. */
static inline struct gupx_verdict gupx_policy_judge_page(__u32 entry, __u32 vma,
							 __u32 request)
{
	if (entry & GUPX_E_REFCOUNT_BAD)
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_REFCOUNT,
					ENOMEM);
	if (entry & GUPX_E_P2PDMA)
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_P2PDMA,
					EREMOTEIO);
	if (!(request & GUPX_R_LONGTERM) ||
	    !(entry & GUPX_E_NOT_LONGTERM_PINNABLE))
		return gupx_policy_do(GUPX_GO);
	if ((vma & GUPX_V_HUGETLB) && !(request & GUPX_R_CAN_MOVE_HUGETLB))
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_MIGRATE,
					ENOMEM);
	return gupx_policy_do(GUPX_DELEGATE);
}

/*
 * Check if breaking copy-on-write would copy data of the wrong process. If an entry has no
 * struct page, __wp_page_copy_user() in mm/memory.c copies from the same user address of
 * the current process, which is the caller and not the target. The target's page would be
 * replaced by the caller's data, or by zeroes after a WARN. So such a write is refused.
 */
static inline bool gupx_policy_copies_blindly(__u32 entry, __u32 vma)
{
	const __u32 kind = entry & GUPX_E_KIND;

	return gupx_policy_is_cow(vma) &&
	       (kind == GUPX_E_DEVMAP || kind == GUPX_E_NO_PAGE ||
		kind == GUPX_E_OPAQUE);
}

/* Rows E1 to E9, E11 and O4: get the verdict, but ignore GUPX_R_NOFAULT. */
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
	case GUPX_E_GUARD:
		/* Row E1b: a fault would return VM_FAULT_SIGSEGV. */
		return gupx_policy_stop(GUPX_STAGE_FOLLOW, GUPX_REASON_GUARD,
					EFAULT);
	}
	/*
	 * Row E3b: in a mapping with RWP, a PROT_NONE entry traps the next access for
	 * userfaultfd. It is not a NUMA hinting entry, so fault it in even without
	 * HONOR_NUMA.
	 */
	if ((entry & GUPX_E_PROTNONE) &&
	    ((request & GUPX_R_HONOR_NUMA) || (vma & GUPX_V_UFFD_RWP)))
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
 * gupx_policy_judge_entry() - judge a page-table entry
 * @entry: facts of the entry, GUPX_E_*
 * @vma: facts of the mapping, GUPX_V_*
 * @request: flags of the request, GUPX_R_*
 *
 * Row O5: with NOFAULT, stop instead of faulting.
 *
 * Return: %GUPX_GO, %GUPX_SKIP, %GUPX_FAULT, %GUPX_UNSHARE, %GUPX_BREAK_COW,
 * %GUPX_DELEGATE or %GUPX_STOP.
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
 * gupx_policy_judge_fault() - judge the result of the fault handler
 * @fault: facts of the result, GUPX_H_*
 * @request: flags of the request, GUPX_R_*
 *
 * Rows L13 to L15 (faultin_page()). The fault handler dropped the lock if it
 * returned COMPLETED, or RETRY without NOWAIT.
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
	/*
	 * The kernel calls BUG() if a fault returns an unknown error bit. This module fails
	 * the request instead.
	 */
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
