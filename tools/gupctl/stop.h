/* SPDX-License-Identifier: GPL-2.0 */
/* Where and why a request stopped or would stop: one form for all commands. */
#ifndef GUPX_STOP_H
#define GUPX_STOP_H

#include <stdbool.h>

#include <linux/gupx.h>

#include "maps.h"
#include "out.h"

/**
 * struct gupx_stop_row - a stop in words
 * @addr: the first byte that is not done
 * @stage: name
 * @reason: name
 * @error: name of the errno, or NULL
 * @text: plain meaning
 * @cure: or NULL
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
 * Of [anon] and --all, such memory is left out: a mapping that as a whole cannot
 * be taken, or that went away since it was listed.
 */
bool gupx_stop_refuses_mapping(unsigned int stage);

/*
 * "stopped at 0x1000 in [heap] rw-p: why (reason, ERRNO); cure", where @word is
 * "stopped". To be freed; NULL where there is no memory.
 */
char *gupx_stop_line(const char *word, const struct gupx_maps *maps,
		     const struct gupx_stop *stop);

#endif
