// SPDX-License-Identifier: GPL-2.0
/*
 * Taking pages out of a list of chunks, before the list ends. Pages that stay keep
 * their place in the pin fd: between them runs are marked as released, a chunk of
 * which nothing stays is dropped, and what lies in no chunk counts as released.
 *
 * A chunk never keeps a released run at its ends or two of them in a row, so the memory
 * of a list is bounded by the runs that it holds.
 *
 * In two steps, for the first one may fail: gupx_unpin_prepare() allocates, and
 * gupx_unpin_commit() cannot fail. Only where the range begins and ends are there
 * chunks and runs that stay in part.
 */
#include <linux/minmax.h>
#include <linux/sched.h>

#include "release.h"
#include "tally.h"
#include "unpin.h"

/**
 * struct sink - where runs go; only counted where there is no memory
 * @word: or NULL
 * @nr: how many
 * @pages: in all of them
 * @skipped: pages of released runs before the first other one
 * @tail: pages of released runs after the last other one
 */
struct sink {
	u64 *word;
	u32 nr;
	u64 pages;
	u64 skipped;
	u64 tail;
};

static void put_word(struct sink *sink, u64 word)
{
	if (sink->word)
		sink->word[sink->nr] = word;
	sink->nr++;
	sink->pages += gupx_run_pages(word);
}

static void put_live(struct sink *sink, u64 word)
{
	for (; sink->tail;) {
		const u64 some = min_t(u64, sink->tail, GUPX_RUN_PAGES_MAX);

		put_word(sink, gupx_run_pack(0, some, GUPX_RUN_RELEASED));
		sink->tail -= some;
	}
	put_word(sink, word);
}

static void put_released(struct sink *sink, u64 pages)
{
	if (sink->nr)
		sink->tail += pages;
	else
		sink->skipped += pages;
}

static void note_edge(struct gupx_unpin_plan *plan, u64 word, u64 skip, u64 nr,
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
 * Divide the runs of a chunk: what stays goes to @kept, what is released whole to
 * @gone. With @plan, runs that are released in part are noted there.
 */
static void divide_chunk(const struct gupx_chunk *chunk, u64 index, u64 end,
			 struct sink *kept, struct sink *gone,
			 struct gupx_unpin_plan *plan)
{
	u64 at = chunk->first;
	u32 i;

	for (i = 0; i < chunk->nr; i++) {
		const u64 word = chunk->word[i];
		const u64 nr = gupx_run_pages(word);
		const u64 from = clamp(index, at, at + nr) - at;
		const u64 to = clamp(end, at, at + nr) - at;

		at += nr;
		if (gupx_run_is_released(word)) {
			put_released(kept, nr);
			continue;
		}
		if (from)
			put_live(kept, from == nr
					       ? word
					       : gupx_run_part(word, 0, from));
		if (to > from) {
			put_released(kept, to - from);
			if (to - from == nr)
				put_word(gone, word);
			else if (plan)
				note_edge(plan, word, from, to - from,
					  chunk->charged);
		}
		if (to < nr && from < nr)
			put_live(kept,
				 to == from && !from
					 ? word
					 : gupx_run_part(word, to, nr - to));
	}
}

static struct gupx_chunk *alloc_like(const struct gupx_chunk *chunk, u32 nr)
{
	struct gupx_chunk *copy = gupx_chunks_alloc(nr);

	if (copy) {
		copy->born = chunk->born;
		copy->charged = chunk->charged;
		copy->nr = nr;
	}
	return copy;
}

/* Return: 0 or -ENOMEM. What was allocated is in the plan then, too. */
static int cut_chunk(struct gupx_unpin_plan *plan,
		     const struct gupx_chunk *chunk, unsigned long at)
{
	struct gupx_unpin_cut *cut = &plan->cut[plan->cuts++];
	struct sink kept = {}, gone = {};

	*cut = (struct gupx_unpin_cut){ .at = at };
	divide_chunk(chunk, plan->index, plan->end, &kept, &gone, NULL);
	cut->gone = alloc_like(chunk, gone.nr);
	if (!cut->gone)
		return -ENOMEM;
	if (kept.nr) {
		cut->kept = alloc_like(chunk, kept.nr);
		if (!cut->kept)
			return -ENOMEM;
	}
	kept = (struct sink){ .word = kept.nr ? cut->kept->word : NULL };
	gone = (struct sink){ .word = cut->gone->word };
	divide_chunk(chunk, plan->index, plan->end, &kept, &gone, plan);
	if (kept.nr) {
		cut->kept->first = chunk->first + kept.skipped;
		cut->kept->addr = chunk->addr + (kept.skipped << PAGE_SHIFT);
		cut->kept->pages = kept.pages;
	}
	return 0;
}

static bool is_inside(const struct gupx_chunk *chunk,
		      const struct gupx_unpin_plan *plan)
{
	return plan->index <= chunk->first &&
	       chunk->first + chunk->pages <= plan->end;
}

static bool is_outside(const struct gupx_chunk *chunk,
		       const struct gupx_unpin_plan *plan)
{
	return chunk->first + chunk->pages <= plan->index ||
	       plan->end <= chunk->first;
}

static unsigned long first_chunk(struct gupx_chunks *chunks, u64 index)
{
	unsigned long at = 0;

	gupx_chunks_at(chunks, index, &at);
	return at;
}

/**
 * gupx_unpin_prepare() - allocate what the release of some pages needs
 * @chunks: any
 * @plan: its @index and @end are filled in
 *
 * Return: 0, for gupx_unpin_commit() or gupx_unpin_cancel(); or -ENOMEM, and there is
 * nothing to cancel.
 */
int gupx_unpin_prepare(struct gupx_chunks *chunks, struct gupx_unpin_plan *plan)
{
	const unsigned long start = first_chunk(chunks, plan->index);
	struct gupx_chunk *chunk;
	unsigned long at;

	xa_for_each_start(&chunks->list, at, chunk, start) {
		if (chunk->first >= plan->end)
			break;
		cond_resched();
		if (is_outside(chunk, plan) || is_inside(chunk, plan))
			continue;
		if (cut_chunk(plan, chunk, at)) {
			gupx_unpin_cancel(plan);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * gupx_unpin_cancel() - free what gupx_unpin_prepare() has allocated
 * @plan: not committed
 */
void gupx_unpin_cancel(struct gupx_unpin_plan *plan)
{
	while (plan->cuts) {
		const struct gupx_unpin_cut *cut = &plan->cut[--plan->cuts];

		gupx_chunks_free(cut->kept);
		gupx_chunks_free(cut->gone);
	}
	plan->edges = 0;
}

static s64 count_live(const struct gupx_chunk *chunk)
{
	s64 nr = 0;
	u32 i;

	for (i = 0; chunk && i < chunk->nr; i++)
		nr += !gupx_run_is_released(chunk->word[i]);
	return nr;
}

static void add_gone(struct gupx_unpin_plan *plan, struct gupx_chunk *chunk)
{
	u32 i;

	for (i = 0; i < chunk->nr; i++)
		if (!gupx_run_is_released(chunk->word[i]))
			plan->pages += gupx_run_pages(chunk->word[i]);
	chunk->next = plan->gone;
	plan->gone = chunk;
}

static void erase_chunk(struct gupx_chunks *chunks, unsigned long at)
{
	xa_erase(&chunks->list, at);
	chunks->live--;
}

static void replace_chunk(struct gupx_chunks *chunks, struct gupx_chunk *chunk,
			  struct gupx_unpin_plan *plan,
			  const struct gupx_unpin_cut *cut)
{
	plan->extents += count_live(chunk) - count_live(cut->kept);
	/* Takes the place of another entry, so it allocates nothing. */
	if (cut->kept)
		xa_store(&chunks->list, cut->at, cut->kept, GFP_KERNEL_ACCOUNT);
	else
		erase_chunk(chunks, cut->at);
	if (chunks->last == chunk)
		chunks->last = cut->kept;
	add_gone(plan, cut->gone);
	gupx_chunks_free(chunk);
}

static void drop_chunk(struct gupx_chunks *chunks, struct gupx_chunk *chunk,
		       struct gupx_unpin_plan *plan, unsigned long at)
{
	plan->extents += count_live(chunk);
	erase_chunk(chunks, at);
	if (chunks->last == chunk)
		chunks->last = NULL;
	add_gone(plan, chunk);
}

/**
 * gupx_unpin_commit() - take the pages out of the list
 * @chunks: not changed since gupx_unpin_prepare()
 * @plan: afterwards it has all that is to be released, for gupx_unpin_finish()
 */
void gupx_unpin_commit(struct gupx_chunks *chunks, struct gupx_unpin_plan *plan)
{
	const unsigned long start = first_chunk(chunks, plan->index);
	struct gupx_chunk *chunk;
	unsigned int i, cut = 0;
	unsigned long at;

	xa_for_each_start(&chunks->list, at, chunk, start) {
		if (chunk->first >= plan->end)
			break;
		if (is_outside(chunk, plan))
			continue;
		if (is_inside(chunk, plan))
			drop_chunk(chunks, chunk, plan, at);
		else
			replace_chunk(chunks, chunk, plan, &plan->cut[cut++]);
		cond_resched();
	}
	for (i = 0; i < plan->edges; i++)
		plan->pages += gupx_run_pages(plan->edge[i].gone);
	chunks->counts_joined = false;
	chunks->seen = (struct gupx_chunks_place){};
	chunks->seen_nr = 0;
	gupx_chunks_tidy(chunks);
}

/**
 * gupx_unpin_finish() - give the references back and free the rest
 * @plan: committed. No mapping shows the pages any more
 *
 * Cannot fail, allocates nothing. May sleep.
 */
void gupx_unpin_finish(struct gupx_unpin_plan *plan)
{
	struct gupx_tally tally = { .item = NR_FOLL_PIN_RELEASED };
	unsigned int i;

	for (i = 0; i < plan->edges; i++)
		gupx_release_runs(&plan->edge[i].gone, 1, &tally);
	while (plan->gone) {
		struct gupx_chunk *chunk = plan->gone;

		plan->gone = chunk->next;
		gupx_release_runs(chunk->word, chunk->nr, &tally);
		gupx_chunks_free(chunk);
	}
	gupx_tally_enter(&tally);
}
