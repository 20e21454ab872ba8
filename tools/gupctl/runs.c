// SPDX-License-Identifier: GPL-2.0
/* Runs: ranges of pages for which EXPLAIN returned the same result. */
#include <errno.h>
#include <stdlib.h>

#include "refusal.h"
#include "runs.h"
#include "stop.h"

/*
 * Return: true if two runs have the same kind: they are in the same mapping, and
 * EXPLAIN returned the same result for both.
 */
static bool is_same_kind(const struct gupx_run *a, const struct gupx_run *b)
{
	return a->map == b->map && a->skipped == b->skipped &&
	       a->judgement.outcome == b->judgement.outcome &&
	       a->judgement.reason == b->judgement.reason &&
	       a->judgement.stage == b->judgement.stage &&
	       a->judgement.error == b->judgement.error &&
	       a->judgement.content == b->judgement.content &&
	       a->judgement.shift == b->judgement.shift &&
	       a->judgement.flags == b->judgement.flags;
}

static int append_run(struct gupx_runs *runs, const struct gupx_run *run)
{
	struct gupx_run *last =
		runs->count ? &runs->run[runs->count - 1] : NULL;
	struct gupx_run *grown;

	if (last && last->end == run->judgement.addr &&
	    is_same_kind(last, run)) {
		last->end = run->end;
		last->judgement.len += run->judgement.len;
		return 0;
	}
	/*
	 * The size of the array is not stored, because it is always a power of two. If
	 * the count is zero or a power of two, the array is full, so double its size.
	 */
	if (!(runs->count & (runs->count - 1))) {
		grown = reallocarray(runs->run,
				     runs->count ? runs->count * 2 : 1,
				     sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		runs->run = grown;
	}
	runs->run[runs->count++] = *run;
	return 0;
}

/*
 * Return: the end of the mapping or hole that contains @addr, but at most @end. @next
 * is the result of gupx_maps_next() for @addr.
 */
static __u64 find_end(const struct gupx_map *next, __u64 addr, __u64 end)
{
	__u64 border;

	if (!next)
		return end;
	border = next->addr > addr ? next->addr : next->end;
	return border < end ? border : end;
}

/* Keep only the range, the kind of memory, and whether the request would stop. */
static void coarsen_judgement(struct gupx_judgement *judgement)
{
	*judgement = (struct gupx_judgement){
		.addr = judgement->addr,
		.len = judgement->len,
		.outcome = judgement->outcome == GUPX_OUTCOME_STOP
				   ? GUPX_OUTCOME_STOP
				   : GUPX_OUTCOME_TAKE,
		.content = judgement->content,
		.shift = judgement->shift,
	};
}

int gupx_runs_add(struct gupx_runs *runs, const struct gupx_maps *maps,
		  const struct gupx_judgement *judgement, bool skips)
{
	const struct gupx_stop stop = { .reason = judgement->reason };
	const bool is_stop = judgement->outcome == GUPX_OUTCOME_STOP;
	const __u64 end = judgement->addr + judgement->len;
	__u64 addr = judgement->addr;
	int error = 0;

	while (!error && addr < end) {
		const struct gupx_map *next = gupx_maps_next(maps, addr);
		struct gupx_run run = {
			.judgement = *judgement,
			.map = next && next->addr <= addr ? next : NULL,
			.end = find_end(next, addr, end),
			.count = 1,
			.skipped =
				skips && is_stop &&
				(gupx_stop_refuses_mapping(judgement->stage) ||
				 gupx_refusal_is_lasting(&stop)),
		};

		run.judgement.addr = addr;
		run.judgement.len = run.end - addr;
		if (runs->coarse)
			coarsen_judgement(&run.judgement);
		addr = run.end;
		error = append_run(runs, &run);
	}
	return error;
}

/*
 * Merge @run into the run in @kept that has the same kind, see is_same_kind(). If @kept
 * has no such run, append @run to @kept. Return: the new number of runs in @kept.
 */
static size_t fold_run(struct gupx_run *kept, size_t count,
		       const struct gupx_run *run)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!is_same_kind(&kept[i], run))
			continue;
		kept[i].judgement.len += run->judgement.len;
		kept[i].end = run->end;
		kept[i].count++;
		return count;
	}
	kept[count] = *run;
	return count + 1;
}

void gupx_runs_fold(struct gupx_runs *runs, size_t many)
{
	size_t kept = 0;
	size_t first, i;

	for (first = 0; first < runs->count; first = i) {
		const struct gupx_map *map = runs->run[first].map;
		const size_t begin = kept;
		size_t last = first;

		while (last < runs->count && runs->run[last].map == map)
			last++;
		for (i = first; i < last; i++) {
			if (last - first > many)
				kept = begin + fold_run(&runs->run[begin],
							kept - begin,
							&runs->run[i]);
			else
				runs->run[kept++] = runs->run[i];
		}
	}
	runs->count = kept;
}

void gupx_runs_free(struct gupx_runs *runs)
{
	free(runs->run);
	*runs = (struct gupx_runs){ 0 };
}
