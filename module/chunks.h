/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_CHUNKS_H
#define GUPX_CHUNKS_H

#include <linux/mm.h>
#include <linux/xarray.h>

#include "run.h"

struct gupx_extent;

/**
 * struct gupx_chunk - extents without a gap between them
 * @addr: of the first page, in the target
 * @first: index of the first page in the pin fd
 * @next: of a chunk that was taken out of the list: see unpin.h
 * @pages: in all its extents, released ones included
 * @born: when it was pinned, seconds since boot
 * @nr: words in use
 * @capacity: words there is room for
 * @charged: its pages were charged to the user, who had no CAP_IPC_LOCK then
 * @word: the extents: @few, or memory of their own
 * @few: as many as the rest of the allocation holds
 */
struct gupx_chunk {
	unsigned long addr;
	union {
		u64 first;
		struct gupx_chunk *next;
	};
	u32 pages;
	u32 born;
	u32 nr;
	u32 capacity:31;
	u32 charged:1;
	u64 *word;
	u64 few[];
};

/* As many as two pages hold: what a table maps, 512, then never takes two chunks. */
#define GUPX_CHUNKS_ORDER 1
#define GUPX_CHUNKS_WORDS ((PAGE_SIZE << GUPX_CHUNKS_ORDER) / sizeof(u64))

/**
 * struct gupx_chunks_place - an extent of the list
 * @chunk: index of its chunk
 * @word: index in there
 * @skip: pages of the chunk before it
 */
struct gupx_chunks_place {
	unsigned long chunk;
	u32 word;
	u32 skip;
};

/**
 * struct gupx_chunks - a long list of runs, in little memory
 * @list: index to struct chunk, in ascending order of @first; chunks that were
 *	released whole are gone from it
 * @nr: the index of the next chunk
 * @live: chunks that are there
 * @last: the chunk that was added last; NULL: none, or released
 * @pages: in all runs, released ones included: the length of the pin fd
 * @joined: extents, where those count as one that only memory tells apart; valid
 *	while @counts_joined
 * @end_addr: behind the last run, in the target
 * @end_index: likewise, in the pin fd
 * @end_flags: GUPX_RUN_* of the last run; ~0 where nothing joins it
 * @end_order: of its folio
 * @counts_joined: @joined and the four after it hold
 * @seen: where the search for an extent ended: extent @seen_nr is there
 * @seen_nr: its number, of joined ones where @seen_joined
 * @seen_joined: see there
 *
 * Its owner has the lock.
 */
struct gupx_chunks {
	struct xarray list;
	unsigned long nr;
	unsigned long live;
	struct gupx_chunk *last;
	u64 pages;
	u64 joined;
	unsigned long end_addr;
	u64 end_index;
	u32 end_flags;
	u32 end_order;
	bool counts_joined;
	bool seen_joined;
	struct gupx_chunks_place seen;
	u64 seen_nr;
};

/* What gupx_chunks_find() found. */
enum gupx_chunks_found {
	GUPX_CHUNKS_END,
	GUPX_CHUNKS_RELEASED,
	GUPX_CHUNKS_PAGE,
};

/**
 * struct gupx_chunks_label - what all runs of a request have in common
 * @born: as in struct gupx_chunk
 * @charged: likewise
 */
struct gupx_chunks_label {
	u32 born;
	bool charged;
};

void gupx_chunks_init(struct gupx_chunks *chunks);
struct gupx_chunk *gupx_chunks_alloc(unsigned long words);
void gupx_chunks_free(struct gupx_chunk *chunk);
int gupx_chunks_append(struct gupx_chunks *chunks, struct gupx_chunk *chunk);
int gupx_chunks_grow(struct gupx_chunks *chunks, unsigned long addr,
		     unsigned long ahead,
		     const struct gupx_chunks_label *label);
void gupx_chunks_trim(struct gupx_chunks *chunks);
void gupx_chunks_tidy(struct gupx_chunks *chunks);
void gupx_chunks_count_joined(struct gupx_chunks *chunks, unsigned long addr,
			      const u64 *word, u32 nr, unsigned long pages);
struct gupx_chunk *gupx_chunks_at(struct gupx_chunks *chunks, u64 index,
				  unsigned long *at);
u64 gupx_chunks_joined(struct gupx_chunks *chunks);
enum gupx_chunks_found gupx_chunks_find(struct gupx_chunks *chunks, u64 index,
					struct gupx_run *found);
unsigned int gupx_chunks_describe(struct gupx_chunks *chunks, bool joined,
				  u64 first, struct gupx_extent *out, u32 *born,
				  unsigned int nr);
void gupx_chunks_release(struct gupx_chunks *chunks);

/**
 * gupx_chunks_has_room() - do some runs fit into the last chunk?
 * @chunks: any
 * @addr: of the first run, in the target
 * @nr: runs
 * @label: of the request
 *
 * Return: whether.
 */
static inline bool gupx_chunks_has_room(const struct gupx_chunks *chunks,
					unsigned long addr, u32 nr,
					const struct gupx_chunks_label *label)
{
	const struct gupx_chunk *last = chunks->last;

	return last && nr <= last->capacity - last->nr &&
	       last->addr + ((unsigned long)last->pages << PAGE_SHIFT) ==
		       addr &&
	       last->first + last->pages == chunks->pages &&
	       last->born == label->born && last->charged == label->charged;
}

/**
 * gupx_chunks_reserve() - make room for some runs
 * @chunks: any
 * @addr: of the first run, in the target
 * @nr: runs, at most %GUPX_CHUNKS_WORDS
 * @ahead: pages from there to the end of the request: a small request gets a small
 *	chunk; else %GUPX_CHUNKS_WORDS
 * @label: of the request
 *
 * Return: 0, and gupx_chunks_add() of so many at @addr will not fail; -ENOMEM.
 */
static inline int gupx_chunks_reserve(struct gupx_chunks *chunks,
				      unsigned long addr, u32 nr,
				      unsigned long ahead,
				      const struct gupx_chunks_label *label)
{
	if (gupx_chunks_has_room(chunks, addr, nr, label))
		return 0;
	return gupx_chunks_grow(chunks, addr, ahead, label);
}

/**
 * gupx_chunks_add() - append runs
 * @chunks: with the room that gupx_chunks_reserve() made
 * @word: the first run; the next one begins where it ends, and so on. Their pages
 *	belong to the list's owner from now on
 * @nr: how many
 * @pages: in all of them
 */
static inline void gupx_chunks_add(struct gupx_chunks *chunks, const u64 *word,
				   u32 nr, u64 pages)
{
	struct gupx_chunk *last = chunks->last;

	memcpy(last->word + last->nr, word, nr * sizeof(*word));
	last->nr += nr;
	last->pages += pages;
	chunks->pages += pages;
}

#endif /* GUPX_CHUNKS_H */
