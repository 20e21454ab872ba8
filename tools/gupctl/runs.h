/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs of equal pages: what EXPLAIN answers, cut where a mapping begins or ends
 * and joined where only an ioctl ended.
 */
#ifndef GUPX_RUNS_H
#define GUPX_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/gupx.h>

#include "maps.h"

/**
 * struct gupx_run - one run, or several of a kind
 * @judgement: the module's word; of several the first one's, and all their bytes
 * @map: what /proc/PID/maps has there, or NULL
 * @end: of the last one, exclusive
 * @count: how many
 * @skipped: a request for this range would leave it out, not stop at it
 */
struct gupx_run {
	struct gupx_judgement judgement;
	const struct gupx_map *map;
	__u64 end;
	__u64 count;
	bool skipped;
};

struct gupx_runs {
	struct gupx_run *run;
	size_t count;
};

/**
 * gupx_runs_add() - the next judgement, in the order of addresses
 * @runs: grows
 * @maps: lives as long as @runs
 * @judgement: as the module gave it
 * @skips: what cannot be taken as a whole is left out of such a range
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_runs_add(struct gupx_runs *runs, const struct gupx_maps *maps,
		  const struct gupx_judgement *judgement, bool skips);

/**
 * gupx_runs_fold() - where a mapping has many runs, add them up by kind
 * @runs: those of one mapping follow each other
 * @many: a mapping with more runs than this is folded
 */
void gupx_runs_fold(struct gupx_runs *runs, size_t many);

void gupx_runs_free(struct gupx_runs *runs);

#endif
