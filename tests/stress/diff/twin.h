/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A twin is one of two target processes with the same mappings. Each twin has its own
 * files. With shared files, one twin would find in the page cache what the other faulted
 * in.
 */
#ifndef GUPX_TESTS_DIFF_TWIN_H
#define GUPX_TESTS_DIFF_TWIN_H

#include <stddef.h>
#include <stdint.h>

#include "target.h"
#include "op.h"

#define HELD_MAX 16

/**
 * struct twin - a target process of the differential tester
 * @target: the process
 * @child: its forked child; pid 0: none
 * @forked: it has had a child
 * @files: file descriptor of each operation that maps a file, else -1
 * @vvar: address of its [vvar]; 0: none
 * @watch: its userfaultfd, a descriptor number in the target; -1: none yet
 * @held: pin fds that stay open, oldest first
 * @nr_held: length of @held
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

/*
 * Create the pattern file, which twins are filled from, and the sink file, which their
 * reads write to. Call once, before the first twin_start().
 */
void twin_prepare(void);

/* Return: 0 or errno. Call twin_stop() even after a failure. */
int twin_start(struct twin *twin, const struct op *ops, size_t nr);
void twin_stop(struct twin *twin);

/* Return the address at which the operation's range begins. */
uint64_t twin_address(const struct twin *twin, const struct op *op);

/* Perform operation @index, which is no request. Return: its result, or -errno. */
long twin_do(struct twin *twin, const struct op *op, size_t index);

/* Keep @pin_fd open until OP_DROP or twin_stop(). */
void twin_hold(struct twin *twin, int pin_fd);

/* Make the twin call madvise(MADV_POPULATE_*). Return: 0 or -errno. */
long twin_populate(const struct twin *twin, uint64_t addr, uint64_t len,
		   bool write);

#endif /* GUPX_TESTS_DIFF_TWIN_H */
