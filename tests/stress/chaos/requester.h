/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who asks: the targets it has at hand, the pins it holds, and how both are
 * checked.
 */
#ifndef GUPX_TESTS_CHAOS_REQUESTER_H
#define GUPX_TESTS_CHAOS_REQUESTER_H

#include "world.h"

/**
 * struct hold - pins, and whose pages they are
 * @fd: the pin fd; -1: none
 * @life: the target's
 */
struct hold {
	int fd;
	struct life life;
};

/* Some of its pages are read through the pin fd, and must be the target's. */
void check_hold(struct prng *prng, const struct hold *hold);
/* The same through a window; and a writable one is written. @close_first: the
 * pin fd is closed before, and only the window holds the pins.
 */
void check_window(struct prng *prng, struct hold *hold, bool close_first);
/* What READ has copied from @addr on. */
void check_read(const struct life *life, uint64_t addr, uint64_t len,
		const unsigned char *buffer);

#endif /* GUPX_TESTS_CHAOS_REQUESTER_H */
