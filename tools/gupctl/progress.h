/* SPDX-License-Identifier: GPL-2.0 */
/* Progress bar on stderr, if stderr is a terminal. */
#ifndef GUPX_PROGRESS_H
#define GUPX_PROGRESS_H

#include <stdbool.h>

#include <linux/types.h>

/**
 * struct gupx_progress - state of the progress bar
 * @verb: text before the bar
 * @total: number of bytes to process
 * @begun: start time, in seconds of CLOCK_MONOTONIC
 * @shown: time of the last update, or 0
 * @enabled: true if the bar may be shown, because stderr is a terminal
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

/* Erase the progress bar, so that the next message starts in the first column. */
void gupx_progress_end(struct gupx_progress *progress);

#endif
