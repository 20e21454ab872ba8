/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Draw memory as a strip of letters. These functions do no I/O and allocate no memory.
 *
 * Glossary
 *   kind   property of a page that a letter shows
 *   part   one of the equal parts of the memory, which a letter of the strip stands for
 */
#ifndef GUPX_STRIP_H
#define GUPX_STRIP_H

#include <stddef.h>

#include <linux/gupx.h>

#include "runs.h"

/**
 * enum gupx_kind - kind of a page
 * @GUPX_KIND_RESIDENT: present
 * @GUPX_KIND_HUGE: present, and mapped by an entry that is larger than a page
 * @GUPX_KIND_SWAPPED: swapped out, or under migration
 * @GUPX_KIND_ZERO: the zero page: read, but never written
 * @GUPX_KIND_ABSENT: no page-table entry
 * @GUPX_KIND_GUARD: guard region
 * @GUPX_KIND_REFUSED: a read would be refused
 *
 * If two kinds have the same share of a part, the first in this list is shown.
 */
enum gupx_kind {
	GUPX_KIND_RESIDENT,
	GUPX_KIND_HUGE,
	GUPX_KIND_SWAPPED,
	GUPX_KIND_ZERO,
	GUPX_KIND_ABSENT,
	GUPX_KIND_GUARD,
	GUPX_KIND_REFUSED,
};

#define GUPX_KINDS (GUPX_KIND_REFUSED + 1)

/**
 * struct gupx_kind_info - how a kind is shown
 * @letter: letter in a strip
 * @text: description
 * @color: escape sequence that sets the color of the letter on a terminal
 * @fill: color in an SVG file
 */
struct gupx_kind_info {
	char letter;
	const char *text;
	const char *color;
	const char *fill;
};

extern const struct gupx_kind_info gupx_kind_info[GUPX_KINDS];

/* Return: the kind of the pages of @judgement, which is about GUPX_VERB_READ. */
enum gupx_kind gupx_kind_get(const struct gupx_judgement *judgement,
			     __u64 page_size);

/*
 * Return: the kind with this letter. A terminal and an SVG file use it to draw the letters of
 * a strip.
 */
enum gupx_kind gupx_kind_find(char letter);

/**
 * gupx_strip_draw() - draw runs as a strip
 * @run: runs; what lies between two of them is not shown
 * @count: number of runs
 * @page_size: size of a page
 * @strip: buffer for @width letters and a NUL
 * @width: maximum number of letters. If there are fewer pages, each has one letter
 *
 * Each letter stands for an equal part of the runs, and shows the kind that most of that
 * part has.
 */
void gupx_strip_draw(const struct gupx_run *run, size_t count, __u64 page_size,
		     char *strip, size_t width);

#endif
