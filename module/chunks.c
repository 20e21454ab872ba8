// SPDX-License-Identifier: GPL-2.0
/*
 * Runs, packed: frame number, length and flags in one word each.
 *
 *   extent  a run, as a word
 *   chunk   extents that follow each other in the target without a gap; the
 *           address of each follows from those before it
 *
 * 4 KiB pages scattered over memory cost 8 bytes each that way, a huge page costs
 * 8 bytes whole.
 */
#include <linux/gupx.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "chunks.h"
#include "release.h"
#include "tally.h"

/**
 * gupx_chunks_init() - an empty list
 * @chunks: to be filled
 */
void gupx_chunks_init(struct gupx_chunks *chunks)
{
	*chunks = (struct gupx_chunks){};
	xa_init_flags(&chunks->list, XA_FLAGS_ACCOUNT);
}

/*
 * Whole pages come from the page allocator. A slab would first be cleared as pages,
 * and then as memory that was asked for, where the kernel clears what it gives.
 */
static bool is_pages(u32 capacity)
{
	return capacity == GUPX_CHUNKS_WORDS;
}

/**
 * gupx_chunks_alloc() - a chunk that is in no list yet
 * @words: as many as its owner may come to need; no more than
 *	%GUPX_CHUNKS_WORDS are had
 *
 * Return: an empty one, for gupx_chunks_append() or gupx_chunks_free(); NULL: no
 * memory.
 */
struct gupx_chunk *gupx_chunks_alloc(unsigned long words)
{
	const u32 capacity = clamp(words, 1UL, GUPX_CHUNKS_WORDS);
	struct gupx_chunk *chunk;

	if (is_pages(capacity))
		chunk = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT,
						 GUPX_CHUNKS_ORDER);
	else
		chunk = kmalloc(struct_size(chunk, word, capacity),
				GFP_KERNEL_ACCOUNT);
	if (chunk)
		*chunk = (struct gupx_chunk){ .capacity = capacity };
	return chunk;
}

/**
 * gupx_chunks_free() - the end of a chunk
 * @chunk: in no list; NULL: nothing happens
 */
void gupx_chunks_free(struct gupx_chunk *chunk)
{
	if (chunk && is_pages(chunk->capacity))
		free_pages((unsigned long)chunk, GUPX_CHUNKS_ORDER);
	else
		kfree(chunk);
}

/**
 * gupx_chunks_append() - a chunk is the list's from now on
 * @chunks: any
 * @chunk: all but @first is filled in; empty or not
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_chunks_append(struct gupx_chunks *chunks, struct gupx_chunk *chunk)
{
	const int error = xa_err(
		xa_store(&chunks->list, chunks->nr, chunk, GFP_KERNEL_ACCOUNT));

	if (error)
		return error;
	chunk->first = chunks->pages;
	chunks->pages += chunk->pages;
	chunks->nr++;
	chunks->last = chunk;
	return 0;
}

/**
 * gupx_chunks_grow() - gupx_chunks_reserve() where a new chunk is needed
 * @chunks: any
 * @addr: of the run, in the target
 * @ahead: pages from there to the end of the request
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_chunks_grow(struct gupx_chunks *chunks, unsigned long addr,
		     unsigned long ahead)
{
	struct gupx_chunk *chunk = gupx_chunks_alloc(ahead);
	int error;

	if (!chunk)
		return -ENOMEM;
	chunk->addr = addr;
	error = gupx_chunks_append(chunks, chunk);
	if (error)
		gupx_chunks_free(chunk);
	return error;
}

/* The chunk that holds a page of the list, by bisection. */
static struct gupx_chunk *chunk_of(struct gupx_chunks *chunks, u64 index)
{
	unsigned long low = 0, high = chunks->nr;

	/* Chunk low begins at or before the page, chunk high after it. */
	while (high - low > 1) {
		const unsigned long middle = low + (high - low) / 2;
		const struct gupx_chunk *chunk = xa_load(&chunks->list, middle);

		if (chunk->first <= index)
			low = middle;
		else
			high = middle;
	}
	return xa_load(&chunks->list, low);
}

/**
 * gupx_chunks_find() - the pages from an index on
 * @chunks: any
 * @index: pages in the order they were added, from 0
 * @found: to be filled: the rest of the run that holds the page
 *
 * Return: whether there is such a page.
 */
bool gupx_chunks_find(struct gupx_chunks *chunks, u64 index,
		      struct gupx_run *found)
{
	const struct gupx_chunk *chunk;
	unsigned long addr;
	u64 skip;
	u32 i;

	if (index >= chunks->pages)
		return false;
	chunk = chunk_of(chunks, index);
	addr = chunk->addr;
	skip = index - chunk->first;
	for (i = 0; skip >= gupx_run_pages(chunk->word[i]); i++) {
		skip -= gupx_run_pages(chunk->word[i]);
		addr += gupx_run_pages(chunk->word[i]) << PAGE_SHIFT;
	}
	*found = gupx_run_unpack(addr + (skip << PAGE_SHIFT), chunk->word[i]);
	found->nr -= skip;
	if (!(found->flags & GUPX_RUN_ZERO))
		found->page += skip;
	return true;
}

static void describe(const struct gupx_run *run, struct gupx_extent *out)
{
	const u32 flags = run->flags;

	*out = (struct gupx_extent){
		.addr = run->addr,
		.len = (u64)run->nr << PAGE_SHIFT,
		.pfn = page_to_pfn(run->page),
		.flags = (flags & GUPX_RUN_WRITE ? GUPX_EXTENT_WRITE : 0) |
			 (flags & GUPX_RUN_KERNEL ? GUPX_EXTENT_ENGINE_KERNEL
						  : 0) |
			 (flags & GUPX_RUN_ZERO ? GUPX_EXTENT_ZERO : 0) |
			 (flags & GUPX_RUN_SHORT ? GUPX_EXTENT_SHORT : 0),
		/* A pinned folio is not split, so this is what it was. */
		.order = folio_order(page_folio(run->page)),
	};
}

static unsigned int describe_chunk(const struct gupx_chunk *chunk, u64 skip,
				   struct gupx_extent *out, unsigned int nr)
{
	unsigned long addr = chunk->addr;
	unsigned int done = 0;
	u32 i;

	for (i = 0; i < chunk->nr && done < nr; i++) {
		const struct gupx_run run =
			gupx_run_unpack(addr, chunk->word[i]);

		if (i >= skip)
			describe(&run, &out[done++]);
		addr += (unsigned long)run.nr << PAGE_SHIFT;
	}
	return done;
}

/**
 * gupx_chunks_describe() - tell user space of some runs
 * @chunks: any
 * @first: index of the first run wanted
 * @out: room for @nr; kernel memory
 * @nr: how many at most
 *
 * Return: how many.
 */
unsigned int gupx_chunks_describe(struct gupx_chunks *chunks, u64 first,
				  struct gupx_extent *out, unsigned int nr)
{
	struct gupx_chunk *chunk;
	unsigned int done = 0;
	unsigned long i;
	u64 before = 0;

	xa_for_each(&chunks->list, i, chunk) {
		const u64 skip = first > before ? first - before : 0;

		if (done == nr)
			break;
		if (skip < chunk->nr)
			done += describe_chunk(chunk, skip, out + done,
					       nr - done);
		before += chunk->nr;
	}
	return done;
}

/**
 * gupx_chunks_release() - give all pages back and free the list
 * @chunks: nobody else has it any more
 *
 * Cannot fail, allocates nothing. May sleep.
 */
void gupx_chunks_release(struct gupx_chunks *chunks)
{
	struct gupx_tally tally = { .item = NR_FOLL_PIN_RELEASED };
	struct gupx_chunk *chunk;
	unsigned long i;

	xa_for_each(&chunks->list, i, chunk) {
		gupx_release_runs(chunk->word, chunk->nr, &tally);
		gupx_chunks_free(chunk);
	}
	gupx_tally_enter(&tally);
	xa_destroy(&chunks->list);
}
