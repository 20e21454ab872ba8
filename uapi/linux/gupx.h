/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * gupx: get_user_pages on the memory of another process, from user space.
 *
 * Every request names its target by @mem_fd, an open file descriptor of
 * /proc/PID/mem. The open() of that file ran the kernel's own ptrace check, and the
 * descriptor names one address space for its whole life. If another process than the
 * opener uses it, or the opener has changed its credentials, the module repeats the
 * check for the caller. Sizes and addresses are in bytes.
 *
 * Two kinds of failure
 * --------------------
 * ioctl() fails only if the request never reached the page-table loop. It then
 * returns -1 and errno has exactly one of these meanings:
 *
 *   ENOTTY       no such ioctl: the module is older than the caller
 *   EOPNOTSUPP   an unknown flag, or a verb that this module does not implement
 *   E2BIG        the struct has a tail that this module does not know and that is
 *                not all zero; or the struct or an array entry is longer than a page
 *   EINVAL       malformed request: the size of the struct or of an array entry is
 *                too small, a reserved field is not zero, an address, offset or
 *                length is not page aligned where it must be, the range wraps around
 *                or reaches into the last page of the address space, or flags
 *                contradict each other or another field
 *   EFAULT       the caller's own struct or buffer cannot be read or written
 *   EBADF        @mem_fd or @pin_fd is not an open file (O_PATH does not count)
 *   EMEDIUMTYPE  @mem_fd is open but is no /proc/PID/mem, or @pin_fd is no pin fd
 *   EACCES       the caller may not access the target: @mem_fd is not open for
 *                reading, or not for writing although %GUPX_F_WRITE is set, or it was
 *                opened with rights that the caller does not have
 *   EPERM        not permitted: a flag needs a module parameter or a capability, the
 *                module parameter allow_pins is off (PIN), or a seal of the pin fd
 *                forbids it
 *   ESRCH        the address space is gone (exit, exec) or never existed (kernel
 *                thread)
 *   EXDEV        @pin_fd holds pins of another address space, or pins that are
 *                charged to another user
 *   EFBIG        PIN asks for more than the module parameter max_pin_mib allows
 *   EBUSY        SEAL: the pin fd has a writable window, or a PIN is adding to it
 *   ENOBUFS      RLIMIT_MEMLOCK is too low; struct gupx_pin returns limit, usage and
 *                request
 *   EDQUOT       UNPIN would cut an extent in two, and the user already has as many
 *                extents as the module parameter max_extents allows
 *   ENOMEM       no kernel memory for the request's own bookkeeping
 *   EMFILE       the process has no free file descriptor for a new pin fd
 *   ENFILE       the system has no free open file
 *   EINTR        a fatal signal arrived before the loop began, or during EXPLAIN or
 *                EXTENTS
 *   ENODEV       the module is being unloaded by force
 *
 * Once the loop has run, ioctl() returns 0 and the struct has the result: @done bytes,
 * and in @stop the address, stage and reason of an early end, with the errno that
 * get_user_pages has for it. get_user_pages itself would have returned
 * `done ? done / page size : -stop.error`.
 *
 * A struct that cannot be written is refused before any work. If it becomes unwritable
 * while the request runs (another thread calls munmap(), say), ioctl() fails with
 * EFAULT and only the answer is lost: a new pin fd is closed and its pins are released,
 * pins added to an existing pin fd stay in it (EXTENTS lists them), and populated pages
 * stay populated. EXPLAIN and EXTENTS have no side effects; they also fail with EFAULT
 * if their buffer ends early, even if some entries were written.
 *
 * Extending the structs
 * ---------------------
 * Each struct begins with its @size as the caller knows it. A module that knows a
 * longer struct treats the missing tail as zero. A module that knows a shorter one
 * refuses a tail that is not zero. Field tags: [in], [out], [in,out].
 */
#ifndef _UAPI_LINUX_GUPX_H
#define _UAPI_LINUX_GUPX_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GUPX_DEVICE "/dev/gupx"

/*
 * Raised if programs built for an older number would misbehave. Additions do not raise
 * it.
 */
#define GUPX_ABI 2

#define GUPX_IOC_TYPE 0xE9

#define GUPX_IOC_INFO _IO(GUPX_IOC_TYPE, 0x00)
#define GUPX_IOC_PIN _IO(GUPX_IOC_TYPE, 0x01)
#define GUPX_IOC_POPULATE _IO(GUPX_IOC_TYPE, 0x02)
#define GUPX_IOC_READ _IO(GUPX_IOC_TYPE, 0x03)
#define GUPX_IOC_EXPLAIN _IO(GUPX_IOC_TYPE, 0x04)

/* The ioctls of a pin fd. */
#define GUPX_IOC_EXTENTS _IO(GUPX_IOC_TYPE, 0x40)
#define GUPX_IOC_UNPIN _IO(GUPX_IOC_TYPE, 0x41)
#define GUPX_IOC_SEAL _IO(GUPX_IOC_TYPE, 0x42)

/*
 * Request flags. %GUPX_PIN_FLAGS and the other sets below list the flags of each verb;
 * GUPX_IOC_INFO returns them at run time.
 */

/* Access for writing: breaks copy-on-write, needs a @mem_fd open for writing. */
#define GUPX_F_WRITE (1U << 0)
/*
 * Override the mapping's protection, like ptrace. Needs the module parameter
 * allow_force and CAP_SYS_PTRACE.
 */
#define GUPX_F_FORCE (1U << 1)
/* Take only pages that are mapped already; stop where a page fault is needed. */
#define GUPX_F_NOFAULT (1U << 2)
/* Fault pages in, but never wait for I/O; stop where a wait is needed. */
#define GUPX_F_NOWAIT (1U << 3)
/* Accept anonymous mappings only. */
#define GUPX_F_ANON (1U << 4)
/* Like a core dump: stop at memory that was never touched instead of filling it. */
#define GUPX_F_DUMP (1U << 5)
/* Report poisoned memory as EHWPOISON, not EFAULT. POPULATE always does. */
#define GUPX_F_HWPOISON (1U << 6)
/* Any signal ends a wait for a page, not only a fatal one. */
#define GUPX_F_INTERRUPTIBLE (1U << 7)
/* Take a fault on a NUMA hinting entry instead of following it. */
#define GUPX_F_HONOR_NUMA (1U << 8)
/*
 * Run the kernel's own get_user_pages instead of the module's loop, for comparison; it
 * is no fallback. Needs the module parameter allow_kernel_engine or CAP_SYS_ADMIN.
 */
#define GUPX_F_ENGINE_KERNEL (1U << 9)
/*
 * Pin without FOLL_LONGTERM and hold the pins anyway, to reproduce memory hot-unplug
 * and CMA bugs. Needs the module parameter allow_short_pins and CAP_SYS_ADMIN.
 */
#define GUPX_F_SHORT (1U << 10)
/*
 * Make the new pin fd read-only: it never has a writable window, in any process that
 * receives it. Like %GUPX_SEAL_WRITE from the start. Only for a PIN that creates a
 * pin fd.
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
/* For a judged PIN. The other verbs accept the flags that are also in their own set. */
#define GUPX_EXPLAIN_FLAGS \
	(GUPX_PIN_FLAGS & ~(GUPX_F_ENGINE_KERNEL | GUPX_F_READ_ONLY))

/**
 * enum gupx_stage - the stage of the loop at which a request stopped
 * @GUPX_STAGE_NONE: it did not stop early
 * @GUPX_STAGE_LOOKUP: looking up the mapping at the address
 * @GUPX_STAGE_VMA: checking the mapping; if it does not fit, POPULATE reports EINVAL
 *	for every reason, like madvise()
 * @GUPX_STAGE_GATE: the vsyscall page, which no VMA describes
 * @GUPX_STAGE_FOLLOW: checking the page-table entry
 * @GUPX_STAGE_FAULT: faulting the page in
 * @GUPX_STAGE_GRAB: taking a reference on the page
 * @GUPX_STAGE_SIGNAL: a signal for the caller
 * @GUPX_STAGE_ACCOUNT: charging the pins
 * @GUPX_STAGE_COPY: copying to the caller's buffer
 * @GUPX_STAGE_ENGINE: inside the kernel's own get_user_pages, which gives no reason
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
 * @GUPX_REASON_NONE: it did not stop early
 * @GUPX_REASON_NO_MAPPING: no mapping at the address (EFAULT; POPULATE: ENOMEM)
 * @GUPX_REASON_GATE_WRITE: the vsyscall page is never writable (EFAULT)
 * @GUPX_REASON_GATE_EMPTY: the vsyscall page has no readable entry (EFAULT)
 * @GUPX_REASON_IO_MAPPING: the mapping is of device memory or raw page frames: VM_IO
 *	or VM_PFNMAP (EFAULT)
 * @GUPX_REASON_NOT_ANON: %GUPX_F_ANON is set, but the mapping is of a file (EFAULT)
 * @GUPX_REASON_FSDAX: pages of a DAX file cannot be pinned long-term (EOPNOTSUPP)
 * @GUPX_REASON_SECRETMEM: memfd_secret() memory is never accessible (EFAULT)
 * @GUPX_REASON_DIRTY_TRACKING: the mapping is shared and writable, of a file whose
 *	filesystem tracks writes; it cannot be pinned long-term for writing (EFAULT)
 * @GUPX_REASON_NO_WRITE: the mapping is not writable (EFAULT)
 * @GUPX_REASON_FORCE_HUGETLB: FORCE cannot write to hugetlb (EFAULT)
 * @GUPX_REASON_FORCE_SHARED: FORCE cannot write to a mapping that is not
 *	copy-on-write (EFAULT)
 * @GUPX_REASON_NO_READ: the mapping is not readable (EFAULT)
 * @GUPX_REASON_NO_PAGE: the entry maps a page frame without a struct page (EEXIST)
 * @GUPX_REASON_DUMP_EMPTY: %GUPX_F_DUMP is set and the memory was never touched
 *	(EFAULT)
 * @GUPX_REASON_DUMP_SPECIAL: %GUPX_F_DUMP is set and the entry is the zero page or
 *	another special entry (EFAULT)
 * @GUPX_REASON_BAD_ENTRY: the page-table entry is corrupted (EFAULT)
 * @GUPX_REASON_NOFAULT: %GUPX_F_NOFAULT is set and the page cannot be taken without a
 *	page fault (EFAULT)
 * @GUPX_REASON_WOULD_WAIT: %GUPX_F_NOWAIT is set and the page needs a wait (no error)
 * @GUPX_REASON_FAULT_OOM: no memory for the page (ENOMEM)
 * @GUPX_REASON_FAULT_HWPOISON: the page is poisoned (EHWPOISON or EFAULT)
 * @GUPX_REASON_FAULT_SIGBUS: an access would raise SIGBUS: past the end of the file,
 *	an I/O error, or a userfaultfd that does not serve kernel faults (EFAULT)
 * @GUPX_REASON_FAULT_SIGSEGV: an access would raise SIGSEGV (EFAULT)
 * @GUPX_REASON_REFCOUNT: the page's reference count is exhausted (ENOMEM)
 * @GUPX_REASON_P2PDMA: the page is PCI peer-to-peer memory (EREMOTEIO)
 * @GUPX_REASON_NOT_ACCESSIBLE: the architecture cannot make the page accessible
 * @GUPX_REASON_DEVMAP_GONE: the device memory behind the entry was removed (EFAULT)
 * @GUPX_REASON_MIGRATE: the page may not be pinned long-term where it is, and could
 *	not be migrated (ENOMEM or EBUSY)
 * @GUPX_REASON_SIGNAL: a signal arrived (EINTR)
 * @GUPX_REASON_MEMLOCK: RLIMIT_MEMLOCK is too low, because the first part of a large
 *	folio is charged for the whole folio (ENOBUFS)
 * @GUPX_REASON_NO_KERNEL_MEMORY: no memory for bookkeeping (ENOMEM)
 * @GUPX_REASON_BUFFER: the caller's buffer cannot be written (EFAULT)
 * @GUPX_REASON_NO_PROGRESS: the loop ended with neither a page nor an error (EFAULT)
 * @GUPX_REASON_KERNEL_ENGINE: the kernel's own get_user_pages stopped here
 * @GUPX_REASON_UNSUPPORTED: the kernel would get it wrong (EOPNOTSUPP). A copy-on-write
 *	of memory without a struct page copies from the caller, not from the target; a
 *	kernel's engine WARNs if it cannot migrate hugetlb.
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
 * struct gupx_stop - address and reason of an early end of a request
 * @addr: [out] first byte that is not done; addr + len if all is done
 * @error: [out] errno that get_user_pages has for this reason; 0 if all is done, or
 *	for %GUPX_REASON_WOULD_WAIT
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
 * struct gupx_info - ioctl(GUPX_IOC_INFO): query version, features and limits
 * @size: [in] sizeof(struct gupx_info)
 * @flags: [in] 0
 * @abi: [out] %GUPX_ABI of the module
 * @page_size: [out] bytes; the alignment that PIN and POPULATE need
 * @pin_flags: [out] flags that PIN accepts; 0: PIN is not implemented
 * @populate_flags: [out] the same for POPULATE
 * @read_flags: [out] the same for READ
 * @explain_flags: [out] the same for EXPLAIN
 * @params: [out] %GUPX_PARAM_*: module parameters that the administrator has enabled
 * @max_pin_mib: [out] MiB that one PIN may ask for
 * @memlock_limit: [out] RLIMIT_MEMLOCK of the caller, bytes; all ones: unlimited, or
 *	the caller has CAP_IPC_LOCK
 * @memlock_used: [out] bytes charged to the caller's user now, by this module and by
 *	other drivers that charge the user
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
/* New pins are allowed: the module parameter allow_pins. */
#define GUPX_PARAM_PINS (1U << 3)

/**
 * struct gupx_pin - ioctl(GUPX_IOC_PIN): pin pages of the target and hold them
 * @size: [in] sizeof(struct gupx_pin)
 * @flags: [in] %GUPX_PIN_FLAGS
 * @mem_fd: [in] open /proc/PID/mem; open for writing if %GUPX_F_WRITE is set
 * @pin_fd: [in,out] in: a pin fd to add to, or -1 for a new one; out: the pin fd that
 *	owns the pages, or -1 if a new one was asked for and nothing was pinned
 * @addr: [in] page aligned
 * @len: [in] bytes, page aligned. 0 does nothing and succeeds. A range longer than
 *	max_pin_mib takes several requests into one pin fd.
 * @done: [out] bytes pinned, from @addr on
 * @stop: [out] where and why the request stopped early
 * @memlock_limit: [out] bytes; all ones: unlimited. This and the next two fields are
 *	also valid if ioctl() fails with ENOBUFS.
 * @memlock_used: [out] bytes charged to the caller's user before this request
 * @memlock_asked: [out] bytes that this request wanted to charge
 *
 * The pages stay pinned until UNPIN releases them, or until the last reference to the
 * pin fd is dropped (by close(), exit, munmap() of its windows and so on).
 *
 * Each page of each pin is charged to the user, however often the page is pinned,
 * unless the caller has CAP_IPC_LOCK. The first part of a large folio in a pin fd is
 * charged for the whole folio, and for at least 9 pages. A run of the zero page is
 * charged as one page if the kernel does not count pins of the zero page, else for
 * each page.
 *
 * The pin fd is also a file of the pinned bytes, in the order they were pinned.
 *
 * pread() copies them. It fails with EHWPOISON at a poisoned page and with ENODATA at
 * a released page. If part of a hugetlb page is poisoned, all of it counts as poisoned.
 *
 * mmap() maps them without a copy; the mapping is called a window. It fails with EINVAL
 * unless it is MAP_SHARED; with EPERM if it is executable, if a pin is %GUPX_F_SHORT, or
 * if it is writable and %GUPX_SEAL_WRITE is set; and with EACCES if it is writable and
 * not every page was pinned for writing, or the pin fd is %GUPX_F_READ_ONLY.
 *
 * An access to a window raises SIGBUS past the last page, at a released page, and, if
 * the window may be writable, at a page that was pinned for reading. Writes through a
 * window leave no soft-dirty or userfaultfd mark in the target. After exec or
 * MADV_DONTNEED in the target, the window shows the old page.
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
 * struct gupx_populate - ioctl(GUPX_IOC_POPULATE): fault in pages of the target
 * @size: [in] sizeof(struct gupx_populate)
 * @flags: [in] %GUPX_POPULATE_FLAGS
 * @mem_fd: [in] as in struct gupx_pin
 * @reserved: [in] 0
 * @addr: [in] page aligned
 * @len: [in] bytes, page aligned. 0 does nothing and succeeds.
 * @done: [out] bytes that are now mapped, from @addr on
 * @stop: [out] where and why the request stopped early
 *
 * Equivalent to madvise(MADV_POPULATE_READ), or MADV_POPULATE_WRITE if %GUPX_F_WRITE is
 * set, by the target itself. Page-cache pages and new page tables are charged to the
 * caller's memory cgroup, anonymous and shmem pages to the target's. If the mapping has
 * no NUMA policy, the caller's policy applies.
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
 * struct gupx_read - ioctl(GUPX_IOC_READ): copy memory of the target
 * @size: [in] sizeof(struct gupx_read)
 * @flags: [in] %GUPX_READ_FLAGS. With %GUPX_F_NOFAULT only resident memory is read.
 * @mem_fd: [in] open for reading
 * @reserved: [in] 0
 * @addr: [in] any alignment
 * @len: [in] bytes, any alignment. 0 does nothing and succeeds.
 * @buf: [in] address of the caller's buffer, @len bytes
 * @done: [out] bytes copied
 * @stop: [out] where and why the request stopped early
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

/* gupx_explain.verb: the request to judge. */
#define GUPX_VERB_PIN 0
#define GUPX_VERB_POPULATE 1
#define GUPX_VERB_READ 2

/**
 * enum gupx_outcome - how a request would treat a run of pages
 * @GUPX_OUTCOME_TAKE: take them as they are
 * @GUPX_OUTCOME_SKIP: count them as done; there is no page to take
 * @GUPX_OUTCOME_FAULT: fault them in first
 * @GUPX_OUTCOME_UNSHARE: unshare them first: give the target its own copies
 * @GUPX_OUTCOME_MIGRATE: let the kernel take them, because they must be migrated for a
 *	long-term pin, or because only the kernel knows what they are
 * @GUPX_OUTCOME_STOP: stop here
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
 * enum gupx_content - the memory at an address
 * @GUPX_CONTENT_HOLE: no mapping
 * @GUPX_CONTENT_UNSEEN: a mapping that the request may not access
 * @GUPX_CONTENT_EMPTY: never touched
 * @GUPX_CONTENT_ABSENT: swapped out, under migration, or a marker entry
 * @GUPX_CONTENT_ANON: an anonymous page
 * @GUPX_CONTENT_FILE: a page of a file or of shared memory
 * @GUPX_CONTENT_ZERO: the zero page or the huge zero page
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
/* An anonymous page that is exclusive to the target. */
#define GUPX_JUDGED_EXCLUSIVE (1U << 1)

/**
 * struct gupx_judgement - a run of equal pages and the outcome for them
 * @addr: [out] first byte
 * @len: [out] bytes
 * @error: [out] errno if @outcome is %GUPX_OUTCOME_STOP
 * @stage: [out] enum gupx_stage of the stop
 * @reason: [out] enum gupx_reason of the stop
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
 * struct gupx_explain - ioctl(GUPX_IOC_EXPLAIN): judge a range without touching it
 * @size: [in] sizeof(struct gupx_explain)
 * @flags: [in] flags of the request to judge: %GUPX_EXPLAIN_FLAGS. %GUPX_F_ENGINE_KERNEL
 *	is not accepted because that engine gives no reasons.
 * @mem_fd: [in] as for the request to judge
 * @verb: [in] %GUPX_VERB_*
 * @addr: [in] page aligned
 * @len: [in] bytes, page aligned
 * @buf: [in] address of an array of struct gupx_judgement
 * @capacity: [in] length of the array, entries
 * @count: [out] entries written
 * @done: [out] bytes judged; less than @len if @capacity was too small
 * @entry_size: [in] sizeof(struct gupx_judgement) as the caller knows it. If that is
 *	shorter than the module's, the entries are cut; if it is longer, their tails are
 *	zeroed.
 * @reserved: [in] 0
 *
 * EXPLAIN faults nothing in, keeps no reference and leaves no mark. The target keeps
 * running: each judgement was true when its page table was read. Judging does not end at
 * the first stop.
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
/* Pinned by the kernel's own get_user_pages, not by the module's loop. */
#define GUPX_EXTENT_ENGINE_KERNEL (1U << 1)
/*
 * The zero page, repeated: @pfn is the frame of every page of the run. If the kernel
 * does not count pins of the zero page, neither does the module.
 */
#define GUPX_EXTENT_ZERO (1U << 2)
/* Pinned with %GUPX_F_SHORT: not fit to be held for long. */
#define GUPX_EXTENT_SHORT (1U << 3)

#define GUPX_PFN_HIDDEN (~0ULL)

/**
 * struct gupx_extent - a run of pages, contiguous in the target and, for callers with
 *	CAP_SYS_ADMIN, in physical memory
 * @addr: [out] address in the target when it was pinned
 * @len: [out] bytes
 * @pfn: [out] frame number of the first page; %GUPX_PFN_HIDDEN without CAP_SYS_ADMIN
 * @flags: [out] %GUPX_EXTENT_*
 * @order: [out] log2 of the pages in the folio that contains the run; 0: a run of
 *	one-page folios
 * @offset: [out] offset of the first byte in the pin fd, for UNPIN and pread()
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
 * struct gupx_extents - ioctl(GUPX_IOC_EXTENTS) on a pin fd: list its extents
 * @size: [in] sizeof(struct gupx_extents)
 * @flags: [in] 0
 * @first: [in] index of the first extent to return
 * @buf: [in] address of an array of struct gupx_extent
 * @capacity: [in] length of the array, entries
 * @count: [out] entries written
 * @total: [out] extents that the pin fd holds now
 * @bytes: [out] bytes that the pin fd holds now
 * @charged: [out] bytes charged for them to the user who created the pin fd
 * @length: [out] length of the pin fd as a file, bytes, with released pages
 * @entry_size: [in] sizeof(struct gupx_extent) as the caller knows it; see struct
 *	gupx_explain
 * @seals: [out] %GUPX_SEAL_*
 *
 * Only CAP_SYS_ADMIN sees physical addresses. For other callers, runs are joined if they
 * follow each other in the target and in the pin fd and have the same flags and order.
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
 * struct gupx_unpin - ioctl(GUPX_IOC_UNPIN) on a pin fd: release part of it
 * @size: [in] sizeof(struct gupx_unpin)
 * @flags: [in] 0
 * @offset: [in] offset in the pin fd, page aligned
 * @len: [in] bytes, page aligned. 0 does nothing and succeeds.
 * @released: [out] bytes released. Pages released earlier, or beyond the end, are
 *	skipped.
 *
 * Only the user who created the pin fd may call it; others get EXDEV. The other pages
 * keep their offsets. Windows lose the released pages: an access raises SIGBUS. Released
 * pages are uncharged; the extra charge for a folio that is held in parts is returned
 * with its last part. ENOMEM: no memory to split a run. ENOBUFS: RLIMIT_MEMLOCK is too
 * low to charge for the split. In both cases nothing is released.
 */
struct gupx_unpin {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 len;
	__aligned_u64 released;
};

/* PIN cannot add to the pin fd. EBUSY while a PIN is adding to it. */
#define GUPX_SEAL_PIN (1U << 0)
/* The pin fd gets no more writable windows. EBUSY while it has one. */
#define GUPX_SEAL_WRITE (1U << 1)
/* UNPIN cannot release pages of the pin fd. */
#define GUPX_SEAL_UNPIN (1U << 2)
#define GUPX_SEALS (GUPX_SEAL_PIN | GUPX_SEAL_WRITE | GUPX_SEAL_UNPIN)

/**
 * struct gupx_seal - ioctl(GUPX_IOC_SEAL) on a pin fd: forbid an operation permanently
 * @size: [in] sizeof(struct gupx_seal)
 * @flags: [in] 0
 * @seals: [in] %GUPX_SEAL_* to add; 0 only queries
 * @sealed: [out] all seals after the call
 *
 * Only the user who created the pin fd may add a seal; others get EXDEV. A seal cannot
 * be removed.
 */
struct gupx_seal {
	__u32 size;
	__u32 flags;
	__u32 seals;
	__u32 sealed;
};

#endif /* _UAPI_LINUX_GUPX_H */
