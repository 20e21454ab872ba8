/* SPDX-License-Identifier: GPL-2.0 */
/* Child processes whose exit status gupctl passes on. */
#ifndef GUPX_CHILD_H
#define GUPX_CHILD_H

#include <sys/types.h>

/* Like fork(). The child can be reaped even if gupctl was started with SIGCHLD ignored. */
pid_t gupx_child_fork(void);

/* Wait for the end of a child. Return: its exit status, as a shell would report it. */
int gupx_child_reap(pid_t child);

#endif
