/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target process or its forked child: the memory of the process, and the operations
 * on this memory.
 */
#ifndef GUPX_TESTS_CHAOS_TARGET_H
#define GUPX_TESTS_CHAOS_TARGET_H

#include "world.h"

/**
 * struct chaos_target - a target process or its child
 * @worker: number of the worker
 * @slot: number of the slot in which requesters find the process
 * @life: copy of the slot's content: process number, parent's process number and PID
 * @prng: random numbers for the operations
 * @age: value of the age field in the next stamp; each stamp increases it, so that
 *	successive stamps of a page differ
 * @files: file descriptor of each region, or -1 if the region maps no file
 */
struct chaos_target {
	unsigned int worker;
	unsigned int slot;
	struct life life;
	struct prng prng;
	uint32_t age;
	int files[REGIONS];
};

/* Map all regions and stamp some of them. */
void memory_set_up(struct chaos_target *target);
/*
 * Replace the mapping of some pages of a region by means of MAP_FIXED. Return: 0 on
 * success, -1 on failure.
 */
int memory_map(const struct chaos_target *target, uint64_t addr, uint64_t len);
/*
 * Install handlers for SIGSEGV and SIGBUS, so that memory_write() and memory_look()
 * return false if an access raises one of these signals.
 */
void memory_forgive_faults(void);
/*
 * Stamp pages, or read a word of each page. Return: true on success, false if an access
 * raised a signal.
 */
bool memory_write(struct chaos_target *target, uint64_t addr, uint64_t len);
bool memory_look(uint64_t addr, uint64_t len);

/*
 * Perform one random operation: either an operation on memory, or fork, exec or exit.
 */
void chaos_target_act(struct chaos_target *target);

#endif /* GUPX_TESTS_CHAOS_TARGET_H */
