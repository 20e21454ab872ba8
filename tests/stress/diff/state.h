/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State of a twin's memory as /proc shows it. Reading it does not change the memory.
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

/*
 * Number of lines of smaps_rollup that are compared; background work does not change
 * them.
 */
#define STATE_SUMS 5

/**
 * struct state - snapshot of a twin's arena
 * @words: entries of /proc/PID/pagemap, by page
 * @kinds: KPF_*_BIT of each present page
 * @sums: values from /proc/PID/smaps_rollup, kB
 * @nr: number of pages in the snapshot
 */
struct state {
	uint64_t words[ARENA_PAGES];
	uint64_t kinds[ARENA_PAGES];
	long sums[STATE_SUMS];
	size_t nr;
};

/* Take a snapshot of the first @nr pages of the arena. */
void state_take(struct state *state, const struct twin *twin, size_t nr);

/*
 * Return the first page from @from on whose state differs, or @a->nr. Frame numbers are
 * ignored. Without @sharing, differences that unsharing causes are ignored, too: the
 * exclusive bit, whether the page is part of a THP, and soft-dirty, which x86 sets on
 * dirty PTEs when it splits a PMD.
 */
size_t state_differs(const struct state *a, const struct state *b, size_t from,
		     bool sharing);
/* Return the name of the first value of @sums that differs, or NULL. */
const char *state_sum_differs(const struct state *a, const struct state *b);

/* Describe a page's state in words, in @text. Return: @text. */
const char *state_describe(const struct state *state, size_t page, char *text,
			   size_t size);

/* Look up the mapping at @addr in /proc/PID/maps. Return: false if there is none. */
bool state_mapping(const struct twin *twin, uint64_t addr, char protection[5],
		   char *name, size_t size);

/* Pins acquired and released in the whole system since boot. */
struct pin_counters {
	long acquired;
	long released;
};

struct pin_counters state_pin_counters(void);

#endif /* GUPX_TESTS_DIFF_STATE_H */
