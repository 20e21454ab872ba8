// SPDX-License-Identifier: GPL-2.0
/* Functions that the unit tests share: results in the format TAP, and captured output. */
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static unsigned int count, failures;

void tap_report(bool good, const char *group, const char *name)
{
	count++;
	failures += !good;
	printf("%sok %u - %s: %s\n", good ? "" : "not ", count, group, name);
}

int tap_end(void)
{
	printf("1..%u\n", count);
	return failures != 0;
}

int tap_capture(void (*say)(void), unsigned short columns, char *text,
		size_t room)
{
	const struct winsize size = { .ws_row = 24, .ws_col = columns };
	int ends[2] = { -1, -1 }, status;
	size_t length = 0;
	ssize_t got;
	pid_t pid;

	fflush(stdout);
	if (!columns && pipe(ends))
		abort();
	pid = columns ? forkpty(&ends[0], NULL, NULL, &size) : fork();
	if (pid < 0)
		abort();
	if (!pid) {
		if (!columns) {
			dup2(ends[1], STDOUT_FILENO);
			dup2(ends[1], STDERR_FILENO);
		}
		say();
		exit(0);
	}
	close(ends[1]);
	/* A terminal reports EIO when the child has exited. */
	while (length < room - 1 &&
	       (got = read(ends[0], text + length, room - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(ends[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
