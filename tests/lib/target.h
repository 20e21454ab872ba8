/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target is a child process that makes system calls and memory accesses when the
 * test requests them.
 *
 * The target is forked from the test, so pointers to constants and static variables
 * of the test are valid in the target. The kernel kills the target when the test
 * ends.
 */
#ifndef GUPX_TESTS_TARGET_H
#define GUPX_TESTS_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct target - the target process of a request
 * @pid: process ID; 0 if the target is not running
 * @mem_fd: /proc/PID/mem of the target, open for reading and writing
 * @line: socket for commands to the target and results from the target
 * @child_line: socket for commands to the child that target_fork() creates
 */
struct target {
	pid_t pid;
	int mem_fd;
	int line;
	int child_line;
};

/*
 * Start a target. Returns 0 or a positive errno. The caller must call target_stop()
 * in both cases.
 */
int target_start(struct target *target);
/* Kill and reap the target. Does nothing if the target is not running. */
void target_stop(struct target *target);
/* Wait for a target that ends without being killed, and clear @pid. */
void target_reap(struct target *target);

/* Run a system call in the target. Returns the result of the system call, or -errno. */
long target_call(const struct target *target, long number,
		 const long arguments[6]);
#define TARGET_CALL(target, number, ...) \
	target_call(target, number, (const long[6]){ __VA_ARGS__ })

/* Run a function of the test in the target. Returns the result of the function. */
typedef long target_fn(const long arguments[6]);
long target_run(const struct target *target, target_fn *run,
		const long arguments[6]);
#define TARGET_RUN(target, run, ...) \
	target_run(target, run, (const long[6]){ __VA_ARGS__ })

/*
 * Make the target exec a program that only sleeps. The target accepts no requests
 * after this.
 */
void target_exec(const struct target *target);

/* Write @byte to the first byte of each page. Returns 0 or -errno. */
long target_poke(const struct target *target, uint64_t addr, size_t len,
		 unsigned char byte);
/*
 * Write @byte to the first byte of each page. The order of the writes differs from
 * the order of the addresses, so that adjacent pages do not get adjacent page frames.
 */
long target_scatter(const struct target *target, uint64_t addr, size_t len,
		    unsigned char byte);
/* Read the first byte of each page. Returns the sum of these bytes. */
long target_peek(const struct target *target, uint64_t addr, size_t len);
/*
 * Fork the target. The child is a target as well. The kernel kills the child when its
 * parent ends, but target_stop() is still needed. Returns 0 or a positive errno.
 */
int target_fork(const struct target *target, struct target *child);

/*
 * Find the first mapping with @name in /proc/PID/maps, and store its range in @first
 * and @end. Returns true if there is such a mapping, else false.
 */
bool target_find_mapping(const struct target *target, const char *name,
			 uint64_t *first, uint64_t *end);
/*
 * Returns the number, in kB, that /proc/PID/smaps shows after @key for the mapping at
 * @addr, or -1.
 */
long target_smaps(const struct target *target, uint64_t addr, const char *key);

#endif /* GUPX_TESTS_TARGET_H */
