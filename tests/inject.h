/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures on purpose, by the kernel's fault injection: the nth allocation of this
 * thread fails, whether from the slab or the page allocator; and so does a copy
 * from or to user space, if it is the nth of them all.
 */
#ifndef GUPX_TESTS_INJECT_H
#define GUPX_TESTS_INJECT_H

#include <stdbool.h>

/**
 * struct inject - which one is to fail next
 * @file: /proc/thread-self/fail-nth
 * @nth: counts from 1
 * @hits: failures so far
 */
struct inject {
	int file;
	unsigned int nth;
	unsigned int hits;
};

/* NULL, or what this kernel lacks. */
const char *inject_open(struct inject *inject);
/* From here on the next nth fails. */
void inject_arm(struct inject *inject);
/* Nothing fails any more. Did it, since inject_arm()? Keeps errno. */
bool inject_disarm(struct inject *inject);

#endif /* GUPX_TESTS_INJECT_H */
