// SPDX-License-Identifier: GPL-2.0
/*
 * Runs, packed: frame number, length and flags in one word each.
 *
 *   extent  a run, as a word
 *   chunk   extents that follow each other in the target without a gap; the
 *           address of each follows from those before it
 *
 * 4 KiB pages scattered over memory cost 8 bytes each that way, a huge page costs
 * 8 bytes whole. A pin of one page alone costs a chunk of 64 bytes.
 */
#include <linux/gupx.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "extent_list.h"
#include "release.h"
#include "stat.h"

/* More words than this get memory of their own, behind a chunk without any. */
#define INLINE_WORDS 27U

/**
 * gupx_extent_list_init() - initialize an empty list
 * @list: to be filled
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
 * Whole pages come from the page allocator. A slab would first be cleared as pages,
 * and then as memory that was asked for, where the kernel clears what it gives.
 */
static bool is_page_sized(u32 capacity)
{
	return capacity == GUPX_EXTENT_BLOCK_WORDS;
}

/* Memory for words, all of the slab's class that it comes from. */
static u64 *alloc_words(unsigned long *capacity)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	const size_t half = GUPX_EXTENT_BLOCK_WORDS / 2;

	if (*capacity > GUPX_EXTENT_BLOCK_WORDS)
		return kvmalloc_array(*capacity, sizeof(u64), gfp);
	if (*capacity > half) {
		*capacity = GUPX_EXTENT_BLOCK_WORDS;
		return (void *)__get_free_pages(gfp, GUPX_EXTENT_BLOCK_ORDER);
	}
	*capacity = kmalloc_size_roundup(*capacity * sizeof(u64)) / sizeof(u64);
	return kmalloc_array(*capacity, sizeof(u64), gfp);
}

static void free_words(const struct gupx_extent_block *block)
{
	if (is_page_sized(block->capacity))
		free_pages((unsigned long)block->word, GUPX_EXTENT_BLOCK_ORDER);
	else if (block->word != block->inline_words)
		kvfree(block->word);
}

/**
 * gupx_extent_list_alloc_block() - allocate a chunk that is in no list yet
 * @words: there will be room for so many, or more
 *
 * Return: an empty one, for gupx_extent_list_append() or gupx_extent_list_free_block(); NULL: no
 * memory.
 */
struct gupx_extent_block *gupx_extent_list_alloc_block(unsigned long words)
{
	const bool is_few = words <= INLINE_WORDS;
	struct gupx_extent_block *block;
	size_t size = kmalloc_size_roundup(
		struct_size(block, inline_words, is_few ? max(words, 1UL) : 0));
	u64 *word;

	block = kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!block)
		return NULL;
	if (is_few) {
		words = (size - sizeof(*block)) / sizeof(u64);
		word = block->inline_words;
	} else {
		word = alloc_words(&words);
	}
	if (!word) {
		kfree(block);
		return NULL;
	}
	*block = (struct gupx_extent_block){ .capacity = words, .word = word };
	return block;
}

/**
 * gupx_extent_list_free_block() - free a chunk
 * @block: in no list; NULL: nothing happens
 */
void gupx_extent_list_free_block(struct gupx_extent_block *block)
{
	if (!block)
		return;
	free_words(block);
	kfree(block);
}

/*
 * A run that could not be charged leaves the chunk that was made for it. The next one
 * uses it, or another chunk takes its place: there is never more than one.
 */
static bool has_empty_tail(const struct gupx_extent_list *list)
{
	return list->last && !list->last->nr;
}

static void drop_empty_tail(struct gupx_extent_list *list)
{
	xa_erase(&list->blocks, --list->nr);
	list->nr_live--;
	gupx_extent_list_free_block(list->last);
	list->last = NULL;
}

/**
 * gupx_extent_list_trim() - give memory back that the last chunk does not need
 * @list: any
 *
 * A request may end long before the end that its chunk was made for. Without memory
 * for a smaller chunk, the large one stays.
 */
void gupx_extent_list_trim(struct gupx_extent_list *list)
{
	struct gupx_extent_block *last = list->last, *less;

	if (!last || !last->nr || last->nr * 2 > last->capacity ||
	    last->capacity <= 4)
		return;
	less = gupx_extent_list_alloc_block(last->nr);
	if (!less)
		return;
	less->addr = last->addr;
	less->first = last->first;
	less->pages = last->pages;
	less->pin_time = last->pin_time;
	less->charged = last->charged;
	less->nr = last->nr;
	memcpy(less->word, last->word, last->nr * sizeof(u64));
	/* Takes the place of another entry, so it allocates nothing. */
	xa_store(&list->blocks, list->nr - 1, less, GFP_KERNEL_ACCOUNT);
	list->last = less;
	gupx_extent_list_free_block(last);
}

/* A list is too sparse when one index in so many is unused. */
#define SPARSE_RATIO 3
/* Lists of fewer blocks are left alone. */
#define SPARSE_MIN_BLOCKS 128

/*
 * Chunks that were released leave indexes unused, and a node of the list with few chunks
 * is more memory than these pay for: move the others together. Without memory the rest
 * stays where it is, still in ascending order.
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
 * gupx_extent_list_compact() - give memory back that chunks which are gone have left
 * @list: any
 *
 * Not often, so that it costs little for each of them.
 */
void gupx_extent_list_compact(struct gupx_extent_list *list)
{
	if (list->nr < SPARSE_MIN_BLOCKS ||
	    list->nr - list->nr / SPARSE_RATIO < list->nr_live)
		return;
	list->resume = (struct gupx_extent_pos){};
	list->resume_nr = 0;
	move_blocks_together(list);
}

/**
 * gupx_extent_list_append() - give a chunk to the list
 * @list: any
 * @block: all but @first is filled in; empty or not
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_extent_list_append(struct gupx_extent_list *list,
			    struct gupx_extent_block *block)
{
	int error;

	if (has_empty_tail(list))
		drop_empty_tail(list);
	else
		gupx_extent_list_trim(list);
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
 * gupx_extent_list_grow() - gupx_extent_list_reserve() where a new chunk is needed
 * @list: any
 * @addr: of the run, in the target
 * @ahead: pages from there to the end of the request
 * @origin: of the request
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_extent_list_grow(struct gupx_extent_list *list, unsigned long addr,
			  unsigned long ahead,
			  const struct gupx_extent_origin *origin)
{
	struct gupx_extent_block *block = list->last;
	int error = 0;

	if (!has_empty_tail(list)) {
		block = gupx_extent_list_alloc_block(
			min(ahead, GUPX_EXTENT_BLOCK_WORDS));
		if (!block)
			return -ENOMEM;
		error = gupx_extent_list_append(list, block);
	}
	if (error) {
		gupx_extent_list_free_block(block);
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
	/* A pinned folio is not split, so this is what it was. */
	return folio_order(page_folio(pfn_to_page(gupx_run_pfn(word))));
}

/**
 * struct run_pos - a run on the way through all of them
 * @word: the run
 * @addr: in the target
 * @index: in the pin fd
 * @pin_time: as in its chunk
 */
struct run_pos {
	u64 word;
	unsigned long addr;
	u64 index;
	u32 pin_time;
};

/* Runs of the same kind that @pages in a row are made of count as one. */
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
 * gupx_extent_list_count_joined() - count runs that are about to be appended, without
 *	what memory alone tells apart
 * @list: any
 * @addr: of the first run, in the target
 * @word: the runs, all with the same flags
 * @nr: how many
 * @pages: in all of them
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
 * gupx_extent_list_find_block() - find the last chunk that begins at or before a page
 * @list: any
 * @index: of the page in the pin fd
 * @at: to be filled: the index of that chunk in the list
 *
 * By bisection. Indexes whose chunks were released are empty.
 *
 * Return: the chunk, which need not reach as far as the page; NULL: there is none.
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

/**
 * gupx_extent_list_find() - find the pages from an index on
 * @list: any
 * @index: pages in the order they were added, from 0
 * @found: to be filled: the rest of the run that holds the page
 *
 * Return: whether there is such a page, or was one.
 */
enum gupx_extent_found gupx_extent_list_find(struct gupx_extent_list *list,
					     u64 index, struct gupx_run *found)
{
	const struct gupx_extent_block *block;
	unsigned long addr, at;
	u64 skip;
	u32 i;

	if (index >= list->pages)
		return GUPX_FOUND_END;
	block = gupx_extent_list_find_block(list, index, &at);
	if (!block || index - block->first >= block->pages)
		return GUPX_FOUND_RELEASED;
	addr = block->addr;
	skip = index - block->first;
	for (i = 0; skip >= gupx_run_pages(block->word[i]); i++) {
		skip -= gupx_run_pages(block->word[i]);
		addr += gupx_run_pages(block->word[i]) << PAGE_SHIFT;
	}
	if (gupx_run_is_released(block->word[i]))
		return GUPX_FOUND_RELEASED;
	*found = gupx_run_unpack(addr + (skip << PAGE_SHIFT), block->word[i]);
	found->nr -= skip;
	if (!(found->flags & GUPX_RUN_ZERO))
		found->page += skip;
	return GUPX_FOUND_PAGE;
}

static void rewind_block(struct gupx_extent_pos *place)
{
	place->word = 0;
	place->skip = 0;
}

/*
 * Step over the next run that was not released.
 *
 * Return: whether there was one; @place is behind it, @at is where it was.
 */
static bool find_next_run(struct gupx_extent_list *list,
			  struct gupx_extent_pos *place,
			  struct gupx_extent_pos *at, struct run_pos *pos)
{
	struct gupx_extent_block *block;

	for (;;) {
		const unsigned long before = place->block;

		block = xa_find(&list->blocks, &place->block, ULONG_MAX,
				XA_PRESENT);
		if (!block)
			return false;
		if (place->block != before)
			rewind_block(place);
		if (place->word == block->nr) {
			place->block++;
			rewind_block(place);
			cond_resched();
			continue;
		}
		*at = *place;
		pos->word = block->word[place->word++];
		pos->addr = block->addr +
			    ((unsigned long)place->skip << PAGE_SHIFT);
		pos->index = block->first + place->skip;
		pos->pin_time = block->pin_time;
		place->skip += gupx_run_pages(pos->word);
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
 * Step over the next extent, of several runs where they are joined.
 *
 * Return: as find_next_run().
 */
static bool find_next_extent(struct gupx_extent_list *list, bool joined,
			     struct gupx_extent_pos *place,
			     struct gupx_extent_pos *at,
			     struct gupx_extent *out, u32 *pin_time)
{
	struct gupx_extent_pos ahead, unused;
	struct run_pos pos;
	u32 flags;

	if (!find_next_run(list, place, at, &pos))
		return false;
	fill_extent(&pos, out);
	*pin_time = pos.pin_time;
	flags = gupx_run_flags(pos.word);
	ahead = *place;
	while (joined && !fatal_signal_pending(current) &&
	       find_next_run(list, &ahead, &unused, &pos) &&
	       can_join_extent(out, &pos, flags)) {
		out->len += (u64)gupx_run_pages(pos.word) << PAGE_SHIFT;
		*place = ahead;
		cond_resched();
	}
	return true;
}

/**
 * gupx_extent_list_describe() - describe some extents for user space
 * @list: any
 * @joined: join those that only memory tells apart
 * @first: index of the first extent wanted
 * @out: room for @nr; kernel memory
 * @pin_time: NULL, or room for @nr: when each was pinned
 * @nr: how many at most
 *
 * Who asks for one part after the other is answered from where the last ended.
 *
 * Return: how many.
 */
unsigned int gupx_extent_list_describe(struct gupx_extent_list *list,
				       bool joined, u64 first,
				       struct gupx_extent *out, u32 *pin_time,
				       unsigned int nr)
{
	struct gupx_extent_pos place = {}, at;
	struct gupx_extent extent;
	u64 number = 0;
	u32 time;

	if (list->resume_joined == joined && list->resume_nr <= first) {
		place = list->resume;
		number = list->resume_nr;
	}
	for (; number < first + nr; number++) {
		if (fatal_signal_pending(current) ||
		    !find_next_extent(list, joined, &place, &at, &extent,
				      &time))
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
 * gupx_extent_list_joined() - how many extents are there, where those count as one that
 *	only memory tells apart?
 * @list: any
 *
 * Return: how many.
 */
u64 gupx_extent_list_joined(struct gupx_extent_list *list)
{
	struct gupx_extent_pos place = {}, at;
	struct run_pos pos;

	if (list->joined_valid)
		return list->joined;
	list->joined = 0;
	list->end_flags = ~0U;
	while (find_next_run(list, &place, &at, &pos)) {
		count_joined_run(list, &pos, gupx_run_pages(pos.word));
		if (fatal_signal_pending(current))
			return list->joined;
		cond_resched();
	}
	list->joined_valid = true;
	return list->joined;
}

/**
 * gupx_extent_list_release() - give all pages back and free the list
 * @list: nobody else has it any more
 *
 * Cannot fail, allocates nothing. May sleep.
 */
void gupx_extent_list_release(struct gupx_extent_list *list)
{
	struct gupx_stat_batch stat = { .item = NR_FOLL_PIN_RELEASED };
	struct gupx_extent_block *block;
	unsigned long i;

	xa_for_each(&list->blocks, i, block) {
		gupx_release_runs(block->word, block->nr, &stat);
		gupx_extent_list_free_block(block);
		cond_resched();
	}
	gupx_stat_flush(&stat);
	xa_destroy(&list->blocks);
}
