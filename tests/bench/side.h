/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sides of each race: gupx, and those it is compared with. A side does one
 * thing once to some memory, and says how long each phase of it took.
 */
#ifndef GUPX_BENCH_SIDE_H
#define GUPX_BENCH_SIDE_H

#include "work.h"

/**
 * struct times - what a side took; -1: it has no such phase
 * @take: nanoseconds, the request
 * @drop: nanoseconds, giving back what it took
 * @bytes: of kernel memory
 */
struct times {
	long take;
	long drop;
	long bytes;
};

/**
 * struct side - who races
 * @name: as printed
 * @run: NULL, or why it cannot; @flags is for it alone
 * @flags: of that
 */
struct side {
	const char *name;
	const char *(*run)(const struct work *work, uint32_t flags,
			   struct times *times);
	uint32_t flags;
};

/* Each ends with a side without a name. */
extern const struct side pin_sides[];
extern const struct side long_sides[];
extern const struct side plain_sides[];
extern const struct side trace_sides[];
extern const struct side jobs_sides[];
extern const struct side populate_sides[];
extern const struct side read_sides[];
extern const struct side window_sides[];
/* Kernel memory of a pin fd, from a few of them, and from many small ones. */
extern const struct side few_sides[];
extern const struct side many_sides[];

/* Opens what the sides share, before any target is started. */
void side_init(void);
/* The fd of the rival module, or -1. */
int side_rival(void);

#endif /* GUPX_BENCH_SIDE_H */
