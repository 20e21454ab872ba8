/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIGINT, SIGTERM and SIGHUP end the request. gupctl then prints its report, and exits
 * with 128 plus the number of the signal, as a shell would report its death.
 */
#ifndef GUPX_SIGNALS_H
#define GUPX_SIGNALS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

void gupx_signals_init(void);

/* Return: the number of the signal that has arrived: SIGINT, SIGTERM or SIGHUP; else 0. */
int gupx_signals_received(void);

/* Return: true if the size of the terminal has changed since the last call. */
bool gupx_signals_resized(void);

/* Return: the name of that signal, for example "SIGINT"; NULL if none has arrived. */
const char *gupx_signals_name(void);

enum gupx_signals_end {
	GUPX_SIGNALS_END_SIGNAL,
	GUPX_SIGNALS_END_TIME,
	GUPX_SIGNALS_END_FD,
};

/*
 * Wait until SIGINT, SIGTERM or SIGHUP arrives, @deadline has passed, or one of @count
 * files is ready, which its revents say. @deadline is in seconds of CLOCK_MONOTONIC; if
 * it is negative, there is no deadline.
 */
enum gupx_signals_end gupx_signals_wait(double deadline, struct pollfd *files,
					size_t count);

/* Return: the time in seconds of CLOCK_MONOTONIC. */
double gupx_signals_now(void);

#endif
