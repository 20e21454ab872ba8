/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parse address ranges. No I/O, no allocation, no global state.
 *
 * Glossary
 *   bytes  numeric range: ADDR+LEN or ADDR-END, END exclusive
 *   name   anything else: name of a mapping, resolved by maps.c
 *
 * Invariant: addr + len of an accepted range never overflows.
 */
#ifndef GUPX_RANGE_H
#define GUPX_RANGE_H

#include <linux/types.h>

struct gupx_range {
	__u64 addr;
	__u64 len;
};

enum gupx_range_result {
	GUPX_RANGE_BYTES,
	GUPX_RANGE_NAME,
	/* Errors. */
	GUPX_RANGE_EMPTY,
	GUPX_RANGE_NO_LENGTH,
	GUPX_RANGE_BAD_ADDRESS,
	GUPX_RANGE_BAD_LENGTH,
	GUPX_RANGE_BAD_END,
	GUPX_RANGE_BACKWARDS,
	GUPX_RANGE_OVERFLOW,
};

/**
 * gupx_range_parse() - parse a range argument
 * @text: argument as typed
 * @range: [out] the range, only set if the result is %GUPX_RANGE_BYTES
 *
 * Numbers are decimal, or hexadecimal with 0x. ADDR-END may also be pasted from
 * /proc/PID/maps: both numbers are hexadecimal if each has at least eight digits and
 * the range contains a letter, or a number begins with 0.
 */
enum gupx_range_result gupx_range_parse(const char *text,
					struct gupx_range *range);

/*
 * Parse a size in bytes with an optional binary suffix: K, M, G or T, also as KiB.
 */
enum gupx_range_result gupx_range_parse_size(const char *text, __u64 *size);

/* Return: error text with the cure, to be printed after the range. */
const char *gupx_range_strerror(enum gupx_range_result result);

/*
 * Round outward to whole pages, as mlock() does. An empty range stays empty. Return:
 * GUPX_RANGE_OVERFLOW if the end would overflow.
 */
enum gupx_range_result gupx_range_round(struct gupx_range *range,
					__u64 page_size);

#endif
