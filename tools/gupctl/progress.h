/* SPDX-License-Identifier: GPL-2.0 */
/* A bar on stderr for work that takes long; nothing where that is no terminal. */
#ifndef GUPX_PROGRESS_H
#define GUPX_PROGRESS_H

#include <stdbool.h>

#include <linux/types.h>

/**
 * struct gupx_progress - one bar
 * @verb: stands before it
 * @total: bytes
 * @begun: when the work began, CLOCK_MONOTONIC seconds
 * @shown: when the bar was last drawn; 0: never
 * @enabled: there is a terminal to draw on
 */
struct gupx_progress {
	const char *verb;
	__u64 total;
	double begun;
	double shown;
	bool enabled;
};

void gupx_progress_begin(struct gupx_progress *progress, const char *verb,
			 __u64 total);
void gupx_progress_show(struct gupx_progress *progress, __u64 done);

/* Wipes the bar, so that the next line begins at the left edge. */
void gupx_progress_end(struct gupx_progress *progress);

#endif
