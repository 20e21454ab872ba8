/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target is a child process that runs system calls and memory accesses on request
 * of the test.
 *
 * It is forked from the test, so pointers to constants and static variables of the
 * test are valid in it. The kernel kills it when the test ends.
 */
#ifndef GUPX_TESTS_TARGET_H
#define GUPX_TESTS_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct target - the target process of a request
 * @pid: process ID; 0: not running
 * @mem_fd: its /proc/PID/mem, open for reading and writing
 * @line: socket for orders and results
 * @child_line: socket for the child that target_fork() creates
 */
struct target {
	pid_t pid;
	int mem_fd;
	int line;
	int child_line;
};

/* Start a target. Returns 0 or errno; call target_stop() in both cases. */
int target_start(struct target *target);
/* Kill and reap the target. No-op if it is not running. */
void target_stop(struct target *target);
/* Wait for a target that ends on its own, and clear its @pid. */
void target_reap(struct target *target);

/* Run a system call in the target. Returns its result, or -errno. */
long target_call(const struct target *target, long number,
		 const long arguments[6]);
#define TARGET_CALL(target, number, ...) \
	target_call(target, number, (const long[6]){ __VA_ARGS__ })

/* Run a function of the test in the target. Returns its result. */
typedef long target_fn(const long arguments[6]);
long target_run(const struct target *target, target_fn *run,
		const long arguments[6]);
#define TARGET_RUN(target, run, ...) \
	target_run(target, run, (const long[6]){ __VA_ARGS__ })

/* Make the target exec a program that only sleeps; it takes no more orders. */
void target_exec(const struct target *target);

/* Write @byte to the first byte of each page. Returns 0 or -errno. */
long target_poke(const struct target *target, uint64_t addr, size_t len,
		 unsigned char byte);
/*
 * Write @byte to the first byte of each page, in an order other than that of the
 * addresses: adjacent pages do not get adjacent frames.
 */
long target_scatter(const struct target *target, uint64_t addr, size_t len,
		    unsigned char byte);
/* Read the first byte of each page. Returns their sum. */
long target_peek(const struct target *target, uint64_t addr, size_t len);
/*
 * Fork the target; the child is a target, too. The kernel kills it with its parent,
 * but target_stop() is still needed. Returns 0 or errno.
 */
int target_fork(const struct target *target, struct target *child);

/*
 * Find the first mapping with @name in /proc/PID/maps, and store its range in @first
 * and @end. Returns whether there is one.
 */
bool target_find_mapping(const struct target *target, const char *name,
			 uint64_t *first, uint64_t *end);
/* Returns the number after @key in the smaps entry of @addr, in kB, or -1. */
long target_smaps(const struct target *target, uint64_t addr, const char *key);

#endif /* GUPX_TESTS_TARGET_H */
