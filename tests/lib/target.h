/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target: a child process that does what the test tells it, to its own memory.
 *
 * It is a copy of the test, so pointers to constants and to static storage of
 * the test are good in it, too. It dies with the test, however that ends.
 */
#ifndef GUPX_TESTS_TARGET_H
#define GUPX_TESTS_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct target - a process to work on
 * @pid: 0: none
 * @mem_fd: its /proc/PID/mem, open for reading and writing
 * @line: what it is told and answers
 * @child_line: the line of a child that it may fork
 */
struct target {
	pid_t pid;
	int mem_fd;
	int line;
	int child_line;
};

/* 0 or errno. Stop it in the teardown, whatever start said. */
int target_start(struct target *target);
/* Kills and reaps. Harmless on a target that never was, or was stopped. */
void target_stop(struct target *target);
/* Reaps, and forgets, one that ends by itself. */
void target_reap(struct target *target);

/* A system call in the target: its result, or -errno. */
long target_call(const struct target *target, long number,
		 const long arguments[6]);
#define TARGET_CALL(target, number, ...) \
	target_call(target, number, (const long[6]){ __VA_ARGS__ })

/* A function of the test's own, run by the target: its result. */
typedef long target_fn(const long arguments[6]);
long target_run(const struct target *target, target_fn *run,
		const long arguments[6]);
#define TARGET_RUN(target, run, ...) \
	target_run(target, run, (const long[6]){ __VA_ARGS__ })

/* Becomes another program, one that only sleeps. Does not answer. */
void target_exec(const struct target *target);

/* Writes @byte to the first byte of each page. 0, or -errno. */
long target_poke(const struct target *target, uint64_t addr, size_t len,
		 unsigned char byte);
/*
 * The same, in an order that is not that of the addresses: where the pages come from
 * the allocator one after the other, no two neighbours lie together.
 */
long target_scatter(const struct target *target, uint64_t addr, size_t len,
		    unsigned char byte);
/* Reads a byte of each page; the sum of them. */
long target_peek(const struct target *target, uint64_t addr, size_t len);
/* Its child, a target as well. It dies with its parent; stop it all the same. */
int target_fork(const struct target *target, struct target *child);

/*
 * The mapping of the target that is named @name, and spans @first: of many, the
 * first. Returns whether there is one.
 */
bool target_find_mapping(const struct target *target, const char *name,
			 uint64_t *first, uint64_t *end);
/* A number from the smaps entry of the mapping at @addr, kB; -1: no such line. */
long target_smaps(const struct target *target, uint64_t addr, const char *key);

#endif /* GUPX_TESTS_TARGET_H */
