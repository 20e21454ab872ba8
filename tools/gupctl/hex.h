/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A dump as of hexdump -C: address, sixteen bytes, their characters. Equal lines
 * are left out, with one * in their place.
 */
#ifndef GUPX_HEX_H
#define GUPX_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

#define GUPX_HEX_LINE 16

/**
 * struct gupx_hex - a dump under way
 * @stream: where it goes
 * @addr: of the first byte in @line
 * @fill: bytes in @line that wait for their line to be full
 * @line: the unfinished line
 * @before: the line before, to tell equal ones
 * @has_before: there was one
 * @squeezed: the * was printed
 */
struct gupx_hex {
	FILE *stream;
	__u64 addr;
	size_t fill;
	unsigned char line[GUPX_HEX_LINE];
	unsigned char before[GUPX_HEX_LINE];
	bool has_before;
	bool squeezed;
};

void gupx_hex_begin(struct gupx_hex *hex, FILE *stream, __u64 addr);
void gupx_hex_add(struct gupx_hex *hex, const unsigned char *bytes, size_t len);

/* Prints what waits, and the address behind the last byte. */
void gupx_hex_end(struct gupx_hex *hex);

#endif
