// SPDX-License-Identifier: GPL-2.0
/* Continue in the background. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "detach.h"
#include "out.h"

static __attribute__((noreturn)) void die_no_fork(void)
{
	gupx_out_die(GUPX_EXIT_REFUSED, "fork", NULL,
		     "cannot continue in the background: %s", strerror(errno));
}

/*
 * Wait until the child is ready or has ended. The signals are blocked and arrive in
 * @signal_fd. The child is not reaped here, so its PID stays valid.
 */
static __attribute__((noreturn)) void wait_for_child(pid_t child, int line,
						     int signal_fd)
{
	struct pollfd files[] = { { .fd = line, .events = POLLIN },
				  { .fd = signal_fd, .events = POLLIN } };
	struct signalfd_siginfo info;
	unsigned char status;
	ssize_t got;

	for (;;) {
		if (poll(files, 2, -1) < 0 && errno != EINTR)
			_exit(GUPX_EXIT_REFUSED);
		if (files[1].revents &&
		    read(signal_fd, &info, sizeof(info)) == sizeof(info))
			kill(child, (int)info.ssi_signo);
		if (!files[0].revents)
			continue;
		got = read(line, &status, 1);
		if (got < 0 && errno == EINTR)
			continue;
		/* Do not run the handlers of exit(): the child prints all output. */
		_exit(got == 1 ? status : gupx_child_reap(child));
	}
}

int gupx_detach_fork(void)
{
	sigset_t passed, before;
	int ends[2], signal_fd;
	pid_t child;

	sigemptyset(&passed);
	sigaddset(&passed, SIGINT);
	sigaddset(&passed, SIGTERM);
	sigaddset(&passed, SIGHUP);
	sigprocmask(SIG_BLOCK, &passed, &before);
	signal_fd = signalfd(-1, &passed, SFD_CLOEXEC);
	if (signal_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		die_no_fork();
	child = gupx_child_fork();
	if (child < 0)
		die_no_fork();
	if (child) {
		close(ends[1]);
		wait_for_child(child, ends[0], signal_fd);
	}
	setsid();
	/* The socket gets the number 3, and all others are closed. */
	if (ends[1] != STDERR_FILENO + 1 &&
	    dup3(ends[1], STDERR_FILENO + 1, O_CLOEXEC) < 0)
		die_no_fork();
	close_range(STDERR_FILENO + 2, UINT_MAX, 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return STDERR_FILENO + 1;
}

bool gupx_detach_ready(int line, int status)
{
	const unsigned char byte = (unsigned char)status;
	const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool sent;
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null_fd < 0 || dup2(null_fd, fd) < 0)
			return false;
	close(null_fd);
	/* Do not keep a file system busy. */
	if (chdir("/"))
		return false;
	sent = send(line, &byte, 1, MSG_NOSIGNAL) == 1;
	close(line);
	return sent;
}
