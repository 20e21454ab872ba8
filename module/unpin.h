/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_UNPIN_H
#define GUPX_UNPIN_H

#include "extent_list.h"

/**
 * struct gupx_unpin_edge - a run that is released in part
 * @word: the run as it was
 * @gone: the part that is released
 * @pieces: runs that stay of it, 1 or 2
 * @charged: as in its chunk
 */
struct gupx_unpin_edge {
	u64 word;
	u64 gone;
	unsigned int pieces;
	bool charged;
};

/**
 * struct gupx_unpin_cut - a chunk that is released in part
 * @at: index in the list
 * @kept: takes its place; NULL: nothing of it stays
 * @gone: its runs that are released whole
 */
struct gupx_unpin_cut {
	unsigned long at;
	struct gupx_extent_block *kept;
	struct gupx_extent_block *gone;
};

/**
 * struct gupx_unpin_plan - pages on their way out of a list of chunks
 * @index: the first page, in the pin fd
 * @end: exclusive
 * @cut: chunks that are released in part: where the range begins and ends
 * @cuts: how many
 * @edge: runs that are released in part
 * @edges: how many
 * @gone: gupx_unpin_commit(): all runs that are released whole, by their chunks
 * @pages: gupx_unpin_commit(): pages that are released
 * @extents: gupx_unpin_commit(): how many runs there are less; negative: more
 * @uncharged: gupx_charge_commit_unpin(): pages to be uncharged after the release
 */
struct gupx_unpin_plan {
	u64 index;
	u64 end;
	struct gupx_unpin_cut cut[2];
	unsigned int cuts;
	struct gupx_unpin_edge edge[2];
	unsigned int edges;
	struct gupx_extent_block *gone;
	u64 pages;
	s64 extents;
	u64 uncharged;
};

int gupx_unpin_prepare(struct gupx_extent_list *list,
		       struct gupx_unpin_plan *plan);
void gupx_unpin_cancel(struct gupx_unpin_plan *plan);
void gupx_unpin_commit(struct gupx_extent_list *list,
		       struct gupx_unpin_plan *plan);
void gupx_unpin_finish(struct gupx_unpin_plan *plan);

#endif /* GUPX_UNPIN_H */
