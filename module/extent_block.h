/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_EXTENT_BLOCK_H
#define GUPX_EXTENT_BLOCK_H

#include <linux/mm.h>

/**
 * struct gupx_extent_block - extents that follow each other in the target without a gap
 * @addr: address in the target at which the block begins
 * @first: index in the pin fd at which the block begins
 * @next: next block in the list of released blocks in struct gupx_unpin_plan
 * @pages: number of pages in all extents, including released pages
 * @pin_time: time when the pages were pinned, in seconds since boot
 * @nr: number of elements of @word that are in use
 * @capacity: number of elements of @word
 * @charged: true if the pages are charged to the user; false if the caller had
 *	CAP_IPC_LOCK
 * @word: array of the extents, one word each: either @inline_words or a separate allocation
 * @inline_words: words in the same allocation as the struct
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

/*
 * Number of words in a full block: as many as fit into two memory pages. One block can
 * store a run for each entry of two page tables.
 */
#define GUPX_EXTENT_BLOCK_ORDER 1
#define GUPX_EXTENT_BLOCK_WORDS \
	((PAGE_SIZE << GUPX_EXTENT_BLOCK_ORDER) / sizeof(u64))

struct gupx_extent_block *gupx_extent_block_alloc(unsigned long words);
void gupx_extent_block_free(struct gupx_extent_block *block);

#endif /* GUPX_EXTENT_BLOCK_H */
