/* SPDX-License-Identifier: GPL-2.0 */
/* The target process: what /proc tells of it, and why it may not be opened. */
#ifndef GUPX_TARGET_H
#define GUPX_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct gupx_target - one process
 * @pid: as the caller sees it
 * @mem_fd: open /proc/PID/mem; names one address space, whoever has the pid later
 * @comm: its command name
 * @state: letter of /proc/PID/stat
 * @kernel_thread: it has no memory of its own, ever
 */
struct gupx_target {
	int pid;
	int mem_fd;
	char comm[32];
	char state;
	bool kernel_thread;
};

/* Exits with one line that names the cure where it cannot. */
void gupx_target_open(struct gupx_target *target, int pid, bool write);

/*
 * Says that the address space is gone: the process exited, called exec, or is a
 * kernel thread. Sets the error, does not exit.
 */
void gupx_target_report_gone(const struct gupx_target *target);

#endif
