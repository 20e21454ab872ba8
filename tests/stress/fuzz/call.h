/* SPDX-License-Identifier: GPL-2.0 */
/* One ioctl call of the fuzzer: arguments, predicted errno and result. */
#ifndef GUPX_TESTS_FUZZ_CALL_H
#define GUPX_TESTS_FUZZ_CALL_H

#include <linux/gupx.h>

#include "world.h"

#define BUFFER_MARK 0x5c
#define UNFORESEEN (-1)
/* Maximum number of segments of a READV. */
#define CALL_SEGMENTS 4

union body {
	uint32_t size;
	struct gupx_info info;
	struct gupx_pin pin;
	struct gupx_populate populate;
	struct gupx_read read;
	struct gupx_readv readv;
	struct gupx_explain explain;
	struct gupx_extents extents;
	struct gupx_unpin unpin;
	struct gupx_seal seal;
};

/**
 * struct call - one ioctl call
 * @world: state of the case
 * @arena: memory from which the call is made
 * @op: operation that describes the call
 * @exact: sizeof() of the verb's struct
 * @size: value of the struct's size field
 * @mem: file descriptor that is passed as mem_fd
 * @file: file descriptor on which the call is made; for PIN, the file descriptor that is
 *	passed as pin_fd
 * @addr: address of the request
 * @len: length of the request, in bytes
 * @buffer: address of the output buffer
 * @segment: array of a READV
 * @body: content of the struct; copied to @at before the call
 * @at: address of the struct
 * @room: number of bytes that are readable at @at
 * @before: content of the readable bytes at @at before the call
 * @foreseen: errno with which the call must fail; 0 if the arguments are valid;
 *	%UNFORESEEN if the errno is not predictable
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
	struct gupx_segment segment[CALL_SEGMENTS];
	union body body;
	uint8_t *at;
	size_t room;
	uint8_t before[ROOMS_BYTES];
	int foreseen;
	int error;
};

/*
 * Return: a handle that stands for the address space of the handle @mem. Handles of the
 * same address space give the same result, so that address spaces can be compared.
 */
static inline uint8_t call_space_of(uint8_t mem)
{
	return mem == HANDLE_TARGET_RO ? HANDLE_TARGET : mem;
}

void judge_call(struct call *call);

#endif /* GUPX_TESTS_FUZZ_CALL_H */
