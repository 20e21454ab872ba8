/* SPDX-License-Identifier: GPL-2.0 */
/* Draw strips as an SVG file. */
#ifndef GUPX_SVG_H
#define GUPX_SVG_H

#include <stddef.h>
#include <stdio.h>

/* Maximum number of letters of a strip in an SVG file */
#define GUPX_SVG_LETTERS 480

/**
 * struct gupx_svg_row - a line of text, and a bar below it
 * @text: text; may contain any byte
 * @strip: letters of gupx_strip_draw(), at most GUPX_SVG_LETTERS; the bar has the full width
 *	for any number of them
 */
struct gupx_svg_row {
	char *text;
	char *strip;
};

/* Write an SVG file with a legend. @title may contain any byte. */
void gupx_svg_write(FILE *stream, const char *title,
		    const struct gupx_svg_row *row, size_t count);

#endif
