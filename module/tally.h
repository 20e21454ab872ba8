/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_TALLY_H
#define GUPX_TALLY_H

#include <linux/mmzone.h>

/* Nodes that are counted at the same time: with more of them, some take turns. */
#define GUPX_TALLY_PLACES 4

/**
 * struct gupx_tally - pins taken or released, not yet in their nodes' statistics
 * @item: NR_FOLL_PIN_ACQUIRED or NR_FOLL_PIN_RELEASED
 * @node: whose pins a place counts
 * @nr: how many
 */
struct gupx_tally {
	enum node_stat_item item;
	int node[GUPX_TALLY_PLACES];
	long nr[GUPX_TALLY_PLACES];
};

bool gupx_tally_is_empty(const struct gupx_tally *tally);
void gupx_tally_enter(struct gupx_tally *tally);
void gupx_tally_add_runs(struct gupx_tally *tally, const u64 *end,
			 unsigned long nr);

/**
 * gupx_tally_add() - count pins of one node
 * @tally: gupx_tally_enter() after the last one
 * @node: where
 * @nr: how many
 */
static inline void gupx_tally_add(struct gupx_tally *tally, int node, long nr)
{
	const unsigned int place = (unsigned int)node % GUPX_TALLY_PLACES;

	if (tally->node[place] != node) {
		gupx_tally_enter(tally);
		tally->node[place] = node;
	}
	tally->nr[place] += nr;
}

#endif /* GUPX_TALLY_H */
