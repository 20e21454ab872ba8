/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A case of the differential tester is a list of operations. The tester performs each
 * operation on both twins. Some operations map or change memory. Other operations are
 * requests to the module.
 *
 * Each operation has a text form, so that a shrunk case can be saved, edited and run
 * again with --script:
 *
 *     map-anon a:0x2000+0x4000 read,write
 *     look a:0x2000+0x1000
 *     pin a:0x2000+0x4000 WRITE,FORCE,hold split=0x1000
 *
 * The letter before the colon selects the base of the offset: "a" is the arena, which
 * contains the mappings that the case creates; "v" is the kernel's [vvar] mapping; "g"
 * is the vsyscall page; "k" is the page before the last page of the user half.
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
	/* Create a mapping. It replaces existing mappings in its range. */
	OP_MAP_ANON,
	OP_MAP_MEMFD,
	OP_MAP_TMPFS,
	OP_MAP_DISK,
	OP_MAP_HUGETLB,
	OP_MAP_PERF,
	OP_MAP_SECRET,
	/* Changes that the twin makes to its own memory. */
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
	OP_WATCH_ACCESS,
	/* Changes that the tester makes, and changes that need a child of the twin. */
	OP_CLEAR_SOFT_DIRTY,
	OP_FORK,
	OP_CHILD_WRITE,
	OP_CHILD_EXIT,
	OP_DROP,
	/* Requests to the module. */
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

/*
 * Bits of op.flags that only the tester uses. The low 16 bits of op.flags in a request
 * are GUPX_F_* flags.
 */
#define OP_F_READ (1U << 16)
#define OP_F_WRITE (1U << 17)
#define OP_F_SHARED (1U << 18)
/* The mapped file ends in the middle of the mapping. */
#define OP_F_SHORT_FILE (1U << 19)
/* Call madvise(MADV_HUGEPAGE) on the mapping. */
#define OP_F_HUGE (1U << 20)
/* Keep the pin fd open until OP_DROP or the end of the case. */
#define OP_F_HOLD (1U << 21)
/*
 * After the pin, pin the same pages again with the other of the two engines. Check that
 * both engines pin the same frames.
 */
#define OP_F_CROSS (1U << 22)

/*
 * The GUPX_F_* flags that a case may contain. ENGINE_KERNEL is excluded, because the
 * tester itself adds it to the requests that the kernel serves. SHORT is excluded,
 * because PIN rejects it together with ENGINE_KERNEL. READ_ONLY is excluded, because it
 * has no effect on pages. Also, PIN rejects READ_ONLY if the request adds to a pin fd,
 * as the second half of a split request does.
 */
#define OP_GUPX_FLAGS                                               \
	((GUPX_PIN_FLAGS | GUPX_POPULATE_FLAGS | GUPX_READ_FLAGS) & \
	 ~(GUPX_F_ENGINE_KERNEL | GUPX_F_SHORT | GUPX_F_READ_ONLY))

/**
 * struct op - one operation
 * @kind: operation
 * @space: base of @at
 * @at: offset of the range from the base, in bytes
 * @len: length of the range, in bytes
 * @flags: GUPX_F_* and OP_F_*
 * @split: offset from @at at which the policy engine's request is split into two
 *	requests; 0 if it is not split
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

/* Return: the GUPX_F_* flags of a request. */
static inline uint32_t op_gupx_flags(const struct op *op)
{
	return op->flags & 0xffff;
}

void op_print(FILE *to, const char *prefix, const struct op *op);
/*
 * Parse the text form of an operation. Return: true on success, false if @line is not
 * an operation.
 */
bool op_parse(const char *line, struct op *op);

/*
 * Generate random case @number of @seed. @ops has room for OPS_MAX operations. Return:
 * number of operations in the case.
 */
size_t draw_case(uint64_t seed, uint64_t number, struct op *ops);

#endif /* GUPX_TESTS_DIFF_OP_H */
