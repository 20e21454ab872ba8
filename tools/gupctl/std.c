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

/*
 * errno of the first failed write to standard output, or 0. stdio remembers that a write
 * failed, but not why.
 */
static int failed;

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
	if (fflush(stdout))
		failed = errno;
	if (failed || ferror(stdout))
		gupx_std_die(failed ? failed : EIO);
}

/* The exit handler. close() can report an error that write() did not, for example on NFS. */
static void close_output(void)
{
	gupx_std_flush();
	if (fclose(stdout) && errno != EBADF)
		gupx_std_die(errno);
}

void gupx_std_init(void)
{
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
	atexit(close_output);
}
