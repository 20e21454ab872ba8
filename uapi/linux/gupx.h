/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * gupx: get_user_pages on the memory of another process, from user space.
 *
 * Every request names its target by @mem_fd, an open file descriptor of
 * /proc/PID/mem. Opening that file ran the kernel's own ptrace check; it names
 * one address space for good. Used by another process than the one that opened
 * it, or after a change of credentials, it is checked again, against the caller.
 * Sizes and addresses are bytes.
 *
 * Two kinds of no
 * ---------------
 * ioctl() fails only where the request never reached the page-table loop. It
 * then returns -1 and errno has exactly one of these meanings:
 *
 *   ENOTTY       no such ioctl: this module is older than the caller
 *   EOPNOTSUPP   an unknown flag, or a verb this module does not do (yet)
 *   E2BIG        the struct has a tail this module does not know, not all zero;
 *                or it, or an entry of an array, is longer than a page
 *   EINVAL       malformed: a size too small (of the struct, or of an array's
 *                entries), a reserved field not zero, an address, offset or
 *                length not page aligned where it must be, a range that wraps
 *                or reaches into the last page of all, flags that contradict
 *                each other or the other fields
 *   EFAULT       the caller's own struct or buffer cannot be read or written
 *   EBADF        @mem_fd or @pin_fd is not an open file (O_PATH counts as not)
 *   EMEDIUMTYPE  @mem_fd is open but no /proc/PID/mem; @pin_fd no pin fd
 *   EACCES       the caller may not do that to the target: @mem_fd is not open
 *                for it (reading, or writing where %GUPX_F_WRITE is set), or was
 *                opened by somebody who may, and the caller may not
 *   EPERM        not permitted: a flag that needs a module parameter or a
 *                capability; a PIN while the module parameter allow_pins is off;
 *                what a seal of the pin fd rules out
 *   ESRCH        the address space is gone (exit, exec), or never was (kernel
 *                thread)
 *   EXDEV        @pin_fd holds pins of another address space, or pins that are
 *                charged to another user
 *   EFBIG        more than one PIN may ask for: the module parameter max_pin_mib
 *   EBUSY        a writable window of the pin fd stands in the way of a seal
 *   ENOBUFS      RLIMIT_MEMLOCK: the struct says limit, used and asked
 *   EDQUOT       UNPIN: a pin would be cut in two, and the user already has all the
 *                extents that the module parameter max_extents allows
 *   ENOMEM       no kernel memory for the request's own bookkeeping
 *   EMFILE       no free file descriptor for a new pin fd
 *   ENFILE       no free open file in the whole system
 *   EINTR        a fatal signal came before the loop began
 *   ENODEV       the module is being unloaded by force
 *
 * Once the loop ran, ioctl() returns 0 and the struct answers: @done bytes, and
 * in @stop where, at which stage and why it stopped short, with the errno that
 * get_user_pages has for it. What get_user_pages itself would have returned is
 * `done ? done / page size : -stop.error`.
 *
 * A struct that cannot be written is refused before anything is done. Who takes it
 * away while the request runs (munmap() by another thread, say) gets EFAULT, and
 * only the answer is lost: a new pin fd is gone then with its pins; what was added
 * to a pin fd stays in it, as EXTENTS tells; what was populated is populated.
 * EXPLAIN and EXTENTS, which leave nothing behind, also say EFAULT where their
 * buffer ends, however far they got.
 *
 * Growing
 * -------
 * Each struct begins with its @size as the caller knows it. A module that knows
 * a longer struct takes the missing tail as zero; one that knows a shorter one
 * refuses a tail that is not zero. Field tags: [in], [out], [in,out].
 */
#ifndef _UAPI_LINUX_GUPX_H
#define _UAPI_LINUX_GUPX_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GUPX_DEVICE "/dev/gupx"

/*
 * Raised when a program built for an older number would misbehave; additions do
 * not raise it.
 */
#define GUPX_ABI 2

#define GUPX_IOC_TYPE 0xE9

#define GUPX_IOC_INFO _IO(GUPX_IOC_TYPE, 0x00)
#define GUPX_IOC_PIN _IO(GUPX_IOC_TYPE, 0x01)
#define GUPX_IOC_POPULATE _IO(GUPX_IOC_TYPE, 0x02)
#define GUPX_IOC_READ _IO(GUPX_IOC_TYPE, 0x03)
#define GUPX_IOC_EXPLAIN _IO(GUPX_IOC_TYPE, 0x04)

/* On a pin fd. */
#define GUPX_IOC_EXTENTS _IO(GUPX_IOC_TYPE, 0x40)
#define GUPX_IOC_UNPIN _IO(GUPX_IOC_TYPE, 0x41)
#define GUPX_IOC_SEAL _IO(GUPX_IOC_TYPE, 0x42)

/*
 * Request flags. Which verb takes which: %GUPX_PIN_FLAGS and its like below, and
 * at run time GUPX_IOC_INFO.
 */

/* Access for writing: breaks copy-on-write, needs a @mem_fd open for writing. */
#define GUPX_F_WRITE (1U << 0)
/*
 * Override the mapping's protection, as ptrace does. Needs the module parameter
 * allow_force and CAP_SYS_PTRACE.
 */
#define GUPX_F_FORCE (1U << 1)
/* Take only what is mapped already; stop where a page fault would be needed. */
#define GUPX_F_NOFAULT (1U << 2)
/* Fault, but never wait for I/O: stop where a wait would be needed. */
#define GUPX_F_NOWAIT (1U << 3)
/* Anonymous mappings only. */
#define GUPX_F_ANON (1U << 4)
/* As a core dump: stop at memory never touched, instead of filling it. */
#define GUPX_F_DUMP (1U << 5)
/* Say EHWPOISON, not EFAULT, of poisoned memory. Populate always does. */
#define GUPX_F_HWPOISON (1U << 6)
/* Any signal, not only a fatal one, ends a wait for a page. */
#define GUPX_F_INTERRUPTIBLE (1U << 7)
/* Fault where NUMA balancing set a hint, instead of following the entry. */
#define GUPX_F_HONOR_NUMA (1U << 8)
/*
 * Let the kernel's own get_user_pages answer: a yardstick, not a fallback. Needs the
 * module parameter allow_kernel_engine or CAP_SYS_ADMIN.
 */
#define GUPX_F_ENGINE_KERNEL (1U << 9)
/*
 * A pin not fit to be held for long, held on purpose, to reproduce hot-unplug
 * and CMA bugs. Needs the module parameter allow_short_pins and CAP_SYS_ADMIN.
 */
#define GUPX_F_SHORT (1U << 10)
/*
 * The new pin fd is read-only, whatever it is passed to: it never has a writable
 * window. As %GUPX_SEAL_WRITE from the beginning. Only where PIN makes a pin fd.
 */
#define GUPX_F_READ_ONLY (1U << 11)

#define GUPX_PIN_FLAGS                                                        \
	(GUPX_F_WRITE | GUPX_F_FORCE | GUPX_F_NOFAULT | GUPX_F_NOWAIT |       \
	 GUPX_F_ANON | GUPX_F_DUMP | GUPX_F_HWPOISON | GUPX_F_INTERRUPTIBLE | \
	 GUPX_F_HONOR_NUMA | GUPX_F_ENGINE_KERNEL | GUPX_F_SHORT |            \
	 GUPX_F_READ_ONLY)
#define GUPX_POPULATE_FLAGS \
	(GUPX_F_WRITE | GUPX_F_INTERRUPTIBLE | GUPX_F_ENGINE_KERNEL)
#define GUPX_READ_FLAGS                                                \
	(GUPX_F_FORCE | GUPX_F_NOFAULT | GUPX_F_NOWAIT | GUPX_F_ANON | \
	 GUPX_F_DUMP | GUPX_F_HWPOISON | GUPX_F_INTERRUPTIBLE |        \
	 GUPX_F_HONOR_NUMA | GUPX_F_ENGINE_KERNEL)
/* Of a PIN that is to be judged; of the other verbs those that they have, too. */
#define GUPX_EXPLAIN_FLAGS \
	(GUPX_PIN_FLAGS & ~(GUPX_F_ENGINE_KERNEL | GUPX_F_READ_ONLY))

/**
 * enum gupx_stage - how far a request got before it stopped
 * @GUPX_STAGE_NONE: it did not stop short
 * @GUPX_STAGE_LOOKUP: looking for a mapping at the address
 * @GUPX_STAGE_VMA: judging the mapping; of one that does not fit, populate says EINVAL
 *	whatever the reason, as madvise() does
 * @GUPX_STAGE_GATE: the vsyscall page, which no mapping describes
 * @GUPX_STAGE_FOLLOW: judging the page-table entry
 * @GUPX_STAGE_FAULT: bringing the page in
 * @GUPX_STAGE_GRAB: taking a reference
 * @GUPX_STAGE_SIGNAL: a signal for the caller
 * @GUPX_STAGE_ACCOUNT: charging the pins
 * @GUPX_STAGE_COPY: copying to the caller's buffer
 * @GUPX_STAGE_ENGINE: inside the kernel's own get_user_pages, which gives no
 *	reason
 */
enum gupx_stage {
	GUPX_STAGE_NONE = 0,
	GUPX_STAGE_LOOKUP = 1,
	GUPX_STAGE_VMA = 2,
	GUPX_STAGE_GATE = 3,
	GUPX_STAGE_FOLLOW = 4,
	GUPX_STAGE_FAULT = 5,
	GUPX_STAGE_GRAB = 6,
	GUPX_STAGE_SIGNAL = 7,
	GUPX_STAGE_ACCOUNT = 8,
	GUPX_STAGE_COPY = 9,
	GUPX_STAGE_ENGINE = 10,
};

/**
 * enum gupx_reason - why a request stopped; never renumbered
 * @GUPX_REASON_NONE: it did not stop short
 * @GUPX_REASON_NO_MAPPING: nothing is mapped at the address (EFAULT; populate:
 *	ENOMEM)
 * @GUPX_REASON_GATE_WRITE: the vsyscall page is never writable (EFAULT)
 * @GUPX_REASON_GATE_EMPTY: the vsyscall page has no readable entry (EFAULT)
 * @GUPX_REASON_IO_MAPPING: device memory or raw page frames: VM_IO or
 *	VM_PFNMAP (EFAULT)
 * @GUPX_REASON_NOT_ANON: %GUPX_F_ANON was asked, the mapping is of a file
 *	(EFAULT)
 * @GUPX_REASON_FSDAX: a DAX file cannot be held for long (EOPNOTSUPP)
 * @GUPX_REASON_SECRETMEM: memfd_secret() memory is never shown (EFAULT)
 * @GUPX_REASON_DIRTY_TRACKING: a shared writable mapping of a file whose
 *	filesystem tracks writes cannot be held for long for writing (EFAULT)
 * @GUPX_REASON_NO_WRITE: the mapping is not writable (EFAULT)
 * @GUPX_REASON_FORCE_HUGETLB: FORCE cannot write to hugetlb (EFAULT)
 * @GUPX_REASON_FORCE_SHARED: FORCE cannot write to a mapping that is not
 *	copy-on-write (EFAULT)
 * @GUPX_REASON_NO_READ: the mapping is not readable (EFAULT)
 * @GUPX_REASON_NO_PAGE: the entry maps a page frame without a struct page
 *	(EEXIST)
 * @GUPX_REASON_DUMP_EMPTY: %GUPX_F_DUMP, and nothing was ever put here (EFAULT)
 * @GUPX_REASON_DUMP_SPECIAL: %GUPX_F_DUMP, and the entry is the zero page or
 *	another special one (EFAULT)
 * @GUPX_REASON_BAD_ENTRY: a corrupted page-table entry (EFAULT)
 * @GUPX_REASON_NOFAULT: %GUPX_F_NOFAULT, and the page is not there in the way
 *	that was asked (EFAULT)
 * @GUPX_REASON_WOULD_WAIT: %GUPX_F_NOWAIT, and the page needs a wait (no error)
 * @GUPX_REASON_FAULT_OOM: no memory for the page (ENOMEM)
 * @GUPX_REASON_FAULT_HWPOISON: the page is poisoned (EHWPOISON or EFAULT)
 * @GUPX_REASON_FAULT_SIGBUS: an access would raise SIGBUS: past the end of the
 *	file, I/O error, userfaultfd that answers no kernel (EFAULT)
 * @GUPX_REASON_FAULT_SIGSEGV: an access would raise SIGSEGV (EFAULT)
 * @GUPX_REASON_REFCOUNT: the page's reference count is exhausted (ENOMEM)
 * @GUPX_REASON_P2PDMA: PCI peer-to-peer memory (EREMOTEIO)
 * @GUPX_REASON_NOT_ACCESSIBLE: the architecture cannot make the page
 *	accessible
 * @GUPX_REASON_DEVMAP_GONE: the device memory behind the entry went away
 *	(EFAULT)
 * @GUPX_REASON_MIGRATE: a page that may not be held for long where it is could
 *	not be moved (ENOMEM or EBUSY)
 * @GUPX_REASON_SIGNAL: a signal came (EINTR)
 * @GUPX_REASON_MEMLOCK: RLIMIT_MEMLOCK, as the first part of a large folio is
 *	charged for all of it (ENOBUFS)
 * @GUPX_REASON_NO_KERNEL_MEMORY: no memory for bookkeeping (ENOMEM)
 * @GUPX_REASON_BUFFER: the caller's buffer cannot be written (EFAULT)
 * @GUPX_REASON_NO_PROGRESS: the loop ended with neither a page nor an error
 *	(EFAULT)
 * @GUPX_REASON_KERNEL_ENGINE: the kernel's own get_user_pages stopped here
 * @GUPX_REASON_UNSUPPORTED: what the kernel would get wrong: a copy-on-write of
 *	memory without a struct page copies from the caller, not from the target;
 *	a kernel's engine that warns where it cannot move hugetlb (EOPNOTSUPP)
 * @GUPX_REASON_EXTENTS: the user holds as many extents as the module parameter
 *	max_extents allows (EDQUOT)
 */
enum gupx_reason {
	GUPX_REASON_NONE = 0,
	GUPX_REASON_NO_MAPPING = 1,
	GUPX_REASON_GATE_WRITE = 2,
	GUPX_REASON_GATE_EMPTY = 3,
	GUPX_REASON_IO_MAPPING = 4,
	GUPX_REASON_NOT_ANON = 5,
	GUPX_REASON_FSDAX = 6,
	GUPX_REASON_SECRETMEM = 7,
	GUPX_REASON_DIRTY_TRACKING = 8,
	GUPX_REASON_NO_WRITE = 9,
	GUPX_REASON_FORCE_HUGETLB = 10,
	GUPX_REASON_FORCE_SHARED = 11,
	GUPX_REASON_NO_READ = 12,
	GUPX_REASON_NO_PAGE = 13,
	GUPX_REASON_DUMP_EMPTY = 14,
	GUPX_REASON_DUMP_SPECIAL = 15,
	GUPX_REASON_BAD_ENTRY = 16,
	GUPX_REASON_NOFAULT = 17,
	GUPX_REASON_WOULD_WAIT = 18,
	GUPX_REASON_FAULT_OOM = 19,
	GUPX_REASON_FAULT_HWPOISON = 20,
	GUPX_REASON_FAULT_SIGBUS = 21,
	GUPX_REASON_FAULT_SIGSEGV = 22,
	GUPX_REASON_REFCOUNT = 23,
	GUPX_REASON_P2PDMA = 24,
	GUPX_REASON_NOT_ACCESSIBLE = 25,
	GUPX_REASON_DEVMAP_GONE = 26,
	GUPX_REASON_MIGRATE = 27,
	GUPX_REASON_SIGNAL = 28,
	GUPX_REASON_MEMLOCK = 29,
	GUPX_REASON_NO_KERNEL_MEMORY = 30,
	GUPX_REASON_BUFFER = 31,
	GUPX_REASON_NO_PROGRESS = 32,
	GUPX_REASON_KERNEL_ENGINE = 33,
	GUPX_REASON_UNSUPPORTED = 34,
	GUPX_REASON_EXTENTS = 35,
};

/**
 * struct gupx_stop - where and why a request stopped short
 * @addr: [out] the first byte that was not done. addr + len where all was done.
 * @error: [out] errno as get_user_pages has it for this reason; 0: none, all was
 *	done, or %GUPX_REASON_WOULD_WAIT
 * @stage: [out] enum gupx_stage
 * @reason: [out] enum gupx_reason
 */
struct gupx_stop {
	__aligned_u64 addr;
	__u32 error;
	__u16 stage;
	__u16 reason;
};

/**
 * struct gupx_info - ioctl(GUPX_IOC_INFO): what this module is and can do
 * @size: [in] sizeof(struct gupx_info)
 * @flags: [in] 0
 * @abi: [out] %GUPX_ABI of the module
 * @page_size: [out] bytes; the alignment that PIN and POPULATE want
 * @pin_flags: [out] flags that PIN takes; 0: no such verb
 * @populate_flags: [out] the same for POPULATE
 * @read_flags: [out] the same for READ
 * @explain_flags: [out] the same for EXPLAIN
 * @params: [out] %GUPX_PARAM_*: what the administrator has allowed
 * @max_pin_mib: [out] MiB that one PIN may ask for
 * @memlock_limit: [out] the caller's RLIMIT_MEMLOCK, bytes; all ones: none, or
 *	CAP_IPC_LOCK
 * @memlock_used: [out] bytes charged to the caller's user now: our pins and
 *	those of other drivers that charge the user
 * @version: [out] the module's version, NUL-terminated
 * @max_extents: [out] extents that one user may hold in all pin fds: the module
 *	parameter max_extents
 * @extents_used: [out] extents that the caller's user holds now
 */
struct gupx_info {
	__u32 size;
	__u32 flags;
	__u32 abi;
	__u32 page_size;
	__u32 pin_flags;
	__u32 populate_flags;
	__u32 read_flags;
	__u32 explain_flags;
	__u32 params;
	__u32 max_pin_mib;
	__aligned_u64 memlock_limit;
	__aligned_u64 memlock_used;
	__u8 version[32];
	__aligned_u64 max_extents;
	__aligned_u64 extents_used;
};

#define GUPX_PARAM_FORCE (1U << 0)
#define GUPX_PARAM_SHORT_PINS (1U << 1)
#define GUPX_PARAM_KERNEL_ENGINE (1U << 2)
/* New pins are made at all. */
#define GUPX_PARAM_PINS (1U << 3)

/**
 * struct gupx_pin - ioctl(GUPX_IOC_PIN): take and hold pages of the target
 * @size: [in] sizeof(struct gupx_pin)
 * @flags: [in] %GUPX_PIN_FLAGS
 * @mem_fd: [in] open /proc/PID/mem; for writing where %GUPX_F_WRITE is set
 * @pin_fd: [in,out] in: -1 for a new pin fd, or one to add to; out: the pin fd
 *	that owns the pages, -1 where a new one was asked and nothing was pinned
 * @addr: [in] page aligned
 * @len: [in] bytes, page aligned; what is longer than one request may be goes
 *	into one pin fd by several. 0 does nothing and succeeds.
 * @done: [out] bytes pinned, from @addr on
 * @stop: [out]
 * @memlock_limit: [out] bytes; all ones: none. Also where ioctl() fails with
 *	ENOBUFS.
 * @memlock_used: [out] bytes charged to the caller's user before this request
 * @memlock_asked: [out] bytes this request wanted to charge
 *
 * The pages stay pinned until the last reference to the pin fd goes: close(),
 * exit, munmap() of its windows, and whatever else drops it; or until UNPIN.
 *
 * What is charged to the user, unless he has CAP_IPC_LOCK: each page of each pin,
 * however often it is pinned. The first part of a large folio in a pin fd pays for
 * the whole folio, and for at least 9 pages; a run of the zero page for one page.
 *
 * The pin fd is also a file of the pinned bytes, in the order they were pinned.
 * pread() copies them (EHWPOISON: a poisoned page). mmap() shows them without a
 * copy, and fails with EINVAL unless it is MAP_SHARED, with EPERM where it is
 * executable, a pin is %GUPX_F_SHORT, or it is writable and the pin fd is sealed
 * against that, with EACCES where it is writable and not every page was pinned for
 * writing, or the pin fd is %GUPX_F_READ_ONLY; with ENODEV on a kernel booted with
 * page_table_check=on, which takes such a mapping for corruption. A touch past the last page is SIGBUS,
 * and so is one of a page that was released, or, in a window that may be writable,
 * of a page that was pinned for reading. pread() of a released page is ENODATA.
 * Where a hugetlb page is poisoned in part, all of it counts as poisoned. What is
 * written through the window leaves no soft-dirty or userfaultfd mark in the
 * target; after exec or MADV_DONTNEED there the window shows the old page.
 */
struct gupx_pin {
	__u32 size;
	__u32 flags;
	__s32 mem_fd;
	__s32 pin_fd;
	__aligned_u64 addr;
	__aligned_u64 len;
	__aligned_u64 done;
	struct gupx_stop stop;
	__aligned_u64 memlock_limit;
	__aligned_u64 memlock_used;
	__aligned_u64 memlock_asked;
};

/**
 * struct gupx_populate - ioctl(GUPX_IOC_POPULATE): fault the target's pages in
 * @size: [in] sizeof(struct gupx_populate)
 * @flags: [in] %GUPX_POPULATE_FLAGS
 * @mem_fd: [in] as in struct gupx_pin
 * @reserved: [in] 0
 * @addr: [in] page aligned
 * @len: [in] bytes, page aligned. 0 does nothing and succeeds.
 * @done: [out] bytes that are now mapped, from @addr on
 * @stop: [out]
 *
 * As madvise(MADV_POPULATE_READ) or, with %GUPX_F_WRITE, MADV_POPULATE_WRITE by
 * the target itself; also on kernels older than those. Pages of the page cache
 * and new page tables are charged to the caller's memory cgroup, anonymous and
 * shmem pages to the target's. Where the mapping has no NUMA policy, the
 * caller's decides.
 */
struct gupx_populate {
	__u32 size;
	__u32 flags;
	__s32 mem_fd;
	__u32 reserved;
	__aligned_u64 addr;
	__aligned_u64 len;
	__aligned_u64 done;
	struct gupx_stop stop;
};

/**
 * struct gupx_read - ioctl(GUPX_IOC_READ): copy the target's memory
 * @size: [in] sizeof(struct gupx_read)
 * @flags: [in] %GUPX_READ_FLAGS. %GUPX_F_NOFAULT reads what is resident only.
 * @mem_fd: [in] open for reading
 * @reserved: [in] 0
 * @addr: [in] any
 * @len: [in] bytes, any. 0 does nothing and succeeds.
 * @buf: [in] address of the caller's buffer, @len bytes
 * @done: [out] bytes copied
 * @stop: [out]
 */
struct gupx_read {
	__u32 size;
	__u32 flags;
	__s32 mem_fd;
	__u32 reserved;
	__aligned_u64 addr;
	__aligned_u64 len;
	__aligned_u64 buf;
	__aligned_u64 done;
	struct gupx_stop stop;
};

/* gupx_explain.verb: the request that is to be judged. */
#define GUPX_VERB_PIN 0
#define GUPX_VERB_POPULATE 1
#define GUPX_VERB_READ 2

/**
 * enum gupx_outcome - what a request would do with a run of pages
 * @GUPX_OUTCOME_TAKE: take them as they are
 * @GUPX_OUTCOME_SKIP: count them as done; there is no page to take
 * @GUPX_OUTCOME_FAULT: fault them in first
 * @GUPX_OUTCOME_UNSHARE: make them the target's own first
 * @GUPX_OUTCOME_MIGRATE: have the kernel take them: they may not be held for
 *	long where they are, or only the kernel knows what they are
 * @GUPX_OUTCOME_STOP: end here
 */
enum gupx_outcome {
	GUPX_OUTCOME_TAKE = 0,
	GUPX_OUTCOME_SKIP = 1,
	GUPX_OUTCOME_FAULT = 2,
	GUPX_OUTCOME_UNSHARE = 3,
	GUPX_OUTCOME_MIGRATE = 4,
	GUPX_OUTCOME_STOP = 5,
};

/**
 * enum gupx_content - what is at an address now
 * @GUPX_CONTENT_HOLE: no mapping
 * @GUPX_CONTENT_UNSEEN: a mapping that may not be looked into
 * @GUPX_CONTENT_EMPTY: nothing was put here yet
 * @GUPX_CONTENT_ABSENT: swapped out, being migrated, or marked
 * @GUPX_CONTENT_ANON: an anonymous page
 * @GUPX_CONTENT_FILE: a page of a file or of shared memory
 * @GUPX_CONTENT_ZERO: the zero page, or the huge one
 * @GUPX_CONTENT_FRAME: memory without a struct page
 * @GUPX_CONTENT_DEVICE: device memory that only the kernel can take
 * @GUPX_CONTENT_GATE: the vsyscall page
 * @GUPX_CONTENT_BAD: a corrupted entry
 */
enum gupx_content {
	GUPX_CONTENT_HOLE = 0,
	GUPX_CONTENT_UNSEEN = 1,
	GUPX_CONTENT_EMPTY = 2,
	GUPX_CONTENT_ABSENT = 3,
	GUPX_CONTENT_ANON = 4,
	GUPX_CONTENT_FILE = 5,
	GUPX_CONTENT_ZERO = 6,
	GUPX_CONTENT_FRAME = 7,
	GUPX_CONTENT_DEVICE = 8,
	GUPX_CONTENT_GATE = 9,
	GUPX_CONTENT_BAD = 10,
};

/* The page-table entry allows writing. */
#define GUPX_JUDGED_WRITABLE (1U << 0)
/* An anonymous page that nobody else shares. */
#define GUPX_JUDGED_EXCLUSIVE (1U << 1)

/**
 * struct gupx_judgement - a run of equal pages, and what would become of it
 * @addr: [out] first byte
 * @len: [out] bytes
 * @error: [out] errno, where @outcome is %GUPX_OUTCOME_STOP
 * @stage: [out] enum gupx_stage of that
 * @reason: [out] enum gupx_reason of that
 * @outcome: [out] enum gupx_outcome
 * @content: [out] enum gupx_content
 * @shift: [out] log2 of the bytes that one entry maps: 12, 21, 30; 0: no entry
 * @reserved: [out] 0
 * @flags: [out] %GUPX_JUDGED_*
 */
struct gupx_judgement {
	__aligned_u64 addr;
	__aligned_u64 len;
	__u32 error;
	__u16 stage;
	__u16 reason;
	__u8 outcome;
	__u8 content;
	__u8 shift;
	__u8 reserved;
	__u32 flags;
};

/**
 * struct gupx_explain - ioctl(GUPX_IOC_EXPLAIN): judge a range, touch nothing
 * @size: [in] sizeof(struct gupx_explain)
 * @flags: [in] the flags of the request to be judged, but for
 *	%GUPX_F_ENGINE_KERNEL, which gives no reasons
 * @mem_fd: [in] as that request wants it
 * @verb: [in] %GUPX_VERB_*
 * @addr: [in] page aligned
 * @len: [in] bytes, page aligned
 * @buf: [in] address of an array of struct gupx_judgement
 * @capacity: [in] its length, entries
 * @count: [out] entries written
 * @done: [out] bytes judged: less than @len where @capacity ran out
 * @entry_size: [in] sizeof(struct gupx_judgement) as the caller knows it: of longer
 *	entries the caller gets the head, in longer ones the tail is zero
 * @reserved: [in] 0
 *
 * No fault, no reference kept, no mark left. The target runs on: what is told
 * was true of each page table at the moment it was looked at. Judging does not
 * end at the first stop.
 */
struct gupx_explain {
	__u32 size;
	__u32 flags;
	__s32 mem_fd;
	__u32 verb;
	__aligned_u64 addr;
	__aligned_u64 len;
	__aligned_u64 buf;
	__u32 capacity;
	__u32 count;
	__aligned_u64 done;
	__u32 entry_size;
	__u32 reserved;
};

/* Pinned for writing. */
#define GUPX_EXTENT_WRITE (1U << 0)
/* Taken by the kernel's own get_user_pages, not by our loop. */
#define GUPX_EXTENT_ENGINE_KERNEL (1U << 1)
/*
 * The one zero page, over and over: @pfn is the frame of each page of the run.
 * Where the kernel does not count pins of it, nor do we.
 */
#define GUPX_EXTENT_ZERO (1U << 2)
/* Not fit to be held for long: %GUPX_F_SHORT. */
#define GUPX_EXTENT_SHORT (1U << 3)

#define GUPX_PFN_HIDDEN (~0ULL)

/**
 * struct gupx_extent - a run of pages, contiguous in the target and, for holders of
 *	CAP_SYS_ADMIN, in memory
 * @addr: [out] address in the target when it was pinned
 * @len: [out] bytes
 * @pfn: [out] frame number of the first page; %GUPX_PFN_HIDDEN without
 *	CAP_SYS_ADMIN
 * @flags: [out] %GUPX_EXTENT_*
 * @order: [out] log2 of the pages in the folio that the run lies in. 0: a run of
 *	one-page folios.
 * @offset: [out] of its first byte in the pin fd; what UNPIN and pread() take
 */
struct gupx_extent {
	__aligned_u64 addr;
	__aligned_u64 len;
	__aligned_u64 pfn;
	__u32 flags;
	__u32 order;
	__aligned_u64 offset;
};

/**
 * struct gupx_extents - ioctl(GUPX_IOC_EXTENTS) on a pin fd: what it holds
 * @size: [in] sizeof(struct gupx_extents)
 * @flags: [in] 0
 * @first: [in] index of the first extent wanted
 * @buf: [in] address of an array of struct gupx_extent
 * @capacity: [in] its length, entries
 * @count: [out] entries written
 * @total: [out] extents the pin fd holds now
 * @bytes: [out] bytes the pin fd holds now
 * @charged: [out] bytes charged for them to the user who made the pin fd
 * @length: [out] bytes of the pin fd as a file, released ones included
 * @entry_size: [in] sizeof(struct gupx_extent) as the caller knows it: as in struct
 *	gupx_explain
 * @seals: [out] %GUPX_SEAL_*
 *
 * Where pages lie in memory is for CAP_SYS_ADMIN alone. For anybody else runs are
 * joined that follow each other in the target, in the pin fd, and are alike.
 */
struct gupx_extents {
	__u32 size;
	__u32 flags;
	__aligned_u64 first;
	__aligned_u64 buf;
	__u32 capacity;
	__u32 count;
	__aligned_u64 total;
	__aligned_u64 bytes;
	__aligned_u64 charged;
	__aligned_u64 length;
	__u32 entry_size;
	__u32 seals;
};

/**
 * struct gupx_unpin - ioctl(GUPX_IOC_UNPIN) on a pin fd: release a part of it
 * @size: [in] sizeof(struct gupx_unpin)
 * @flags: [in] 0
 * @offset: [in] in the pin fd, page aligned
 * @len: [in] bytes, page aligned. 0 does nothing and succeeds.
 * @released: [out] bytes that were released; what was released before, or lies
 *	beyond the end, is passed over
 *
 * For the user who made the pin fd: EXDEV for others. Nothing moves: the other pages
 * keep their offsets. Windows lose the released pages: a touch is SIGBUS. The charge
 * goes with the pages; that of a large folio held in parts, with the last of them.
 * ENOMEM: no memory to split a run; nothing was released.
 */
struct gupx_unpin {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 len;
	__aligned_u64 released;
};

/* No PIN adds to the pin fd any more. */
#define GUPX_SEAL_PIN (1U << 0)
/* It gets no writable window any more. EBUSY while it has one. */
#define GUPX_SEAL_WRITE (1U << 1)
/* No UNPIN takes from it any more. */
#define GUPX_SEAL_UNPIN (1U << 2)
#define GUPX_SEALS (GUPX_SEAL_PIN | GUPX_SEAL_WRITE | GUPX_SEAL_UNPIN)

/**
 * struct gupx_seal - ioctl(GUPX_IOC_SEAL) on a pin fd: rule something out for good
 * @size: [in] sizeof(struct gupx_seal)
 * @flags: [in] 0
 * @seals: [in] %GUPX_SEAL_* to be added; 0 only asks
 * @sealed: [out] all that it has now
 *
 * To add one is for the user who made the pin fd: EXDEV for others. There is no way
 * to take one off.
 */
struct gupx_seal {
	__u32 size;
	__u32 flags;
	__u32 seals;
	__u32 sealed;
};

#endif /* _UAPI_LINUX_GUPX_H */
