/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory on which the engines work. The memory belongs to a target, and has a kind and
 * a state.
 */
#ifndef GUPX_BENCH_WORK_H
#define GUPX_BENCH_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "target.h"

#define PAGE 4096UL
#define HUGE_PAGE (2UL << 20)

enum work_kind {
	WORK_4K,	  /* anonymous pages, touched in ascending order */
	WORK_SCATTERED,	  /* anonymous pages, physically scattered */
	WORK_INTERLEAVED, /* anonymous pages, interleaved over two NUMA nodes */
	WORK_SHMEM,	  /* pages of a memfd */
	WORK_LARGE,	  /* 2 MiB folios that PTEs map */
	WORK_THP,
	WORK_HUGETLB,
	WORK_VMAS, /* anonymous pages, each in a VMA of its own */
	/* Two kinds of pages, one after the other in turns. */
	WORK_DIRTY_TURNS,  /* pages of a memfd: written, only read */
	WORK_SHARED_TURNS, /* anonymous pages: own, shared with a child */
	WORK_ZERO_TURNS,   /* anonymous pages: own, the zero page */
};

enum work_state {
	WORK_RESIDENT, /* the pages are resident and were accessed several times */
	WORK_FRESH,    /* the pages are resident and were touched only once */
	WORK_ABSENT, /* the pages are not resident */
	WORK_SWAPPED,
	WORK_FORKED, /* the pages are shared with a child after fork() */
};

/**
 * struct work - memory of a target
 * @target: process that the memory belongs to
 * @kind: kind of memory
 * @state: state of the memory before each measurement
 * @odd: true if the range begins one page after an aligned address
 * @pages: number of 4 KiB pages in the range
 * @addr: start address of the range
 * @base: start address of the whole mapping
 * @span: size of the whole mapping in bytes
 * @child: child that shares the memory, for %WORK_FORKED
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

/*
 * Map the memory. Return: NULL on success, else the reason as text. Call work_drop()
 * even after a failure.
 */
const char *work_build(struct work *work);
/*
 * Bring the memory into the state work->state again. Return: NULL on success, else the
 * reason as text.
 */
const char *work_reset(struct work *work);
void work_drop(struct work *work);

static inline uint64_t work_len(const struct work *work)
{
	return work->pages * PAGE;
}

#endif /* GUPX_BENCH_WORK_H */
