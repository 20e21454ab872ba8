/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * gupx: get_user_pages on the memory of another process, from user space.
 *
 * Every request names its target by @mem_fd, an open file descriptor of
 * /proc/PID/mem. The open() of that file ran the kernel's own ptrace check, and the
 * descriptor refers to the same address space until it is closed. If a process other
 * than the opener uses the descriptor, or if the opener has changed its credentials, the
 * module repeats the check for the caller. Sizes and addresses are in bytes.
 *
 * Two kinds of failure
 * --------------------
 * PIN, POPULATE, READ and READV process the range page by page, in a loop over the target's
 * page tables. If one of them fails before this loop starts, ioctl() returns -1. The other ioctls
 * return -1 for all failures. errno then has exactly one of these meanings:
 *
 *   ENOTTY       no such ioctl: the module is older than the caller
 *   EOPNOTSUPP   an unknown flag, or a verb that this module does not implement
 *   E2BIG        the struct has fields at its end that this module does not know, and
 *                not all of their bytes are zero; or the struct or an array entry is
 *                longer than a page
 *   EINVAL       malformed request: the size of the struct or of an array entry is
 *                too small, a reserved field is not zero, an address, offset or
 *                length is not page aligned where it must be, the range wraps around
 *                or reaches into the last page of the address space, flags
 *                contradict each other or another field, or READV has too many
 *                segments or too small a buffer for them
 *   EFAULT       the caller's own struct or buffer cannot be read or written
 *   EBADF        @mem_fd or @pin_fd is not an open file (O_PATH does not count)
 *   EMEDIUMTYPE  @mem_fd is an open file other than /proc/PID/mem, or @pin_fd is an
 *                open file other than a pin fd
 *   EACCES       the caller may not access the target: @mem_fd is not open for
 *                reading; or %GUPX_F_WRITE is set and @mem_fd is not open for writing;
 *                or @mem_fd was opened with rights that the caller does not have
 *   EPERM        not permitted: a flag needs a module parameter or a capability, the
 *                module parameter allow_pins is off (PIN), or a seal of the pin fd
 *                forbids it
 *   ESRCH        the address space is gone (exit, exec) or never existed (kernel
 *                thread)
 *   EXDEV        @pin_fd holds pins of another address space, or pins that are
 *                charged to another user
 *   EFBIG        the range of a PIN is larger than the module parameter max_pin_mib
 *                allows
 *   EBUSY        SEAL: the pin fd has a writable window, or a PIN is adding to it
 *   ENOBUFS      RLIMIT_MEMLOCK is too low; struct gupx_pin then contains the limit, the
 *                bytes charged so far, and the bytes that this request needed
 *   EDQUOT       UNPIN would cut an extent in two, and the user already has as many
 *                extents as the module parameter max_extents allows
 *   ENOMEM       the kernel has no memory for the data structures of the request
 *   EMFILE       the process has no free file descriptor for a new pin fd
 *   ENFILE       the system has no free open file
 *   EINTR        a fatal signal arrived before the loop began, or during EXPLAIN,
 *                EXTENTS, UNPIN or SEAL
 *   ENODEV       the module is being unloaded by force
 *
 * Once the loop has started, a failure ends the request early, but ioctl() returns 0 and
 * the struct contains the result (the only exception is EFAULT, see below). @done is the
 * number of bytes done. If the request ended early, @stop contains the address, the stage,
 * the reason, and the errno that get_user_pages uses for this reason. get_user_pages itself
 * would have returned `done ? done / page size : -stop.error`.
 *
 * If the caller's struct cannot be written, ioctl() fails before any work is done. If the
 * struct becomes unwritable while the request runs (for example because another thread
 * calls munmap()), ioctl() fails with EFAULT and the result is lost. A new pin fd is then
 * closed and its pins are released. Pins that were added to an existing pin fd stay in
 * that pin fd, and EXTENTS lists them. Populated pages stay populated. EXPLAIN, EXTENTS and
 * READV also fail with EFAULT if part of their array cannot be written, even if some entries
 * were written.
 *
 * Extending the structs
 * ---------------------
 * Each struct begins with @size, the size of the struct that the caller was compiled
 * with. If the module's struct is longer, the module treats the missing fields as zero.
 * If the module's struct is shorter, the module fails the request unless all bytes of the
 * unknown fields are zero. The fields are tagged with their direction: [in], [out] or
 * [in,out].
 */
#ifndef _UAPI_LINUX_GUPX_H
#define _UAPI_LINUX_GUPX_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GUPX_DEVICE "/dev/gupx"

/*
 * Version number of the ABI. It is raised if programs that were built for an older number
 * would no longer work correctly. New flags, fields and ioctls do not raise the number.
 */
#define GUPX_ABI 2

#define GUPX_IOC_TYPE 0xE9

#define GUPX_IOC_INFO _IO(GUPX_IOC_TYPE, 0x00)
#define GUPX_IOC_PIN _IO(GUPX_IOC_TYPE, 0x01)
#define GUPX_IOC_POPULATE _IO(GUPX_IOC_TYPE, 0x02)
#define GUPX_IOC_READ _IO(GUPX_IOC_TYPE, 0x03)
#define GUPX_IOC_EXPLAIN _IO(GUPX_IOC_TYPE, 0x04)
#define GUPX_IOC_READV _IO(GUPX_IOC_TYPE, 0x05)

/* The ioctls of a pin fd. */
#define GUPX_IOC_EXTENTS _IO(GUPX_IOC_TYPE, 0x40)
#define GUPX_IOC_UNPIN _IO(GUPX_IOC_TYPE, 0x41)
#define GUPX_IOC_SEAL _IO(GUPX_IOC_TYPE, 0x42)

/*
 * Request flags. %GUPX_PIN_FLAGS and the other sets below list the flags of each verb;
 * GUPX_IOC_INFO returns them at run time.
 */

/*
 * Access the memory for writing. This breaks copy-on-write and needs a @mem_fd that is
 * open for writing.
 */
#define GUPX_F_WRITE (1U << 0)
/*
 * Override the mapping's protection, like ptrace does. This flag needs the module
 * parameter allow_force and CAP_SYS_PTRACE.
 */
#define GUPX_F_FORCE (1U << 1)
/* Only use pages that are mapped already; stop where a page fault is needed. */
#define GUPX_F_NOFAULT (1U << 2)
/* Fault pages in, but never wait for I/O; stop where a wait is needed. */
#define GUPX_F_NOWAIT (1U << 3)
/* Accept anonymous mappings only. */
#define GUPX_F_ANON (1U << 4)
/*
 * Stop at memory that was never accessed instead of allocating pages for it, like a core
 * dump does.
 */
#define GUPX_F_DUMP (1U << 5)
/*
 * Report poisoned memory as EHWPOISON, not as EFAULT. POPULATE always reports it as
 * EHWPOISON.
 */
#define GUPX_F_HWPOISON (1U << 6)
/* Let any signal end a wait for a page, not only a fatal signal. */
#define GUPX_F_INTERRUPTIBLE (1U << 7)
/* Trigger a page fault at a NUMA hinting entry instead of using the page it maps. */
#define GUPX_F_HONOR_NUMA (1U << 8)
/*
 * Run the kernel's own get_user_pages instead of the module's loop. The flag is meant for
 * a comparison of the two, not as a fallback. It needs the module parameter
 * allow_kernel_engine or CAP_SYS_ADMIN.
 */
#define GUPX_F_ENGINE_KERNEL (1U << 9)
/*
 * Pin without FOLL_LONGTERM. The pin fd still holds these pins until they are released, so
 * they can block memory hot-unplug and CMA allocations. The purpose is to reproduce bugs
 * that such pins cause. This flag needs the module parameter allow_short_pins and
 * CAP_SYS_ADMIN.
 */
#define GUPX_F_SHORT (1U << 10)
/*
 * Make the new pin fd read-only: no process that has the pin fd can map a writable window
 * of it. The pin fd starts with the seal %GUPX_SEAL_WRITE. The flag is only valid for a
 * PIN that creates a pin fd.
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
/*
 * The flags that EXPLAIN accepts to judge a PIN. To judge another verb, EXPLAIN accepts
 * the flags that are both in this set and in the set of the verb.
 */
#define GUPX_EXPLAIN_FLAGS \
	(GUPX_PIN_FLAGS & ~(GUPX_F_ENGINE_KERNEL | GUPX_F_READ_ONLY))

/**
 * enum gupx_stage - the stage of the loop at which a request stopped
 * @GUPX_STAGE_NONE: the request did not stop early
 * @GUPX_STAGE_LOOKUP: looking up the mapping at the address
 * @GUPX_STAGE_VMA: checking if the request may access the mapping; if it may not, POPULATE
 *	reports EINVAL for every reason, like madvise()
 * @GUPX_STAGE_GATE: checking the vsyscall page, which has no VMA
 * @GUPX_STAGE_FOLLOW: checking the page-table entry
 * @GUPX_STAGE_FAULT: faulting the page in
 * @GUPX_STAGE_GRAB: taking a reference on the page
 * @GUPX_STAGE_SIGNAL: checking for signals to the caller
 * @GUPX_STAGE_ACCOUNT: charging the pins
 * @GUPX_STAGE_COPY: copying to the caller's buffer
 * @GUPX_STAGE_ENGINE: running the kernel's own get_user_pages, which reports no reason
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
 * enum gupx_reason - why a request stopped; the numbers never change
 * @GUPX_REASON_NONE: the request did not stop early
 * @GUPX_REASON_NO_MAPPING: there is no mapping at the address (EFAULT, or ENOMEM for
 *	POPULATE)
 * @GUPX_REASON_GATE_WRITE: the vsyscall page is never writable (EFAULT)
 * @GUPX_REASON_GATE_EMPTY: the page-table entry of the vsyscall page does not allow reading
 *	(EFAULT)
 * @GUPX_REASON_IO_MAPPING: the mapping has VM_IO or VM_PFNMAP set, so it contains device memory
 *	or raw page frames (EFAULT)
 * @GUPX_REASON_NOT_ANON: %GUPX_F_ANON is set, but the mapping is not anonymous (EFAULT)
 * @GUPX_REASON_FSDAX: pages of a DAX file cannot be pinned long-term (EOPNOTSUPP)
 * @GUPX_REASON_SECRETMEM: memfd_secret() memory is never accessible (EFAULT)
 * @GUPX_REASON_DIRTY_TRACKING: the mapping is a shared, writable mapping of a file, and
 *	the filesystem of that file tracks which pages are written; such a mapping cannot
 *	be pinned long-term for writing (EFAULT)
 * @GUPX_REASON_NO_WRITE: the mapping is not writable (EFAULT)
 * @GUPX_REASON_FORCE_HUGETLB: FORCE cannot write to hugetlb (EFAULT)
 * @GUPX_REASON_FORCE_SHARED: FORCE cannot write to a mapping that is not
 *	copy-on-write (EFAULT)
 * @GUPX_REASON_NO_READ: the mapping is not readable (EFAULT)
 * @GUPX_REASON_NO_PAGE: the page-table entry maps a page frame without a struct page
 *	(EEXIST)
 * @GUPX_REASON_DUMP_EMPTY: %GUPX_F_DUMP is set and the memory was never accessed
 *	(EFAULT)
 * @GUPX_REASON_DUMP_SPECIAL: %GUPX_F_DUMP is set and the page-table entry maps the zero
 *	page or is another special entry (EFAULT)
 * @GUPX_REASON_BAD_ENTRY: the page-table entry is corrupted (EFAULT)
 * @GUPX_REASON_NOFAULT: %GUPX_F_NOFAULT is set and the page cannot be used without a
 *	page fault (EFAULT)
 * @GUPX_REASON_WOULD_WAIT: %GUPX_F_NOWAIT is set and the request would have to wait for
 *	the page (no error)
 * @GUPX_REASON_FAULT_OOM: a page fault could not allocate memory (ENOMEM)
 * @GUPX_REASON_FAULT_HWPOISON: the page is poisoned (EHWPOISON or EFAULT)
 * @GUPX_REASON_FAULT_SIGBUS: an access would raise SIGBUS, because the address is past
 *	the end of the file, because of an I/O error, or because a userfaultfd does not
 *	handle faults of the kernel (EFAULT)
 * @GUPX_REASON_FAULT_SIGSEGV: an access would raise SIGSEGV (EFAULT)
 * @GUPX_REASON_REFCOUNT: the page's reference count is exhausted (ENOMEM)
 * @GUPX_REASON_P2PDMA: the page is PCI peer-to-peer memory (EREMOTEIO)
 * @GUPX_REASON_NOT_ACCESSIBLE: the architecture cannot make the page accessible
 * @GUPX_REASON_DEVMAP_GONE: the page-table entry maps device memory that was removed
 *	(EFAULT)
 * @GUPX_REASON_MIGRATE: the page is in memory where no long-term pin is allowed, and it
 *	could not be migrated to other memory (ENOMEM or EBUSY)
 * @GUPX_REASON_SIGNAL: a signal arrived (EINTR)
 * @GUPX_REASON_MEMLOCK: RLIMIT_MEMLOCK was high enough for the range, but it is too low for
 *	the extra charge of a large folio of which only a part was pinned (ENOBUFS)
 * @GUPX_REASON_NO_KERNEL_MEMORY: the kernel has no memory for the data structures of the
 *	request (ENOMEM)
 * @GUPX_REASON_BUFFER: the caller's buffer cannot be written (EFAULT)
 * @GUPX_REASON_NO_PROGRESS: the kernel's own get_user_pages returned neither a page nor an
 *	error (EFAULT)
 * @GUPX_REASON_KERNEL_ENGINE: the kernel's own get_user_pages stopped at this address
 * @GUPX_REASON_UNSUPPORTED: the kernel would handle this case incorrectly (EOPNOTSUPP).
 *	There are two such cases. A copy-on-write of memory without a struct page copies
 *	from the caller, not from the target. And some kernels WARN about hugetlb pages
 *	that would have to be migrated for a long-term pin.
 * @GUPX_REASON_EXTENTS: the user holds as many extents as the module parameter
 *	max_extents allows (EDQUOT)
 * @GUPX_REASON_GUARD: the address is in a guard region (MADV_GUARD_INSTALL), where every
 *	access raises SIGSEGV (EFAULT). Kernels before v6.13 have no guard regions
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
	GUPX_REASON_GUARD = 36,
};

/**
 * struct gupx_stop - address and reason of an early end of a request
 * @addr: [out] address of the first byte that is not done; addr + len of the request if
 *	the whole range is done
 * @error: [out] errno that get_user_pages uses for this reason; 0 if the whole range is
 *	done, or for %GUPX_REASON_WOULD_WAIT
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
 * @page_size: [out] page size in bytes; PIN and POPULATE need addresses and lengths that
 *	are aligned to it
 * @pin_flags: [out] flags that PIN accepts; 0 if PIN is not implemented
 * @populate_flags: [out] flags that POPULATE accepts; 0 if it is not implemented
 * @read_flags: [out] flags that READ and READV accept; 0 if READ is not implemented. A module
 *	without READV fails it with ENOTTY.
 * @explain_flags: [out] flags that EXPLAIN accepts; 0 if it is not implemented
 * @params: [out] %GUPX_PARAM_*: module parameters that the administrator has enabled
 * @max_pin_mib: [out] maximum length of the range of one PIN, in MiB
 * @memlock_limit: [out] RLIMIT_MEMLOCK of the caller, in bytes; all bits are set if there
 *	is no limit or the caller has CAP_IPC_LOCK
 * @memlock_used: [out] bytes charged to the caller's user now, by this module and by
 *	other drivers that charge the user
 * @version: [out] the module's version, NUL-terminated
 * @max_extents: [out] extents that one user may hold in all pin fds: the module
 *	parameter max_extents
 * @extents_used: [out] extents that the caller's user holds now
 * @kernel: [out] %GUPX_KERNEL_*: what the module knows of the running kernel
 * @reserved: [out] 0
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
	__u32 kernel;
	__u32 reserved;
};

#define GUPX_PARAM_FORCE (1U << 0)
#define GUPX_PARAM_SHORT_PINS (1U << 1)
#define GUPX_PARAM_KERNEL_ENGINE (1U << 2)
/* The module parameter allow_pins is set, so new pins are allowed. */
#define GUPX_PARAM_PINS (1U << 3)

/*
 * The tests of gupx do not run on this version of Linux. When the module was loaded, its
 * self-check found that it pins as the kernel does.
 */
#define GUPX_KERNEL_UNTESTED (1U << 0)

/**
 * struct gupx_pin - ioctl(GUPX_IOC_PIN): pin pages of the target and hold them
 * @size: [in] sizeof(struct gupx_pin)
 * @flags: [in] %GUPX_PIN_FLAGS
 * @mem_fd: [in] open /proc/PID/mem; open for writing if %GUPX_F_WRITE is set
 * @pin_fd: [in,out] in: a pin fd to add the pins to, or -1 to create a new pin fd. out:
 *	the pin fd that owns the pages, or -1 if a new pin fd was requested and nothing was
 *	pinned.
 * @addr: [in] address in the target, page aligned
 * @len: [in] length in bytes, page aligned. With 0, the request does nothing and succeeds.
 *	To pin a range that is longer than max_pin_mib, make several requests with the same
 *	pin fd.
 * @done: [out] bytes pinned, from @addr on
 * @stop: [out] where and why the request stopped early
 * @memlock_limit: [out] RLIMIT_MEMLOCK of the caller, as in struct gupx_info. This field
 *	and the next two fields are also valid if ioctl() fails with ENOBUFS.
 * @memlock_used: [out] bytes charged to the caller's user before this request
 * @memlock_asked: [out] bytes that this request wanted to charge
 *
 * The pages stay pinned until UNPIN releases them, or until the last reference to the
 * pin fd is dropped (by close(), exit, munmap() of its windows and so on).
 *
 * Each page of each pin is charged to the user, unless the caller has CAP_IPC_LOCK. A
 * page that is pinned several times is charged several times.
 *
 * A large folio stays in memory as long as any part of it is pinned. If a pin fd pins only
 * part of a large folio, the first pin is therefore charged like a pin of the whole folio.
 * This charge is at least 9 pages, because it also covers the module's record of the folio.
 * Later parts are charged in addition, for their own pages.
 *
 * Several adjacent addresses may map the zero page. If the kernel takes no reference for a
 * pin of the zero page, such a run is charged as one page. Otherwise it is charged as one
 * page per address.
 *
 * User space can access the pinned bytes through the pin fd. Offset 0 of the pin fd is the
 * first byte that was pinned. Later pins are appended.
 *
 * pread() copies the pinned bytes. It fails with EHWPOISON at a poisoned page and with
 * ENODATA at a released page. If part of a hugetlb page is poisoned, the whole hugetlb page
 * counts as poisoned.
 *
 * mmap() maps the pinned bytes without a copy; the mapping is called a window. mmap()
 * fails with EINVAL unless the mapping is MAP_SHARED. It fails with EPERM if the mapping
 * is executable, if a page was pinned with %GUPX_F_SHORT, or if the mapping is writable
 * and %GUPX_SEAL_WRITE is set. It fails with EACCES if the mapping is writable and not
 * every page was pinned for writing, or if the mapping is writable and the pin fd was
 * created with %GUPX_F_READ_ONLY. It fails with EOPNOTSUPP if the kernel was booted with
 * page_table_check=on, or checks page tables by default: such a kernel stops with a BUG
 * where a window and the target map the same anonymous page.
 *
 * An access to a window raises SIGBUS if its offset is past the end of the pin fd, or if
 * the page at this offset was released. If the window is writable or mprotect() could make
 * it writable, an access also raises SIGBUS at a page that was pinned for reading. Writes
 * through a window leave no soft-dirty or userfaultfd mark in the target. After exec or
 * MADV_DONTNEED in the target, the window still shows the page that was pinned.
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
 * @mem_fd: [in] open /proc/PID/mem; open for writing if %GUPX_F_WRITE is set
 * @reserved: [in] 0
 * @addr: [in] address in the target, page aligned
 * @len: [in] length in bytes, page aligned. With 0, the request does nothing and succeeds.
 * @done: [out] bytes that are now mapped, from @addr on
 * @stop: [out] where and why the request stopped early
 *
 * The effect is the same as if the target itself called madvise(MADV_POPULATE_READ), or
 * madvise(MADV_POPULATE_WRITE) if %GUPX_F_WRITE is set. Page-cache pages and new page
 * tables are charged to the caller's memory cgroup. Anonymous and shmem pages are charged
 * to the target's memory cgroup. If the mapping has no NUMA policy, the caller's policy
 * applies.
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
 * @mem_fd: [in] /proc/PID/mem, open for reading
 * @reserved: [in] 0
 * @addr: [in] address in the target, with any alignment
 * @len: [in] length in bytes, with any alignment. With 0, the request does nothing and
 *	succeeds.
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

/* Maximum number of segments of one READV. */
#define GUPX_SEGMENTS_MAX 1024

/**
 * struct gupx_segment - a range of addresses that READV copies
 * @addr: [in] address in the target, with any alignment
 * @len: [in] length in bytes, with any alignment; may be 0
 * @done: [out] bytes of the segment that were copied, from @addr on
 * @error: [out] errno as in struct gupx_stop: why the segment ended early; 0 if it did not, or
 *	if the reason is %GUPX_REASON_WOULD_WAIT
 * @stage: [out] enum gupx_stage
 * @reason: [out] enum gupx_reason; 0 if the segment did not end early
 */
struct gupx_segment {
	__aligned_u64 addr;
	__aligned_u64 len;
	__aligned_u64 done;
	__u32 error;
	__u16 stage;
	__u16 reason;
};

/**
 * struct gupx_readv - ioctl(GUPX_IOC_READV): copy several segments of the target's memory
 * @size: [in] sizeof(struct gupx_readv)
 * @flags: [in] %GUPX_READ_FLAGS
 * @mem_fd: [in] /proc/PID/mem, open for reading
 * @reserved: [in] 0
 * @segments: [in] address of an array of struct gupx_segment; the module fills in the [out]
 *	fields of each segment
 * @nr: [in] length of the array, in entries; at most %GUPX_SEGMENTS_MAX. With 0, the request
 *	does nothing and succeeds.
 * @entry_size: [in] sizeof(struct gupx_segment) that the caller was compiled with. If the
 *	module's struct is longer, the module treats the missing fields as zero. If the module's
 *	struct is shorter, the rest of each entry must be zero.
 * @buf: [in] address of the caller's buffer
 * @buf_len: [in] length of the buffer; at least the lengths of all segments together
 * @done: [out] bytes copied, in all segments
 *
 * Segments are copied one after another, in the order of the array, and each in ascending
 * order. In the buffer, each segment has a place of its own length, and the places follow each
 * other in the same order. If a segment ends early, the rest of its place is not changed.
 *
 * A segment that ends early does not stop the request. There is one exception: if a signal
 * ends a segment, the same reason is stored in all segments after it. Segments may overlap.
 */
struct gupx_readv {
	__u32 size;
	__u32 flags;
	__s32 mem_fd;
	__u32 reserved;
	__aligned_u64 segments;
	__u32 nr;
	__u32 entry_size;
	__aligned_u64 buf;
	__aligned_u64 buf_len;
	__aligned_u64 done;
};

/* Values of @verb in struct gupx_explain: the verb of the request to judge. */
#define GUPX_VERB_PIN 0
#define GUPX_VERB_POPULATE 1
#define GUPX_VERB_READ 2

/**
 * enum gupx_outcome - how a request would treat a run of pages
 * @GUPX_OUTCOME_TAKE: use the pages as they are
 * @GUPX_OUTCOME_SKIP: count the addresses as done; there is no page to take a reference on
 * @GUPX_OUTCOME_FAULT: fault the pages in first
 * @GUPX_OUTCOME_UNSHARE: unshare the pages first, so that the target has its own copies
 * @GUPX_OUTCOME_MIGRATE: let the kernel's own get_user_pages handle the pages, because
 *	they must be migrated for a long-term pin, or because the module cannot find their
 *	struct pages from the page-table entry
 * @GUPX_OUTCOME_STOP: stop at the first of the pages
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
 * @GUPX_CONTENT_HOLE: there is no mapping at the address
 * @GUPX_CONTENT_UNSEEN: a mapping that the request may not access
 * @GUPX_CONTENT_EMPTY: the page-table entry is empty
 * @GUPX_CONTENT_ABSENT: the page is swapped out or under migration, or the page-table entry
 *	is a marker of another kind than a guard region
 * @GUPX_CONTENT_ANON: an anonymous page
 * @GUPX_CONTENT_FILE: a page of a file or of shared memory
 * @GUPX_CONTENT_ZERO: the zero page or the huge zero page
 * @GUPX_CONTENT_FRAME: memory without a struct page
 * @GUPX_CONTENT_DEVICE: device memory; the module cannot find its struct pages from the
 *	page-table entry
 * @GUPX_CONTENT_GATE: the vsyscall page
 * @GUPX_CONTENT_BAD: a corrupted page-table entry
 * @GUPX_CONTENT_GUARD: a guard region
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
	GUPX_CONTENT_GUARD = 11,
};

/* The page-table entry allows writing. */
#define GUPX_JUDGED_WRITABLE (1U << 0)
/* The page is anonymous and exclusive to the target. */
#define GUPX_JUDGED_EXCLUSIVE (1U << 1)

/**
 * struct gupx_judgement - a range of pages that have the same properties and outcome
 * @addr: [out] address of the range in the target
 * @len: [out] length of the range in bytes
 * @error: [out] errno if @outcome is %GUPX_OUTCOME_STOP
 * @stage: [out] enum gupx_stage: the stage at which the request would stop
 * @reason: [out] enum gupx_reason: why the request would stop
 * @outcome: [out] enum gupx_outcome: how the request would treat the pages
 * @content: [out] enum gupx_content: kind of memory in the range
 * @shift: [out] log2 of the bytes that one page-table entry maps: 12, 21 or 30; 0 if there
 *	is no page-table entry
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
 * struct gupx_explain - ioctl(GUPX_IOC_EXPLAIN): judge a range without accessing it
 * @size: [in] sizeof(struct gupx_explain)
 * @flags: [in] flags of the request to judge: %GUPX_EXPLAIN_FLAGS. %GUPX_F_ENGINE_KERNEL is
 *	not accepted, because the kernel's own get_user_pages gives no reasons.
 * @mem_fd: [in] open /proc/PID/mem, with the rights that the request to judge needs
 * @verb: [in] %GUPX_VERB_*
 * @addr: [in] address in the target, page aligned
 * @len: [in] length in bytes, page aligned
 * @buf: [in] address of an array of struct gupx_judgement
 * @capacity: [in] length of the array, in entries
 * @count: [out] number of entries written
 * @done: [out] number of bytes judged; less than @len if @capacity was too small
 * @entry_size: [in] sizeof(struct gupx_judgement) that the caller was compiled with. If
 *	the module's struct is longer, each entry is truncated to this size. If the
 *	module's struct is shorter, the rest of each entry is zeroed.
 * @reserved: [in] 0
 *
 * EXPLAIN does not fault pages in, does not keep references, and does not mark pages as
 * accessed. The target keeps running and may change its memory during EXPLAIN. A judgement
 * describes the range as it was when EXPLAIN read the page table, and may be outdated
 * afterwards. EXPLAIN continues after addresses where the request would stop.
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

/* The pages are pinned for writing. */
#define GUPX_EXTENT_WRITE (1U << 0)
/* The pages were pinned by the kernel's own get_user_pages, not by the module's loop. */
#define GUPX_EXTENT_ENGINE_KERNEL (1U << 1)
/*
 * Every page of the extent is the zero page, and @pfn is the frame number of the zero page.
 * If the kernel takes no reference for a pin of the zero page, the module takes none either.
 */
#define GUPX_EXTENT_ZERO (1U << 2)
/*
 * The pages were pinned with %GUPX_F_SHORT, so some of them may be in memory where no
 * long-term pin is allowed.
 */
#define GUPX_EXTENT_SHORT (1U << 3)

#define GUPX_PFN_HIDDEN (~0ULL)

/**
 * struct gupx_extent - pages with contiguous addresses in the target
 * @addr: [out] address of the extent in the target at the time of the pin
 * @len: [out] length of the extent in bytes
 * @pfn: [out] frame number of the first page; %GUPX_PFN_HIDDEN if the caller does not have
 *	CAP_SYS_ADMIN
 * @flags: [out] %GUPX_EXTENT_*
 * @order: [out] 0 if all pages are one-page folios. Otherwise log2 of the number of pages
 *	in each folio of the extent
 * @offset: [out] offset of the first byte in the pin fd, for UNPIN and pread()
 *
 * For callers with CAP_SYS_ADMIN, an extent is a single run: its pages have consecutive frame
 * numbers, or all are the zero page. For other callers, an extent may consist of several runs
 * that are adjacent in the target.
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
 * @capacity: [in] length of the array, in entries
 * @count: [out] number of entries written
 * @total: [out] number of extents that the pin fd holds now
 * @bytes: [out] number of bytes that the pin fd holds now
 * @charged: [out] bytes charged for these pins to the user who created the pin fd
 * @length: [out] length of the pin fd as a file in bytes, including released pages
 * @entry_size: [in] sizeof(struct gupx_extent) that the caller was compiled with. If the
 *	module's struct is longer, each entry is truncated to this size. If the module's
 *	struct is shorter, the rest of each entry is zeroed.
 * @seals: [out] %GUPX_SEAL_*
 *
 * Only callers with CAP_SYS_ADMIN get physical addresses. For other callers, consecutive
 * runs are joined to one extent if they are adjacent in the target and in the pin fd and
 * have the same flags and order.
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
 * @len: [in] length in bytes, page aligned. With 0, UNPIN does nothing and succeeds.
 * @released: [out] number of bytes released. Pages that were released before, and offsets
 *	past the end of the pin fd, are skipped.
 *
 * Only the user who created the pin fd may call UNPIN; for other users it fails with
 * EXDEV. The pages that are not released keep their offsets. Windows no longer show the
 * released pages: an access to a released page raises SIGBUS.
 *
 * Released pages are uncharged. If a part of a large folio stays pinned, the charge for the
 * whole folio stays until the last part is released.
 *
 * UNPIN splits a run if it releases only part of it. The module may need memory to record
 * the split, and may charge the user for this memory. UNPIN fails with ENOMEM if the kernel
 * has no memory for the record. It fails with ENOBUFS if RLIMIT_MEMLOCK is too low for the
 * charge. It fails with EDQUOT if the middle of a run would be released, which leaves two
 * runs, and the user already has max_extents extents. It fails with EINTR on a fatal
 * signal. In these cases nothing is released.
 */
struct gupx_unpin {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 len;
	__aligned_u64 released;
};

/*
 * Forbid PIN to add to the pin fd. SEAL fails with EBUSY while a PIN is adding to the pin
 * fd.
 */
#define GUPX_SEAL_PIN (1U << 0)
/*
 * Forbid new writable windows of the pin fd. SEAL fails with EBUSY while the pin fd has a
 * writable window.
 */
#define GUPX_SEAL_WRITE (1U << 1)
/* Forbid UNPIN to release pages of the pin fd. */
#define GUPX_SEAL_UNPIN (1U << 2)
#define GUPX_SEALS (GUPX_SEAL_PIN | GUPX_SEAL_WRITE | GUPX_SEAL_UNPIN)

/**
 * struct gupx_seal - ioctl(GUPX_IOC_SEAL) on a pin fd: forbid an operation permanently
 * @size: [in] sizeof(struct gupx_seal)
 * @flags: [in] 0
 * @seals: [in] %GUPX_SEAL_* to add; with 0, the call only returns the present seals
 * @sealed: [out] all seals of the pin fd after the call
 *
 * Only the user who created the pin fd may add a seal; for other users SEAL fails with
 * EXDEV. A seal cannot be removed.
 */
struct gupx_seal {
	__u32 size;
	__u32 flags;
	__u32 seals;
	__u32 sealed;
};

#endif /* _UAPI_LINUX_GUPX_H */
