// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the blocks of an extent list.
 *
 * In a block, each scattered 4 KiB page uses 8 bytes of memory, and each huge page uses
 * 8 bytes. A pin of a single page uses a block of 64 bytes.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "extent_block.h"

/*
 * Maximum number of words that the struct of a block contains. The words of a larger block
 * get a separate allocation.
 */
#define INLINE_WORDS 27U

/*
 * Allocate an array for the words of a block. Raise @capacity to the number of words that
 * fit into the allocated memory.
 *
 * The array of a full block comes from the page allocator and not from slab. On kernels
 * that clear memory on allocation, slab memory is cleared twice: when slab allocates its
 * pages, and again when it allocates an object.
 */
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

/**
 * gupx_extent_block_alloc() - allocate a block that is not in a list yet
 * @words: minimum number of words that the block has room for
 *
 * Return: an empty block, for gupx_extent_list_append() or
 * gupx_extent_block_free(); NULL if there is no memory.
 */
struct gupx_extent_block *gupx_extent_block_alloc(unsigned long words)
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
 * gupx_extent_block_free() - free a block
 * @block: block that is not in a list, or NULL
 */
void gupx_extent_block_free(struct gupx_extent_block *block)
{
	if (!block)
		return;
	if (block->capacity == GUPX_EXTENT_BLOCK_WORDS)
		free_pages((unsigned long)block->word, GUPX_EXTENT_BLOCK_ORDER);
	else if (block->word != block->inline_words)
		kvfree(block->word);
	kfree(block);
}
