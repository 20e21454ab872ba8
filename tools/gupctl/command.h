/* SPDX-License-Identifier: GPL-2.0 */
/* Run a command while pins are held. */
#ifndef GUPX_COMMAND_H
#define GUPX_COMMAND_H

#include <poll.h>
#include <stddef.h>
#include <sys/types.h>

/* Exit statuses for a command that does not start, as in a shell. */
#define GUPX_COMMAND_NOT_EXECUTABLE 126
#define GUPX_COMMAND_NOT_FOUND 127

/**
 * struct gupx_command - a command
 * @argv: program and arguments
 * @child: process that will run the command
 * @pidfd: its pidfd
 * @line: socket to the child
 */
struct gupx_command {
	char **argv;
	pid_t child;
	int pidfd;
	int line;
};

/*
 * Fork the child that will run the command. Call this before any pin is made and before
 * signals are handled: the child then has no copy of a pin fd, not even for a moment, and
 * the command has the signal dispositions with which gupctl was started.
 */
void gupx_command_fork(struct gupx_command *command, char **argv);

/* End the child without running the command. */
void gupx_command_cancel(struct gupx_command *command);

/*
 * Run the command, and wait for its end. Pass on signals that were sent to gupctl alone. Call
 * @see for each of @count files that is ready. Return: the exit status of gupctl: that of the
 * command, or 128 plus the number of the signal that killed it.
 */
int gupx_command_run(struct gupx_command *command, struct pollfd *files,
		     size_t count, void (*see)(void *priv), void *priv);

#endif
