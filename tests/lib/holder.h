/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Those who ask and those who hold: processes with a pin fd, and the ways that
 * one goes.
 */
#ifndef GUPX_TESTS_HOLDER_H
#define GUPX_TESTS_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "memory.h"
#include "target.h"

/* A pin of all the memory: the pin fd; -1 where that did not work. */
int holder_pin_all(const struct target *target, const struct memory *memory,
		   uint32_t flags);

/**
 * struct holder - a process that pins memory and then waits to be killed
 * @pid: to be killed and reaped by the caller
 * @line: where it says what pin fd it got
 */
struct holder {
	pid_t pid;
	int line;
};

void holder_start(struct holder *holder, const struct target *target,
		  const struct memory *memory);

/* SCM_RIGHTS. 0, and a descriptor, or -1. */
int holder_send_fd(int line, int fd);
int holder_receive_fd(int line);

/* Whether a child ends by itself. It is reaped then, and only then. */
bool holder_ends_within(pid_t pid, unsigned int milliseconds, int *status);

#endif /* GUPX_TESTS_HOLDER_H */
