/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_EXTENT_LIST_H
#define GUPX_EXTENT_LIST_H

#include <linux/mm.h>
#include <linux/xarray.h>

#include "run.h"

struct gupx_extent;

/**
 * struct gupx_extent_block - extents without a gap between them
 * @addr: of the first page, in the target
 * @first: index of the first page in the pin fd
 * @next: of a chunk that was taken out of the list: see unpin.h
 * @pages: in all its extents, released ones included
 * @pin_time: when it was pinned, seconds since boot
 * @nr: words in use
 * @capacity: words there is room for
 * @charged: its pages were charged to the user, who had no CAP_IPC_LOCK then
 * @word: the extents: @inline_words, or memory of their own
 * @inline_words: as many as the rest of the allocation holds
 */
struct gupx_extent_block {
	unsigned long addr;
	union {
		u64 first;
		struct gupx_extent_block *next;
	};
	u32 pages;
	u32 pin_time;
	u32 nr;
	u32 capacity:31;
	u32 charged:1;
	u64 *word;
	u64 inline_words[];
};

/* As many as two pages hold: what a table maps, 512, then never takes two chunks. */
#define GUPX_EXTENT_BLOCK_ORDER 1
#define GUPX_EXTENT_BLOCK_WORDS \
	((PAGE_SIZE << GUPX_EXTENT_BLOCK_ORDER) / sizeof(u64))

/**
 * struct gupx_extent_pos - an extent of the list
 * @block: index of its chunk
 * @word: index in there
 * @skip: pages of the chunk before it
 */
struct gupx_extent_pos {
	unsigned long block;
	u32 word;
	u32 skip;
};

/**
 * struct gupx_extent_list - a long list of runs, in little memory
 * @blocks: index to struct block, in ascending order of @first; chunks that were
 *	released whole are gone from it
 * @nr: the index of the next chunk
 * @nr_live: chunks that are there
 * @last: the chunk that was added last; NULL: none, or released
 * @pages: in all runs, released ones included: the length of the pin fd
 * @joined: extents, where those count as one that only memory tells apart; valid
 *	while @joined_valid
 * @end_addr: behind the last run, in the target
 * @end_index: likewise, in the pin fd
 * @end_flags: GUPX_RUN_* of the last run; ~0 where nothing joins it
 * @end_order: of its folio
 * @joined_valid: @joined and the four after it hold
 * @resume: where the search for an extent ended: extent @resume_nr is there
 * @resume_nr: its number, of joined ones where @resume_joined
 * @resume_joined: see there
 *
 * Its owner has the lock.
 */
struct gupx_extent_list {
	struct xarray blocks;
	unsigned long nr;
	unsigned long nr_live;
	struct gupx_extent_block *last;
	u64 pages;
	u64 joined;
	unsigned long end_addr;
	u64 end_index;
	u32 end_flags;
	u32 end_order;
	bool joined_valid;
	bool resume_joined;
	struct gupx_extent_pos resume;
	u64 resume_nr;
};

/* What gupx_extent_list_find() found. */
enum gupx_extent_found {
	GUPX_FOUND_END,
	GUPX_FOUND_RELEASED,
	GUPX_FOUND_PAGE,
};

/**
 * struct gupx_extent_origin - what all runs of a request have in common
 * @pin_time: as in struct gupx_extent_block
 * @charged: likewise
 */
struct gupx_extent_origin {
	u32 pin_time;
	bool charged;
};

void gupx_extent_list_init(struct gupx_extent_list *list);
struct gupx_extent_block *gupx_extent_list_alloc_block(unsigned long words);
void gupx_extent_list_free_block(struct gupx_extent_block *block);
int gupx_extent_list_append(struct gupx_extent_list *list,
			    struct gupx_extent_block *block);
int gupx_extent_list_grow(struct gupx_extent_list *list, unsigned long addr,
			  unsigned long ahead,
			  const struct gupx_extent_origin *origin);
void gupx_extent_list_trim(struct gupx_extent_list *list);
void gupx_extent_list_compact(struct gupx_extent_list *list);
void gupx_extent_list_count_joined(struct gupx_extent_list *list,
				   unsigned long addr, const u64 *word, u32 nr,
				   unsigned long pages);
struct gupx_extent_block *
gupx_extent_list_find_block(struct gupx_extent_list *list, u64 index,
			    unsigned long *at);
u64 gupx_extent_list_joined(struct gupx_extent_list *list);
enum gupx_extent_found gupx_extent_list_find(struct gupx_extent_list *list,
					     u64 index, struct gupx_run *found);
unsigned int gupx_extent_list_describe(struct gupx_extent_list *list,
				       bool joined, u64 first,
				       struct gupx_extent *out, u32 *pin_time,
				       unsigned int nr);
void gupx_extent_list_release(struct gupx_extent_list *list);

/**
 * gupx_extent_list_has_room() - do some runs fit into the last chunk?
 * @list: any
 * @addr: of the first run, in the target
 * @nr: runs
 * @origin: of the request
 *
 * Return: whether.
 */
static inline bool
gupx_extent_list_has_room(const struct gupx_extent_list *list,
			  unsigned long addr, u32 nr,
			  const struct gupx_extent_origin *origin)
{
	const struct gupx_extent_block *last = list->last;

	return last && nr <= last->capacity - last->nr &&
	       last->addr + ((unsigned long)last->pages << PAGE_SHIFT) ==
		       addr &&
	       last->first + last->pages == list->pages &&
	       last->pin_time == origin->pin_time &&
	       last->charged == origin->charged;
}

/**
 * gupx_extent_list_reserve() - make room for some runs
 * @list: any
 * @addr: of the first run, in the target
 * @nr: runs, at most %GUPX_EXTENT_BLOCK_WORDS
 * @ahead: pages from there to the end of the request: a small request gets a small
 *	chunk; else %GUPX_EXTENT_BLOCK_WORDS
 * @origin: of the request
 *
 * Return: 0, and gupx_extent_list_add() of so many at @addr will not fail; -ENOMEM.
 */
static inline int
gupx_extent_list_reserve(struct gupx_extent_list *list, unsigned long addr,
			 u32 nr, unsigned long ahead,
			 const struct gupx_extent_origin *origin)
{
	if (gupx_extent_list_has_room(list, addr, nr, origin))
		return 0;
	return gupx_extent_list_grow(list, addr, ahead, origin);
}

/**
 * gupx_extent_list_add() - append runs
 * @list: with the room that gupx_extent_list_reserve() made
 * @word: the first run; the next one begins where it ends, and so on. Their pages
 *	belong to the list's owner from now on
 * @nr: how many
 * @pages: in all of them
 */
static inline void gupx_extent_list_add(struct gupx_extent_list *list,
					const u64 *word, u32 nr, u64 pages)
{
	struct gupx_extent_block *last = list->last;

	memcpy(last->word + last->nr, word, nr * sizeof(*word));
	last->nr += nr;
	last->pages += pages;
	list->pages += pages;
}

#endif /* GUPX_EXTENT_LIST_H */
