// SPDX-License-Identifier: GPL-2.0
/*
 * Pins on their way into the nodes' statistics, nr_foll_pin_acquired and _released of
 * /proc/vmstat: many at a time. They may be seen before they are counted, or after
 * they are counted as released; that harms nobody.
 */
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "run.h"
#include "stat.h"

/**
 * gupx_stat_is_empty() - was all that was counted entered?
 * @stat: any
 *
 * Return: whether.
 */
bool gupx_stat_is_empty(const struct gupx_stat_batch *stat)
{
	unsigned int i;

	for (i = 0; i < GUPX_STAT_SLOTS; i++)
		if (stat->nr[i])
			return false;
	return true;
}

/**
 * gupx_stat_flush() - enter what was counted into the nodes' statistics
 * @stat: ends empty
 */
void gupx_stat_flush(struct gupx_stat_batch *stat)
{
	unsigned int i;

	for (i = 0; i < GUPX_STAT_SLOTS; i++) {
		if (!stat->nr[i])
			continue;
		mod_node_page_state(NODE_DATA(stat->node[i]), stat->item,
				    stat->nr[i]);
		stat->nr[i] = 0;
	}
}

/* Folios that follow each other in memory may be of two nodes, a folio is not. */
static void add_run_pages(struct gupx_stat_batch *stat, const struct page *page,
			  unsigned long nr, u32 flags)
{
	const struct page *const end = page + nr;

	if (flags & GUPX_RUN_LARGE)
		gupx_stat_add(stat, page_to_nid(page), nr);
	else
		for (; page < end; page++)
			gupx_stat_add(stat, page_to_nid(page), 1);
}

/**
 * gupx_stat_add_runs() - count the last pages of some runs
 * @stat: gupx_stat_flush() after the last one
 * @end: behind the last run
 * @nr: pages, as many as its runs and those before it have, or fewer; held
 *
 * Where there is one node, none of them is looked at.
 */
void gupx_stat_add_runs(struct gupx_stat_batch *stat, const u64 *end,
			unsigned long nr)
{
	if (nr && nr_online_nodes == 1) {
		gupx_stat_add(stat, first_online_node, nr);
		return;
	}
	while (nr) {
		const u64 word = *--end;
		const struct page *page = pfn_to_page(gupx_run_pfn(word));
		const unsigned long pages = gupx_run_pages(word);
		const unsigned long some = min(nr, pages);

		/* Most are of one page, where nodes take turns. */
		if (pages == 1)
			gupx_stat_add(stat, page_to_nid(page), 1);
		else
			add_run_pages(stat, page + pages - some, some,
				      gupx_run_flags(word));
		nr -= some;
	}
}
