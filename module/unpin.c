// SPDX-License-Identifier: GPL-2.0
/*
 * UNPIN: release some pages of an extent list. The list stores its runs in blocks (struct
 * gupx_extent_block). The pages that are not released keep their index in the pin fd.
 * Released pages between two runs that are kept become a run that is marked as released. If
 * all pages of a block are released, the block is removed from the list. A page that is not
 * in any block counts as released.
 *
 * A block never begins or ends with a run that is marked as released, and adjacent runs
 * that are marked as released are merged. So the memory of a list is bounded by the number
 * of runs with pinned pages.
 *
 * A release needs memory, so it has two steps: gupx_unpin_prepare() allocates the memory
 * and may fail; gupx_unpin_commit() cannot fail. At most two blocks and two runs are
 * released in part, one at each end of the range.
 */
#include <linux/minmax.h>
#include <linux/sched.h>

#include "release.h"
#include "stat.h"
#include "unpin.h"

/**
 * struct run_sink - output of split_block()
 * @word: array that the runs are written to; NULL to only count the runs
 * @nr: number of runs
 * @pages: number of pages in all these runs
 * @skipped: number of released pages before the first run that is kept
 * @tail: number of released pages after the last run that is kept
 */
struct run_sink {
	u64 *word;
	u32 nr;
	u64 pages;
	u64 skipped;
	u64 tail;
};

static void sink_run(struct run_sink *out, u64 word)
{
	if (out->word)
		out->word[out->nr] = word;
	out->nr++;
	out->pages += gupx_run_pages(word);
}

static void sink_held_run(struct run_sink *out, u64 word)
{
	for (; out->tail;) {
		const u64 nr = min_t(u64, out->tail, GUPX_RUN_PAGES_MAX);

		sink_run(out, gupx_run_pack(0, nr, GUPX_RUN_RELEASED));
		out->tail -= nr;
	}
	sink_run(out, word);
}

static void sink_released(struct run_sink *out, u64 pages)
{
	if (out->nr)
		out->tail += pages;
	else
		out->skipped += pages;
}

static void add_edge(struct gupx_unpin_plan *plan, u64 word, u64 skip, u64 nr,
		     bool charged)
{
	const u64 all = gupx_run_pages(word);

	plan->edge[plan->edges++] = (struct gupx_unpin_edge){
		.word = word,
		.gone = gupx_run_part(word, skip, nr),
		.pieces = (skip > 0) + (skip + nr < all),
		.charged = charged,
	};
}

/*
 * Split the runs of a block for the release of the pages from @index to @end. Add the runs
 * and parts of runs that are kept to @kept. Add runs of which all pages are released to
 * @gone. If @plan is not NULL, add runs of which only a part is released to plan->edge.
 */
static void split_block(const struct gupx_extent_block *block, u64 index,
			u64 end, struct run_sink *kept, struct run_sink *gone,
			struct gupx_unpin_plan *plan)
{
	u64 at = block->first;
	u32 i;

	for (i = 0; i < block->nr; i++) {
		const u64 word = block->word[i];
		const u64 nr = gupx_run_pages(word);
		const u64 from = clamp(index, at, at + nr) - at;
		const u64 to = clamp(end, at, at + nr) - at;

		at += nr;
		if (gupx_run_is_released(word)) {
			sink_released(kept, nr);
			continue;
		}
		if (from)
			sink_held_run(kept, from == nr ? word
						       : gupx_run_part(word, 0,
								       from));
		if (to > from) {
			sink_released(kept, to - from);
			if (to - from == nr)
				sink_run(gone, word);
			else if (plan)
				add_edge(plan, word, from, to - from,
					 block->charged);
		}
		if (to < nr && from < nr)
			sink_held_run(kept, to == from && !from
						    ? word
						    : gupx_run_part(word, to,
								    nr - to));
	}
}

static struct gupx_extent_block *
alloc_similar_block(const struct gupx_extent_block *block, u32 nr)
{
	struct gupx_extent_block *copy = gupx_extent_block_alloc(nr);

	if (copy) {
		copy->pin_time = block->pin_time;
		copy->charged = block->charged;
		copy->nr = nr;
	}
	return copy;
}

/*
 * Prepare the release of a part of a block. On failure, the plan contains the blocks that
 * were already allocated, and the caller frees these blocks with gupx_unpin_cancel().
 *
 * Return: 0 or -ENOMEM.
 */
static int cut_block(struct gupx_unpin_plan *plan,
		     const struct gupx_extent_block *block, unsigned long at)
{
	struct gupx_unpin_cut *cut = &plan->cut[plan->cuts++];
	struct run_sink kept = {}, gone = {};

	*cut = (struct gupx_unpin_cut){ .at = at };
	split_block(block, plan->index, plan->end, &kept, &gone, NULL);
	cut->gone = alloc_similar_block(block, gone.nr);
	if (!cut->gone)
		return -ENOMEM;
	if (kept.nr) {
		cut->kept = alloc_similar_block(block, kept.nr);
		if (!cut->kept)
			return -ENOMEM;
	}
	kept = (struct run_sink){ .word = kept.nr ? cut->kept->word : NULL };
	gone = (struct run_sink){ .word = cut->gone->word };
	split_block(block, plan->index, plan->end, &kept, &gone, plan);
	if (kept.nr) {
		cut->kept->first = block->first + kept.skipped;
		cut->kept->addr = block->addr + (kept.skipped << PAGE_SHIFT);
		cut->kept->pages = kept.pages;
	}
	return 0;
}

static bool is_block_inside(const struct gupx_extent_block *block,
			    const struct gupx_unpin_plan *plan)
{
	return plan->index <= block->first &&
	       block->first + block->pages <= plan->end;
}

static bool is_block_outside(const struct gupx_extent_block *block,
			     const struct gupx_unpin_plan *plan)
{
	return block->first + block->pages <= plan->index ||
	       plan->end <= block->first;
}

static unsigned long find_first_block(struct gupx_extent_list *list, u64 index)
{
	unsigned long at = 0;

	gupx_extent_list_find_block(list, index, &at);
	return at;
}

/**
 * gupx_unpin_prepare() - allocate memory for the release of some pages
 * @list: extent list
 * @plan: plan with @index and @end filled in
 *
 * After success, call gupx_unpin_commit() or gupx_unpin_cancel(). After an error, there is
 * nothing to cancel.
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_unpin_prepare(struct gupx_extent_list *list,
		       struct gupx_unpin_plan *plan)
{
	const unsigned long start = find_first_block(list, plan->index);
	struct gupx_extent_block *block;
	unsigned long at;

	xa_for_each_start(&list->blocks, at, block, start) {
		if (block->first >= plan->end)
			break;
		cond_resched();
		if (is_block_outside(block, plan) ||
		    is_block_inside(block, plan))
			continue;
		if (cut_block(plan, block, at)) {
			gupx_unpin_cancel(plan);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * gupx_unpin_cancel() - free the memory that gupx_unpin_prepare() allocated
 * @plan: prepared plan that is not committed
 */
void gupx_unpin_cancel(struct gupx_unpin_plan *plan)
{
	while (plan->cuts) {
		const struct gupx_unpin_cut *cut = &plan->cut[--plan->cuts];

		gupx_extent_block_free(cut->kept);
		gupx_extent_block_free(cut->gone);
	}
	plan->edges = 0;
}

static s64 count_held_runs(const struct gupx_extent_block *block)
{
	s64 nr = 0;
	u32 i;

	for (i = 0; block && i < block->nr; i++)
		nr += !gupx_run_is_released(block->word[i]);
	return nr;
}

static void add_released_block(struct gupx_unpin_plan *plan,
			       struct gupx_extent_block *block)
{
	u32 i;

	for (i = 0; i < block->nr; i++)
		if (!gupx_run_is_released(block->word[i]))
			plan->pages += gupx_run_pages(block->word[i]);
	block->next = plan->gone;
	plan->gone = block;
}

static void erase_block(struct gupx_extent_list *list, unsigned long at)
{
	xa_erase(&list->blocks, at);
	list->nr_live--;
}

static void replace_block(struct gupx_extent_list *list,
			  struct gupx_extent_block *block,
			  struct gupx_unpin_plan *plan,
			  const struct gupx_unpin_cut *cut)
{
	plan->extents += count_held_runs(block) - count_held_runs(cut->kept);
	/*
	 * The xarray already has an entry at this index, so xa_store() does not allocate
	 * memory.
	 */
	if (cut->kept)
		xa_store(&list->blocks, cut->at, cut->kept, GFP_KERNEL_ACCOUNT);
	else
		erase_block(list, cut->at);
	if (list->last == block)
		list->last = cut->kept;
	add_released_block(plan, cut->gone);
	gupx_extent_block_free(block);
}

/**
 * gupx_unpin_commit() - remove the pages from the list
 * @list: extent list, unchanged since gupx_unpin_prepare()
 * @plan: prepared plan; owns the removed pages until gupx_unpin_finish()
 */
void gupx_unpin_commit(struct gupx_extent_list *list,
		       struct gupx_unpin_plan *plan)
{
	const unsigned long start = find_first_block(list, plan->index);
	struct gupx_extent_block *block;
	unsigned int i, cut = 0;
	unsigned long at;

	xa_for_each_start(&list->blocks, at, block, start) {
		if (block->first >= plan->end)
			break;
		if (is_block_outside(block, plan))
			continue;
		if (is_block_inside(block, plan)) {
			plan->extents += count_held_runs(block);
			erase_block(list, at);
			if (list->last == block)
				list->last = NULL;
			add_released_block(plan, block);
		} else {
			replace_block(list, block, plan, &plan->cut[cut++]);
		}
		cond_resched();
	}
	for (i = 0; i < plan->edges; i++)
		plan->pages += gupx_run_pages(plan->edge[i].gone);
	list->joined_valid = false;
	gupx_extent_list_forget(list);
	gupx_extent_list_compact(list);
}

/**
 * gupx_unpin_finish() - release the pages that UNPIN has removed from the set
 * @plan: plan after gupx_unpin_commit(); no window maps the removed pages any more
 *
 * The function also frees the extent blocks that contained only removed pages.
 *
 * The function cannot fail and does not allocate memory. It may sleep.
 */
void gupx_unpin_finish(struct gupx_unpin_plan *plan)
{
	struct gupx_stat_batch stat = { .item = NR_FOLL_PIN_RELEASED };
	unsigned int i;

	for (i = 0; i < plan->edges; i++)
		gupx_release_runs(&plan->edge[i].gone, 1, &stat);
	while (plan->gone) {
		struct gupx_extent_block *block = plan->gone;

		plan->gone = block->next;
		gupx_release_runs(block->word, block->nr, &stat);
		gupx_extent_block_free(block);
	}
	gupx_stat_flush(&stat);
}
