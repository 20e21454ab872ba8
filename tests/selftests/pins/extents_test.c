// SPDX-License-Identifier: GPL-2.0
/*
 * Extent list of many scattered pages. Each page is an extent of its own, and
 * together the extents fill several of the module's storage blocks.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

/*
 * Number of pages. Each page is an extent, and a storage block stores about 1000
 * extents. So the extents fill about three blocks.
 */
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

/*
 * Check that the pin fd holds and reports the same frames that the target has mapped.
 */
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
	/* Make sure that the test covers many extents. */
	ASSERT_LT(PAGES * 3 / 4, head.total);
	return answer.pin_fd;
}

TEST_F(extents, are_the_pages_of_the_target)
{
	const int pin_fd = pin_all(_metadata, self, variant->flags);

	check_frames(_metadata, self, pin_fd);
	close(pin_fd);
}

/*
 * Check that each page is found by its offset, no matter which block contains its
 * extent.
 */
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

/*
 * Check that several calls of EXTENTS with a small buffer return the same extents as
 * one call with a large buffer.
 */
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

/*
 * Check that consecutive requests can add pages to a pin fd. After some requests, the
 * last storage block is partly filled; the next request continues in this block.
 */
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

#define NOBODY 65534
#define MIB (1ULL << 20)

/*
 * Callers without CAP_SYS_ADMIN must not learn physical addresses. So these callers
 * see neither page frame numbers nor which pages are physically contiguous. Check
 * that contiguous and scattered pages give the same list.
 */
FIXTURE(joined)
{
	struct target target;
	uint64_t addr;
	int pin_fd;
};

FIXTURE_VARIANT(joined)
{
	long (*touch)(const struct target *target, uint64_t addr, size_t len,
		      unsigned char byte);
};

FIXTURE_VARIANT_ADD(joined, in_a_row){
	.touch = target_poke,
};

FIXTURE_VARIANT_ADD(joined, scattered){
	.touch = target_scatter,
};

FIXTURE_SETUP(joined)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, lab_set_memlock(8 * MIB));
	ASSERT_EQ(0, lab_become(NOBODY));
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = memory_map_small(&self->target, MIB);
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0, variant->touch(&self->target, self->addr, MIB, 'j'));
	self->pin_fd =
		lab_pin(self->target.mem_fd, self->addr, MIB, GUPX_F_WRITE)
			.pin_fd;
	ASSERT_LE(0, self->pin_fd);
}

FIXTURE_TEARDOWN(joined)
{
	close(self->pin_fd);
	target_stop(&self->target);
}

static uint64_t read_nr_extents(int pin_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pin_fd);
	return lab_number(path, "gupx-extents:");
}

TEST_F(joined, pages_of_one_request_are_one_extent)
{
	struct gupx_extents head;
	struct gupx_extent runs[4];

	ASSERT_EQ(0, lab_extents(self->pin_fd, &head, runs, ARRAY_SIZE(runs)));
	EXPECT_EQ(1U, head.count);
	EXPECT_EQ(1ULL, head.total);
	EXPECT_EQ(MIB, head.bytes);
	EXPECT_EQ(MIB, head.length);
	EXPECT_EQ(self->addr, runs[0].addr);
	EXPECT_EQ(MIB, runs[0].len);
	EXPECT_EQ(0ULL, runs[0].offset);
	EXPECT_EQ(GUPX_PFN_HIDDEN, runs[0].pfn);
	EXPECT_EQ(0U, runs[0].order);
	EXPECT_EQ((__u32)GUPX_EXTENT_WRITE, runs[0].flags);
	EXPECT_EQ(1ULL, read_nr_extents(self->pin_fd));
}

/*
 * Check that two extents are not merged if their flags differ, or if they are not
 * contiguous in the target.
 */
TEST_F(joined, extents_cover_all_and_are_listed_in_parts)
{
	static const struct {
		unsigned int page, nr;
		uint32_t flags;
	} more[] = {
		{ 0, 16, 0 }, { 16, 16, 0 }, { 32, 8, GUPX_F_WRITE },
		{ 40, 8, 0 }, { 16, 4, 0 },  { 100, 100, 0 },
	};
	/* The pages of the first two requests form one extent. */
	static const unsigned int pages[] = { 256, 32, 8, 8, 4, 100 };
	const uint64_t page = lab_page();
	struct gupx_extent all[16], one;
	struct gupx_extents head;
	uint64_t offset = 0;

	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		ASSERT_EQ(more[i].nr * page,
			  lab_pin_more(self->pin_fd, self->target.mem_fd,
				       self->addr + more[i].page * page,
				       more[i].nr * page, more[i].flags)
				  .done);
	ASSERT_EQ(0, lab_extents(self->pin_fd, &head, all, ARRAY_SIZE(all)));
	ASSERT_EQ(ARRAY_SIZE(pages), head.count);
	EXPECT_EQ(ARRAY_SIZE(pages), head.total);
	EXPECT_EQ(ARRAY_SIZE(pages), read_nr_extents(self->pin_fd));
	for (uint32_t i = 0; i < head.count; i++) {
		struct gupx_extents part = {
			.size = sizeof(part),
			.first = i,
			.buf = (uintptr_t)&one,
			.capacity = 1,
			.entry_size = sizeof(one),
		};

		EXPECT_EQ(offset, all[i].offset);
		EXPECT_EQ(pages[i] * page, all[i].len);
		offset += all[i].len;
		ASSERT_EQ(0, ioctl(self->pin_fd, GUPX_IOC_EXTENTS, &part));
		ASSERT_EQ(1U, part.count);
		EXPECT_EQ(0, memcmp(&one, &all[i], sizeof(one)));
	}
	EXPECT_EQ(head.bytes, offset);
	EXPECT_EQ(head.length, offset);
}

/*
 * Check that each extent starts at the offset and at the address where the previous
 * extent ends. The caller has CAP_SYS_ADMIN, so each extent is physically contiguous.
 */
TEST_F(extents, are_told_by_offset)
{
	const int pin_fd = pin_all(_metadata, self, variant->flags);
	struct gupx_extent *const all = calloc(PAGES, sizeof(*all));
	struct gupx_extents head;
	uint64_t offset = 0;

	ASSERT_TRUE(all);
	ASSERT_EQ(0, lab_extents(pin_fd, &head, all, PAGES));
	for (uint32_t i = 0; i < head.count; i++) {
		ASSERT_EQ(offset, all[i].offset);
		ASSERT_EQ(self->addr + offset, all[i].addr);
		offset += all[i].len;
	}
	EXPECT_EQ(self->len, offset);
	EXPECT_EQ(self->len, head.length);
	EXPECT_EQ(0U, head.seals);
	free(all);
	close(pin_fd);
}

TEST_HARNESS_MAIN
