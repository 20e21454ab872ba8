// SPDX-License-Identifier: GPL-2.0
/* Standard input, output and error. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "std.h"

/* errno of the first failed write to standard output, or 0 */
static int failed;

/*
 * Write for stdout. stdio remembers that a write failed, but not why, and writes when its
 * buffer is full, so the errno would be lost.
 */
static ssize_t write_output(void *cookie, const char *text, size_t length)
{
	const char *at = text;
	ssize_t written;

	(void)cookie;
	while (!failed && length) {
		written = write(STDOUT_FILENO, at, length);
		if (written < 0 && errno != EINTR)
			failed = errno;
		if (written < 0)
			continue;
		at += written;
		length -= (size_t)written;
	}
	return at - text;
}

void gupx_std_die(int error)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	if (error != EPIPE)
		fprintf(stderr, "gupctl: write error: %s\n", strerror(error));
	else if (!sigaction(SIGPIPE, NULL, &action) &&
		 action.sa_handler == SIG_DFL)
		raise(SIGPIPE);
	/* Do not run the handlers of exit(), which would flush standard output again. */
	_exit(GUPX_EXIT_REFUSED);
}

void gupx_std_flush(void)
{
	fflush(stdout);
	if (failed)
		gupx_std_die(failed);
}

/* The exit handler. close() can report an error that write() did not, for example on NFS. */
static void close_output(void)
{
	gupx_std_flush();
	if (close(STDOUT_FILENO))
		gupx_std_die(errno);
}

void gupx_std_init(void)
{
	const cookie_io_functions_t functions = { .write = write_output };
	FILE *stream;
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/*
		 * Open the missing descriptor in the wrong direction, so that an access
		 * to it still fails with EBADF. open() returns the lowest free
		 * descriptor, which is fd.
		 */
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null",
			 fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(GUPX_EXIT_REFUSED);
	}
	stream = fopencookie(NULL, "w", functions);
	if (!stream)
		_exit(GUPX_EXIT_REFUSED);
	setvbuf(stream, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
	stdout = stream;
	atexit(close_output);
}
