/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sides of each race: gupx, and those it is compared with. A side does one
 * thing once to some memory, and says how long each phase of it took.
 */
#ifndef GUPX_BENCH_ENGINE_H
#define GUPX_BENCH_ENGINE_H

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
 * struct engine - who races
 * @name: as printed
 * @run: NULL, or why it cannot; @flags is for it alone
 * @flags: of that
 */
struct engine {
	const char *name;
	const char *(*run)(const struct work *work, uint32_t flags,
			   struct times *times);
	uint32_t flags;
};

/* Each ends with a side without a name. */
extern const struct engine pin_engines[];
extern const struct engine long_engines[];
extern const struct engine plain_engines[];
extern const struct engine trace_engines[];
extern const struct engine jobs_engines[];
extern const struct engine populate_engines[];
extern const struct engine read_engines[];
extern const struct engine window_engines[];
/* Kernel memory of a pin fd, from a few of them, and from many small ones. */
extern const struct engine few_engines[];
extern const struct engine many_engines[];

/* Opens what the sides share, before any target is started. */
void engine_init(void);
/* The fd of the rival module, or -1. */
int engine_rival(void);

#endif /* GUPX_BENCH_ENGINE_H */
