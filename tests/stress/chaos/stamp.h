/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stamps are words that targets write into their pages. A stamp identifies the page and
 * the owner of the page. So a check detects a page that belongs to another address or
 * process.
 *
 *   life    number of a target process; each process gets a new number when it starts
 *           or calls exec
 *   region  a part of a target's address space with one kind of memory
 *   window  one of the two address ranges of a region; mremap() moves pages of the
 *           region between the windows
 *   index   number of a page over all regions; a page has the same index in both
 *           windows of its region
 *
 * A stamp is eight bytes, none of them zero. Memory without a stamp is all zeroes. So a
 * word that is copied while it is written is a mix of stamp bytes and zero bytes, which
 * stamp_fits() accepts.
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
/*
 * Distance between the starts of a region's two windows. There is a hole between the
 * windows.
 */
#define WINDOW_ROOM (2 * REGION_BYTES)
#define REGION_ROOM (WINDOWS * WINDOW_ROOM)

enum region {
	/*
	 * Steady regions: the owner never unmaps or discards pages of these regions. So
	 * a pinned page of a steady region stays the page that the owner maps.
	 */
	REGION_STEADY_ANON,
	REGION_STEADY_SHMEM,
	/* Other regions: targets may perform any operation on these pages. */
	REGION_ANON,
	REGION_HUGE,
	REGION_SHMEM,
	REGION_FILE_PRIVATE,
	REGION_DISK,
	/*
	 * The pages of this region have the same content in all processes, so that KSM
	 * merges the pages.
	 */
	REGION_EQUAL,
	REGION_HUGETLB,
	REGIONS,
};

#define ARENA_END (ARENA + REGIONS * REGION_ROOM)
#define STEADY_PAGES (2 * REGION_PAGES)

/*
 * A process number has 14 bits. Number 0 means no process. The number LIFE_ALL in a
 * stamp means that all processes write the same stamp.
 */
#define LIFE_ALL 0x3fffU
#define LIFE_NONE 0U

/*
 * Offsets in a page of the words that the target and the requesters write. A requester, a
 * process that sends requests to gupx, only writes the word at STAMP_REQUESTER.
 */
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
 * Return: true if @word is the stamp of process @life for page @index, zero, or a mix
 * of stamp bytes and zero bytes, else false. Such a mix can occur if a word is copied
 * while the process writes a stamp to the word.
 */
static inline bool stamp_fits(uint64_t word, uint32_t life, uint64_t index)
{
	const uint64_t wanted = stamp_make(life, index, 0);

	for (unsigned int at = 0; at < 64; at += 8) {
		const uint64_t byte = word >> at & 0xff;

		/*
		 * The first two bytes of a stamp are its age, which may have any value.
		 */
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

/*
 * Return: true if a parent and its forked child share the pages of the region, else
 * false.
 */
static inline bool stamp_is_shared(enum region region)
{
	return region == REGION_STEADY_SHMEM || region == REGION_SHMEM ||
	       region == REGION_DISK;
}

#endif /* GUPX_TESTS_CHAOS_STAMP_H */
