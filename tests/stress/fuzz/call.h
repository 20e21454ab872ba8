/* SPDX-License-Identifier: GPL-2.0 */
/* One ioctl call of the fuzzer: arguments, predicted errno and result. */
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
 * struct call - one ioctl call
 * @world: world of the case
 * @arena: memory from which the call is made
 * @op: operation that describes the call
 * @exact: true size of the verb's struct
 * @size: value of the struct's size field
 * @mem: file descriptor for mem_fd
 * @file: file descriptor that is called; PIN: pin_fd
 * @addr: address of the request
 * @len: length of the request, bytes
 * @buffer: address of the output buffer
 * @body: the struct as it was passed
 * @at: address of the struct
 * @room: number of bytes that are readable at @at
 * @before: copy of these bytes before the call
 * @foreseen: errno with which the call must fail; 0: the arguments are valid; or
 *	%UNFORESEEN
 * @error: errno of the call, 0 for success
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

/* Map the handles of one address space to one handle, to compare address spaces. */
static inline uint8_t call_space_of(uint8_t mem)
{
	return mem == HANDLE_TARGET_RO ? HANDLE_TARGET : mem;
}

void judge_call(struct call *call);

#endif /* GUPX_TESTS_FUZZ_CALL_H */
