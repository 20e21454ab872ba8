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
 * @first: pages in the chunks before it
 * @pages: in all its extents
 * @nr: words in use
 * @capacity: words there is room for
 * @word: the extents
 */
struct gupx_chunk {
	unsigned long addr;
	u64 first;
	u64 pages;
	u32 nr;
	u32 capacity;
	u64 word[];
};

/* As many as two pages hold: what a table maps, 512, then never takes two chunks. */
#define GUPX_CHUNKS_ORDER 1
#define GUPX_CHUNKS_WORDS                                                 \
	(((PAGE_SIZE << GUPX_CHUNKS_ORDER) - sizeof(struct gupx_chunk)) / \
	 sizeof(u64))

/**
 * struct gupx_chunks - a long list of runs, in little memory
 * @list: index to struct chunk, without holes
 * @nr: chunks
 * @last: of @list the last one, NULL while there is none
 * @pages: in all runs
 *
 * Its owner has the lock.
 */
struct gupx_chunks {
	struct xarray list;
	unsigned long nr;
	struct gupx_chunk *last;
	u64 pages;
};

void gupx_chunks_init(struct gupx_chunks *chunks);
struct gupx_chunk *gupx_chunks_alloc(unsigned long words);
void gupx_chunks_free(struct gupx_chunk *chunk);
int gupx_chunks_append(struct gupx_chunks *chunks, struct gupx_chunk *chunk);
int gupx_chunks_grow(struct gupx_chunks *chunks, unsigned long addr,
		     unsigned long ahead);
bool gupx_chunks_find(struct gupx_chunks *chunks, u64 index,
		      struct gupx_run *found);
unsigned int gupx_chunks_describe(struct gupx_chunks *chunks, u64 first,
				  struct gupx_extent *out, unsigned int nr);
void gupx_chunks_release(struct gupx_chunks *chunks);

/**
 * gupx_chunks_has_room() - do some runs fit into the last chunk?
 * @chunks: any
 * @addr: of the first run, in the target
 * @nr: runs
 *
 * Return: whether.
 */
static inline bool gupx_chunks_has_room(const struct gupx_chunks *chunks,
					unsigned long addr, u32 nr)
{
	const struct gupx_chunk *last = chunks->last;

	return last && nr <= last->capacity - last->nr &&
	       last->addr + (last->pages << PAGE_SHIFT) == addr;
}

/**
 * gupx_chunks_reserve() - make room for some runs
 * @chunks: any
 * @addr: of the first run, in the target
 * @nr: runs, at most %GUPX_CHUNKS_WORDS
 * @ahead: pages from there to the end of the request: of a small request a small
 *	chunk; else %GUPX_CHUNKS_WORDS
 *
 * Return: 0, and gupx_chunks_add() of so many at @addr will not fail; -ENOMEM.
 */
static inline int gupx_chunks_reserve(struct gupx_chunks *chunks,
				      unsigned long addr, u32 nr,
				      unsigned long ahead)
{
	if (gupx_chunks_has_room(chunks, addr, nr))
		return 0;
	return gupx_chunks_grow(chunks, addr, ahead);
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
