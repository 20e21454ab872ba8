/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Open the target process, whose memory the request accesses. All files of the target are
 * opened below one descriptor of /proc/PID, so that they belong to the same process even
 * if the PID is used again.
 */
#ifndef GUPX_TARGET_H
#define GUPX_TARGET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct gupx_selected;

/**
 * struct gupx_target - target process
 * @pid: PID as the caller sees it
 * @tid: ID of the thread through which the memory is accessed. It differs from @pid only
 *	if the main thread has exited
 * @dir_fd: file descriptor of /proc/PID
 * @mem_fd: file descriptor of /proc/PID/mem; it refers to the same address space even if
 *	the PID is used again
 * @pidfd: file descriptor of the process, or -1 if the kernel refused it; readable when
 *	the process has exited
 * @comm: command name; may contain any byte
 * @state: state letter from /proc/PID/stat
 * @kernel_thread: true if the process is a kernel thread, which has no address space
 */
struct gupx_target {
	int pid;
	int tid;
	int dir_fd;
	int mem_fd;
	int pidfd;
	char comm[80];
	char state;
	bool kernel_thread;
};

/*
 * Open the target, and take over the file descriptor in @process. On failure, report the
 * cause and how to fix it. Return: true if the target is open, else false. The caller calls
 * gupx_target_close() in both cases.
 */
bool gupx_target_open(struct gupx_target *target, struct gupx_selected *process,
		      bool write);

void gupx_target_close(struct gupx_target *target);

/* Open a file of the target, for example "maps". Return: descriptor or -1 with errno. */
int gupx_target_open_file(const struct gupx_target *target, const char *name,
			  int flags);

/* Call stat() on a path of the target's root directory. Return: 0 or -1 with errno. */
int gupx_target_stat(const struct gupx_target *target, const char *path,
		     struct stat *file);

/*
 * Report that the address space of the target no longer exists, because the process
 * exited or called exec. Does not exit.
 */
void gupx_target_report_gone(const struct gupx_target *target);

#endif
