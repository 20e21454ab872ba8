// SPDX-License-Identifier: GPL-2.0
/* Open the target process, whose memory the request accesses. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "access.h"
#include "out.h"
#include "select.h"
#include "target.h"

/* Value of PF_KTHREAD, a bit in the task flags that /proc/PID/stat shows. */
#define TASK_KERNEL_THREAD 0x00200000UL

int gupx_target_open_file(const struct gupx_target *target, const char *name,
			  int flags)
{
	char path[64];

	if (target->tid == target->pid)
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), "task/%d/%s", target->tid, name);
	return openat(target->dir_fd, path, flags | O_CLOEXEC);
}

/*
 * Read a file of the target as text. Do not stop at the end of a line, because the name of
 * the process may contain newlines. Return: 0 or an errno.
 */
static int read_file(const struct gupx_target *target, const char *name,
		     char *text, size_t room)
{
	const int fd = gupx_target_open_file(target, name, O_RDONLY);
	ssize_t got;
	int error;

	if (fd < 0)
		return errno;
	got = read(fd, text, room - 1);
	error = got < 0 ? errno : 0;
	text[got > 0 ? got : 0] = '\0';
	close(fd);
	return error;
}

/*
 * Parse /proc/PID/stat: "PID (COMM) STATE ppid pgrp session tty tpgid FLAGS ...". COMM
 * may contain any byte except NUL, so it ends at the last closing parenthesis. Return: 0
 * or an errno.
 */
static int load_stat(struct gupx_target *target)
{
	unsigned long flags;
	char text[1024];
	char *open, *close;
	int error;

	error = read_file(target, "stat", text, sizeof(text));
	if (error)
		return error;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return ESRCH;
	snprintf(target->comm, sizeof(target->comm), "%.*s",
		 (int)(close - open - 1), open + 1);
	if (sscanf(close + 1, " %c %*d %*d %*d %*d %*d %lu", &target->state,
		   &flags) != 2)
		return ESRCH;
	target->kernel_thread = flags & TASK_KERNEL_THREAD;
	return 0;
}

static bool has_exited(const struct gupx_target *target)
{
	return target->state == 'Z' || target->state == 'X';
}

/*
 * Use another thread of a process whose main thread has exited. Only a live thread gives
 * access to the memory of its process.
 */
static void choose_live_thread(struct gupx_target *target)
{
	struct gupx_target thread = *target;
	const int fd = openat(target->dir_fd, "task",
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *task = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (task && (entry = readdir(task))) {
		thread.tid = atoi(entry->d_name);
		if (thread.tid <= 0 || load_stat(&thread) ||
		    has_exited(&thread))
			continue;
		target->tid = thread.tid;
		target->state = thread.state;
		break;
	}
	if (task)
		closedir(task);
	else if (fd >= 0)
		close(fd);
}

static void report_no_process(int pid)
{
	gupx_out_error("no_such_process", "find the PID with pgrep or ps",
		       "no process with PID %d", pid);
}

/* Report why /proc/PID cannot be read. kill() also finds processes that /proc hides. */
static void report_unreadable(int pid, int error)
{
	if (error != EACCES && error != EPERM && kill(pid, 0) && errno == ESRCH)
		report_no_process(pid);
	else
		gupx_out_error(
			"hidden",
			"run gupctl as root (sudo), or join the group of the mount option gid=",
			"process %d exists, but is hidden: /proc is mounted with hidepid",
			pid);
}

static bool has_memory(struct gupx_target *target)
{
	if (target->kernel_thread) {
		gupx_out_error(
			"kernel_thread", "choose a user process",
			"process %d (%s) is a kernel thread: it has no user memory",
			target->pid, target->comm);
		return false;
	}
	if (has_exited(target))
		choose_live_thread(target);
	if (has_exited(target)) {
		gupx_out_error("target_exited", NULL,
			       "process %d (%s) has exited (zombie)",
			       target->pid, target->comm);
		return false;
	}
	return true;
}

static void report_no_memory(const struct gupx_target *target)
{
	switch (errno) {
	case ENOENT:
	case ESRCH:
		report_no_process(target->pid);
		break;
	case EACCES:
	case EPERM:
		gupx_access_report(target);
		break;
	default:
		gupx_out_error("open_target", NULL,
			       "cannot open /proc/%d/mem: %s", target->pid,
			       strerror(errno));
		break;
	}
}

bool gupx_target_open(struct gupx_target *target, struct gupx_selected *process,
		      bool write)
{
	const int pid = process->pid;
	char path[32];
	int error;

	*target = (struct gupx_target){
		.pid = pid,
		.tid = pid,
		.mem_fd = -1,
		.pidfd = -1,
	};
	snprintf(path, sizeof(path), "/proc/%d", pid);
	target->dir_fd = process->dir_fd;
	process->dir_fd = -1;
	if (target->dir_fd < 0)
		target->dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/*
	 * If the process still exists after pidfd_open(), the PID cannot have been used
	 * again in between.
	 */
	target->pidfd = pidfd_open(pid, 0);
	error = target->dir_fd < 0 ? errno : load_stat(target);
	if (error) {
		report_unreadable(pid, error);
		return false;
	}
	if (!has_memory(target))
		return false;
	target->mem_fd =
		gupx_target_open_file(target, "mem", write ? O_RDWR : O_RDONLY);
	if (target->mem_fd < 0)
		report_no_memory(target);
	return target->mem_fd >= 0;
}

void gupx_target_close(struct gupx_target *target)
{
	if (target->mem_fd >= 0)
		close(target->mem_fd);
	if (target->pidfd >= 0)
		close(target->pidfd);
	if (target->dir_fd >= 0)
		close(target->dir_fd);
	target->mem_fd = -1;
	target->pidfd = -1;
	target->dir_fd = -1;
}

int gupx_target_stat(const struct gupx_target *target, const char *path,
		     struct stat *file)
{
	char below[PATH_MAX];

	snprintf(below, sizeof(below), "root/%s", path + strspn(path, "/"));
	return fstatat(target->dir_fd, below, file, 0);
}

void gupx_target_report_gone(const struct gupx_target *target)
{
	struct gupx_target now = *target;

	if (!load_stat(&now) && !has_exited(&now))
		gupx_out_error(
			"target_exited", "run gupctl again",
			"process %d (%s) called exec: its previous memory is gone",
			target->pid, now.comm);
	else
		gupx_out_error("target_exited", NULL,
			       "process %d (%s) has exited: its memory is gone",
			       target->pid, target->comm);
}
