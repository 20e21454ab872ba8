/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Make a call fail with the kernel's fault injection. The kernel counts the slab
 * allocations, page allocations and user copies of this thread together, and makes
 * the nth of them fail.
 */
#ifndef GUPX_TESTS_FAIL_NTH_H
#define GUPX_TESTS_FAIL_NTH_H

#include <stdbool.h>

/**
 * struct fail_nth - state of the fault injection
 * @file: /proc/thread-self/fail-nth
 * @nth: position, from 1, of the allocation or user copy that fails in the next call
 * @hits: number of failures so far
 */
struct fail_nth {
	int file;
	unsigned int nth;
	unsigned int hits;
};

/*
 * Set up the fault injection. Returns NULL on success, else a text that names the
 * missing kernel feature.
 */
const char *fail_nth_open(struct fail_nth *fail_nth);
/* Increment @nth, and make the nth allocation or user copy after this call fail. */
void fail_nth_arm(struct fail_nth *fail_nth);
/*
 * Stop the injection. Returns true if a failure was injected since fail_nth_arm(),
 * else false. Does not change errno.
 */
bool fail_nth_disarm(struct fail_nth *fail_nth);

#endif /* GUPX_TESTS_FAIL_NTH_H */
