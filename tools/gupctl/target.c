// SPDX-License-Identifier: GPL-2.0
/* Open the target process, whose memory the request accesses. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "out.h"
#include "target.h"

/* Value of PF_KTHREAD, a bit in the task flags that /proc/PID/stat shows. */
#define TASK_KERNEL_THREAD 0x00200000UL

/*
 * Read a file of /proc/PID as text. Do not stop at the end of a line, because the name of
 * the process may contain newlines. Return: true if the file is not empty, else false.
 */
static bool read_file(int pid, const char *name, char *text, size_t room)
{
	char path[48];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, room - 1);
	text[got > 0 ? got : 0] = '\0';
	close(fd);
	return got > 0;
}

/*
 * Parse /proc/PID/stat: "PID (COMM) STATE ppid pgrp session tty tpgid FLAGS ...". COMM
 * may contain any byte except NUL, so it ends at the last closing parenthesis.
 */
static bool load_stat(struct gupx_target *target)
{
	unsigned long flags;
	char text[1024];
	char *open, *close;

	if (!read_file(target->pid, "stat", text, sizeof(text)))
		return false;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return false;
	snprintf(target->comm, sizeof(target->comm), "%.*s",
		 (int)(close - open - 1), open + 1);
	if (sscanf(close + 1, " %c %*d %*d %*d %*d %*d %lu", &target->state,
		   &flags) != 2)
		return false;
	target->kernel_thread = flags & TASK_KERNEL_THREAD;
	return true;
}

static _Noreturn void die_no_process(int pid)
{
	gupx_out_die(GUPX_EXIT_REFUSED, "no_such_process",
		     "find the PID with pgrep or ps", "no process with PID %d",
		     pid);
}

static void die_if_no_memory(const struct gupx_target *target)
{
	if (target->kernel_thread)
		gupx_out_die(
			GUPX_EXIT_REFUSED, "kernel_thread",
			"choose a user process",
			"process %d (%s) is a kernel thread: it has no user memory",
			target->pid, target->comm);
	if (target->state == 'Z' || target->state == 'X')
		gupx_out_die(GUPX_EXIT_REFUSED, "target_exited", NULL,
			     "process %d (%s) has exited (zombie)", target->pid,
			     target->comm);
}

void gupx_target_open(struct gupx_target *target, int pid, bool write)
{
	char path[32];

	*target = (struct gupx_target){ .pid = pid, .mem_fd = -1 };
	if (!load_stat(target))
		die_no_process(pid);
	die_if_no_memory(target);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	target->mem_fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (target->mem_fd >= 0)
		return;
	switch (errno) {
	case ENOENT:
	case ESRCH:
		die_no_process(pid);
	case EACCES:
	case EPERM:
		gupx_access_die(target);
	default:
		gupx_out_die(GUPX_EXIT_REFUSED, "open_target", NULL,
			     "cannot open %s: %s", path, strerror(errno));
	}
}

void gupx_target_report_gone(const struct gupx_target *target)
{
	struct gupx_target now = { .pid = target->pid };

	if (load_stat(&now) && now.state != 'Z' && now.state != 'X')
		gupx_out_error(
			"target_exited", "run gupctl again",
			"process %d (%s) called exec: its previous memory is gone",
			target->pid, now.comm);
	else
		gupx_out_error("target_exited", NULL,
			       "process %d (%s) has exited: its memory is gone",
			       target->pid, target->comm);
}
