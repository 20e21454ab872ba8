// SPDX-License-Identifier: GPL-2.0
/*
 * Check the content of pages that a request pinned or read. A page must contain zeroes
 * or the stamp of its target process for that address. In REGION_STEADY_* regions, a
 * target also writes a count to the page, increases it with each write, and then
 * publishes it in shared memory. A pinned page must not contain a smaller count than
 * the published one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lab.h"
#include "requester.h"

#define RUNS 1024
#define SAMPLE 48

/**
 * struct view - pinned bytes, read through a window or with pread()
 * @hold: the pin fd, and the process that owns the pinned pages
 * @map: window through which the bytes are read; NULL to use pread() on the pin fd
 */
struct view {
	const struct hold *hold;
	volatile unsigned char *map;
};

static sigjmp_buf way_out;

static void take_way_out(int signal)
{
	(void)signal;
	siglongjmp(way_out, 1);
}

static bool is_of_target(const struct life *life, uint64_t addr, uint64_t word)
{
	const uint64_t index = stamp_index(addr);
	const enum region region = stamp_region(addr);

	if (region == REGION_EQUAL)
		return stamp_fits(word, LIFE_ALL,
				  region * REGION_PAGES + index % 4);
	if (life->parent && stamp_fits(word, life->parent, index))
		return true;
	/*
	 * In memory that a child shares with its parent, stamps contain the process
	 * number of the parent.
	 */
	if (life->parent && stamp_is_shared(region))
		return false;
	return stamp_fits(word, life->number, index);
}

static void check_word(const char *how, const struct life *life, uint64_t addr,
		       unsigned int at, uint64_t word)
{
	if (is_of_target(life, addr, word))
		return;
	complain(
		RULE_CONTENT,
		"%s of life %u (parent %u, pid %d): %#lx+%u holds %#lx, a stamp of its own begins %#lx",
		how, life->number, life->parent, life->pid, addr, at, word,
		stamp_make(life->number, stamp_index(addr), 0));
}

static bool read_word(const struct view *view, uint64_t offset, uint64_t *word)
{
	ssize_t size;

	if (view->map) {
		*word = *(volatile uint64_t *)(view->map + offset);
		return true;
	}
	size = pread(view->hold->fd, word, sizeof(*word), offset);
	if (size == sizeof(*word))
		return true;
	complain(RULE_CONTRACT, "pread of pinned bytes at %#lx gave %zd, %s",
		 offset, size, strerror(errno));
	return false;
}

/*
 * Check that the count in a page of a REGION_STEADY_* region is not smaller than the
 * count that the page's owner published. The owner writes the count to the page before
 * it publishes the count. Retry, because a word may be copied while the owner writes
 * it.
 */
static void check_coherence(const struct view *view, uint64_t addr,
			    uint64_t offset)
{
	const struct life *life = &view->hold->life;
	struct row *row = world_row(life->number);
	uint32_t published = 0;
	uint64_t seen = 0;

	for (unsigned int tries = 0; tries < 10; tries++) {
		published = atomic_load(&row->count[stamp_index(addr)]);
		if (!read_word(view, offset + STAMP_COUNT, &seen) ||
		    atomic_load(&row->life) != life->number)
			return;
		count_event(&world->tally.coherent);
		if (seen >= published)
			return;
		usleep(1000);
	}
	complain(
		RULE_COHERENCE,
		"pin of life %u (pid %d): %#lx holds word %lu, its owner has written %u",
		life->number, life->pid, addr, seen, published);
}

static void check_page(const struct view *view, const struct gupx_extent *run,
		       uint64_t addr, uint64_t offset)
{
	static const unsigned int places[] = { STAMP_FIRST, STAMP_REQUESTER,
					       STAMP_LAST };
	const struct life *life = &view->hold->life;
	uint64_t word;

	if (!stamp_in_arena(addr))
		return;
	count_event(&world->tally.checked);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!read_word(view, offset + places[i], &word))
			return;
		check_word(view->map ? "window" : "pin", life, addr, places[i],
			   word);
	}
	if (stamp_is_steady(stamp_region(addr)) && !life->parent &&
	    !(run->flags & GUPX_EXTENT_ZERO))
		check_coherence(view, addr, offset);
}

/* Write the stamp that the owner of the page would write. */
static void write_word(const struct view *view, uint64_t addr, uint64_t offset)
{
	const struct life *life = &view->hold->life;
	const enum region region = stamp_region(addr);
	uint32_t owner = life->number;
	uint64_t index;

	if (!stamp_in_arena(addr))
		return;
	index = stamp_index(addr);
	if (region == REGION_EQUAL) {
		owner = LIFE_ALL;
		index = region * REGION_PAGES + index % 4;
	} else if (life->parent && stamp_is_shared(region)) {
		owner = life->parent;
	}
	*(volatile uint64_t *)(view->map + offset + STAMP_REQUESTER) =
		stamp_make(owner, index, 0);
}

/*
 * Check the first, the last and a random page of up to SAMPLE extents. With @write,
 * write a stamp to each of these pages first.
 */
static void check_pages(struct prng *prng, const struct view *view,
			const struct gupx_extent *runs, uint32_t nr, bool write)
{
	const uint32_t step = 1 + nr / SAMPLE;
	uint64_t offset = 0;

	for (uint32_t i = 0; i < nr; offset += runs[i++].len) {
		const uint64_t pages = runs[i].len / PAGE;
		const uint64_t some[] = { 0, prng_below(prng, pages),
					  pages - 1 };

		if (i % step)
			continue;
		for (unsigned int j = 0; j < (pages < 3 ? pages : 3); j++) {
			const uint64_t at = some[j] * PAGE;

			if (write)
				write_word(view, runs[i].addr + at,
					   offset + at);
			check_page(view, &runs[i], runs[i].addr + at,
				   offset + at);
		}
	}
}

static bool get_runs(const struct hold *hold, struct gupx_extents *head,
		     struct gupx_extent *runs)
{
	const int error = lab_extents(hold->fd, head, runs, RUNS);

	if (error)
		complain(RULE_CONTRACT, "EXTENTS: %s", strerror(error));
	else if (head->count > RUNS || head->count > head->total)
		complain(RULE_CONTRACT, "EXTENTS: %u entries of %llu",
			 head->count, head->total);
	else
		return true;
	return false;
}

void check_hold(struct prng *prng, const struct hold *hold)
{
	static struct gupx_extent runs[RUNS];
	const struct view view = { .hold = hold };
	struct gupx_extents head;

	count_event(&world->tally.requests[REQUEST_PREAD]);
	if (get_runs(hold, &head, runs))
		check_pages(prng, &view, runs, head.count, false);
}

/*
 * Check that <linux/gupx.h> allows mmap() of a pin fd to fail with @error if the pin fd
 * contains the extents @runs.
 */
static void check_map_error(const struct gupx_extent *runs, uint32_t nr,
			    bool write, int error)
{
	bool has_short = false, has_read = false;

	for (uint32_t i = 0; i < nr; i++) {
		has_short |= !!(runs[i].flags & GUPX_EXTENT_SHORT);
		has_read |= !(runs[i].flags & GUPX_EXTENT_WRITE);
	}
	if (error == ENOMEM || (error == EPERM && has_short) ||
	    (error == EACCES && write && has_read))
		return;
	/*
	 * A child that shares the pin fd may have added pins that cause EPERM or EACCES
	 * after @runs was read.
	 */
	if (error == EPERM || (error == EACCES && write))
		return;
	complain(RULE_CONTRACT, "mmap of a pin fd: %s", strerror(error));
}

static void touch_window(struct prng *prng, const struct view *view,
			 const struct gupx_extent *runs, uint32_t nr,
			 bool write)
{
	const struct sigaction forgive = { .sa_handler = take_way_out };
	struct sigaction before;

	sigaction(SIGBUS, &forgive, &before);
	if (sigsetjmp(way_out, 1))
		complain(RULE_CONTRACT, "SIGBUS inside a window");
	else
		check_pages(prng, view, runs, nr, write);
	sigaction(SIGBUS, &before, NULL);
}

void check_window(struct prng *prng, struct hold *hold, bool close_first)
{
	static struct gupx_extent runs[RUNS];
	const bool write = prng_chance(prng, 50);
	struct view view = { .hold = hold };
	struct gupx_extents head;
	uint64_t len = 0;
	void *map;

	if (!get_runs(hold, &head, runs))
		return;
	for (uint32_t i = 0; i < head.count; i++)
		len += runs[i].len;
	map = mmap(NULL, len, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED,
		   hold->fd, 0);
	if (map == MAP_FAILED) {
		check_map_error(runs, head.count, write, errno);
		return;
	}
	count_event(&world->tally.requests[write ? REQUEST_WINDOW_WRITE
						 : REQUEST_WINDOW]);
	view.map = map;
	if (close_first) {
		close(hold->fd);
		hold->fd = -1;
	}
	touch_window(prng, &view, runs, head.count, write);
	munmap(map, len);
}

void check_read(const struct life *life, uint64_t addr, uint64_t len,
		const unsigned char *buffer)
{
	static const unsigned int places[] = { STAMP_FIRST, STAMP_REQUESTER,
					       STAMP_LAST };

	for (uint64_t page = addr & -PAGE; page < addr + len; page += PAGE) {
		if (!stamp_in_arena(page))
			continue;
		count_event(&world->tally.checked);
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]);
		     i++) {
			const uint64_t at = page + places[i];
			uint64_t word;

			if (at < addr || at + 8 > addr + len)
				continue;
			memcpy(&word, buffer + (at - addr), 8);
			check_word("read", life, page, places[i], word);
		}
	}
}
