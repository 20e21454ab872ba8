/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Make a call fail with the kernel's fault injection. The kernel counts this
 * thread's slab allocations, page allocations and user copies together, and fails
 * the nth of them.
 */
#ifndef GUPX_TESTS_FAIL_NTH_H
#define GUPX_TESTS_FAIL_NTH_H

#include <stdbool.h>

/**
 * struct fail_nth - state of the fault injection
 * @file: /proc/thread-self/fail-nth
 * @nth: number of the call that fails next, from 1
 * @hits: number of failures so far
 */
struct fail_nth {
	int file;
	unsigned int nth;
	unsigned int hits;
};

/* Open the fault injection. Returns NULL, or the feature that this kernel lacks. */
const char *fail_nth_open(struct fail_nth *fail_nth);
/* Increment @nth, and make the nth call from here fail. */
void fail_nth_arm(struct fail_nth *fail_nth);
/* Stop the injection. Returns whether a call failed since fail_nth_arm(). Keeps errno. */
bool fail_nth_disarm(struct fail_nth *fail_nth);

#endif /* GUPX_TESTS_FAIL_NTH_H */
