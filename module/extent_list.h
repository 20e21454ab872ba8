/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_EXTENT_LIST_H
#define GUPX_EXTENT_LIST_H

#include <linux/mm.h>
#include <linux/xarray.h>

#include "extent_block.h"
#include "run.h"

struct gupx_extent;

/**
 * struct gupx_extent_pos - position of an extent in the list
 * @block: index of the block that contains the extent
 * @word: index of the extent's word in the block
 * @skip: number of pages of the block that precede the extent
 */
struct gupx_extent_pos {
	unsigned long block;
	u32 word;
	u32 skip;
};

/**
 * struct gupx_extent_list - runs of pinned pages, as a list of compact blocks
 * @blocks: maps an index to a struct gupx_extent_block, in ascending order of @first; a
 *	block whose pages are all released is erased
 * @nr: index in @blocks that the next block will get
 * @nr_live: number of blocks in @blocks
 * @last: block that was added last; NULL if no block was added or the last block was
 *	released
 * @pages: number of pages in all runs, including released pages: the length of the pin fd
 * @joined: number of extents if adjacent runs that differ only in their physical address
 *	count as one extent; valid if @joined_valid is true
 * @end_addr: end address of the last run in the target
 * @end_index: page index in the pin fd where the last run ends
 * @end_flags: GUPX_RUN_* of the last run; ~0 if the next run must not be joined to it
 * @end_order: folio order of the last run
 * @joined_valid: true if @joined and the four end_* fields are valid
 * @resume: position of the extent that was found last
 * @resume_nr: index of the extent at @resume, counting from the start of the list
 * @resume_joined: true if @resume_nr counts joined extents
 * @found: block that gupx_extent_list_find() found last; NULL if there is none
 * @found_word: index of a word of @found: the run that contained the page
 * @found_skip: number of pages of @found that precede this run
 *
 * The owner of the list serializes access to it.
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
	const struct gupx_extent_block *found;
	u32 found_word;
	u32 found_skip;
};

/* Result of gupx_extent_list_find(). */
enum gupx_extent_found {
	GUPX_FOUND_END,
	GUPX_FOUND_RELEASED,
	GUPX_FOUND_PAGE,
};

/**
 * struct gupx_extent_origin - common properties of all runs of a request
 * @pin_time: time when the request began, in seconds since boot
 * @charged: true if the pages are charged to the user; false if the caller has CAP_IPC_LOCK
 */
struct gupx_extent_origin {
	u32 pin_time;
	bool charged;
};

void gupx_extent_list_init(struct gupx_extent_list *list);
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
 * gupx_extent_list_has_room() - check if some runs fit into the last block
 * @list: extent list
 * @addr: address of the first run in the target
 * @nr: number of runs
 * @origin: common properties of the runs of the request
 *
 * Return: true if all runs fit.
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
 * gupx_extent_list_add() - append runs to the last block
 * @list: extent list with enough room: gupx_extent_list_has_room() is true, or
 *	gupx_extent_list_grow() succeeded
 * @word: the runs; each run begins where the previous run ends. The owner of the list then
 *	also owns the references on the pages.
 * @nr: number of runs
 * @pages: number of pages in all these runs
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

/**
 * gupx_extent_list_forget() - forget the positions that were found last
 * @list: extent list
 *
 * Call this function when extents or blocks are removed from the list, or when a block is
 * replaced.
 */
static inline void gupx_extent_list_forget(struct gupx_extent_list *list)
{
	list->resume = (struct gupx_extent_pos){};
	list->resume_nr = 0;
	list->found = NULL;
}

#endif /* GUPX_EXTENT_LIST_H */
