/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_STAT_H
#define GUPX_STAT_H

#include <linux/mmzone.h>

/* Nodes that are counted at the same time: with more of them, some take turns. */
#define GUPX_STAT_SLOTS 4

/**
 * struct gupx_stat_batch - pins taken or released, not yet in their nodes' statistics
 * @item: NR_FOLL_PIN_ACQUIRED or NR_FOLL_PIN_RELEASED
 * @node: whose pins a place counts
 * @nr: how many
 */
struct gupx_stat_batch {
	enum node_stat_item item;
	int node[GUPX_STAT_SLOTS];
	long nr[GUPX_STAT_SLOTS];
};

bool gupx_stat_is_empty(const struct gupx_stat_batch *stat);
void gupx_stat_flush(struct gupx_stat_batch *stat);
void gupx_stat_add_runs(struct gupx_stat_batch *stat, const u64 *end,
			unsigned long nr);

/**
 * gupx_stat_add() - count pins of one node
 * @stat: gupx_stat_flush() after the last one
 * @node: where
 * @nr: how many
 */
static inline void gupx_stat_add(struct gupx_stat_batch *stat, int node,
				 long nr)
{
	const unsigned int slot = (unsigned int)node % GUPX_STAT_SLOTS;

	if (stat->node[slot] != node) {
		gupx_stat_flush(stat);
		stat->node[slot] = node;
	}
	stat->nr[slot] += nr;
}

#endif /* GUPX_STAT_H */
