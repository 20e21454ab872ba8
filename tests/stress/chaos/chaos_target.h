/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A victim, or an heir of one: its memory, and what it does to it.
 */
#ifndef GUPX_TESTS_CHAOS_TARGET_H
#define GUPX_TESTS_CHAOS_TARGET_H

#include "world.h"

/**
 * struct chaos_target - a process that owns an arena
 * @worker: which of the workers it is
 * @slot: where askers find it
 * @life: of it
 * @prng: of it
 * @age: of the next stamp
 * @files: of regions that have one, else -1
 */
struct chaos_target {
	unsigned int worker;
	unsigned int slot;
	struct life life;
	struct prng prng;
	uint32_t age;
	int files[REGIONS];
};

/* The regions, mapped and stamped once. */
void memory_set_up(struct chaos_target *target);
/* Maps pages of a region anew, over whatever is there: 0, or -1. */
int memory_map(const struct chaos_target *target, uint64_t addr, uint64_t len);
/* From here on a touch that faults is undone, and is no death. */
void memory_forgive_faults(void);
/* Pages stamped, or read, until one is not there. */
bool memory_write(struct chaos_target *target, uint64_t addr, uint64_t len);
bool memory_look(uint64_t addr, uint64_t len);

/* One random deed to a random place; fork, exec and exit too. */
void chaos_target_act(struct chaos_target *target);

#endif /* GUPX_TESTS_CHAOS_TARGET_H */
