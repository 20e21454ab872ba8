// SPDX-License-Identifier: GPL-2.0
/* Progress bar on stderr. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "progress.h"
#include "signals.h"

/* Show the bar after 0.5 seconds and update it every 0.1 seconds. */
#define FIRST_AFTER 0.5
#define NEXT_AFTER 0.1

#define BAR_WIDTH 32

void gupx_progress_begin(struct gupx_progress *progress, const char *verb,
			 __u64 total)
{
	*progress = (struct gupx_progress){
		.verb = verb,
		.total = total,
		.begun = gupx_signals_now(),
		.enabled = isatty(STDERR_FILENO),
	};
}

static void draw_bar(const struct gupx_progress *progress, __u64 done,
		     double now)
{
	const double part =
		progress->total ? (double)done / (double)progress->total : 1;
	const double rate = (double)done / (now - progress->begun);
	const int filled = (int)(part * BAR_WIDTH);
	char bar[BAR_WIDTH + 1];

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', filled < BAR_WIDTH ? (size_t)filled : BAR_WIDTH);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r\033[K%s [%s] %3d%%  %s of %s  %s/s", progress->verb,
		bar, (int)(part * 100), gupx_out_size(done).text,
		gupx_out_size(progress->total).text,
		gupx_out_size((__u64)rate).text);
}

void gupx_progress_show(struct gupx_progress *progress, __u64 done)
{
	const double now = gupx_signals_now();

	if (!progress->enabled || now - progress->begun < FIRST_AFTER ||
	    now - progress->shown < NEXT_AFTER)
		return;
	progress->shown = now;
	draw_bar(progress, done, now);
}

void gupx_progress_end(struct gupx_progress *progress)
{
	if (progress->shown > 0)
		fputs("\r\033[K", stderr);
	progress->enabled = false;
}
