/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory with a userfaultfd: a fault waits until the test supplies the page. A
 * userfaultfd handles the address space of the process that creates it. Therefore the
 * target creates the userfaultfd, and the test gets a copy of the file descriptor.
 */
#ifndef GUPX_TESTS_SLOW_UFFD_H
#define GUPX_TESTS_SLOW_UFFD_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "target.h"

/**
 * struct slow_uffd - memory whose faults wait for a userfaultfd
 * @uffd: userfaultfd; pending faults end when its last file descriptor is closed
 * @memory: registered range; no page is mapped at first
 */
struct slow_uffd {
	int uffd;
	struct memory memory;
};

/* Returns true if this kernel supports userfaultfd, else false. */
bool slow_uffd_is_possible(void);
/*
 * Register @memory. @flags is UFFD_USER_MODE_ONLY or 0. Returns 0 on success, else
 * -1.
 */
int slow_uffd_create(struct slow_uffd *slow_uffd, const struct target *target,
		     const struct memory *memory, int flags);
/*
 * Wait up to five seconds for a fault. Returns true if a fault is pending, else
 * false.
 */
bool slow_uffd_has_waiter(const struct slow_uffd *slow_uffd);
/*
 * Map the zero page at each page address in the first @len bytes. Faults that wait for
 * these pages continue. Returns 0 on success, else -1.
 */
int slow_uffd_fill(const struct slow_uffd *slow_uffd, uint64_t len);

/*
 * Returns true if this kernel supports read-write protection by userfaultfd (RWP),
 * which was added in Linux 7.3. The functions below need it.
 */
bool slow_uffd_can_trap(const struct target *target);
/*
 * Protect all pages that are mapped in @memory. Each access to such a page waits until
 * slow_uffd_untrap(). Returns 0 on success, else -1.
 */
int slow_uffd_trap(struct slow_uffd *slow_uffd, const struct target *target,
		   const struct memory *memory);
/*
 * Remove the protection from all pages, and wake the accesses that wait. Returns 0 on
 * success, else -1.
 */
int slow_uffd_untrap(const struct slow_uffd *slow_uffd);
/*
 * Wait up to five seconds for a fault, and read its message. Returns true if the fault
 * is an access to a page that slow_uffd_trap() has protected.
 */
bool slow_uffd_has_trapped(const struct slow_uffd *slow_uffd);

#endif /* GUPX_TESTS_SLOW_UFFD_H */
