/* SPDX-License-Identifier: GPL-2.0 */
/* SIGINT, SIGTERM and SIGHUP end the work in good order, not the program. */
#ifndef GUPX_SIGNALS_H
#define GUPX_SIGNALS_H

#include <stdbool.h>

void gupx_signals_init(void);

/* One of them came. */
bool gupx_signals_received(void);

enum gupx_signals_end {
	GUPX_SIGNALS_END_SIGNAL,
	GUPX_SIGNALS_END_TIME,
	GUPX_SIGNALS_END_FD,
};

/*
 * Waits for one of them, for @deadline on CLOCK_MONOTONIC (seconds; negative:
 * none), or until @fd (-1: none) is readable.
 */
enum gupx_signals_end gupx_signals_wait(double deadline, int fd);

/* Seconds on CLOCK_MONOTONIC. */
double gupx_signals_now(void);

#endif
