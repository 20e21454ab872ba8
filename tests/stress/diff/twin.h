/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One of two targets that are built alike. Each has files of its own, or what one
 * faults in the other would find in the page cache.
 */
#ifndef GUPX_TESTS_DIFF_TWIN_H
#define GUPX_TESTS_DIFF_TWIN_H

#include <stddef.h>
#include <stdint.h>

#include "target.h"
#include "op.h"

#define HELD_MAX 16

/**
 * struct twin - a process that requests are made of
 * @target: the process
 * @child: that it has forked; pid 0: none
 * @forked: it has had one
 * @files: of each operation that maps one, else -1
 * @vvar: address of its [vvar], 0: none
 * @watch: its userfaultfd, a descriptor of its own; -1: none yet
 * @held: pin fds that are kept
 * @nr_held: of @held
 */
struct twin {
	struct target target;
	struct target child;
	bool forked;
	int files[OPS_MAX];
	uint64_t vvar;
	long watch;
	int held[HELD_MAX];
	size_t nr_held;
};

/* What both twins are filled from and emptied into. Once, before any twin. */
void twin_prepare(void);

/* 0 or errno. Stop it, whatever start said. */
int twin_start(struct twin *twin, const struct op *ops, size_t nr);
void twin_stop(struct twin *twin);

/* The address that an operation begins at. */
uint64_t twin_address(const struct twin *twin, const struct op *op);

/* Operation @index, no request: its result, or -errno. */
long twin_do(struct twin *twin, const struct op *op, size_t index);

void twin_hold(struct twin *twin, int pin_fd);

/* MADV_POPULATE_* by the twin itself. 0 or -errno. */
long twin_populate(const struct twin *twin, uint64_t addr, uint64_t len,
		   bool write);

#endif /* GUPX_TESTS_DIFF_TWIN_H */
