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
#include <linux/slab.h>

#include "chunks.h"
#include "release.h"
#include "tally.h"

/* More words than this get memory of their own, behind a chunk without any. */
#define FEW_WORDS 27U

/**
 * gupx_chunks_init() - initialize an empty list
 * @chunks: to be filled
 */
void gupx_chunks_init(struct gupx_chunks *chunks)
{
	*chunks = (struct gupx_chunks){
		.end_flags = ~0U,
		.counts_joined = true,
	};
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

/* Memory for words, all of the slab's class that it comes from. */
static u64 *alloc_words(unsigned long *capacity)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	const size_t half = GUPX_CHUNKS_WORDS / 2;

	if (*capacity > GUPX_CHUNKS_WORDS)
		return kvmalloc_array(*capacity, sizeof(u64), gfp);
	if (*capacity > half) {
		*capacity = GUPX_CHUNKS_WORDS;
		return (void *)__get_free_pages(gfp, GUPX_CHUNKS_ORDER);
	}
	*capacity = kmalloc_size_roundup(*capacity * sizeof(u64)) / sizeof(u64);
	return kmalloc_array(*capacity, sizeof(u64), gfp);
}

static void free_words(const struct gupx_chunk *chunk)
{
	if (is_pages(chunk->capacity))
		free_pages((unsigned long)chunk->word, GUPX_CHUNKS_ORDER);
	else if (chunk->word != chunk->few)
		kvfree(chunk->word);
}

/**
 * gupx_chunks_alloc() - allocate a chunk that is in no list yet
 * @words: there will be room for so many, or more
 *
 * Return: an empty one, for gupx_chunks_append() or gupx_chunks_free(); NULL: no
 * memory.
 */
struct gupx_chunk *gupx_chunks_alloc(unsigned long words)
{
	const bool is_few = words <= FEW_WORDS;
	struct gupx_chunk *chunk;
	size_t size = kmalloc_size_roundup(
		struct_size(chunk, few, is_few ? max(words, 1UL) : 0));
	u64 *word;

	chunk = kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!chunk)
		return NULL;
	if (is_few) {
		words = (size - sizeof(*chunk)) / sizeof(u64);
		word = chunk->few;
	} else {
		word = alloc_words(&words);
	}
	if (!word) {
		kfree(chunk);
		return NULL;
	}
	*chunk = (struct gupx_chunk){ .capacity = words, .word = word };
	return chunk;
}

/**
 * gupx_chunks_free() - free a chunk
 * @chunk: in no list; NULL: nothing happens
 */
void gupx_chunks_free(struct gupx_chunk *chunk)
{
	if (!chunk)
		return;
	free_words(chunk);
	kfree(chunk);
}

/*
 * A run that could not be charged leaves the chunk that was made for it. The next one
 * uses it, or another chunk takes its place: there is never more than one.
 */
static bool ends_empty(const struct gupx_chunks *chunks)
{
	return chunks->last && !chunks->last->nr;
}

static void drop_empty(struct gupx_chunks *chunks)
{
	xa_erase(&chunks->list, --chunks->nr);
	chunks->live--;
	gupx_chunks_free(chunks->last);
	chunks->last = NULL;
}

/**
 * gupx_chunks_trim() - give memory back that the last chunk does not need
 * @chunks: any
 *
 * A request may end long before the end that its chunk was made for. Without memory
 * for a smaller chunk, the large one stays.
 */
void gupx_chunks_trim(struct gupx_chunks *chunks)
{
	struct gupx_chunk *last = chunks->last, *less;

	if (!last || !last->nr || last->nr * 2 > last->capacity ||
	    last->capacity <= 4)
		return;
	less = gupx_chunks_alloc(last->nr);
	if (!less)
		return;
	less->addr = last->addr;
	less->first = last->first;
	less->pages = last->pages;
	less->born = last->born;
	less->charged = last->charged;
	less->nr = last->nr;
	memcpy(less->word, last->word, last->nr * sizeof(u64));
	/* Takes the place of another entry, so it allocates nothing. */
	xa_store(&chunks->list, chunks->nr - 1, less, GFP_KERNEL_ACCOUNT);
	chunks->last = less;
	gupx_chunks_free(last);
}

/* Where fewer than one index in so many is used, the list is too sparse. */
#define SPARSE 2
/* Lists of fewer chunks are left alone. */
#define SPARSE_LEAST 128

/*
 * Chunks that were released leave indexes unused, and a node of the list with few chunks
 * is more memory than these pay for: move the others together. Without memory the rest
 * stays where it is, still in ascending order.
 */
static void close_gaps(struct gupx_chunks *chunks)
{
	struct gupx_chunk *chunk;
	unsigned long to = 0, at;

	xa_for_each(&chunks->list, at, chunk) {
		if (at != to &&
		    xa_err(xa_store(&chunks->list, to, chunk,
				    GFP_KERNEL_ACCOUNT | __GFP_NOWARN)))
			return;
		if (at != to)
			xa_erase(&chunks->list, at);
		to++;
		cond_resched();
	}
	chunks->nr = to;
}

/**
 * gupx_chunks_tidy() - give memory back that chunks which are gone have left
 * @chunks: any
 *
 * Not often, so that it costs little for each of them.
 */
void gupx_chunks_tidy(struct gupx_chunks *chunks)
{
	if (chunks->nr < SPARSE_LEAST || chunks->nr / SPARSE < chunks->live)
		return;
	chunks->seen = (struct gupx_chunks_place){};
	chunks->seen_nr = 0;
	close_gaps(chunks);
}

/**
 * gupx_chunks_append() - give a chunk to the list
 * @chunks: any
 * @chunk: all but @first is filled in; empty or not
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_chunks_append(struct gupx_chunks *chunks, struct gupx_chunk *chunk)
{
	int error;

	if (ends_empty(chunks))
		drop_empty(chunks);
	else
		gupx_chunks_trim(chunks);
	error = xa_err(
		xa_store(&chunks->list, chunks->nr, chunk, GFP_KERNEL_ACCOUNT));
	if (error)
		return error;
	chunk->first = chunks->pages;
	chunks->pages += chunk->pages;
	chunks->nr++;
	chunks->live++;
	chunks->last = chunk;
	return 0;
}

/**
 * gupx_chunks_grow() - gupx_chunks_reserve() where a new chunk is needed
 * @chunks: any
 * @addr: of the run, in the target
 * @ahead: pages from there to the end of the request
 * @label: of the request
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_chunks_grow(struct gupx_chunks *chunks, unsigned long addr,
		     unsigned long ahead, const struct gupx_chunks_label *label)
{
	struct gupx_chunk *chunk = chunks->last;
	int error = 0;

	if (!ends_empty(chunks)) {
		chunk = gupx_chunks_alloc(min(ahead, GUPX_CHUNKS_WORDS));
		if (!chunk)
			return -ENOMEM;
		error = gupx_chunks_append(chunks, chunk);
	}
	if (error) {
		gupx_chunks_free(chunk);
		return error;
	}
	chunk->addr = addr;
	chunk->born = label->born;
	chunk->charged = label->charged;
	return 0;
}

static unsigned int order_of(u64 word)
{
	if (!(gupx_run_flags(word) & GUPX_RUN_LARGE))
		return 0;
	/* A pinned folio is not split, so this is what it was. */
	return folio_order(page_folio(pfn_to_page(gupx_run_pfn(word))));
}

/**
 * struct step - a run on the way through all of them
 * @word: the run
 * @addr: in the target
 * @index: in the pin fd
 * @born: as in its chunk
 */
struct step {
	u64 word;
	unsigned long addr;
	u64 index;
	u32 born;
};

/* Runs of the same kind that @pages in a row are made of count as one. */
static void count_step(struct gupx_chunks *chunks, const struct step *step,
		       unsigned long pages)
{
	const u32 flags = gupx_run_flags(step->word);
	const unsigned int order = order_of(step->word);

	if (chunks->end_addr != step->addr ||
	    chunks->end_index != step->index || chunks->end_flags != flags ||
	    chunks->end_order != order)
		chunks->joined++;
	chunks->end_addr = step->addr + (pages << PAGE_SHIFT);
	chunks->end_index = step->index + pages;
	chunks->end_flags = flags;
	chunks->end_order = order;
}

/**
 * gupx_chunks_count_joined() - count runs that are about to be appended, without
 *	what memory alone tells apart
 * @chunks: any
 * @addr: of the first run, in the target
 * @word: the runs, all with the same flags
 * @nr: how many
 * @pages: in all of them
 */
void gupx_chunks_count_joined(struct gupx_chunks *chunks, unsigned long addr,
			      const u64 *word, u32 nr, unsigned long pages)
{
	struct step step = { .addr = addr, .index = chunks->pages };
	u32 i;

	if (!(gupx_run_flags(*word) & GUPX_RUN_LARGE)) {
		step.word = *word;
		count_step(chunks, &step, pages);
		return;
	}
	for (i = 0; i < nr; i++) {
		step.word = word[i];
		count_step(chunks, &step, gupx_run_pages(word[i]));
		step.addr = chunks->end_addr;
		step.index = chunks->end_index;
	}
}

/**
 * gupx_chunks_at() - find the last chunk that begins at or before a page
 * @chunks: any
 * @index: of the page in the pin fd
 * @at: to be filled: the index of that chunk in the list
 *
 * By bisection. Indexes whose chunks were released are empty.
 *
 * Return: the chunk, which need not reach as far as the page; NULL: there is none.
 */
struct gupx_chunk *gupx_chunks_at(struct gupx_chunks *chunks, u64 index,
				  unsigned long *at)
{
	unsigned long low = 0, high = chunks->nr;
	struct gupx_chunk *found = NULL;

	while (low < high) {
		const unsigned long middle = low + (high - low) / 2;
		unsigned long i = middle;
		struct gupx_chunk *chunk =
			xa_find(&chunks->list, &i, high - 1, XA_PRESENT);

		if (chunk && chunk->first <= index) {
			found = chunk;
			*at = i;
			low = i + 1;
		} else {
			high = middle;
		}
	}
	return found;
}

/**
 * gupx_chunks_find() - find the pages from an index on
 * @chunks: any
 * @index: pages in the order they were added, from 0
 * @found: to be filled: the rest of the run that holds the page
 *
 * Return: whether there is such a page, or was one.
 */
enum gupx_chunks_found gupx_chunks_find(struct gupx_chunks *chunks, u64 index,
					struct gupx_run *found)
{
	const struct gupx_chunk *chunk;
	unsigned long addr, at;
	u64 skip;
	u32 i;

	if (index >= chunks->pages)
		return GUPX_CHUNKS_END;
	chunk = gupx_chunks_at(chunks, index, &at);
	if (!chunk || index - chunk->first >= chunk->pages)
		return GUPX_CHUNKS_RELEASED;
	addr = chunk->addr;
	skip = index - chunk->first;
	for (i = 0; skip >= gupx_run_pages(chunk->word[i]); i++) {
		skip -= gupx_run_pages(chunk->word[i]);
		addr += gupx_run_pages(chunk->word[i]) << PAGE_SHIFT;
	}
	if (gupx_run_is_released(chunk->word[i]))
		return GUPX_CHUNKS_RELEASED;
	*found = gupx_run_unpack(addr + (skip << PAGE_SHIFT), chunk->word[i]);
	found->nr -= skip;
	if (!(found->flags & GUPX_RUN_ZERO))
		found->page += skip;
	return GUPX_CHUNKS_PAGE;
}

static void restart_chunk(struct gupx_chunks_place *place)
{
	place->word = 0;
	place->skip = 0;
}

/*
 * Step over the next run that was not released.
 *
 * Return: whether there was one; @place is behind it, @at is where it was.
 */
static bool next_run(struct gupx_chunks *chunks,
		     struct gupx_chunks_place *place,
		     struct gupx_chunks_place *at, struct step *step)
{
	struct gupx_chunk *chunk;

	for (;;) {
		const unsigned long before = place->chunk;

		chunk = xa_find(&chunks->list, &place->chunk, ULONG_MAX,
				XA_PRESENT);
		if (!chunk)
			return false;
		if (place->chunk != before)
			restart_chunk(place);
		if (place->word == chunk->nr) {
			place->chunk++;
			restart_chunk(place);
			cond_resched();
			continue;
		}
		*at = *place;
		step->word = chunk->word[place->word++];
		step->addr = chunk->addr +
			     ((unsigned long)place->skip << PAGE_SHIFT);
		step->index = chunk->first + place->skip;
		step->born = chunk->born;
		place->skip += gupx_run_pages(step->word);
		if (!gupx_run_is_released(step->word))
			return true;
	}
}

static void describe_run(const struct step *step, struct gupx_extent *out)
{
	const u32 flags = gupx_run_flags(step->word);

	*out = (struct gupx_extent){
		.addr = step->addr,
		.len = (u64)gupx_run_pages(step->word) << PAGE_SHIFT,
		.pfn = gupx_run_pfn(step->word),
		.flags = (flags & GUPX_RUN_WRITE ? GUPX_EXTENT_WRITE : 0) |
			 (flags & GUPX_RUN_KERNEL ? GUPX_EXTENT_ENGINE_KERNEL
						  : 0) |
			 (flags & GUPX_RUN_ZERO ? GUPX_EXTENT_ZERO : 0) |
			 (flags & GUPX_RUN_SHORT ? GUPX_EXTENT_SHORT : 0),
		.order = order_of(step->word),
		.offset = step->index << PAGE_SHIFT,
	};
}

static bool joins_extent(const struct gupx_extent *extent,
			 const struct step *step, u32 flags)
{
	return extent->addr + extent->len == step->addr &&
	       extent->offset + extent->len == step->index << PAGE_SHIFT &&
	       gupx_run_flags(step->word) == flags &&
	       order_of(step->word) == extent->order;
}

/*
 * Step over the next extent, of several runs where they are joined.
 *
 * Return: as next_run().
 */
static bool next_extent(struct gupx_chunks *chunks, bool joined,
			struct gupx_chunks_place *place,
			struct gupx_chunks_place *at, struct gupx_extent *out,
			u32 *born)
{
	struct gupx_chunks_place ahead, unused;
	struct step step;
	u32 flags;

	if (!next_run(chunks, place, at, &step))
		return false;
	describe_run(&step, out);
	*born = step.born;
	flags = gupx_run_flags(step.word);
	ahead = *place;
	while (joined && next_run(chunks, &ahead, &unused, &step) &&
	       joins_extent(out, &step, flags)) {
		out->len += (u64)gupx_run_pages(step.word) << PAGE_SHIFT;
		*place = ahead;
		cond_resched();
	}
	return true;
}

/**
 * gupx_chunks_describe() - describe some extents for user space
 * @chunks: any
 * @joined: join those that only memory tells apart
 * @first: index of the first extent wanted
 * @out: room for @nr; kernel memory
 * @born: NULL, or room for @nr: when each was pinned
 * @nr: how many at most
 *
 * Who asks for one part after the other is answered from where the last ended.
 *
 * Return: how many.
 */
unsigned int gupx_chunks_describe(struct gupx_chunks *chunks, bool joined,
				  u64 first, struct gupx_extent *out, u32 *born,
				  unsigned int nr)
{
	struct gupx_chunks_place place = {}, at;
	struct gupx_extent extent;
	u64 number = 0;
	u32 time;

	if (chunks->seen_joined == joined && chunks->seen_nr <= first) {
		place = chunks->seen;
		number = chunks->seen_nr;
	}
	for (; number < first + nr; number++) {
		if (!next_extent(chunks, joined, &place, &at, &extent, &time))
			break;
		chunks->seen = at;
		chunks->seen_nr = number;
		chunks->seen_joined = joined;
		if (number >= first) {
			out[number - first] = extent;
			if (born)
				born[number - first] = time;
		}
		cond_resched();
	}
	return number > first ? number - first : 0;
}

/**
 * gupx_chunks_joined() - how many extents are there, where those count as one that
 *	only memory tells apart?
 * @chunks: any
 *
 * Return: how many.
 */
u64 gupx_chunks_joined(struct gupx_chunks *chunks)
{
	struct gupx_chunks_place place = {}, at;
	struct step step;

	if (chunks->counts_joined)
		return chunks->joined;
	chunks->joined = 0;
	chunks->end_flags = ~0U;
	while (next_run(chunks, &place, &at, &step)) {
		count_step(chunks, &step, gupx_run_pages(step.word));
		cond_resched();
	}
	chunks->counts_joined = true;
	return chunks->joined;
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
		cond_resched();
	}
	gupx_tally_enter(&tally);
	xa_destroy(&chunks->list);
}
