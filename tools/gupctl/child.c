// SPDX-License-Identifier: GPL-2.0
/* Child processes whose exit status gupctl passes on. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "out.h"

pid_t gupx_child_fork(void)
{
	signal(SIGCHLD, SIG_DFL);
	return fork();
}

int gupx_child_reap(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return GUPX_EXIT_REFUSED;
	return WIFSIGNALED(status) ? GUPX_EXIT_SIGNAL + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
