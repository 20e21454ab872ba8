// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of row O4: gupx itself pins the pages that may be pinned long-term without a
 * migration. It delegates only the other pages to the kernel's engine. With CMA (boot
 * with cma=64M), memory contains both kinds of pages.
 */
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define LEN (8UL << 20)
#define RUNS (LEN >> 12)

FIXTURE(place)
{
	struct target target;
	struct gupx_extent *run;
	uint64_t addr;
	long held;
};

FIXTURE_SETUP(place)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = memory_map_small(&self->target, LEN);
	ASSERT_NE(0ULL, self->addr);
	self->run = calloc(RUNS, sizeof(*self->run));
	ASSERT_NE(NULL, self->run);
	self->held = lab_pins_held();
}

FIXTURE_TEARDOWN(place)
{
	free(self->run);
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

/* Pin the memory. Returns the number of bytes that the kernel's engine pinned. */
static uint64_t bytes_by_kernel(struct __test_metadata *_metadata,
				FIXTURE_DATA(place) * self)
{
	struct lab_answer answer =
		lab_pin(self->target.mem_fd, self->addr, LEN, GUPX_F_WRITE);
	struct gupx_extents head;
	uint64_t by_kernel = 0;

	ASSERT_EQ(LEN, answer.done);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, self->run, RUNS));
	for (uint32_t i = 0; i < head.count; i++)
		if (self->run[i].flags & GUPX_EXTENT_ENGINE_KERNEL)
			by_kernel += self->run[i].len;
	close(answer.pin_fd);
	return by_kernel;
}

/* Check that the fault of a long-term pin allocates pages that need no migration. */
TEST_F(place, O4_memory_brought_in_is_taken_by_our_own_loop)
{
	EXPECT_EQ(0ULL, bytes_by_kernel(_metadata, self));
}

/*
 * Pages that the target itself faults in may be in CMA. Only pages in CMA have to be
 * delegated to the kernel's engine. CMA is a small part of the memory, so check that at
 * most half of the pages are delegated. If the machine has no CMA, check that no page
 * is delegated.
 */
TEST_F(place, O4_ordinary_memory_is_taken_by_our_own_loop)
{
	struct lab_zone movable;

	if (lab_find_movable(&movable))
		SKIP(return, "memory that is movable as a whole");
	ASSERT_EQ(0, target_poke(&self->target, self->addr, LEN, 'x'));
	EXPECT_GE(lab_number("/proc/meminfo", "CmaTotal:") > 0 ? LEN / 2 : 0,
		  bytes_by_kernel(_metadata, self));
}

TEST_HARNESS_MAIN
