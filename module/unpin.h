/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_UNPIN_H
#define GUPX_UNPIN_H

#include "extent_list.h"

/**
 * struct gupx_unpin_edge - a run that is released in part
 * @word: the run before the release, packed into one word
 * @gone: the part of the run that is released, packed into one word
 * @pieces: number of parts that stay pinned: 2 if the middle of the run is released, else 1
 * @charged: true if the pages of the run are charged to the user
 */
struct gupx_unpin_edge {
	u64 word;
	u64 gone;
	unsigned int pieces;
	bool charged;
};

/**
 * struct gupx_unpin_cut - a block that is released in part
 * @at: index in the list of the block that is released in part
 * @kept: new block that contains the runs that are kept; replaces the old block. NULL if no
 *	run is kept
 * @gone: new block that contains the runs of which all pages are released
 */
struct gupx_unpin_cut {
	unsigned long at;
	struct gupx_extent_block *kept;
	struct gupx_extent_block *gone;
};

/**
 * struct gupx_unpin_plan - release of a range of pages
 * @index: index of the first page in the pin fd
 * @end: end of the range, as an index in the pin fd; exclusive
 * @cut: blocks that are released in part: at most one at each end of the range
 * @cuts: number of blocks in @cut
 * @edge: runs that are released in part: at most one at each end of the range
 * @edges: number of runs in @edge
 * @gone: linked list of blocks that contain the runs of which all pages are released
 * @pages: number of pages that are released
 * @extents: number of runs before the release minus number of runs after the release; may
 *	be negative
 * @uncharged: number of pages to uncharge after the release, see
 *	gupx_charge_finish_unpin()
 *
 * The caller fills in @index and @end. gupx_unpin_prepare() fills in @cut, @cuts, @edge and
 * @edges. gupx_unpin_commit() fills in @gone, @pages and @extents.
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
