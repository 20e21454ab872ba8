/* SPDX-License-Identifier: GPL-2.0 */
/* Find the processes that the arguments select. */
#ifndef GUPX_SELECT_H
#define GUPX_SELECT_H

#include <stdbool.h>
#include <stddef.h>

/* The directory on which cgroup2 is mounted. */
#define CGROUPS "/sys/fs/cgroup"

struct gupx_args;

/**
 * struct gupx_selected - one selected process
 * @pid: PID
 * @dir_fd: file descriptor of /proc/PID, or -1 if it has not been opened yet. It is open if
 *	the process was selected by its name, so that the name belongs to the process whose
 *	memory is accessed
 */
struct gupx_selected {
	int pid;
	int dir_fd;
};

/**
 * struct gupx_selection - all selected processes, each once
 * @process: array of processes
 * @count: number of elements
 * @single: true if the user named one process by its PID
 */
struct gupx_selection {
	struct gupx_selected *process;
	size_t count;
	bool single;
};

/*
 * Find the processes. Exit with an error if a name, file, cgroup or unit selects none.
 */
void gupx_select(struct gupx_selection *selection,
		 const struct gupx_args *args);

void gupx_select_free(struct gupx_selection *selection);

#endif
