/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIGINT, SIGTERM and SIGHUP end the request; gupctl then reports and exits
 * normally.
 */
#ifndef GUPX_SIGNALS_H
#define GUPX_SIGNALS_H

#include <stdbool.h>

void gupx_signals_init(void);

/* Check whether one of these signals has arrived. */
bool gupx_signals_received(void);

enum gupx_signals_end {
	GUPX_SIGNALS_END_SIGNAL,
	GUPX_SIGNALS_END_TIME,
	GUPX_SIGNALS_END_FD,
};

/*
 * Wait for a signal, until @deadline in seconds of CLOCK_MONOTONIC (negative:
 * forever), or until @fd is readable (-1: none).
 */
enum gupx_signals_end gupx_signals_wait(double deadline, int fd);

/* Return: the time in seconds of CLOCK_MONOTONIC. */
double gupx_signals_now(void);

#endif
