// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell.h"

static void read_output(struct shell *shell, int fd)
{
	size_t used = 0;
	ssize_t got;

	do {
		got = read(fd, shell->output + used,
			   sizeof(shell->output) - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	shell->output[used] = '\0';
}

int shell_run(struct shell *shell, const char *format, ...)
{
	char *line = NULL;
	int status = -1;
	va_list args;
	int ends[2];
	pid_t child;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		line = NULL;
	va_end(args);
	if (!line || pipe2(ends, O_CLOEXEC))
		return -1;
	child = fork();
	if (!child) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	close(ends[1]);
	read_output(shell, ends[0]);
	close(ends[0]);
	waitpid(child, &status, 0);
	free(line);
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

size_t shell_count(const struct shell *shell, const char *text)
{
	const char *found = shell->output;
	size_t count = 0;

	while ((found = strstr(found, text))) {
		found += strlen(text);
		count++;
	}
	return count;
}
