// SPDX-License-Identifier: GPL-2.0
/*
 * What a pin fd remembers of many pages that lie scattered: each is an extent of
 * its own, and they fill several of the module's chunks.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

/* Three times what a chunk holds, and a little more. */
#define PAGES 3072

FIXTURE(extents)
{
	struct target target;
	uint64_t addr;
	uint64_t len;
	long held;
};

FIXTURE_VARIANT(extents)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(extents, ours){
	.flags = GUPX_F_WRITE,
};

FIXTURE_VARIANT_ADD(extents, of_the_kernel){
	.flags = GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL,
};

static long number_pages(const long arguments[6])
{
	for (uint64_t i = 0; i < PAGES; i++)
		*(uint64_t *)(arguments[0] + i * lab_page()) = i;
	return 0;
}

FIXTURE_SETUP(extents)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->len = PAGES * lab_page();
	self->addr = memory_map_small(&self->target, self->len);
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0, target_scatter(&self->target, self->addr, self->len, 1));
	ASSERT_EQ(0, TARGET_RUN(&self->target, number_pages, self->addr));
	self->held = lab_pins_held();
}

FIXTURE_TEARDOWN(extents)
{
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

/* Each page is held, and told as the one that the target has there. */
static void check_frames(struct __test_metadata *_metadata,
			 const FIXTURE_DATA(extents) * self, int pin_fd)
{
	uint64_t *const mapped = calloc(PAGES, sizeof(*mapped));
	uint64_t *const held = calloc(PAGES, sizeof(*held));

	ASSERT_TRUE(mapped && held);
	EXPECT_EQ(PAGES,
		  lab_pagemap(self->target.pid, self->addr, PAGES, mapped));
	EXPECT_EQ(PAGES, lab_pinned_frames(pin_fd, self->addr, PAGES, held));
	for (size_t i = 0; i < PAGES; i++) {
		EXPECT_EQ(LAB_PM_FRAME(mapped[i]), held[i])
		TH_LOG("page %zu", i);
	}
	EXPECT_EQ(self->held + PAGES, lab_pins_held());
	free(mapped);
	free(held);
}

static int pin_all(struct __test_metadata *_metadata,
		   const FIXTURE_DATA(extents) * self, uint32_t flags)
{
	const struct lab_answer answer =
		lab_pin(self->target.mem_fd, self->addr, self->len, flags);
	struct gupx_extents head;

	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(self->len, answer.done);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, NULL, 0));
	EXPECT_EQ(self->len, head.bytes);
	/* Or this would be no test of many. */
	ASSERT_LT(PAGES * 3 / 4, head.total);
	return answer.pin_fd;
}

TEST_F(extents, are_the_pages_of_the_target)
{
	const int pin_fd = pin_all(_metadata, self, variant->flags);

	check_frames(_metadata, self, pin_fd);
	close(pin_fd);
}

/* A page is found by its number, in whichever chunk it is. */
TEST_F(extents, are_found_by_their_place)
{
	const int pin_fd = pin_all(_metadata, self, variant->flags);

	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t number = ~0ULL;

		ASSERT_EQ(sizeof(number), pread(pin_fd, &number, sizeof(number),
						i * lab_page()));
		ASSERT_EQ(i, number);
	}
	close(pin_fd);
}

/* A part of the list is that part of all of it, wherever it begins. */
TEST_F(extents, are_listed_in_parts)
{
	const int pin_fd = pin_all(_metadata, self, variant->flags);
	struct gupx_extent *const all = calloc(PAGES, sizeof(*all));
	struct gupx_extent some[7];
	struct gupx_extents head, part;

	ASSERT_TRUE(all);
	ASSERT_EQ(0, lab_extents(pin_fd, &head, all, PAGES));
	ASSERT_EQ(head.total, head.count);
	for (uint64_t first = 0; first < head.total; first += 5) {
		part = (struct gupx_extents){
			.size = sizeof(part),
			.first = first,
			.buf = (uintptr_t)some,
			.capacity = 7,
			.entry_size = sizeof(struct gupx_extent),
		};
		ASSERT_EQ(0, ioctl(pin_fd, GUPX_IOC_EXTENTS, &part));
		ASSERT_EQ(head.total - first < 7 ? head.total - first : 7,
			  part.count);
		ASSERT_EQ(0, memcmp(some, all + first,
				    part.count * sizeof(*some)));
	}
	free(all);
	close(pin_fd);
}

/* Requests that follow each other, and end within a chunk and beyond it. */
TEST_F(extents, are_added_by_requests_of_any_size)
{
	static const uint64_t sizes[] = { 300, 800, 1, 1020, 2, 949 };
	struct lab_answer answer;
	uint64_t addr = self->addr;
	int pin_fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const uint64_t len = sizes[i] * lab_page();

		if (pin_fd < 0)
			answer = lab_pin(self->target.mem_fd, addr, len,
					 variant->flags);
		else
			answer = lab_pin_more(pin_fd, self->target.mem_fd, addr,
					      len, variant->flags);
		ASSERT_EQ(len, answer.done);
		if (pin_fd < 0)
			pin_fd = answer.pin_fd;
		addr += len;
	}
	ASSERT_EQ(self->addr + self->len, addr);
	check_frames(_metadata, self, pin_fd);
	close(pin_fd);
}

TEST_HARNESS_MAIN
