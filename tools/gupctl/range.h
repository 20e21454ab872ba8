/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ranges as people type them. Pure: no I/O, no allocation, no global state.
 *
 * Glossary
 *   bytes  a range by numbers: ADDR+LEN or ADDR-END, END exclusive
 *   name   anything else: a mapping's name, for maps.c to resolve
 *
 * Invariant: addr + len of an accepted range never wraps.
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
	/* From here on: refused. */
	GUPX_RANGE_EMPTY,
	GUPX_RANGE_NO_LENGTH,
	GUPX_RANGE_BAD_ADDRESS,
	GUPX_RANGE_BAD_LENGTH,
	GUPX_RANGE_BAD_END,
	GUPX_RANGE_BACKWARDS,
	GUPX_RANGE_OVERFLOW,
};

/**
 * gupx_range_parse() - tell a range by numbers from a name
 * @text: what was typed
 * @range: [out] set where the answer is %GUPX_RANGE_BYTES
 *
 * A number is decimal, or hexadecimal with 0x. ADDR-END may also be pasted from
 * /proc/PID/maps: eight digits or more on both sides, and a letter or a leading
 * zero in them, tell that both are hexadecimal.
 */
enum gupx_range_result gupx_range_parse(const char *text,
					struct gupx_range *range);

/* Bytes, with an optional binary suffix: K M G T, also KiB and its like. */
enum gupx_range_result gupx_range_parse_size(const char *text, __u64 *size);

/* What is wrong, and the cure, as the end of a sentence. */
const char *gupx_range_strerror(enum gupx_range_result result);

/*
 * Outward to whole pages, as mlock() does; nothing stays nothing.
 * %GUPX_RANGE_OVERFLOW where the end would wrap.
 */
enum gupx_range_result gupx_range_round(struct gupx_range *range,
					__u64 page_size);

#endif
