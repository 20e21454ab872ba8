// SPDX-License-Identifier: GPL-2.0
/* Hexadecimal dump in the format of hexdump -C. */
#include <string.h>

#include "hex.h"

void gupx_hex_begin(struct gupx_hex *hex, FILE *stream, __u64 addr)
{
	*hex = (struct gupx_hex){ .stream = stream, .addr = addr };
}

static void print_line(const struct gupx_hex *hex)
{
	char text[GUPX_HEX_LINE + 1] = "";
	size_t i;

	fprintf(hex->stream, "%012llx", hex->addr);
	for (i = 0; i < GUPX_HEX_LINE; i++) {
		if (i % 8 == 0)
			fputc(' ', hex->stream);
		if (i >= hex->fill) {
			fputs("   ", hex->stream);
			continue;
		}
		fprintf(hex->stream, " %02x", hex->line[i]);
		text[i] = hex->line[i] >= 0x20 && hex->line[i] < 0x7f
				  ? (char)hex->line[i]
				  : '.';
	}
	fprintf(hex->stream, "  |%s|\n", text);
}

static void finish_line(struct gupx_hex *hex)
{
	const bool equal = hex->has_before && hex->fill == GUPX_HEX_LINE &&
			   !memcmp(hex->line, hex->before, GUPX_HEX_LINE);

	if (!equal)
		print_line(hex);
	else if (!hex->squeezed)
		fputs("*\n", hex->stream);
	hex->squeezed = equal;
	memcpy(hex->before, hex->line, GUPX_HEX_LINE);
	hex->has_before = true;
	hex->addr += hex->fill;
	hex->fill = 0;
}

void gupx_hex_add(struct gupx_hex *hex, const unsigned char *bytes, size_t len)
{
	while (len) {
		const size_t room = GUPX_HEX_LINE - hex->fill;
		const size_t take = len < room ? len : room;

		memcpy(hex->line + hex->fill, bytes, take);
		hex->fill += take;
		bytes += take;
		len -= take;
		if (hex->fill == GUPX_HEX_LINE)
			finish_line(hex);
	}
}

void gupx_hex_end(struct gupx_hex *hex)
{
	if (hex->fill)
		finish_line(hex);
	if (hex->has_before)
		fprintf(hex->stream, "%012llx\n", hex->addr);
}
