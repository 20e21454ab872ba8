/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that never come, until the test says so: a fault on them waits. The
 * target makes the userfaultfd, for it serves the address space of its maker; the
 * test holds it.
 */
#ifndef GUPX_TESTS_LATE_H
#define GUPX_TESTS_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "target.h"

/**
 * struct late - memory whose pages come late
 * @uffd: the last descriptor of it to be closed ends the waiting
 * @memory: all of it absent at first
 */
struct late {
	int uffd;
	struct memory memory;
};

/* Whether this kernel can do it at all. */
bool late_is_possible(void);
/* @flags: UFFD_USER_MODE_ONLY, or 0. Returns 0 or -1. */
int late_make(struct late *late, const struct target *target,
	      const struct memory *memory, int flags);
/* Waits, for five seconds at most, for somebody to wait for a page. */
bool late_is_waited_for(const struct late *late);
/* Zeroes from the beginning on. */
int late_deliver(const struct late *late, uint64_t len);

#endif /* GUPX_TESTS_LATE_H */
