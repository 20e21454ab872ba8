/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A twin is one of two target processes with the same mappings. Each twin has its own
 * files. If both twins mapped the same file, a page that one twin faulted in would
 * already be in the page cache for the other twin.
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
 * @child: forked child of the process; its pid is 0 if there is no child
 * @forked: true if the process has forked a child, even if the child has ended
 * @files: file descriptor of the file that each operation maps, by index of the
 *	operation; -1 if the operation maps no file
 * @vvar: address of the [vvar] mapping of the process; 0 if there is none
 * @watch: descriptor of the userfaultfd, valid in the target process; -1 before the
 *	process opens it
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
 * Create the pattern file and the sink file. The memory of the twins is filled with
 * bytes from the pattern file. To read its memory, a twin writes the memory to the sink
 * file with pwrite(). Call this function once, before the first twin_start().
 */
void twin_prepare(void);

/*
 * Start a twin for the @nr operations of a case. Return: 0 or errno. Call twin_stop()
 * even after a failure.
 */
int twin_start(struct twin *twin, const struct op *ops, size_t nr);
void twin_stop(struct twin *twin);

/* Return: address at which the range of the operation begins. */
uint64_t twin_address(const struct twin *twin, const struct op *op);

/*
 * Perform an operation that is not a request. @index is the index of the operation in
 * the case. Return: result of the operation, or -errno.
 */
long twin_do(struct twin *twin, const struct op *op, size_t index);

/* Keep @pin_fd open until OP_DROP or twin_stop(). */
void twin_hold(struct twin *twin, int pin_fd);

/* Make the twin call madvise(MADV_POPULATE_*). Return: 0 or -errno. */
long twin_populate(const struct twin *twin, uint64_t addr, uint64_t len,
		   bool write);

#endif /* GUPX_TESTS_DIFF_TWIN_H */
