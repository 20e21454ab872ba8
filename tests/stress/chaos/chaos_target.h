/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target process or its forked child: its memory and the operations on it.
 */
#ifndef GUPX_TESTS_CHAOS_TARGET_H
#define GUPX_TESTS_CHAOS_TARGET_H

#include "world.h"

/**
 * struct chaos_target - a process that owns an arena
 * @worker: number of the worker
 * @slot: slot in which requesters find it
 * @life: its current life
 * @prng: random numbers for its operations
 * @age: age to put into the next stamp
 * @files: file of each region, or -1
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
/* Map pages of a region again with MAP_FIXED. Return: 0 or -1. */
int memory_map(const struct chaos_target *target, uint64_t addr, uint64_t len);
/* Catch SIGSEGV and SIGBUS: memory_write() and memory_look() then return false. */
void memory_forgive_faults(void);
/* Stamp or read pages. Return: false if an access faulted. */
bool memory_write(struct chaos_target *target, uint64_t addr, uint64_t len);
bool memory_look(uint64_t addr, uint64_t len);

/* Perform one random operation: on memory, or fork, exec or exit. */
void chaos_target_act(struct chaos_target *target);

#endif /* GUPX_TESTS_CHAOS_TARGET_H */
