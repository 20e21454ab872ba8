/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State of a twin's memory as /proc shows it. Reading the state does not change the
 * memory.
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
 * Number of lines of smaps_rollup that are compared. Background work of the kernel does
 * not change the values in these lines.
 */
#define STATE_SUMS 5

/**
 * struct state - snapshot of a twin's arena
 * @words: entry of each page in /proc/PID/pagemap
 * @kinds: KPF_*_BIT flags of each present page
 * @sums: values from /proc/PID/smaps_rollup, in kB
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
 * Find the first page, from page @from on, whose state differs. Frame numbers are
 * ignored. If @sharing is false, also ignore differences that unsharing a page can
 * cause: the exclusive bit, whether the page is part of a THP, and the soft-dirty bit.
 * x86 sets the soft-dirty bit on dirty PTEs when it splits a PMD. Return: index of the
 * page, or @a->nr if no page differs.
 */
size_t state_differs(const struct state *a, const struct state *b, size_t from,
		     bool sharing);
/*
 * Return: name of the first value in @sums that differs, or NULL if all values are
 * equal.
 */
const char *state_sum_differs(const struct state *a, const struct state *b);

/* Write a description of a page's state to @text. Return: @text. */
const char *state_describe(const struct state *state, size_t page, char *text,
			   size_t size);

/*
 * Find the mapping that contains @addr in /proc/PID/maps. Return: true if there is such
 * a mapping, else false.
 */
bool state_mapping(const struct twin *twin, uint64_t addr, char protection[5],
		   char *name, size_t size);

/* Numbers of pins acquired and released in the whole system since boot. */
struct pin_counters {
	long acquired;
	long released;
};

struct pin_counters state_pin_counters(void);

#endif /* GUPX_TESTS_DIFF_STATE_H */
