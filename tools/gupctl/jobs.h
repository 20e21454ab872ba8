/* SPDX-License-Identifier: GPL-2.0 */
/* Run a function in several threads. */
#ifndef GUPX_JOBS_H
#define GUPX_JOBS_H

#include <stddef.h>

/* Maximum number of threads. More threads would only contend for the same locks. */
#define GUPX_JOBS_MAX 256

/**
 * gupx_jobs_run() - call a function on each element of an array
 * @run: function to call; may block in an ioctl that a signal interrupts
 * @elements: array
 * @count: number of elements, 1 to GUPX_JOBS_MAX
 * @size: size of an element in bytes
 *
 * The calling thread handles the first element, and each element for which no thread
 * can be started. After a signal (see gupx_signals_received()), all other threads are
 * interrupted repeatedly until they end.
 */
void gupx_jobs_run(void (*run)(void *element), void *elements, size_t count,
		   size_t size);

#endif
