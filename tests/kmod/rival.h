/* SPDX-License-Identifier: GPL-2.0 */
/* Interface between the benchmark and the module rival, which is only for tests. */
#ifndef GUPX_TESTS_RIVAL_H
#define GUPX_TESTS_RIVAL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define RIVAL_DEVICE "/dev/gupx-rival"

#define RIVAL_WRITE (1U << 0)
#define RIVAL_LONGTERM (1U << 1)

/**
 * struct rival - pages to pin and unpin, or bytes to copy
 * @addr: [in] page-aligned start address
 * @len: [in] length in bytes, a multiple of the page size
 * @pid: [in] target process; RIVAL_FAST and RIVAL_COPY always use the caller
 * @flags: [in] RIVAL_WRITE and RIVAL_LONGTERM
 * @pages: [out] number of pages that were pinned or copied
 * @take_ns: [out] time to pin or copy, in nanoseconds
 * @drop_ns: [out] time of unpin_user_pages(), in nanoseconds
 */
struct rival {
	__u64 addr;
	__u64 len;
	__s32 pid;
	__u32 flags;
	__u64 pages;
	__u64 take_ns;
	__u64 drop_ns;
};

/*
 * Pin with a single call of pin_user_pages_remote() or pin_user_pages_fast(), then
 * unpin.
 */
#define RIVAL_REMOTE _IOWR(0xE9, 0xE0, struct rival)
#define RIVAL_FAST _IOWR(0xE9, 0xE1, struct rival)
/*
 * Copy a zeroed kernel page to user memory. Repeat the copy until @len bytes are
 * written.
 */
#define RIVAL_COPY _IOWR(0xE9, 0xE2, struct rival)

/*
 * Argument: nanoseconds between two samples of CPU 0. The value 0 stops the profiler.
 */
#define RIVAL_SAMPLE _IO(0xE9, 0xE3)

#endif /* GUPX_TESTS_RIVAL_H */
