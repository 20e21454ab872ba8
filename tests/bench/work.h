/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory that is worked on: a kind, in a state, in a target.
 */
#ifndef GUPX_BENCH_WORK_H
#define GUPX_BENCH_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "target.h"

#define PAGE 4096UL
#define HUGE_PAGE (2UL << 20)

enum work_kind {
	WORK_4K,	  /* anonymous pages, touched one after the other */
	WORK_SCATTERED,	  /* the same, no two neighbours next to each other */
	WORK_INTERLEAVED, /* two NUMA nodes take turns */
	WORK_SHMEM,	  /* pages of a memfd */
	WORK_LARGE,	  /* folios of 2 MiB, mapped by pages */
	WORK_THP,
	WORK_HUGETLB,
};

enum work_state {
	WORK_RESIDENT, /* and in use for some time */
	WORK_FRESH,    /* resident since just now */
	WORK_ABSENT,   /* never touched */
	WORK_SWAPPED,
	WORK_FORKED, /* shared with a child, as fork() leaves it */
};

/**
 * struct work - memory of a target, and what it is to be like
 * @target: whose
 * @kind: enum work_kind
 * @state: enum work_state, before each measurement
 * @odd: one page behind where it would be aligned
 * @pages: 4 KiB pages to work on
 * @addr: of the first of them
 * @base: of the whole mapping
 * @span: bytes of that
 * @child: who shares it, where it is forked
 */
struct work {
	const struct target *target;
	enum work_kind kind;
	enum work_state state;
	bool odd;
	uint64_t pages;
	uint64_t addr;
	uint64_t base;
	uint64_t span;
	struct target child;
};

/* NULL, or why this machine has no such memory. Drop it in any case. */
const char *work_build(struct work *work);
/* Brings its state about, again. NULL, or why not. */
const char *work_reset(struct work *work);
void work_drop(struct work *work);

static inline uint64_t work_len(const struct work *work)
{
	return work->pages * PAGE;
}

#endif /* GUPX_BENCH_WORK_H */
