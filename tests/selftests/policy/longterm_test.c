// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of row O4: pages in movable memory may not be pinned long-term, so they are
 * migrated first. The machine needs ZONE_MOVABLE memory (boot with movablecore=1G).
 * Most memory of the target is then allocated from that zone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define MAX_PAGES 4096
#define ROOM 4096

static bool is_in(const struct lab_zone *zone, uint64_t frame)
{
	return frame >= zone->first && frame < zone->end;
}

FIXTURE(longterm)
{
	struct lab_zone movable;
	struct target target;
	struct memory memory;
	const char *missing;
	size_t nr;
	long held;
	uint64_t before[MAX_PAGES];
	uint64_t after[MAX_PAGES];
	struct gupx_extent extents[ROOM];
};

FIXTURE_VARIANT(longterm)
{
	enum memory_kind kind;
	uint32_t flags;
};

#define KIND(name, which, how)                   \
	FIXTURE_VARIANT_ADD(longterm, name)      \
	{                                        \
		.kind = (which), .flags = (how), \
	}

KIND(anon_read, MEMORY_ANON, 0);
KIND(anon_write, MEMORY_ANON, GUPX_F_WRITE);
KIND(thp_write, MEMORY_THP, GUPX_F_WRITE);
KIND(shmem_write, MEMORY_SHMEM, GUPX_F_WRITE);

FIXTURE_SETUP(longterm)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	if (!lab_find_movable(&self->movable)) {
		self->missing = "no ZONE_MOVABLE memory: movablecore=1G";
		return;
	}
	ASSERT_EQ(NULL,
		  memory_build(&self->target, variant->kind, &self->memory));
	self->nr = self->memory.len / lab_page();
	ASSERT_GE(MAX_PAGES, self->nr);
	self->held = lab_pins_held();
}

FIXTURE_TEARDOWN(longterm)
{
	target_stop(&self->target);
}

static size_t frames_of(const struct target *target,
			const struct memory *memory, uint64_t *frames)
{
	const size_t nr = lab_pagemap(target->pid, memory->addr,
				      memory->len / lab_page(), frames);

	for (size_t i = 0; i < nr; i++)
		frames[i] = LAB_PM_FRAME(frames[i]);
	return nr;
}

static size_t count_in(const struct lab_zone *zone, const uint64_t *frames,
		       size_t nr)
{
	size_t count = 0;

	for (size_t i = 0; i < nr; i++)
		count += is_in(zone, frames[i]);
	return count;
}

/* Returns the number of pages in the extents that have @flag set. */
static size_t pages_with(const struct gupx_extent *extents, uint32_t count,
			 uint32_t flag)
{
	size_t pages = 0;

	for (uint32_t i = 0; i < count; i++)
		if (extents[i].flags & flag)
			pages += extents[i].len / lab_page();
	return pages;
}

TEST_F(longterm, O4_resident_pages_are_moved_by_the_kernel)
{
	const struct memory *memory = &self->memory;
	struct lab_answer answer;
	struct gupx_extents head;
	size_t movable;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, memory->addr, memory->len, 7));
	ASSERT_EQ(self->nr, frames_of(&self->target, memory, self->before));
	movable = count_in(&self->movable, self->before, self->nr);
	if (!movable)
		SKIP(return, "not one page came from ZONE_MOVABLE");
	answer = lab_pin(self->target.mem_fd, memory->addr, memory->len,
			 variant->flags);
	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(memory->len, answer.done);
	ASSERT_EQ(self->nr, frames_of(&self->target, memory, self->after));
	EXPECT_EQ(0U, count_in(&self->movable, self->after, self->nr));
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, self->extents, ROOM));
	/* Only the movable pages were pinned by the kernel's engine. */
	EXPECT_EQ(movable, pages_with(self->extents, head.count,
				      GUPX_EXTENT_ENGINE_KERNEL));
	EXPECT_EQ(self->nr, lab_pinned_frames(answer.pin_fd, memory->addr,
					      self->nr, self->before));
	EXPECT_EQ(0, memcmp(self->before, self->after,
			    self->nr * sizeof(*self->after)));
	EXPECT_EQ(7 * (long)self->nr,
		  target_peek(&self->target, memory->addr, memory->len));
	close(answer.pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
}

/*
 * Row O4: check that the fault of a long-term pin allocates pages outside of
 * ZONE_MOVABLE.
 */
TEST_F(longterm, O4_absent_pages_need_no_move)
{
	const struct memory *memory = &self->memory;
	struct lab_answer answer;
	struct gupx_extents head;

	SKIP_IF_MISSING();
	answer = lab_pin(self->target.mem_fd, memory->addr, memory->len,
			 variant->flags | GUPX_F_WRITE);
	ASSERT_EQ(memory->len, answer.done);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, self->extents, ROOM));
	EXPECT_EQ(0U, pages_with(self->extents, head.count,
				 GUPX_EXTENT_ENGINE_KERNEL));
	ASSERT_EQ(self->nr, frames_of(&self->target, memory, self->after));
	EXPECT_EQ(0U, count_in(&self->movable, self->after, self->nr));
	close(answer.pin_fd);
}

/*
 * Check that SHORT pins do not migrate pages. SHORT pins exist to reproduce
 * hot-unplug bugs.
 */
TEST_F(longterm, short_pins_stay_and_say_so)
{
	const struct memory *memory = &self->memory;
	const bool allowed = lab_param("allow_short_pins");
	struct lab_answer answer;
	struct gupx_extents head;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, memory->addr, memory->len, 7));
	ASSERT_EQ(self->nr, frames_of(&self->target, memory, self->before));
	lab_set_param("allow_short_pins", true);
	answer = lab_pin(self->target.mem_fd, memory->addr, memory->len,
			 variant->flags | GUPX_F_SHORT);
	lab_set_param("allow_short_pins", allowed);
	ASSERT_EQ(memory->len, answer.done);
	ASSERT_EQ(self->nr, frames_of(&self->target, memory, self->after));
	EXPECT_EQ(0, memcmp(self->before, self->after,
			    self->nr * sizeof(*self->after)));
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, self->extents, ROOM));
	EXPECT_EQ(self->nr,
		  pages_with(self->extents, head.count, GUPX_EXTENT_SHORT));
	EXPECT_EQ(0U, pages_with(self->extents, head.count,
				 GUPX_EXTENT_ENGINE_KERNEL));
	close(answer.pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
}

/*
 * Row O4 (migrate before a long-term pin): a page that is already pinned cannot
 * migrate. Check that a request stops at such a page or before it. If the request has
 * pinned pages before it, the result is the number of these pages (row L22).
 */
TEST_F(longterm, O4_a_page_that_cannot_move_ends_the_request)
{
	const struct memory *memory = &self->memory;
	const uint64_t page = lab_page();
	const bool allowed = lab_param("allow_short_pins");
	struct lab_answer obstacle, answer;
	size_t at = self->nr / 2;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, memory->addr, memory->len, 7));
	ASSERT_EQ(self->nr, frames_of(&self->target, memory, self->before));
	while (at < self->nr && !is_in(&self->movable, self->before[at]))
		at++;
	if (at == self->nr)
		SKIP(return, "not one page came from ZONE_MOVABLE");
	lab_set_param("allow_short_pins", true);
	obstacle = lab_pin(self->target.mem_fd, memory->addr + at * page, page,
			   GUPX_F_SHORT);
	lab_set_param("allow_short_pins", allowed);
	ASSERT_EQ(page, obstacle.done);
	answer = lab_pin(self->target.mem_fd, memory->addr, memory->len,
			 variant->flags);
	ASSERT_EQ(0, answer.failed);
	EXPECT_GE(at * page, answer.done);
	EXPECT_EQ(GUPX_REASON_MIGRATE, answer.stop.reason);
	EXPECT_TRUE(answer.stop.error == ENOMEM || answer.stop.error == EBUSY);
	if (answer.pin_fd >= 0)
		close(answer.pin_fd);
	close(obstacle.pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_HARNESS_MAIN
