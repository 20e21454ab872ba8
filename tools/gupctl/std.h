/* SPDX-License-Identifier: GPL-2.0 */
/* Standard input, output and error: open them at the start, and check them at the end. */
#ifndef GUPX_STD_H
#define GUPX_STD_H

/*
 * Make sure that descriptors 0, 1 and 2 are open before any other file is opened.
 * Otherwise a later open() may return one of them, and text for the user would be written
 * into that file, for example into /proc/PID/mem. Also check standard output at exit.
 */
void gupx_std_init(void);

/*
 * Flush standard output. On a write error, print a message and exit with
 * GUPX_EXIT_REFUSED. If the reader of a pipe has gone away, exit without a message.
 */
void gupx_std_flush(void);

/* End gupctl after a write to standard output failed with errno @error. */
__attribute__((noreturn)) void gupx_std_die(int error);

#endif
