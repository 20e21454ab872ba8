/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIGINT, SIGTERM and SIGHUP end the request. gupctl then prints its report and exits
 * normally, instead of dying from the signal.
 */
#ifndef GUPX_SIGNALS_H
#define GUPX_SIGNALS_H

#include <stdbool.h>

void gupx_signals_init(void);

/* Return: true if SIGINT, SIGTERM or SIGHUP has arrived, else false. */
bool gupx_signals_received(void);

enum gupx_signals_end {
	GUPX_SIGNALS_END_SIGNAL,
	GUPX_SIGNALS_END_TIME,
	GUPX_SIGNALS_END_FD,
};

/*
 * Wait until SIGINT, SIGTERM or SIGHUP arrives, @deadline has passed, or @fd is
 * readable. @deadline is in seconds of CLOCK_MONOTONIC; if it is negative, there is no
 * deadline. If @fd is -1, no file is polled.
 */
enum gupx_signals_end gupx_signals_wait(double deadline, int fd);

/* Return: the time in seconds of CLOCK_MONOTONIC. */
double gupx_signals_now(void);

#endif
