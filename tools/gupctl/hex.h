/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hexadecimal dump in the format of hexdump -C. Each line shows an address, 16 bytes
 * and their characters. If a line repeats, one * is printed in place of the
 * repetitions.
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
 * @width: number of bytes in a line: 16, or less on a narrow terminal
 * @gap: blanks between address, bytes and characters
 * @fill: number of bytes in @line
 * @line: bytes of the line that is not yet complete
 * @before: bytes of the previous line, to find repeated lines
 * @has_before: true if @before is valid
 * @squeezed: true if the * was printed for the current repetition
 */
struct gupx_hex {
	FILE *stream;
	__u64 addr;
	size_t width;
	int gap;
	size_t fill;
	unsigned char line[GUPX_HEX_LINE];
	unsigned char before[GUPX_HEX_LINE];
	bool has_before;
	bool squeezed;
};

/* Begin a dump. @columns is the width of the terminal, or 0 if there is no limit. */
void gupx_hex_begin(struct gupx_hex *hex, FILE *stream, __u64 addr,
		    size_t columns);
void gupx_hex_add(struct gupx_hex *hex, const unsigned char *bytes, size_t len);

/* Print the bytes of the incomplete line, and then the address after the last byte. */
void gupx_hex_end(struct gupx_hex *hex);

#endif
