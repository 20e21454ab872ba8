/* SPDX-License-Identifier: GPL-2.0 */
/* Describe where and why a request stopped, or where and why it would stop. */
#ifndef GUPX_STOP_H
#define GUPX_STOP_H

#include <stdbool.h>

#include <linux/gupx.h>

#include "maps.h"
#include "out.h"

/**
 * struct gupx_stop_row - struct gupx_stop with names and texts, for the output
 * @addr: address of the first byte that was not done
 * @stage: name of the stage
 * @reason: name of the reason
 * @error: name of the errno, or NULL
 * @text: explanation
 * @cure: what the user can do about the reason, or NULL
 */
struct gupx_stop_row {
	__u64 addr;
	const char *stage;
	const char *reason;
	const char *error;
	const char *text;
	const char *cure;
};

extern const struct gupx_out_spec gupx_stop_spec;

void gupx_stop_fill(struct gupx_stop_row *row, const struct gupx_stop *stop);

/*
 * Return: true if a stop at @stage means that the whole mapping refuses the request, or
 * that the mapping has been unmapped since it was listed. A request for [anon] or --all
 * skips such a mapping.
 */
bool gupx_stop_refuses_mapping(unsigned int stage);

/*
 * Format a line such as "stopped at 0x1000 in [heap] rw-p: text (reason, ERRNO); cure".
 * @word is the first word of the line. Return: the line, which the caller frees, or
 * NULL if out of memory.
 */
char *gupx_stop_line(const char *word, const struct gupx_maps *maps,
		     const struct gupx_stop *stop);

#endif
