// SPDX-License-Identifier: GPL-2.0
/*
 * Batches of updates to the node statistics nr_foll_pin_acquired and
 * nr_foll_pin_released in /proc/vmstat. A page may be counted as pinned shortly after it
 * is pinned, and as released shortly before or after it is released. This is accurate
 * enough for statistics.
 */
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "run.h"
#include "stat.h"

/**
 * gupx_stat_is_empty() - check that a batch has nothing left to flush
 * @stat: batch to check
 *
 * Return: true if it is empty.
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
 * gupx_stat_flush() - add the counts of a batch to the node statistics
 * @stat: batch to flush; empty afterwards
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

/*
 * Count pages of a run. All pages of a folio are on the same node, but adjacent folios may
 * be on different nodes.
 */
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
 * gupx_stat_add_runs() - count the last @nr pages of a sequence of runs
 * @stat: batch that counts the pages; the caller flushes it
 * @end: end of the runs; exclusive
 * @nr: number of pages; the caller holds references on them
 *
 * If there is only one node, the function does not read the struct pages.
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
		const unsigned long counted = min(nr, pages);

		/*
		 * Fast path for a run of one page. Most runs are one page if memory is
		 * interleaved over nodes.
		 */
		if (pages == 1)
			gupx_stat_add(stat, page_to_nid(page), 1);
		else
			add_run_pages(stat, page + pages - counted, counted,
				      gupx_run_flags(word));
		nr -= counted;
	}
}
