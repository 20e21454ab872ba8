/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures on purpose, by the kernel's fault injection: the nth allocation of this
 * thread fails, whether from the slab or the page allocator; and so does a copy
 * from or to user space, if it is the nth of them all.
 */
#ifndef GUPX_TESTS_FAIL_NTH_H
#define GUPX_TESTS_FAIL_NTH_H

#include <stdbool.h>

/**
 * struct fail_nth - which one is to fail next
 * @file: /proc/thread-self/fail-nth
 * @nth: counts from 1
 * @hits: failures so far
 */
struct fail_nth {
	int file;
	unsigned int nth;
	unsigned int hits;
};

/* NULL, or what this kernel lacks. */
const char *fail_nth_open(struct fail_nth *fail_nth);
/* From here on the next nth fails. */
void fail_nth_arm(struct fail_nth *fail_nth);
/* Nothing fails any more. Did it, since fail_nth_arm()? Keeps errno. */
bool fail_nth_disarm(struct fail_nth *fail_nth);

#endif /* GUPX_TESTS_FAIL_NTH_H */
