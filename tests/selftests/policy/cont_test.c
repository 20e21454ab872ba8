// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of hugetlb pages that are mapped by several entries with the contiguous bit of
 * arm64: 16 PTEs map a page of 64 KiB, 16 PMDs one of 32 MiB (with base pages of 16 KiB:
 * 128 PTEs and 2 MiB, 32 PMDs and 1 GiB). The tests are skipped where the kernel has no
 * pages of the size.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "row.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

#define READ_WRITE (PROT_READ | PROT_WRITE)

/**
 * @size: bytes of a huge page; a mapping has two of them
 * @pages: base pages of the mapping
 */
FIXTURE(cont)
{
	struct target target;
	const char *missing;
	uint64_t len;
	uint64_t pages;
	uint64_t addr;
	long held;
	long pool;
	char path[80];
};

FIXTURE_VARIANT(cont)
{
	unsigned int shift;
	int mapping;
	uint32_t flags;
};

#define KIND(name, bits, which, how)                                 \
	FIXTURE_VARIANT_ADD(cont, name)                              \
	{                                                            \
		.shift = (bits), .mapping = (which), .flags = (how), \
	}

KIND(private_read_64k, 16, MAP_PRIVATE, 0);
KIND(private_write_64k, 16, MAP_PRIVATE, GUPX_F_WRITE);
KIND(shared_read_64k, 16, MAP_SHARED, 0);
KIND(shared_write_64k, 16, MAP_SHARED, GUPX_F_WRITE);
KIND(private_read_2m, 21, MAP_PRIVATE, 0);
KIND(private_write_2m, 21, MAP_PRIVATE, GUPX_F_WRITE);
KIND(private_read_32m, 25, MAP_PRIVATE, 0);
KIND(private_write_32m, 25, MAP_PRIVATE, GUPX_F_WRITE);
KIND(shared_read_32m, 25, MAP_SHARED, 0);
KIND(shared_write_32m, 25, MAP_SHARED, GUPX_F_WRITE);

/*
 * Two pages for the target, and two for a copy in a child or in the target. If the pool has
 * no page for a copy, the kernel takes the page away from the child.
 */
#define POOL 4

/* Grow the pool until it has enough free pages. Pages of an earlier test may be in it still. */
static bool grow_pool(const char *path)
{
	char free[80];

	snprintf(free, sizeof(free), "%.*s/free_hugepages",
		 (int)(strrchr(path, '/') - path), path);
	if (sysctl_get(free) < POOL)
		sysctl_set(path, sysctl_get(path) + POOL - sysctl_get(free));
	return sysctl_get(free) >= POOL;
}

FIXTURE_SETUP(cont)
{
	const uint64_t size = 1ULL << variant->shift;
	long addr;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->held = lab_pins_held();
	self->len = 2 * size;
	self->pages = self->len / lab_page();
	snprintf(self->path, sizeof(self->path),
		 "/sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages",
		 (unsigned long long)size >> 10);
	self->pool = sysctl_get(self->path);
	if (self->pool < 0) {
		self->missing = "this kernel has no huge pages of this size";
		return;
	}
	if (!grow_pool(self->path)) {
		self->missing = "no huge pages to be had";
		return;
	}
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, self->len, READ_WRITE,
			   MAP_ANONYMOUS | MAP_HUGETLB | variant->mapping |
				   (variant->shift << MAP_HUGE_SHIFT),
			   -1, 0);
	ASSERT_LT(0, addr);
	self->addr = addr;
}

FIXTURE_TEARDOWN(cont)
{
	target_stop(&self->target);
	if (self->pool >= 0)
		sysctl_set(self->path, self->pool);
	EXPECT_EQ(self->held, lab_pins_held());
}

#define SKIP_IF_MISSING()                                  \
	do {                                               \
		if (self->missing)                         \
			SKIP(return, "%s", self->missing); \
	} while (0)

/* Check that each pinned frame is the frame that the target maps. */
static void check_frames(struct __test_metadata *_metadata,
			 FIXTURE_DATA(cont) * self, int pin_fd, uint64_t addr,
			 size_t nr)
{
	uint64_t *pinned = calloc(nr, sizeof(*pinned));
	uint64_t *mapped = calloc(nr, sizeof(*mapped));

	ASSERT_TRUE(pinned && mapped);
	ASSERT_EQ(nr, lab_pinned_frames(pin_fd, addr, nr, pinned));
	ASSERT_EQ(nr, lab_pagemap(self->target.pid, addr, nr, mapped));
	for (size_t i = 0; i < nr; i++)
		ASSERT_EQ(LAB_PM_FRAME(mapped[i]), pinned[i]);
	free(pinned);
	free(mapped);
}

/* Pin a range, and check its frames and that our own loop has pinned it. */
static void pin_and_check(struct __test_metadata *_metadata,
			  FIXTURE_DATA(cont) * self, uint64_t addr,
			  uint64_t len, uint32_t flags)
{
	const struct lab_answer answer =
		lab_pin(self->target.mem_fd, addr, len, flags);
	struct gupx_extents head;
	struct gupx_extent run;

	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(len, answer.done)
	TH_LOG("stage %u, reason %u", answer.stop.stage, answer.stop.reason);
	EXPECT_EQ(self->held + (long)(len / lab_page()), lab_pins_held());
	check_frames(_metadata, self, answer.pin_fd, addr, len / lab_page());
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, &run, 1));
	EXPECT_EQ(len, head.bytes);
	EXPECT_EQ(flags & GUPX_F_ENGINE_KERNEL ? GUPX_EXTENT_ENGINE_KERNEL : 0,
		  run.flags & GUPX_EXTENT_ENGINE_KERNEL);
	close(answer.pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_F(cont, L19_resident)
{
	const uint64_t page = lab_page(), middle = self->addr + self->len / 2;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, self->addr, self->len, 'h'));
	pin_and_check(_metadata, self, self->addr, self->len, variant->flags);
	pin_and_check(_metadata, self, middle - 3 * page, 7 * page,
		      variant->flags);
	pin_and_check(_metadata, self, self->addr + page, page, variant->flags);
	pin_and_check(_metadata, self, middle - 3 * page, 7 * page,
		      variant->flags | GUPX_F_ENGINE_KERNEL);
	EXPECT_EQ((long)self->pages * 'h',
		  target_peek(&self->target, self->addr, self->len));
}

TEST_F(cont, L11_absent)
{
	SKIP_IF_MISSING();
	EXPECT_EQ(GUPX_REASON_NOFAULT,
		  pin_once(&self->target, self->addr, lab_page(),
			   variant->flags | GUPX_F_NOFAULT)
			  .stop.reason);
	pin_and_check(_metadata, self, self->addr, self->len, variant->flags);
}

/* Check that POPULATE of one small page faults in the whole huge page. */
TEST_F(cont, O7_populate)
{
	struct lab_answer answer;

	SKIP_IF_MISSING();
	answer = lab_populate(self->target.mem_fd, self->addr, lab_page(),
			      variant->flags);
	EXPECT_EQ(lab_page(), answer.done);
	EXPECT_EQ((size_t)self->pages / 2,
		  lab_resident(self->target.pid, self->addr, self->pages));
	answer = lab_populate(self->target.mem_fd, self->addr, self->len,
			      variant->flags);
	EXPECT_EQ(self->len, answer.done);
	EXPECT_EQ((size_t)self->pages,
		  lab_resident(self->target.pid, self->addr, self->pages));
}

/* Row E2: DUMP stops at an empty entry. */
TEST_F(cont, E2_dump_of_untouched_page)
{
	SKIP_IF_MISSING();
	check_refused(_metadata, &self->target, self->addr, GUPX_F_DUMP,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_DUMP_EMPTY);
}

/*
 * Rows E4 (a write breaks COW) and E7a (a read pin unshares): pin the middle of a huge
 * page that is shared after fork(). Only the head page carries the mark that the page is
 * exclusive. The target must keep the pinned copy.
 */
TEST_F(cont, E7a_pin_after_fork)
{
	const uint64_t page = lab_page(), at = self->addr + 2 * page;
	struct lab_answer answer;
	struct target child;
	uint64_t before;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, self->addr, self->len, 1));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	before = LAB_PM_FRAME(lab_pagemap_word(self->target.pid, self->addr));
	answer = lab_pin(self->target.mem_fd, at, page, variant->flags);
	EXPECT_EQ(page, answer.done);
	ASSERT_EQ(0, target_poke(&self->target, self->addr, self->len / 2, 2));
	check_frames(_metadata, self, answer.pin_fd, at, 1);
	if (variant->mapping == MAP_PRIVATE) {
		EXPECT_NE(before, LAB_PM_FRAME(lab_pagemap_word(
					  self->target.pid, self->addr)));
		EXPECT_EQ((long)self->pages,
			  target_peek(&child, self->addr, self->len));
	} else {
		EXPECT_EQ(before, LAB_PM_FRAME(lab_pagemap_word(
					  self->target.pid, self->addr)));
	}
	close(answer.pin_fd);
	target_stop(&child);
}

/* Row O1: fork() copies pinned huge pages of a private mapping. */
TEST_F(cont, O1_target_forks_while_pinned)
{
	const bool shared = variant->mapping == MAP_SHARED;
	const uint64_t half = self->len / 2;
	struct lab_answer answer;
	struct target child;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, self->addr, half, 1));
	answer = lab_pin(self->target.mem_fd, self->addr, half, variant->flags);
	ASSERT_EQ(half, answer.done);
	ASSERT_EQ(0, target_fork(&self->target, &child));
	EXPECT_EQ(0, target_poke(&self->target, self->addr, half, 2));
	EXPECT_EQ((shared ? 2 : 1) * (long)self->pages / 2,
		  target_peek(&child, self->addr, half));
	check_frames(_metadata, self, answer.pin_fd, self->addr,
		     self->pages / 2);
	target_stop(&child);
	close(answer.pin_fd);
}

TEST_HARNESS_MAIN
