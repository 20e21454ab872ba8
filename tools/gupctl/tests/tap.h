/* SPDX-License-Identifier: GPL-2.0 */
/* Functions that the unit tests share: results in the format TAP, and captured output. */
#ifndef GUPX_TAP_H
#define GUPX_TAP_H

#include <stdbool.h>
#include <stddef.h>

/* Report the result of a check. */
void tap_report(bool good, const char *group, const char *name);

/* Print the number of results. Return: the exit status of the test. */
int tap_end(void);

/*
 * Run @say in a child process. Store what it writes to stdout and stderr in @text, ended by a
 * 0 byte. They are a terminal with @columns columns, or a pipe if @columns is 0. Return: the
 * exit status, or -1.
 */
int tap_capture(void (*say)(void), unsigned short columns, char *text,
		size_t room);

#endif
