/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Engines of the benchmark: gupx, and the functions with which gupx is compared. An
 * engine does one operation on some memory and stores the time of each phase.
 */
#ifndef GUPX_BENCH_ENGINE_H
#define GUPX_BENCH_ENGINE_H

#include "work.h"

/**
 * struct times - results of one measurement; a result is -1 if it was not measured
 * @take: time of the request, in nanoseconds
 * @drop: time to release the pins, in nanoseconds
 * @bytes: kernel memory of the pin fd, in bytes
 */
struct times {
	long take;
	long drop;
	long bytes;
};

/**
 * struct engine - one way to do an operation
 * @name: name of the engine in the output
 * @run: function that measures the operation; returns NULL on success, else the reason
 *	as text
 * @flags: argument that is passed to @run
 */
struct engine {
	const char *name;
	const char *(*run)(const struct work *work, uint32_t flags,
			   struct times *times);
	uint32_t flags;
};

/* Each array ends with an entry whose name is NULL. */
extern const struct engine pin_engines[];
extern const struct engine long_engines[];
extern const struct engine plain_engines[];
extern const struct engine trace_engines[];
extern const struct engine jobs_engines[];
extern const struct engine populate_engines[];
extern const struct engine read_engines[];
extern const struct engine window_engines[];
/* Small requests at scattered addresses: the number is the length of each segment. */
extern const struct engine segment_8_engines[];
extern const struct engine segment_64_engines[];
extern const struct engine segment_4k_engines[];
/* First access to each page of a window, or of a mapped memfd. */
extern const struct engine touch_engines[];
/* pread() of a pin fd, and READ. */
extern const struct engine pread_engines[];
/* Requests that describe memory. */
extern const struct engine explain_engines[];
extern const struct engine sparse_engines[];
extern const struct engine extents_engines[];
/* PIN of one page to an existing pin fd. */
extern const struct engine more_engines[];
/* Requests without GUPX_F_WRITE. */
extern const struct engine pin_read_engines[];
extern const struct engine populate_read_engines[];
/*
 * Engines that measure the kernel memory of one pin fd. They create several pin fds and
 * compute the average, because the kernel counts whole pages. If a pin fd needs much
 * kernel memory, the average of a few pin fds is precise enough, so use few_engines. If
 * it needs little, use many_engines.
 */
extern const struct engine few_engines[];
extern const struct engine many_engines[];

/* Open the files that all engines use. Call this function before any target starts. */
void engine_init(void);
/* Return: the fd of the rival module, or -1 if the module is not loaded. */
int engine_rival(void);

#endif /* GUPX_BENCH_ENGINE_H */
