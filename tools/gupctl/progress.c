// SPDX-License-Identifier: GPL-2.0
/* Progress bar on stderr. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "progress.h"
#include "signals.h"
#include "table.h"

/* Show the bar after 0.5 seconds and update it every 0.1 seconds. */
#define FIRST_AFTER 0.5
#define NEXT_AFTER 0.1

#define BAR_WIDTH 32
#define BAR_MIN 4

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

/*
 * Draw the progress in one line of the terminal. If the terminal is narrow, shorten the
 * bar, then omit it, then omit the sizes.
 */
static void draw_bar(const struct gupx_progress *progress, __u64 done,
		     double now)
{
	const double part =
		progress->total ? (double)done / (double)progress->total : 1;
	const double rate = (double)done / (now - progress->begun);
	const int columns = (int)gupx_table_width(STDERR_FILENO);
	char sizes[96], bar[BAR_WIDTH + 1];
	int width, filled;

	width = snprintf(sizes, sizeof(sizes), " %3d%%  %s of %s  %s/s",
			 (int)(part * 100), gupx_out_size(done).text,
			 gupx_out_size(progress->total).text,
			 gupx_out_size((__u64)rate).text);
	/* Leave the last column free, so that no terminal wraps the line. */
	width = (columns ? columns : 80) - 1 - width -
		(int)strlen(progress->verb) - 3;
	if (width > BAR_WIDTH)
		width = BAR_WIDTH;
	if (width >= BAR_MIN) {
		filled = (int)(part * width);
		memset(bar, '.', (size_t)width);
		memset(bar, '#', (size_t)(filled < width ? filled : width));
		bar[width] = '\0';
		fprintf(stderr, "\r\033[K%s [%s]%s", progress->verb, bar,
			sizes);
	} else if (width >= -2) {
		fprintf(stderr, "\r\033[K%s%s", progress->verb, sizes);
	} else {
		fprintf(stderr, "\r\033[K%.*s %d%%", columns > 8 ? 8 : 1,
			progress->verb, (int)(part * 100));
	}
}

void gupx_progress_show(struct gupx_progress *progress, __u64 done)
{
	const double now = gupx_signals_now();

	if (!progress->enabled || now - progress->begun < FIRST_AFTER ||
	    (now - progress->shown < NEXT_AFTER && !gupx_signals_resized()))
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
