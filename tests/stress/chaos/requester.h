/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pins that a requester holds, and functions that check the content of the pinned
 * pages.
 */
#ifndef GUPX_TESTS_CHAOS_REQUESTER_H
#define GUPX_TESTS_CHAOS_REQUESTER_H

#include "world.h"

/**
 * struct hold - pins of one target
 * @fd: the pin fd; -1 if there is none
 * @life: process number, parent's process number and PID of the process whose pages are
 *	pinned
 */
struct hold {
	int fd;
	struct life life;
};

/*
 * Read some pinned pages through the pin fd. Check that they belong to the process that
 * @hold names.
 */
void check_hold(struct prng *prng, const struct hold *hold);
/*
 * Map the pin fd as a new window and check some pages through this window. Write to the
 * pages if the window is writable. With @close_first, close the pin fd before checking
 * the pages, so that only the window keeps them pinned.
 */
void check_window(struct prng *prng, struct hold *hold, bool close_first);
/* Check the bytes that READ copied from @addr in the target to @buffer. */
void check_read(const struct life *life, uint64_t addr, uint64_t len,
		const unsigned char *buffer);

#endif /* GUPX_TESTS_CHAOS_REQUESTER_H */
