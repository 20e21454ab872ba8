/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a case of the differential tester is made of: a list of operations, each
 * done to both twins. Some build and change memory, some are requests.
 *
 * An operation is also a line of text, so that a case that was shrunk can be
 * kept, changed by hand and run again:
 *
 *     map-anon a:0x2000+0x4000 read,write
 *     look a:0x2000+0x1000
 *     pin a:0x2000+0x4000 WRITE,FORCE,hold split=0x1000
 *
 *   space   where an address counts from: the arena of the case's own mappings
 *           (a), the kernel's [vvar] (v), the vsyscall page (g), the last page
 *           below the kernel's half (k)
 */
#ifndef GUPX_TESTS_DIFF_OP_H
#define GUPX_TESTS_DIFF_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/gupx.h>

#define OPS_MAX 96

#define ARENA 0x100000000000UL
#define ARENA_PAGES 4096UL

enum op_kind {
	/* New mappings, over whatever was there. */
	OP_MAP_ANON,
	OP_MAP_MEMFD,
	OP_MAP_TMPFS,
	OP_MAP_DISK,
	OP_MAP_HUGETLB,
	OP_MAP_PERF,
	OP_MAP_SECRET,
	/* What the twin does to its own memory. */
	OP_UNMAP,
	OP_PROTECT,
	OP_WRITE,
	OP_LOOK,
	OP_DONTNEED,
	OP_FREE,
	OP_PAGEOUT,
	OP_HUGE,
	OP_NOHUGE,
	OP_LOCK,
	OP_UNLOCK,
	OP_WATCH_WRITES,
	OP_WATCH_MISSING,
	/* What is done to the twin. */
	OP_CLEAR_SOFT_DIRTY,
	OP_FORK,
	OP_CHILD_WRITE,
	OP_CHILD_EXIT,
	OP_DROP,
	/* Requests. */
	OP_PIN,
	OP_POPULATE,
	OP_READ,
	OP_KINDS,
};

enum op_space {
	SPACE_ARENA,
	SPACE_VVAR,
	SPACE_GATE,
	SPACE_EDGE,
	SPACES,
};

/* Beside GUPX_F_*, which requests have. */
#define OP_F_READ (1U << 16)
#define OP_F_WRITE (1U << 17)
#define OP_F_SHARED (1U << 18)
/* The file ends in the middle of its mapping. */
#define OP_F_SHORT_FILE (1U << 19)
/* Huge pages are asked for. */
#define OP_F_HUGE (1U << 20)
/* The pins are kept until a drop, or the end. */
#define OP_F_HOLD (1U << 21)
/* What was pinned is asked of the other engine, too, on the same twin. */
#define OP_F_CROSS (1U << 22)

/**
 * struct op - one operation
 * @kind: what to do
 * @space: what @at counts from
 * @at: bytes
 * @len: bytes
 * @flags: GUPX_F_* and OP_F_*
 * @split: the policy engine is asked twice, up to here and from here on; bytes
 *	from @at, 0: once
 */
struct op {
	enum op_kind kind;
	enum op_space space;
	uint64_t at;
	uint64_t len;
	uint32_t flags;
	uint64_t split;
};

static inline bool op_is_map(const struct op *op)
{
	return op->kind <= OP_MAP_SECRET;
}

static inline bool op_is_request(const struct op *op)
{
	return op->kind >= OP_PIN;
}

/* The flags that a request has for the module. */
static inline uint32_t op_gupx_flags(const struct op *op)
{
	return op->flags & 0xffff;
}

void op_print(FILE *to, const char *prefix, const struct op *op);
/* Whether @line is an operation. */
bool op_parse(const char *line, struct op *op);

/* Case @number of a seed: the operations to @ops, room for OPS_MAX; how many. */
size_t draw_case(uint64_t seed, uint64_t number, struct op *ops);

#endif /* GUPX_TESTS_DIFF_OP_H */
