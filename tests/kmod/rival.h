/* SPDX-License-Identifier: GPL-2.0 */
/* What the benchmark's test-only module and the benchmark have to agree on. */
#ifndef GUPX_TESTS_RIVAL_H
#define GUPX_TESTS_RIVAL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define RIVAL_DEVICE "/dev/gupx-rival"

#define RIVAL_WRITE (1U << 0)
#define RIVAL_LONGTERM (1U << 1)

/**
 * struct rival - pages to take and drop, or bytes to copy
 * @addr: [in] page aligned
 * @len: [in] bytes, whole pages
 * @pid: [in] whose memory; RIVAL_FAST and RIVAL_COPY: always the caller's own
 * @flags: [in] RIVAL_*
 * @pages: [out] taken
 * @take_ns: [out] what the kernel's function took, and nothing else
 * @drop_ns: [out] the same of unpin_user_pages()
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

/* pin_user_pages_remote() and pin_user_pages_fast(), each by one call. */
#define RIVAL_REMOTE _IOWR(0xE9, 0xE0, struct rival)
#define RIVAL_FAST _IOWR(0xE9, 0xE1, struct rival)
/* The copy alone: copy_to_user() of one kernel page, over and over. */
#define RIVAL_COPY _IOWR(0xE9, 0xE2, struct rival)

/* Argument: nanoseconds between two samples of all that runs; 0 ends it. */
#define RIVAL_SAMPLE _IO(0xE9, 0xE3)

#endif /* GUPX_TESTS_RIVAL_H */
