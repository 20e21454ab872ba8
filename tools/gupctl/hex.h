/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hexadecimal dump in the format of hexdump -C: address, 16 bytes, their characters.
 * One * replaces repeated lines.
 */
#ifndef GUPX_HEX_H
#define GUPX_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

#define GUPX_HEX_LINE 16

/**
 * struct gupx_hex - state of a dump
 * @stream: output stream
 * @addr: address of the first byte in @line
 * @fill: number of bytes in @line
 * @line: incomplete line
 * @before: previous line, to find repeated lines
 * @has_before: @before is valid
 * @squeezed: the * was printed for the current repetition
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

/* Print the incomplete line, and the address after the last byte. */
void gupx_hex_end(struct gupx_hex *hex);

#endif
