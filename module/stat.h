/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_STAT_H
#define GUPX_STAT_H

#include <linux/mmzone.h>

/*
 * Number of counters in a batch. A node uses the counter with index (node %
 * GUPX_STAT_SLOTS), so several nodes may use the same counter. A counter only contains pins
 * of one node: before another node uses it, the batch is flushed.
 */
#define GUPX_STAT_SLOTS 4

/**
 * struct gupx_stat_batch - pins that are not in the node statistics yet
 * @item: NR_FOLL_PIN_ACQUIRED or NR_FOLL_PIN_RELEASED
 * @node: for each counter, the node that it counts
 * @nr: for each counter, the number of pins counted
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
 * @stat: batch that counts the pins; the caller flushes it
 * @node: node of the pages
 * @nr: number of pins
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
