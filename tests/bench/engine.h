/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Engines of the benchmark: gupx, and the functions it is compared with. An engine
 * does one operation on some memory and returns the time of each phase.
 */
#ifndef GUPX_BENCH_ENGINE_H
#define GUPX_BENCH_ENGINE_H

#include "work.h"

/**
 * struct times - results of one measurement; -1 if there is no such phase
 * @take: time of the request, in nanoseconds
 * @drop: time to release what the request took, in nanoseconds
 * @bytes: kernel memory in bytes
 */
struct times {
	long take;
	long drop;
	long bytes;
};

/**
 * struct engine - one way to do an operation
 * @name: name in the output
 * @run: measures the operation; returns NULL, or the reason why it cannot
 * @flags: argument of @run
 */
struct engine {
	const char *name;
	const char *(*run)(const struct work *work, uint32_t flags,
			   struct times *times);
	uint32_t flags;
};

/* Each array ends with an engine without a name. */
extern const struct engine pin_engines[];
extern const struct engine long_engines[];
extern const struct engine plain_engines[];
extern const struct engine trace_engines[];
extern const struct engine jobs_engines[];
extern const struct engine populate_engines[];
extern const struct engine read_engines[];
extern const struct engine window_engines[];
/*
 * Measure kernel memory per pin fd: with few large pin fds, and with many small ones.
 */
extern const struct engine few_engines[];
extern const struct engine many_engines[];

/* Open the files that all engines use. Call it before any target starts. */
void engine_init(void);
/* Return the fd of the rival module, or -1. */
int engine_rival(void);

#endif /* GUPX_BENCH_ENGINE_H */
