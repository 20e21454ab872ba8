// SPDX-License-Identifier: GPL-2.0
/* Hexadecimal dump in the format of hexdump -C. */
#include <string.h>

#include "hex.h"

void gupx_hex_begin(struct gupx_hex *hex, FILE *stream, __u64 addr,
		    size_t columns)
{
	/* Formats, the widest first, and the columns that each takes. */
	static const struct {
		size_t columns, width;
		int gap;
	} formats[] = {
		{ 82, 16, 2 },
		{ 80, 16, 1 },
		{ 49, 8, 2 },
		{ 0, 4, 2 },
	};
	size_t i = 0;

	while (columns && columns < formats[i].columns)
		i++;
	*hex = (struct gupx_hex){
		.stream = stream,
		.addr = addr,
		.width = formats[i].width,
		.gap = formats[i].gap,
	};
}

static void print_line(const struct gupx_hex *hex)
{
	char text[GUPX_HEX_LINE + 1] = "";
	size_t i;

	fprintf(hex->stream, "%012llx%*s", hex->addr, hex->gap - 1, "");
	for (i = 0; i < hex->width; i++) {
		if (i == 8)
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
	fprintf(hex->stream, "%*s|%s|\n", hex->gap, "", text);
}

static void finish_line(struct gupx_hex *hex)
{
	const bool equal = hex->has_before && hex->fill == hex->width &&
			   !memcmp(hex->line, hex->before, hex->width);

	if (!equal)
		print_line(hex);
	else if (!hex->squeezed)
		fputs("*\n", hex->stream);
	hex->squeezed = equal;
	memcpy(hex->before, hex->line, hex->width);
	hex->has_before = true;
	hex->addr += hex->fill;
	hex->fill = 0;
}

void gupx_hex_add(struct gupx_hex *hex, const unsigned char *bytes, size_t len)
{
	while (len) {
		const size_t room = hex->width - hex->fill;
		const size_t take = len < room ? len : room;

		memcpy(hex->line + hex->fill, bytes, take);
		hex->fill += take;
		bytes += take;
		len -= take;
		if (hex->fill == hex->width)
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
