// SPDX-License-Identifier: GPL-2.0
/*
 * Compact storage for runs. One 64-bit word stores the frame number, the length in pages
 * and the flags of a run.
 *
 *   extent  a run, stored as one word
 *   block   extents that follow each other in the target without a gap; the address of
 *           an extent is computed from the lengths of the extents before it
 */
#include <linux/gupx.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "extent_list.h"
#include "release.h"
#include "stat.h"

/**
 * gupx_extent_list_init() - initialize an empty list
 * @list: list to initialize
 */
void gupx_extent_list_init(struct gupx_extent_list *list)
{
	*list = (struct gupx_extent_list){
		.end_flags = ~0U,
		.joined_valid = true,
	};
	xa_init_flags(&list->blocks, XA_FLAGS_ACCOUNT);
}

/*
 * Check if the last block is empty. If a run cannot be charged, the block that was added
 * for the run stays empty. The next run goes into the empty block, or the next block that
 * is appended replaces the empty block. So a list has at most one empty block.
 */
static bool has_empty_tail(const struct gupx_extent_list *list)
{
	return list->last && !list->last->nr;
}

/**
 * gupx_extent_list_trim() - free unused memory of the last block
 * @list: extent list
 *
 * The last block was allocated with room for all remaining pages of a request. If the
 * request stopped early, the block is replaced by a smaller copy. If there is no memory for
 * the copy, the large block stays in the list.
 */
void gupx_extent_list_trim(struct gupx_extent_list *list)
{
	struct gupx_extent_block *last = list->last, *smaller;

	if (!last || !last->nr || last->nr * 2 > last->capacity ||
	    last->capacity <= 4)
		return;
	smaller = gupx_extent_block_alloc(last->nr);
	if (!smaller)
		return;
	smaller->addr = last->addr;
	smaller->first = last->first;
	smaller->pages = last->pages;
	smaller->pin_time = last->pin_time;
	smaller->charged = last->charged;
	smaller->nr = last->nr;
	memcpy(smaller->word, last->word, last->nr * sizeof(u64));
	/*
	 * The xarray already has an entry at this index, so xa_store() does not allocate
	 * memory.
	 */
	xa_store(&list->blocks, list->nr - 1, smaller, GFP_KERNEL_ACCOUNT);
	list->last = smaller;
	list->found = NULL;
	gupx_extent_block_free(last);
}

/* Compact a list if at least one in SPARSE_RATIO of its indexes is unused. */
#define SPARSE_RATIO 3
/* Do not compact a list that has fewer indexes than this. */
#define SPARSE_MIN_BLOCKS 128

/*
 * Move blocks to lower indexes that released blocks left unused, so that the xarray needs
 * fewer nodes. Otherwise a few remaining blocks could keep many nodes, and the charge for
 * the pages of these blocks would not cover the memory of the nodes. If there is no memory
 * for a move, the remaining blocks keep their indexes. The blocks stay in ascending order
 * even then.
 */
static void move_blocks_together(struct gupx_extent_list *list)
{
	struct gupx_extent_block *block;
	unsigned long to = 0, at;

	xa_for_each(&list->blocks, at, block) {
		if (at != to &&
		    xa_err(xa_store(&list->blocks, to, block,
				    GFP_KERNEL_ACCOUNT | __GFP_NOWARN)))
			return;
		if (at != to)
			xa_erase(&list->blocks, at);
		to++;
		cond_resched();
	}
	list->nr = to;
}

/**
 * gupx_extent_list_compact() - free xarray nodes that released blocks no longer need
 * @list: extent list
 *
 * The function does nothing unless many indexes of the list are unused, so that the
 * amortized cost for each released block is low.
 */
void gupx_extent_list_compact(struct gupx_extent_list *list)
{
	if (list->nr < SPARSE_MIN_BLOCKS ||
	    list->nr - list->nr / SPARSE_RATIO < list->nr_live)
		return;
	gupx_extent_list_forget(list);
	move_blocks_together(list);
}

/**
 * gupx_extent_list_append() - append a block to the list
 * @list: extent list
 * @block: block with all fields except @first filled in; may be empty
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_extent_list_append(struct gupx_extent_list *list,
			    struct gupx_extent_block *block)
{
	int error;

	if (has_empty_tail(list)) {
		xa_erase(&list->blocks, --list->nr);
		list->nr_live--;
		gupx_extent_block_free(list->last);
		list->last = NULL;
	} else {
		gupx_extent_list_trim(list);
	}
	error = xa_err(
		xa_store(&list->blocks, list->nr, block, GFP_KERNEL_ACCOUNT));
	if (error)
		return error;
	block->first = list->pages;
	list->pages += block->pages;
	list->nr++;
	list->nr_live++;
	list->last = block;
	return 0;
}

/**
 * gupx_extent_list_grow() - make room for one run at the end of the list
 * @list: extent list
 * @addr: address of the next run in the target
 * @ahead: number of pages from @addr to the end of the request
 * @origin: common properties of the runs of the request
 *
 * Call this function only if gupx_extent_list_has_room() returned false. If the last block
 * is empty, the function prepares this block for the run. Otherwise the function appends a
 * new block.
 *
 * Return: 0 if gupx_extent_list_add() can add one run; -ENOMEM if there is no memory.
 */
int gupx_extent_list_grow(struct gupx_extent_list *list, unsigned long addr,
			  unsigned long ahead,
			  const struct gupx_extent_origin *origin)
{
	struct gupx_extent_block *block = list->last;
	int error = 0;

	if (!has_empty_tail(list)) {
		block = gupx_extent_block_alloc(
			min(ahead, GUPX_EXTENT_BLOCK_WORDS));
		if (!block)
			return -ENOMEM;
		error = gupx_extent_list_append(list, block);
	}
	if (error) {
		gupx_extent_block_free(block);
		return error;
	}
	block->addr = addr;
	block->pin_time = origin->pin_time;
	block->charged = origin->charged;
	return 0;
}

static unsigned int get_run_order(u64 word)
{
	if (!(gupx_run_flags(word) & GUPX_RUN_LARGE))
		return 0;
	/* A pinned folio cannot be split, so its order has not changed since the pin. */
	return folio_order(page_folio(pfn_to_page(gupx_run_pfn(word))));
}

/**
 * struct run_pos - a run and its position, for loops over all runs
 * @word: the run, packed into one word
 * @addr: address of the run in the target
 * @index: index of the run's first page in the pin fd
 * @pin_time: pin time of the block that contains the run
 */
struct run_pos {
	u64 word;
	unsigned long addr;
	u64 index;
	u32 pin_time;
};

/*
 * Update list->joined, the number of joined extents, before @pages pages are added. The
 * pages are contiguous in the target and begin at @pos. They extend the last joined extent
 * if they directly follow it, in the target and in the pin fd, and have the same flags and
 * folio order. Otherwise they begin a new joined extent.
 */
static void count_joined_run(struct gupx_extent_list *list,
			     const struct run_pos *pos, unsigned long pages)
{
	const u32 flags = gupx_run_flags(pos->word);
	const unsigned int order = get_run_order(pos->word);

	if (list->end_addr != pos->addr || list->end_index != pos->index ||
	    list->end_flags != flags || list->end_order != order)
		list->joined++;
	list->end_addr = pos->addr + (pages << PAGE_SHIFT);
	list->end_index = pos->index + pages;
	list->end_flags = flags;
	list->end_order = order;
}

/**
 * gupx_extent_list_count_joined() - update the number of joined extents for new runs
 * @list: extent list, before the runs are appended
 * @addr: address of the first run in the target
 * @word: the runs, all with the same flags
 * @nr: number of runs
 * @pages: number of pages in all these runs
 *
 * Adjacent runs that differ only in their physical address count as one joined extent.
 */
void gupx_extent_list_count_joined(struct gupx_extent_list *list,
				   unsigned long addr, const u64 *word, u32 nr,
				   unsigned long pages)
{
	struct run_pos pos = { .addr = addr, .index = list->pages };
	u32 i;

	if (!(gupx_run_flags(*word) & GUPX_RUN_LARGE)) {
		pos.word = *word;
		count_joined_run(list, &pos, pages);
		return;
	}
	for (i = 0; i < nr; i++) {
		pos.word = word[i];
		count_joined_run(list, &pos, gupx_run_pages(word[i]));
		pos.addr = list->end_addr;
		pos.index = list->end_index;
	}
}

/**
 * gupx_extent_list_find_block() - find the last block that begins at or before a page
 * @list: extent list
 * @index: index of the page in the pin fd
 * @at: set to the block's index in the list
 *
 * The function bisects the indexes of the list. It skips unused indexes, which UNPIN leaves
 * when it removes a block.
 *
 * Return: the block; NULL if there is no such block. If the page is released, the block may
 * end before the page.
 */
struct gupx_extent_block *
gupx_extent_list_find_block(struct gupx_extent_list *list, u64 index,
			    unsigned long *at)
{
	unsigned long low = 0, high = list->nr;
	struct gupx_extent_block *found = NULL;

	while (low < high) {
		const unsigned long middle = low + (high - low) / 2;
		unsigned long i = middle;
		struct gupx_extent_block *block =
			xa_find(&list->blocks, &i, high - 1, XA_PRESENT);

		if (block && block->first <= index) {
			found = block;
			*at = i;
			low = i + 1;
		} else {
			high = middle;
		}
	}
	return found;
}

/*
 * Set list->found to the block that contains a page, and the position in this block to a run
 * at or before the page. No search is necessary if the page is in the block that was found
 * last.
 *
 * Return: false if the block of the page is released.
 */
static bool find_block(struct gupx_extent_list *list, u64 index)
{
	const struct gupx_extent_block *block = list->found;
	unsigned long at;

	if (block && index >= block->first + list->found_skip &&
	    index < block->first + block->pages)
		return true;
	if (!block || index < block->first ||
	    index >= block->first + block->pages)
		block = gupx_extent_list_find_block(list, index, &at);
	if (!block || index >= block->first + block->pages)
		return false;
	list->found = block;
	list->found_word = 0;
	list->found_skip = 0;
	return true;
}

/*
 * Advance the position in list->found to the run that contains a page. If each run of the
 * block is a single page, the position is computed.
 *
 * Return: number of pages of the run that precede the page.
 */
static u32 seek_run(struct gupx_extent_list *list, u64 index)
{
	const struct gupx_extent_block *block = list->found;
	const u32 at = index - block->first;

	if (block->pages == block->nr) {
		list->found_word = at;
		list->found_skip = at;
		return 0;
	}
	for (;;) {
		const u32 pages = gupx_run_pages(block->word[list->found_word]);

		if (at - list->found_skip < pages)
			return at - list->found_skip;
		list->found_skip += pages;
		list->found_word++;
	}
}

/**
 * gupx_extent_list_find() - find the run that contains a page
 * @list: extent list
 * @index: index of the page in the pin fd
 * @found: set to the rest of the run, beginning with this page
 *
 * The list stores the position of the run that was found last. If the next call asks for a
 * later page of the same block, the search begins at this position.
 *
 * Return: %GUPX_FOUND_PAGE, %GUPX_FOUND_RELEASED or %GUPX_FOUND_END.
 */
enum gupx_extent_found gupx_extent_list_find(struct gupx_extent_list *list,
					     u64 index, struct gupx_run *found)
{
	unsigned long addr;
	u32 skip;
	u64 word;

	if (index >= list->pages)
		return GUPX_FOUND_END;
	if (!find_block(list, index))
		return GUPX_FOUND_RELEASED;
	skip = seek_run(list, index);
	word = list->found->word[list->found_word];
	if (gupx_run_is_released(word))
		return GUPX_FOUND_RELEASED;
	addr = list->found->addr +
	       ((unsigned long)(list->found_skip + skip) << PAGE_SHIFT);
	*found = gupx_run_unpack(addr, word);
	found->nr -= skip;
	if (!(found->flags & GUPX_RUN_ZERO))
		found->page += skip;
	return GUPX_FOUND_PAGE;
}

static void rewind_block(struct gupx_extent_pos *next)
{
	next->word = 0;
	next->skip = 0;
}

/*
 * Find the next run that is not released, starting at the position @next. Store the run in
 * @pos and its position in @at. Then move @next to the position after the run.
 *
 * Return: true if such a run was found.
 */
static bool find_next_run(struct gupx_extent_list *list,
			  struct gupx_extent_pos *next,
			  struct gupx_extent_pos *at, struct run_pos *pos)
{
	struct gupx_extent_block *block;

	for (;;) {
		const unsigned long before = next->block;

		block = xa_find(&list->blocks, &next->block, ULONG_MAX,
				XA_PRESENT);
		if (!block)
			return false;
		if (next->block != before)
			rewind_block(next);
		if (next->word == block->nr) {
			next->block++;
			rewind_block(next);
			cond_resched();
			continue;
		}
		*at = *next;
		pos->word = block->word[next->word++];
		pos->addr =
			block->addr + ((unsigned long)next->skip << PAGE_SHIFT);
		pos->index = block->first + next->skip;
		pos->pin_time = block->pin_time;
		next->skip += gupx_run_pages(pos->word);
		if (!gupx_run_is_released(pos->word))
			return true;
	}
}

static void fill_extent(const struct run_pos *pos, struct gupx_extent *out)
{
	const u32 flags = gupx_run_flags(pos->word);

	*out = (struct gupx_extent){
		.addr = pos->addr,
		.len = (u64)gupx_run_pages(pos->word) << PAGE_SHIFT,
		.pfn = gupx_run_pfn(pos->word),
		.flags = (flags & GUPX_RUN_WRITE ? GUPX_EXTENT_WRITE : 0) |
			 (flags & GUPX_RUN_KERNEL ? GUPX_EXTENT_ENGINE_KERNEL
						  : 0) |
			 (flags & GUPX_RUN_ZERO ? GUPX_EXTENT_ZERO : 0) |
			 (flags & GUPX_RUN_SHORT ? GUPX_EXTENT_SHORT : 0),
		.order = get_run_order(pos->word),
		.offset = pos->index << PAGE_SHIFT,
	};
}

static bool can_join_extent(const struct gupx_extent *extent,
			    const struct run_pos *pos, u32 flags)
{
	return extent->addr + extent->len == pos->addr &&
	       extent->offset + extent->len == pos->index << PAGE_SHIFT &&
	       gupx_run_flags(pos->word) == flags &&
	       get_run_order(pos->word) == extent->order;
}

/*
 * Find the next extent, starting at the position @next. Describe the extent in @out and
 * store its position in @at. Then move @next to the position after the extent. If @joined
 * is true, an extent may consist of several runs.
 *
 * Return: true if an extent was found.
 */
static bool find_next_extent(struct gupx_extent_list *list, bool joined,
			     struct gupx_extent_pos *next,
			     struct gupx_extent_pos *at,
			     struct gupx_extent *out, u32 *pin_time)
{
	struct gupx_extent_pos ahead, unused;
	struct run_pos pos;
	u32 flags;

	if (!find_next_run(list, next, at, &pos))
		return false;
	fill_extent(&pos, out);
	*pin_time = pos.pin_time;
	flags = gupx_run_flags(pos.word);
	ahead = *next;
	while (joined && !fatal_signal_pending(current) &&
	       find_next_run(list, &ahead, &unused, &pos) &&
	       can_join_extent(out, &pos, flags)) {
		out->len += (u64)gupx_run_pages(pos.word) << PAGE_SHIFT;
		*next = ahead;
		cond_resched();
	}
	return true;
}

/**
 * gupx_extent_list_describe() - describe some extents for user space
 * @list: extent list
 * @joined: true to describe adjacent runs that differ only in their physical address as one
 *	extent
 * @first: index of the first extent to describe
 * @out: array for @nr extents, in kernel memory
 * @pin_time: array for @nr pin times, or NULL
 * @nr: maximum number of extents
 *
 * The list stores the position of the last extent that was found. If the next call asks for
 * this extent or a later one, the search begins at this position and not at the beginning
 * of the list.
 *
 * Return: number of extents.
 */
unsigned int gupx_extent_list_describe(struct gupx_extent_list *list,
				       bool joined, u64 first,
				       struct gupx_extent *out, u32 *pin_time,
				       unsigned int nr)
{
	struct gupx_extent_pos next = {}, at;
	struct gupx_extent extent;
	u64 number = 0;
	u32 time;

	if (list->resume_joined == joined && list->resume_nr <= first) {
		next = list->resume;
		number = list->resume_nr;
	}
	for (; number < first + nr; number++) {
		if (fatal_signal_pending(current) ||
		    !find_next_extent(list, joined, &next, &at, &extent, &time))
			break;
		list->resume = at;
		list->resume_nr = number;
		list->resume_joined = joined;
		if (number >= first) {
			out[number - first] = extent;
			if (pin_time)
				pin_time[number - first] = time;
		}
		cond_resched();
	}
	return number > first ? number - first : 0;
}

/**
 * gupx_extent_list_joined() - count extents; adjacent runs that differ only in their
 *	physical address count as one extent
 * @list: extent list
 *
 * Return: number of extents.
 */
u64 gupx_extent_list_joined(struct gupx_extent_list *list)
{
	struct gupx_extent_pos next = {}, at;
	struct run_pos pos;

	if (list->joined_valid)
		return list->joined;
	list->joined = 0;
	list->end_flags = ~0U;
	while (find_next_run(list, &next, &at, &pos)) {
		count_joined_run(list, &pos, gupx_run_pages(pos.word));
		if (fatal_signal_pending(current))
			return list->joined;
		cond_resched();
	}
	list->joined_valid = true;
	return list->joined;
}

/**
 * gupx_extent_list_release() - release all pages and free the list
 * @list: extent list that has no other user
 *
 * The function cannot fail and does not allocate memory. It may sleep.
 */
void gupx_extent_list_release(struct gupx_extent_list *list)
{
	struct gupx_stat_batch stat = { .item = NR_FOLL_PIN_RELEASED };
	struct gupx_extent_block *block;
	unsigned long i;

	xa_for_each(&list->blocks, i, block) {
		gupx_release_runs(block->word, block->nr, &stat);
		gupx_extent_block_free(block);
		cond_resched();
	}
	gupx_stat_flush(&stat);
	xa_destroy(&list->blocks);
}
