// SPDX-License-Identifier: GPL-2.0
/* Tests of rows E: checks of page table entries. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "row.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/*
 * Page out @memory. A page cannot be reclaimed while it is in a per-CPU list. So drop
 * caches before each attempt, which drains these lists.
 *
 * Returns the number of pages that are still resident, or the number of all pages on
 * failure.
 */
static size_t page_out(const struct target *target, const struct memory *memory)
{
	const size_t nr = memory->len / lab_page();
	size_t left = nr;

	for (unsigned int i = 0; i < 20 && left; i++) {
		if (!sysctl_set("/proc/sys/vm/drop_caches", 1) ||
		    TARGET_CALL(target, SYS_madvise, memory->addr, memory->len,
				MADV_PAGEOUT))
			return nr;
		left = lab_resident(target->pid, memory->addr, nr);
	}
	return left;
}

/*
 * Row E3: check that an entry of a PROT_NONE mapping is not treated as a NUMA hint. A
 * fault could not make such an entry accessible.
 */
TEST_F(row, E3_protection_is_no_numa_hint)
{
	BUILD(MEMORY_PROT_NONE);
	EXPECT_EQ(self->memory.len,
		  pin_once(&self->target, self->memory.addr, self->memory.len,
			   GUPX_F_FORCE | GUPX_F_HONOR_NUMA)
			  .done);
}

/* Row E1: check that a swap entry is faulted in. */
TEST_F(row, E1_swapped_out)
{
	size_t nr, left;

	if (!lab_swap_is_on())
		SKIP(return, "no swap");
	BUILD(MEMORY_ANON);
	nr = self->memory.len / lab_page();
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'w'));
	left = page_out(&self->target, &self->memory);
	ASSERT_EQ(0UL, left);
	EXPECT_EQ(GUPX_REASON_NOFAULT,
		  pin_once(&self->target, self->memory.addr, lab_page(),
			   GUPX_F_NOFAULT)
			  .stop.reason);
	/*
	 * Row E2: DUMP only skips empty entries. A swap entry is not empty, so DUMP
	 * faults it in.
	 */
	EXPECT_EQ(self->memory.len, pin_once(&self->target, self->memory.addr,
					     self->memory.len, GUPX_F_DUMP)
					    .done);
	EXPECT_EQ(nr, lab_resident(self->target.pid, self->memory.addr, nr));
	EXPECT_EQ((long)nr * 'w', target_peek(&self->target, self->memory.addr,
					      self->memory.len));
}

TEST_F(row, E2_dump_leaves_untouched_memory_alone)
{
	BUILD(MEMORY_ANON);
	check_refused(_metadata, &self->target, self->memory.addr, GUPX_F_DUMP,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_DUMP_EMPTY);
	EXPECT_EQ(0UL, lab_resident(self->target.pid, self->memory.addr,
				    self->memory.len / lab_page()));
	/*
	 * DUMP faults in a page of a file, because the file has contents even if the
	 * page was never accessed.
	 */
	BUILD(MEMORY_FILE_PRIVATE);
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, GUPX_F_DUMP);
}

/*
 * Row E2: check an address where the upper page tables do not exist, because nothing
 * else is mapped near it.
 */
TEST_F(row, E2_dump_of_nothing_far_from_all_else)
{
	const uint64_t far = 32ULL << 40, page = lab_page();

	ASSERT_EQ((long)far,
		  TARGET_CALL(&self->target, SYS_mmap, far, 2 * page,
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			      -1, 0));
	check_refused(_metadata, &self->target, far, GUPX_F_DUMP,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_DUMP_EMPTY);
	check_refused(_metadata, &self->target, far, GUPX_F_NOFAULT,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_NOFAULT);
	check_explained(_metadata, &self->target, far, 0, GUPX_CONTENT_EMPTY);
	check_explained(_metadata, &self->target, far, 0, GUPX_CONTENT_ANON);
}

TEST_F(row, E5_dump_leaves_the_zero_page_alone)
{
	const uint32_t engines[] = { 0, GUPX_F_ENGINE_KERNEL };
	const uint64_t len = 2 * lab_page();
	unsigned char bytes[len];

	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_peek(&self->target, self->memory.addr,
				 self->memory.len));
	check_refused(_metadata, &self->target, self->memory.addr, GUPX_F_DUMP,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_DUMP_SPECIAL);
	/* Without DUMP, READ copies the zero page like any other page. */
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		memset(bytes, 'x', len);
		EXPECT_EQ(len, lab_read(self->target.mem_fd, self->memory.addr,
					len, bytes, engines[i])
				       .done);
		for (uint64_t at = 0; at < len; at++)
			ASSERT_EQ(0, bytes[at]);
	}
}

static uint64_t frame_at(const struct target *target, uint64_t addr)
{
	return LAB_PM_FRAME(lab_pagemap_word(target->pid, addr));
}

/*
 * Row E4: check that a write pin of a page that is shared after fork() first faults
 * in a copy.
 */
TEST_F(row, E4_write_breaks_sharing_after_fork)
{
	struct lab_answer answer;
	struct target child;
	uint64_t before, pinned;

	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr, 1, 'a'));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	before = frame_at(&child, self->memory.addr);
	EXPECT_EQ(before, frame_at(&self->target, self->memory.addr));
	answer = lab_pin(self->target.mem_fd, self->memory.addr, lab_page(),
			 GUPX_F_WRITE);
	EXPECT_EQ(lab_page(), answer.done);
	lab_pinned_frames(answer.pin_fd, self->memory.addr, 1, &pinned);
	EXPECT_NE(before, pinned);
	EXPECT_EQ(pinned, frame_at(&self->target, self->memory.addr));
	EXPECT_EQ(before, frame_at(&child, self->memory.addr));
	close(answer.pin_fd);
	target_stop(&child);
}

/*
 * Row L12: check that a read pin unshares a page that is shared after fork(). The
 * target must keep the pinned page.
 */
TEST_F(row, E7a_read_pin_unshares_after_fork)
{
	struct lab_answer answer;
	struct target child;
	uint64_t before, pinned;

	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr, 1, 'a'));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	before = frame_at(&child, self->memory.addr);
	/* Row O5: a request with NOFAULT must stop. It must not unshare the page. */
	EXPECT_EQ(GUPX_REASON_NOFAULT,
		  pin_once(&self->target, self->memory.addr, lab_page(),
			   GUPX_F_NOFAULT)
			  .stop.reason);
	EXPECT_EQ(before, frame_at(&self->target, self->memory.addr));
	answer = lab_pin(self->target.mem_fd, self->memory.addr, lab_page(), 0);
	EXPECT_EQ(lab_page(), answer.done);
	lab_pinned_frames(answer.pin_fd, self->memory.addr, 1, &pinned);
	EXPECT_NE(before, pinned);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr, 1, 'b'));
	EXPECT_EQ(pinned, frame_at(&self->target, self->memory.addr));
	EXPECT_EQ('a', target_peek(&child, self->memory.addr, 1));
	close(answer.pin_fd);
	target_stop(&child);
}

/*
 * Row E7a for a huge page, where only the head page has the exclusive flag: check
 * that a read pin unshares the huge page.
 */
TEST_F(row, E7a_read_pin_unshares_huge_page)
{
	const uint64_t page = lab_page();
	struct lab_answer answer;
	struct target child;
	uint64_t pinned[4];

	BUILD(MEMORY_THP);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'a'));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	answer = lab_pin(self->target.mem_fd, self->memory.addr + 9 * page,
			 4 * page, 0);
	EXPECT_EQ(4 * page, answer.done);
	lab_pinned_frames(answer.pin_fd, self->memory.addr + 9 * page, 4,
			  pinned);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'b'));
	for (unsigned int i = 0; i < 4; i++) {
		EXPECT_EQ(pinned[i],
			  frame_at(&self->target,
				   self->memory.addr + (9 + i) * page));
		EXPECT_NE(pinned[i],
			  frame_at(&child, self->memory.addr + (9 + i) * page));
	}
	close(answer.pin_fd);
	target_stop(&child);
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, 0);
}

/*
 * Check that a read pin of a private mapping unshares a file page or the zero page.
 * The next write of the target must then go to the pinned page.
 */
static void check_stays_the_targets(struct __test_metadata *_metadata,
				    const struct target *target, uint64_t addr)
{
	const struct lab_answer answer =
		lab_pin(target->mem_fd, addr, lab_page(), 0);
	uint64_t pinned = 0;

	EXPECT_EQ(lab_page(), answer.done);
	lab_pinned_frames(answer.pin_fd, addr, 1, &pinned);
	EXPECT_EQ(pinned, frame_at(target, addr));
	ASSERT_EQ(0, target_poke(target, addr, 1, 'z'));
	EXPECT_EQ(pinned, frame_at(target, addr));
	close(answer.pin_fd);
}

TEST_F(row, E7b_long_pin_of_private_file_page)
{
	BUILD(MEMORY_FILE_PRIVATE);
	ASSERT_LE(0, target_peek(&self->target, self->memory.addr,
				 self->memory.len));
	check_stays_the_targets(_metadata, &self->target, self->memory.addr);
}

TEST_F(row, E7b_long_pin_of_zero_page)
{
	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_peek(&self->target, self->memory.addr,
				 self->memory.len));
	check_stays_the_targets(_metadata, &self->target, self->memory.addr);
}

TEST_F(row, E7b_long_pin_of_huge_zero_page)
{
	BUILD(MEMORY_THP);
	ASSERT_EQ(0, target_peek(&self->target, self->memory.addr,
				 self->memory.len));
	check_stays_the_targets(_metadata, &self->target,
				self->memory.addr + 7 * lab_page());
}

/*
 * Row E5: check that READ with DUMP stops at a huge zero page also if it has just read a
 * huge page of anonymous memory that a fork has made read-only. The two entries differ only
 * in bits that a READ does not look at.
 */
TEST_F(row, E5_dump_stops_at_a_huge_zero_page_after_a_huge_page)
{
	const uint64_t huge = lab_huge_page(), page = lab_page();
	struct lab_answer answer;
	struct target child;
	char bytes[8 * page];
	uint64_t start;

	BUILD(MEMORY_THP);
	start = TARGET_CALL(&self->target, SYS_mmap, 0, 3 * huge,
			    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	start = (start + huge - 1) / huge * huge;
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, start, 2 * huge,
				 MADV_HUGEPAGE));
	ASSERT_EQ(0, target_poke(&self->target, start, page, 1));
	ASSERT_EQ(0, target_peek(&self->target, start + huge, page));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	answer = lab_read(self->target.mem_fd, start + huge - 4 * page,
			  8 * page, bytes, GUPX_F_DUMP);
	EXPECT_EQ(4 * page, answer.done);
	EXPECT_EQ(GUPX_REASON_DUMP_SPECIAL, answer.stop.reason);
	target_stop(&child);
}

/*
 * Row E8z: check that a SHORT pin can pin the zero page, and that the kernel's pin
 * counters do not include the zero page.
 */
TEST_F(row, E8z_zero_page_is_not_counted)
{
	struct gupx_extent run;
	struct gupx_extents head;
	struct lab_answer answer;

	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_peek(&self->target, self->memory.addr,
				 self->memory.len));
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, GUPX_F_SHORT);
	ASSERT_EQ(0, answer.failed);
	EXPECT_EQ(self->memory.len, answer.done);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, &run, 1));
	EXPECT_EQ(self->memory.len, head.bytes);
	EXPECT_EQ(GUPX_EXTENT_ZERO | GUPX_EXTENT_SHORT, run.flags);
	EXPECT_EQ(frame_at(&self->target, self->memory.addr), run.pfn);
	EXPECT_EQ(self->held, lab_pins_held());
	close(answer.pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_F(row, E8_locked_memory_is_like_other)
{
	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mlock, self->memory.addr,
				 self->memory.len));
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, GUPX_F_WRITE);
	/* Check a read pin of the same pages after munlock(). */
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_munlock, self->memory.addr,
				 self->memory.len));
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, 0);
}

/* Row E8: check that a page pinned for writing cannot be reclaimed. */
TEST_F(row, E8_page_pinned_for_writing_is_not_dropped)
{
	struct lab_answer answer;

	if (!lab_swap_is_on())
		SKIP(return, "no swap");
	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'd'));
	answer = lab_pin(self->target.mem_fd, self->memory.addr, lab_page(),
			 GUPX_F_WRITE);
	EXPECT_EQ(lab_page(), answer.done);
	/* Only the pinned page stays resident. */
	EXPECT_EQ(1UL, page_out(&self->target, &self->memory));
	EXPECT_EQ(1UL, lab_resident(self->target.pid, self->memory.addr, 1));
	EXPECT_EQ(0UL,
		  lab_resident(self->target.pid, self->memory.addr + lab_page(),
			       self->memory.len / lab_page() - 1));
	close(answer.pin_fd);
	EXPECT_EQ('d', target_peek(&self->target, self->memory.addr, 1));
}

TEST_HARNESS_MAIN
