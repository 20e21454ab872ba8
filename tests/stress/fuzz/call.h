/* SPDX-License-Identifier: GPL-2.0 */
/* One ioctl, from its making to its judgement. */
#ifndef GUPX_TESTS_FUZZ_CALL_H
#define GUPX_TESTS_FUZZ_CALL_H

#include <linux/gupx.h>

#include "world.h"

#define BUFFER_MARK 0x5c
#define UNFORESEEN (-1)

union body {
	uint32_t size;
	struct gupx_info info;
	struct gupx_pin pin;
	struct gupx_populate populate;
	struct gupx_read read;
	struct gupx_explain explain;
	struct gupx_extents extents;
	struct gupx_unpin unpin;
	struct gupx_seal seal;
};

/**
 * struct call - see above
 * @exact: the size of its struct
 * @size: what the struct says it is
 * @mem, @file: descriptors, as numbers
 * @body: the struct as it was sent
 * @at: where it lies
 * @room: bytes that can be read there
 * @before: these bytes, before the call
 * @foreseen: the errno it must be refused with; 0: must not be refused for what
 *	it says; or %UNFORESEEN
 * @error: the errno it came to
 */
struct call {
	struct world *world;
	struct arena *arena;
	const struct op *op;
	size_t exact;
	uint32_t size;
	int mem;
	int file;
	uint64_t addr;
	uint64_t len;
	uint64_t buffer;
	union body body;
	uint8_t *at;
	size_t room;
	uint8_t before[ROOMS_BYTES];
	int foreseen;
	int error;
};

/* The address spaces that pin fds are told apart by. */
static inline uint8_t call_space_of(uint8_t mem)
{
	return mem == HANDLE_TARGET_RO ? HANDLE_TARGET : mem;
}

void judge_call(struct call *call);

#endif /* GUPX_TESTS_FUZZ_CALL_H */
