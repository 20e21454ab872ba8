/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A run is a range of consecutive pages for which EXPLAIN returned the same result. A
 * run never extends beyond its mapping. A run may extend over the ranges of several
 * ioctls. Two runs have the same kind if they are in the same mapping and have the same
 * result; they need not be adjacent.
 */
#ifndef GUPX_RUNS_H
#define GUPX_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/gupx.h>

#include "maps.h"

/**
 * struct gupx_run - one run, or several runs that gupx_runs_fold() has merged
 * @judgement: result of EXPLAIN; for merged runs, it contains the address of the first
 *	run and the sum of the lengths
 * @map: mapping that contains the run, or NULL
 * @end: address after the last byte of the last merged run
 * @count: number of merged runs, at least 1
 * @skipped: true if the request would go on past this run instead of stopping
 */
struct gupx_run {
	struct gupx_judgement judgement;
	const struct gupx_map *map;
	__u64 end;
	__u64 count;
	bool skipped;
};

/**
 * struct gupx_runs - list of runs
 * @run: array
 * @count: number of runs
 * @coarse: true to drop what only describes how a request would treat the pages: flags,
 *	reasons, and outcomes other than a stop. Then there are fewer runs
 */
struct gupx_runs {
	struct gupx_run *run;
	size_t count;
	bool coarse;
};

/**
 * gupx_runs_add() - append a result of EXPLAIN
 * @runs: runs, sorted by address
 * @maps: mappings; must not be freed before @runs
 * @judgement: result to append; its range must be after the range of the last result
 * @skips: true if the request would go on past memory that refuses it
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_runs_add(struct gupx_runs *runs, const struct gupx_maps *maps,
		  const struct gupx_judgement *judgement, bool skips);

/**
 * gupx_runs_fold() - merge the runs of a mapping that have the same result
 * @runs: runs, sorted by address
 * @many: number of runs; mappings with at most this number of runs are left unchanged
 */
void gupx_runs_fold(struct gupx_runs *runs, size_t many);

void gupx_runs_free(struct gupx_runs *runs);

#endif
