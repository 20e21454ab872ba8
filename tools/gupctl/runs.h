/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs of equal pages: results of EXPLAIN, split at the borders of mappings and
 * merged across ioctls.
 */
#ifndef GUPX_RUNS_H
#define GUPX_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/gupx.h>

#include "maps.h"

/**
 * struct gupx_run - one run, or several folded runs of the same kind
 * @judgement: result of EXPLAIN; if folded, address of the first and length of all
 * @map: mapping of the run, or NULL
 * @end: end address of the last folded run, exclusive
 * @count: number of folded runs
 * @skipped: the request would skip this mapping instead of stopping
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
 * gupx_runs_add() - append a judgement
 * @runs: runs, sorted by address
 * @maps: mappings; must live as long as @runs
 * @judgement: result from the module; follows the previous one
 * @skips: the item belongs to a group, which skips mappings that refuse the request
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_runs_add(struct gupx_runs *runs, const struct gupx_maps *maps,
		  const struct gupx_judgement *judgement, bool skips);

/**
 * gupx_runs_fold() - merge runs of the same kind within each mapping
 * @runs: runs, sorted by address
 * @many: fold only mappings with more runs than this
 */
void gupx_runs_fold(struct gupx_runs *runs, size_t many);

void gupx_runs_free(struct gupx_runs *runs);

#endif
