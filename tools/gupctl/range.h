/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parse address ranges. These functions do no I/O, allocate no memory and have no
 * global state.
 *
 * Glossary
 *   bytes  a numeric range: ADDR+LEN, or ADDR-END with END as the first byte after it
 *   name   any other text: the name of a mapping, which maps.c looks up
 *
 * Invariant: addr + len of an accepted range never overflows.
 */
#ifndef GUPX_RANGE_H
#define GUPX_RANGE_H

#include <stdbool.h>

#include <linux/types.h>

struct gupx_range {
	__u64 addr;
	__u64 len;
};

enum gupx_range_result {
	GUPX_RANGE_BYTES,
	GUPX_RANGE_NAME,
	/* All results from here on are errors. */
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
 * @range: [out] the range; set only if the result is %GUPX_RANGE_BYTES
 *
 * Numbers are decimal, or hexadecimal if they begin with 0x. Digits without 0x may have a
 * second meaning, see gupx_range_parse_hex(). ADDR-END may also be copied
 * from /proc/PID/maps, which omits the 0x. Both numbers are therefore hexadecimal if each
 * has at least eight digits and at least one of them contains a letter or begins with 0.
 */
enum gupx_range_result gupx_range_parse(const char *text,
					struct gupx_range *range);

/*
 * Parse a range argument, but read numbers without 0x as hexadecimal. The length of
 * ADDR+LEN is still decimal. Return: GUPX_RANGE_NAME if a number begins with 0x, so that
 * gupx_range_parse() has the only meaning, or if @text is no range.
 */
enum gupx_range_result gupx_range_parse_hex(const char *text,
					    struct gupx_range *range);

/* Return: true if a number in @text begins with 0x, so that @text is no name. */
bool gupx_range_is_explicit(const char *text);

/*
 * Parse a size in bytes. The number may have one of the suffixes K, M, G and T, which
 * are powers of 1024. KiB, MiB, GiB and TiB mean the same.
 */
enum gupx_range_result gupx_range_parse_size(const char *text, __u64 *size);

/*
 * Return: a text that describes the error and how to fix it. The error message contains
 * the range argument, followed by this text.
 */
const char *gupx_range_strerror(enum gupx_range_result result);

/*
 * Round a range outward to whole pages, as mlock() does. An empty range stays empty.
 * Return: GUPX_RANGE_BYTES, or GUPX_RANGE_OVERFLOW if the end would overflow.
 */
enum gupx_range_result gupx_range_round(struct gupx_range *range,
					__u64 page_size);

#endif
