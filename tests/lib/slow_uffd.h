/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that never come, until the test says so: a fault on them waits. The
 * target makes the userfaultfd, for it serves the address space of its maker; the
 * test holds it.
 */
#ifndef GUPX_TESTS_SLOW_UFFD_H
#define GUPX_TESTS_SLOW_UFFD_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "target.h"

/**
 * struct slow_uffd - memory whose pages come late
 * @uffd: the last descriptor of it to be closed ends the waiting
 * @memory: all of it absent at first
 */
struct slow_uffd {
	int uffd;
	struct memory memory;
};

/* Whether this kernel can do it at all. */
bool slow_uffd_is_possible(void);
/* @flags: UFFD_USER_MODE_ONLY, or 0. Returns 0 or -1. */
int slow_uffd_create(struct slow_uffd *slow_uffd, const struct target *target,
		     const struct memory *memory, int flags);
/* Waits, for five seconds at most, for somebody to wait for a page. */
bool slow_uffd_has_waiter(const struct slow_uffd *slow_uffd);
/* Zeroes from the beginning on. */
int slow_uffd_fill(const struct slow_uffd *slow_uffd, uint64_t len);

#endif /* GUPX_TESTS_SLOW_UFFD_H */
