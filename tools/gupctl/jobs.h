/* SPDX-License-Identifier: GPL-2.0 */
/* The same call on several things at once, each in a thread. */
#ifndef GUPX_JOBS_H
#define GUPX_JOBS_H

#include <stddef.h>

/* More threads than that wait for each other's locks. */
#define GUPX_JOBS_MAX 256

/**
 * gupx_jobs_run() - call a function on each of several things
 * @run: may block in an ioctl that a signal ends
 * @elements: an array
 * @count: of it, 1 to GUPX_JOBS_MAX
 * @size: of each
 *
 * The first is done by the caller; without a thread for it, so is any other. Once
 * one of gupx_signals_received()'s signals came, all are interrupted until they end.
 */
void gupx_jobs_run(void (*run)(void *element), void *elements, size_t count,
		   size_t size);

#endif
