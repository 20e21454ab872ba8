/* SPDX-License-Identifier: GPL-2.0 */
/* Processes that hold a pin fd, and functions to pass a pin fd between processes. */
#ifndef GUPX_TESTS_HOLDER_H
#define GUPX_TESTS_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "memory.h"
#include "target.h"

/* Pin all of @memory. Returns the pin fd, or -1 if not all of @memory was pinned. */
int holder_pin_all(const struct target *target, const struct memory *memory,
		   uint32_t flags);

/**
 * struct holder - a process that pins memory and then sleeps
 * @pid: process ID; the caller must kill and reap the process
 * @line: socket on which the process sends the file descriptor number of its pin fd
 */
struct holder {
	pid_t pid;
	int line;
};

void holder_start(struct holder *holder, const struct target *target,
		  const struct memory *memory);

/* Send @fd over a socket, by SCM_RIGHTS. Returns 0 on success, else -1. */
int holder_send_fd(int line, int fd);
/* Receive a file descriptor from a socket. Returns the descriptor, or -1. */
int holder_receive_fd(int line);

/*
 * Wait until a child ends, and reap it. Returns true if the child ended before the
 * timeout, else false.
 */
bool holder_ends_within(pid_t pid, unsigned int milliseconds, int *status);

#endif /* GUPX_TESTS_HOLDER_H */
