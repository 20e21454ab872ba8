/* SPDX-License-Identifier: GPL-2.0 */
/* Open the target process, whose memory the request accesses. */
#ifndef GUPX_TARGET_H
#define GUPX_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct gupx_target - target process
 * @pid: PID as the caller sees it
 * @mem_fd: file descriptor of /proc/PID/mem; it refers to the same address space even if
 *	the PID is used again
 * @comm: command name
 * @state: state letter from /proc/PID/stat
 * @kernel_thread: true if the process is a kernel thread, which has no address space
 */
struct gupx_target {
	int pid;
	int mem_fd;
	char comm[32];
	char state;
	bool kernel_thread;
};

/* Open the target. On failure, print the cause and how to fix it, and exit. */
void gupx_target_open(struct gupx_target *target, int pid, bool write);

/*
 * Report that the address space of the target no longer exists, because the process
 * exited or called exec. Does not exit.
 */
void gupx_target_report_gone(const struct gupx_target *target);

#endif
