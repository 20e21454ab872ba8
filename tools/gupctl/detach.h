/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Continue in the background, as soon as all is ready: a child does the work in a session of
 * its own, and its parent waits for the result.
 */
#ifndef GUPX_DETACH_H
#define GUPX_DETACH_H

#include <stdbool.h>

/*
 * Fork. Return in the child only, with all inherited descriptors from 3 on closed, so that
 * the child keeps no lock, pipe or file of its caller open. Return: the socket for
 * gupx_detach_ready().
 *
 * The parent passes SIGINT, SIGTERM and SIGHUP on to the child. It exits with the status of
 * gupx_detach_ready(), or with that of the child if the child ends before.
 */
int gupx_detach_fork(void);

/*
 * Redirect standard input, output and error to /dev/null, leave the directory, and let the
 * parent exit with @status. Return: false if the parent has gone away.
 */
bool gupx_detach_ready(int line, int status);

#endif
