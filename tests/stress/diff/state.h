/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be seen of a twin's memory from outside, without touching it.
 */
#ifndef GUPX_TESTS_DIFF_STATE_H
#define GUPX_TESTS_DIFF_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "op.h"
#include "twin.h"

#define PM_SOFT_DIRTY (1ULL << 55)
#define PM_EXCLUSIVE (1ULL << 56)
#define PM_UFFD_WP (1ULL << 57)

#define KPF_ANON_BIT (1ULL << 12)
#define KPF_HUGE_BIT (1ULL << 17)
#define KPF_THP_BIT (1ULL << 22)
#define KPF_ZERO_BIT (1ULL << 24)

/* Numbers of smaps_rollup that do not move by themselves. */
#define STATE_SUMS 5

/**
 * struct state - a twin's arena at one moment
 * @words: of /proc/PID/pagemap
 * @kinds: KPF_*_BIT of each page that is present
 * @sums: of /proc/PID/smaps_rollup, kB
 * @nr: pages looked at
 */
struct state {
	uint64_t words[ARENA_PAGES];
	uint64_t kinds[ARENA_PAGES];
	long sums[STATE_SUMS];
	size_t nr;
};

/* The first @nr pages of the arena. */
void state_take(struct state *state, const struct twin *twin, size_t nr);

/*
 * The first page from @from on in which the two differ, but for frames; @nr where
 * they do not. @sharing: whether others map a page counts, and so whether it is
 * a part of a huge one still; where that is split, x86 marks the dirty parts
 * soft-dirty.
 */
size_t state_differs(const struct state *a, const struct state *b, size_t from,
		     bool sharing);
/* The sum in which the two differ, or NULL. */
const char *state_sum_differs(const struct state *a, const struct state *b);

/* A page's word and kind, for people. */
const char *state_describe(const struct state *state, size_t page, char *text,
			   size_t size);

/* The mapping at @addr as /proc/PID/maps has it. Whether there is one. */
bool state_mapping(const struct twin *twin, uint64_t addr, char protection[5],
		   char *name, size_t size);

/* The pins of the whole system, from their beginning. */
struct pin_counters {
	long acquired;
	long released;
};

struct pin_counters state_pin_counters(void);

#endif /* GUPX_TESTS_DIFF_STATE_H */
