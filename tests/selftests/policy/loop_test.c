// SPDX-License-Identifier: GPL-2.0
/* Tests of rows L and O: the inner loop and the outer loop of GUP. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "row.h"

TEST_F(row, L5_populate_hole_is_ENOMEM)
{
	struct lab_answer answer;

	BUILD(MEMORY_HOLE);
	answer = lab_populate(self->target.mem_fd, self->memory.addr,
			      self->memory.len, 0);
	check_stops(_metadata, &answer, ENOMEM, GUPX_STAGE_LOOKUP,
		    GUPX_REASON_NO_MAPPING);
}

TEST_F(row, L6_populate_unfit_is_EINVAL)
{
	struct lab_answer answer;

	BUILD(MEMORY_READ_ONLY);
	answer = lab_populate(self->target.mem_fd, self->memory.addr,
			      self->memory.len, GUPX_F_WRITE);
	check_stops(_metadata, &answer, EINVAL, GUPX_STAGE_VMA,
		    GUPX_REASON_NO_WRITE);
	BUILD(MEMORY_PFNMAP);
	answer = lab_populate(self->target.mem_fd, self->memory.addr,
			      self->memory.len, 0);
	check_stops(_metadata, &answer, EINVAL, GUPX_STAGE_VMA,
		    GUPX_REASON_IO_MAPPING);
}

/*
 * Row L7 (gate page, read only): the vsyscall page does not exist with vsyscall=none,
 * which is the default of Debian, and cannot be read with vsyscall=xonly. A module
 * cannot distinguish these two modes. So check only that the errno is the same as the
 * kernel's.
 */
TEST_F(row, L7_vsyscall_page)
{
	const uint64_t vsyscall = 0xffffffffff600000;
	const struct lab_answer mine =
		pin_once(&self->target, vsyscall, lab_page(), 0);
	const struct lab_answer kernel = pin_once(
		&self->target, vsyscall, lab_page(), GUPX_F_ENGINE_KERNEL);
	const struct lab_answer written =
		pin_once(&self->target, vsyscall, lab_page(), GUPX_F_WRITE);

	EXPECT_EQ(lab_gup_return(&kernel), lab_gup_return(&mine));
	if (mine.stop.error) {
		EXPECT_TRUE(mine.stop.reason == GUPX_REASON_GATE_EMPTY ||
			    mine.stop.reason == GUPX_REASON_NO_MAPPING);
	}
	EXPECT_EQ(-EFAULT, lab_gup_return(&written));
}

TEST_F(row, L8_stack_is_never_grown)
{
	uint64_t first, end, now, now_end;

	ASSERT_TRUE(
		target_find_mapping(&self->target, "[stack]", &first, &end));
	check_refused(_metadata, &self->target, first - lab_page(), 0,
		      GUPX_STAGE_LOOKUP, GUPX_REASON_NO_MAPPING);
	check_refused(_metadata, &self->target, first - lab_page(),
		      GUPX_F_WRITE, GUPX_STAGE_LOOKUP, GUPX_REASON_NO_MAPPING);
	ASSERT_TRUE(
		target_find_mapping(&self->target, "[stack]", &now, &now_end));
	EXPECT_EQ(first, now);
	EXPECT_EQ(end, now_end);
}

TEST_F(row, L8_beyond_user_addresses)
{
	static const uint64_t addresses[] = {
		0,
		0x7ffffffff000,
		0x800000000000,
		0xffff800000000000,
		0xffffffff81000000,
		0xffffffffff000000,
	};

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		check_refused(_metadata, &self->target, addresses[i], 0,
			      GUPX_STAGE_LOOKUP, GUPX_REASON_NO_MAPPING);
}

/*
 * Row L15: a fault beyond the end of the file fails with SIGBUS. Check that the errno
 * is EFAULT.
 */
TEST_F(row, L15_beyond_end_of_file)
{
	struct lab_answer answer;
	long fd;

	fd = memory_open_file(&self->target, "/tmp", lab_page());
	ASSERT_LE(0, fd);
	self->memory.addr =
		TARGET_CALL(&self->target, SYS_mmap, 0, 4 * lab_page(),
			    PROT_READ, MAP_SHARED, fd, 0);
	check_refused(_metadata, &self->target, self->memory.addr + lab_page(),
		      0, GUPX_STAGE_FAULT, GUPX_REASON_FAULT_SIGBUS);
	answer = lab_populate(self->target.mem_fd, self->memory.addr,
			      4 * lab_page(), 0);
	EXPECT_EQ(lab_page(), answer.done);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_FAULT,
		    GUPX_REASON_FAULT_SIGBUS);
}

/*
 * Row L15: check that the errno for a poisoned page is EHWPOISON in a PIN request
 * with HWPOISON and in a POPULATE request.
 */
TEST_F(row, L15_poisoned_page)
{
	struct lab_answer answer;
	long poisoned;

	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'x'));
	poisoned = TARGET_CALL(&self->target, SYS_madvise, self->memory.addr,
			       lab_page(), MADV_HWPOISON);
	if (poisoned == -EINVAL)
		SKIP(return, "this kernel cannot poison memory");
	ASSERT_EQ(0, poisoned);
	check_refused(_metadata, &self->target, self->memory.addr, 0,
		      GUPX_STAGE_FAULT, GUPX_REASON_FAULT_HWPOISON);
	answer = pin_once(&self->target, self->memory.addr, lab_page(),
			  GUPX_F_HWPOISON);
	check_stops(_metadata, &answer, EHWPOISON, GUPX_STAGE_FAULT,
		    GUPX_REASON_FAULT_HWPOISON);
	answer = lab_populate(self->target.mem_fd, self->memory.addr,
			      lab_page(), 0);
	check_stops(_metadata, &answer, EHWPOISON, GUPX_STAGE_FAULT,
		    GUPX_REASON_FAULT_HWPOISON);
}

/*
 * Row L19: check that a pin of a part of a huge page is one extent with the correct
 * frames.
 */
TEST_F(row, L19_parts_of_a_huge_page)
{
	const uint64_t page = lab_page();
	struct gupx_extent run;
	struct gupx_extents head;
	struct lab_answer answer;

	BUILD(MEMORY_THP);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'x'));
	if (target_smaps(&self->target, self->memory.addr, "AnonHugePages:") <=
	    0)
		SKIP(return, "no huge page to be had");
	answer = lab_pin(self->target.mem_fd, self->memory.addr + 5 * page,
			 7 * page, GUPX_F_WRITE);
	ASSERT_EQ(0, answer.failed);
	EXPECT_EQ(7 * page, answer.done);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, &run, 1));
	EXPECT_EQ(1ULL, head.total);
	EXPECT_EQ(self->memory.addr + 5 * page, run.addr);
	EXPECT_EQ(7 * page, run.len);
	EXPECT_EQ(self->memory.len / 2, page << run.order);
	EXPECT_EQ(LAB_PM_FRAME(lab_pagemap_word(self->target.pid,
						self->memory.addr + 5 * page)),
		  run.pfn);
	EXPECT_EQ(self->held + 7, lab_pins_held());
	close(answer.pin_fd);
	check_taken(_metadata, &self->target,
		    self->memory.addr + self->memory.len / 2 - 2 * page,
		    4 * page, GUPX_F_WRITE);
}

/*
 * Row L19 (step over a large mapping): gupx can take several PTEs of one large folio in
 * one step. Check that such a step does not go beyond the end of a VMA.
 */
TEST_F(row, L19_huge_page_mapped_by_small_entries)
{
	const uint64_t page = lab_page();
	struct lab_answer answer;

	BUILD(MEMORY_THP);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'x'));
	if (target_smaps(&self->target, self->memory.addr, "AnonHugePages:") <=
	    0)
		SKIP(return, "no huge page to be had");
	ASSERT_EQ(0,
		  TARGET_CALL(&self->target, SYS_mprotect,
			      self->memory.addr + 3 * page, page, PROT_READ));
	answer = pin_once(&self->target, self->memory.addr, 8 * page,
			  GUPX_F_WRITE);
	EXPECT_EQ(3 * page, answer.done);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_VMA,
		    GUPX_REASON_NO_WRITE);
	check_taken(_metadata, &self->target, self->memory.addr, 8 * page, 0);
	check_taken(_metadata, &self->target, self->memory.addr + 4 * page,
		    16 * page, GUPX_F_WRITE);
}

TEST_F(row, O5_nofault_takes_what_is_there)
{
	const uint64_t page = lab_page();
	struct lab_answer answer;

	BUILD(MEMORY_ANON);
	check_refused(_metadata, &self->target, self->memory.addr,
		      GUPX_F_NOFAULT, GUPX_STAGE_FOLLOW, GUPX_REASON_NOFAULT);
	ASSERT_EQ(0,
		  target_poke(&self->target, self->memory.addr, 3 * page, 'x'));
	answer = pin_once(&self->target, self->memory.addr, self->memory.len,
			  GUPX_F_NOFAULT);
	EXPECT_EQ(3 * page, answer.done);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_FOLLOW,
		    GUPX_REASON_NOFAULT);
	EXPECT_EQ(3UL, lab_resident(self->target.pid, self->memory.addr,
				    self->memory.len / page));
	answer = lab_read(self->target.mem_fd, self->memory.addr,
			  self->memory.len, calloc(1, self->memory.len),
			  GUPX_F_NOFAULT);
	EXPECT_EQ(3 * page, answer.done);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_FOLLOW,
		    GUPX_REASON_NOFAULT);
}

/*
 * Check rows L4 (each VMA is checked) and L22 (the result is the number of pages
 * done) with adjacent VMAs that have different protections.
 */
TEST_F(row, L4_L22_next_mapping_is_judged_for_itself)
{
	const uint64_t page = lab_page();
	struct lab_answer answer;

	BUILD(MEMORY_ANON);
	ASSERT_EQ(0,
		  TARGET_CALL(&self->target, SYS_mprotect,
			      self->memory.addr + 5 * page, page, PROT_READ));
	ASSERT_EQ(0,
		  TARGET_CALL(&self->target, SYS_mprotect,
			      self->memory.addr + 9 * page, page, PROT_NONE));
	answer = pin_once(&self->target, self->memory.addr, self->memory.len,
			  GUPX_F_WRITE);
	EXPECT_EQ(5 * page, answer.done);
	EXPECT_EQ(self->memory.addr + 5 * page, answer.stop.addr);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_VMA,
		    GUPX_REASON_NO_WRITE);
	answer =
		pin_once(&self->target, self->memory.addr, self->memory.len, 0);
	EXPECT_EQ(9 * page, answer.done);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_VMA,
		    GUPX_REASON_NO_READ);
}

TEST_HARNESS_MAIN
