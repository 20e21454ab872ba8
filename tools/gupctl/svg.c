// SPDX-License-Identifier: GPL-2.0
/* Draw strips as an SVG file. */
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "strip.h"
#include "svg.h"

/* Sizes in pixels. A bar of GUPX_SVG_LETTERS letters has two pixels for each. */
#define MARGIN 20
#define BAR_WIDTH (2 * GUPX_SVG_LETTERS)
#define BAR_HEIGHT 12
#define WIDTH (BAR_WIDTH + 2 * MARGIN)
#define HEAD 64
#define ROW 36
#define KEY 130

/* Write a text that is cut off at the right margin, and shown in full as a tooltip. */
static void write_text(FILE *stream, unsigned int y, const char *text)
{
	char *escaped = gupx_escape_xml(text);

	fprintf(stream,
		"<svg x=\"%d\" y=\"%u\" width=\"%d\" height=\"18\">"
		"<title>%s</title><text y=\"13\">%s</text></svg>\n",
		MARGIN, y, BAR_WIDTH, escaped, escaped);
	free(escaped);
}

static void write_legend(FILE *stream)
{
	unsigned int kind;

	for (kind = 0; kind < GUPX_KINDS; kind++)
		fprintf(stream,
			"<rect x=\"%u\" y=\"36\" width=\"12\" height=\"12\" fill=\"%s\"/>"
			"<text x=\"%u\" y=\"46\">%s</text>\n",
			MARGIN + kind * KEY, gupx_kind_info[kind].fill,
			MARGIN + kind * KEY + 18, gupx_kind_info[kind].text);
}

/* Write a rectangle for each sequence of equal letters. */
static void write_bar(FILE *stream, unsigned int y, const char *strip)
{
	const size_t length = strlen(strip);
	size_t first, next;

	for (first = 0; first < length; first = next) {
		const struct gupx_kind_info *kind =
			&gupx_kind_info[gupx_kind_find(strip[first])];
		const size_t left = BAR_WIDTH * first / length;

		for (next = first; strip[next] == strip[first];)
			next++;
		fprintf(stream,
			"<rect x=\"%zu\" y=\"%u\" width=\"%zu\" height=\"%d\" fill=\"%s\">"
			"<title>%s</title></rect>\n",
			MARGIN + left, y, BAR_WIDTH * next / length - left,
			BAR_HEIGHT, kind->fill, kind->text);
	}
}

void gupx_svg_write(FILE *stream, const char *title,
		    const struct gupx_svg_row *row, size_t count)
{
	const unsigned int height = HEAD + (unsigned int)count * ROW + MARGIN;
	size_t i;

	fprintf(stream,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
		"viewBox=\"0 0 %d %u\" font-family=\"monospace\" font-size=\"12\" "
		"xml:space=\"preserve\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		WIDTH, height, WIDTH, height);
	write_text(stream, 10, title);
	write_legend(stream);
	for (i = 0; i < count; i++) {
		const unsigned int y = HEAD + (unsigned int)i * ROW;

		write_text(stream, y, row[i].text);
		write_bar(stream, y + 18, row[i].strip);
	}
	fputs("</svg>\n", stream);
}
