/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is written into pages, so that a page which is not the one that was asked
 * for is seen to be another's.
 *
 *   life    a victim from its start to its end; it has a number
 *   region  a part of a victim's address space, of one kind of memory
 *   index   a page's number in all regions; it is the same in a region's two
 *           windows, so it stays true where mremap() moves the page
 *
 * A stamp is eight bytes, none of them zero: memory not yet stamped is all zeroes,
 * so a word that was copied while it was written has bytes of both, and neither
 * can be taken for a third.
 */
#ifndef GUPX_TESTS_CHAOS_STAMP_H
#define GUPX_TESTS_CHAOS_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE 4096UL
#define REGION_PAGES 512UL
#define REGION_BYTES (REGION_PAGES * PAGE)

#define ARENA 0x100000000000UL
#define WINDOWS 2
/* Windows are a hole apart. */
#define WINDOW_ROOM (2 * REGION_BYTES)
#define REGION_ROOM (WINDOWS * WINDOW_ROOM)

enum region {
	/*
	 * Never given up by its owner: what is pinned here for writing, and any
	 * pin of the shared one, goes on being what the owner sees.
	 */
	REGION_STEADY_ANON,
	REGION_STEADY_SHMEM,
	/* Anything may be done to these. */
	REGION_ANON,
	REGION_HUGE,
	REGION_SHMEM,
	REGION_FILE_PRIVATE,
	REGION_DISK,
	/* The same in all lives, for KSM. */
	REGION_EQUAL,
	REGION_HUGETLB,
	REGIONS,
};

#define ARENA_END (ARENA + REGIONS * REGION_ROOM)
#define STEADY_PAGES (2 * REGION_PAGES)

/* Lives have numbers from 1 on; 14 bits of them are in a stamp. */
#define LIFE_EVERYBODY 0x3fffU
#define LIFE_NOBODY 0U

/* Where in a page the stamps are; requesters write the one in the middle. */
#define STAMP_FIRST 0UL
#define STAMP_COUNT 8UL
#define STAMP_REQUESTER 24UL
#define STAMP_LAST (PAGE - 8)

static inline uint64_t stamp_septets(uint64_t value, unsigned int at)
{
	return (0x80 | (value & 0x7f)) << at | (0x80 | (value >> 7 & 0x7f))
						       << (at + 8);
}

static inline uint64_t stamp_make(uint32_t life, uint64_t index, uint32_t age)
{
	return stamp_septets(age, 0) | stamp_septets(index, 16) |
	       stamp_septets(life, 32) | 0xa55aULL << 48;
}

/*
 * Whether @word is a stamp of this page by this life, or no stamp at all, or one
 * that is only just being written.
 */
static inline bool stamp_fits(uint64_t word, uint32_t life, uint64_t index)
{
	const uint64_t wanted = stamp_make(life, index, 0);

	for (unsigned int at = 0; at < 64; at += 8) {
		const uint64_t byte = word >> at & 0xff;

		/* The age is any. */
		if (byte &&
		    (at < 16 ? byte < 0x80 : byte != (wanted >> at & 0xff)))
			return false;
	}
	return true;
}

static inline bool stamp_in_arena(uint64_t addr)
{
	return addr >= ARENA && addr < ARENA_END &&
	       (addr - ARENA) % WINDOW_ROOM < REGION_BYTES;
}

static inline enum region stamp_region(uint64_t addr)
{
	return (addr - ARENA) / REGION_ROOM;
}

static inline uint64_t stamp_index(uint64_t addr)
{
	return stamp_region(addr) * REGION_PAGES +
	       (addr - ARENA) % WINDOW_ROOM / PAGE;
}

static inline uint64_t stamp_addr(enum region region, unsigned int window,
				  uint64_t page)
{
	return ARENA + region * REGION_ROOM + window * WINDOW_ROOM +
	       page * PAGE;
}

static inline bool stamp_is_steady(enum region region)
{
	return region <= REGION_STEADY_SHMEM;
}

/* What a forked child writes, its parent sees. */
static inline bool stamp_is_shared(enum region region)
{
	return region == REGION_STEADY_SHMEM || region == REGION_SHMEM ||
	       region == REGION_DISK;
}

#endif /* GUPX_TESTS_CHAOS_STAMP_H */
