// SPDX-License-Identifier: GPL-2.0
/*
 * A fault in a window also maps the pages around it. The tests check that this saves faults,
 * that each page appears at its own address, and that it never maps a page on which a fault
 * of its own would raise a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#ifndef MADV_HWPOISON
#define MADV_HWPOISON 100
#endif

#define PAGE 4096UL
/* Number of pages that a fault maps at most: window.c AROUND_PAGES. */
#define BLOCK 64UL
#define PAGES (2 * BLOCK)

FIXTURE(around)
{
	struct target target;
	uint64_t addr;
	int pin_fd;
	char *window;
};

/* Map @len bytes of a pin fd at an address that begins a block. */
static char *map_window(int pin_fd, size_t len, int prot)
{
	const uintptr_t size = BLOCK * PAGE;
	char *place = mmap(NULL, len + size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (place == MAP_FAILED)
		return place;
	place += -(uintptr_t)place & (size - 1);
	return mmap(place, len, prot, MAP_SHARED | MAP_FIXED, pin_fd, 0);
}

/* The target's pages contain their index. All of them are pinned for writing. */
FIXTURE_SETUP(around)
{
	struct lab_answer answer;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = TARGET_CALL(&self->target, SYS_mmap, 0, PAGES * PAGE,
				 PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TARGET_CALL(&self->target, SYS_madvise, self->addr, PAGES * PAGE,
		    MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		ASSERT_EQ(0, target_poke(&self->target, self->addr + i * PAGE,
					 PAGE, i));
	answer = lab_pin(self->target.mem_fd, self->addr, PAGES * PAGE,
			 GUPX_F_WRITE);
	ASSERT_EQ(PAGES * PAGE, answer.done);
	self->pin_fd = answer.pin_fd;
	self->window = map_window(self->pin_fd, (PAGES + 1) * PAGE,
				  PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->window);
}

FIXTURE_TEARDOWN(around)
{
	munmap(self->window, (PAGES + 1) * PAGE);
	close(self->pin_fd);
	target_stop(&self->target);
}

static long count_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static char read_page(const char *window, size_t index)
{
	return ((const volatile char *)window)[index * PAGE];
}

/* Read the pages from @first on. Returns the number of pages with a wrong byte. */
static size_t count_wrong(const char *window, size_t first, size_t nr)
{
	size_t wrong = 0;

	for (size_t i = first; i < first + nr; i++)
		wrong += read_page(window, i) != (char)i;
	return wrong;
}

TEST_F(around, one_fault_maps_a_block)
{
	long faults;

	count_faults();
	faults = count_faults();
	EXPECT_EQ(0U, count_wrong(self->window, 0, BLOCK));
	EXPECT_EQ(faults + 1, count_faults());
	EXPECT_EQ(0U, count_wrong(self->window, BLOCK, BLOCK));
	EXPECT_EQ(faults + 2, count_faults());
}

TEST_F(around, fault_in_the_middle_maps_the_pages_before_it)
{
	long faults;

	EXPECT_EQ(17, read_page(self->window, 17));
	faults = count_faults();
	EXPECT_EQ(0U, count_wrong(self->window, 0, BLOCK));
	EXPECT_EQ(faults, count_faults());
}

/* A window of the middle of a pin fd: the block begins before the mapping and ends after it. */
TEST_F(around, pages_outside_the_mapping_stay_out)
{
	char *part = self->window + 8 * PAGE;

	ASSERT_EQ(part, mmap(part, 4 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED,
			     self->pin_fd, 20 * PAGE));
	for (char i = 0; i < 4; i++)
		EXPECT_EQ(20 + i, read_page(part, i));
	EXPECT_EQ(7, read_page(self->window, 7));
	EXPECT_EQ(12, read_page(self->window, 12));
}

TEST_F(around, page_past_the_end_is_not_mapped)
{
	EXPECT_EQ(0U, count_wrong(self->window, 0, PAGES));
	EXPECT_FALSE(lab_can_read(self->window + PAGES * PAGE));
}

/* Write one byte to @at. Returns true if this was possible. */
static bool can_write(char *at)
{
	int line[2];
	bool done;

	if (pipe(line))
		return false;
	done = write(line[1], "W", 1) == 1 && read(line[0], at, 1) == 1;
	close(line[0]);
	close(line[1]);
	return done;
}

/*
 * A page that is pinned for reading is added after the mmap(). A fault on the page before it
 * must not map it. If it did, mprotect() could make the entry writable. The window shows the
 * last page that was pinned for writing and the added page.
 */
TEST_F(around, page_pinned_for_reading_is_not_mapped)
{
	char *added, *window = map_window(self->pin_fd, 2 * PAGE,
					  PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, window);
	added = window + PAGE;
	window = mmap(window, 2 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_FIXED, self->pin_fd, (PAGES - 1) * PAGE);
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(PAGE, lab_pin_more(self->pin_fd, self->target.mem_fd,
				     self->addr, PAGE, 0)
				.done);
	ASSERT_EQ(0, mprotect(window, 2 * PAGE, PROT_READ));
	EXPECT_EQ((char)(PAGES - 1), read_page(window, 0));
	EXPECT_FALSE(lab_can_read(added));
	ASSERT_EQ(0, mprotect(window, 2 * PAGE, PROT_READ | PROT_WRITE));
	window[0] = PAGES - 1;
	EXPECT_FALSE(lab_can_read(added));
	EXPECT_FALSE(can_write(added));
	EXPECT_EQ(0, target_peek(&self->target, self->addr, PAGE));
	munmap(window, 2 * PAGE);
}

TEST_F(around, released_page_is_not_mapped)
{
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 5 * PAGE, 2 * PAGE, NULL));
	EXPECT_EQ(4, read_page(self->window, 4));
	EXPECT_FALSE(lab_can_read(self->window + 5 * PAGE));
	EXPECT_FALSE(lab_can_read(self->window + 6 * PAGE));
	EXPECT_EQ(0U, count_wrong(self->window, 7, PAGES - 7));
}

TEST_F(around, released_page_is_unmapped)
{
	EXPECT_EQ(0U, count_wrong(self->window, 0, BLOCK));
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 5 * PAGE, 2 * PAGE, NULL));
	EXPECT_FALSE(lab_can_read(self->window + 5 * PAGE));
	EXPECT_EQ(4, read_page(self->window, 4));
	EXPECT_EQ(7, read_page(self->window, 7));
}

TEST_F(around, poisoned_page_is_not_mapped)
{
	if (TARGET_CALL(&self->target, SYS_madvise, self->addr + 9 * PAGE, PAGE,
			MADV_HWPOISON))
		SKIP(return, "no MADV_HWPOISON");
	EXPECT_EQ(8, read_page(self->window, 8));
	EXPECT_FALSE(lab_can_read(self->window + 9 * PAGE));
	EXPECT_EQ(0U, count_wrong(self->window, 10, PAGES - 10));
}

/* All bytes that are written through pages that a fault has mapped around reach the target. */
TEST_F(around, writes_reach_the_target)
{
	EXPECT_EQ(0, read_page(self->window, 0));
	for (size_t i = 0; i < BLOCK; i++)
		self->window[i * PAGE] = 0x40 ^ i;
	for (size_t i = 0; i < BLOCK; i++)
		EXPECT_EQ((long)(0x40 ^ i),
			  target_peek(&self->target, self->addr + i * PAGE,
				      PAGE));
}

#define HUGE (2UL << 20)
#define HUGE_PAGES (HUGE / PAGE)

FIXTURE(huge)
{
	struct target target;
	const char *missing;
	uint64_t addr;
	int pin_fd;
	char *window;
};

/* Map a pin fd where a PMD entry can map a huge page of it. */
static char *map_huge_window(int pin_fd, int prot)
{
	char *place = mmap(NULL, 2 * HUGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (place == MAP_FAILED)
		return place;
	place += -(uintptr_t)place & (HUGE - 1);
	return mmap(place, HUGE, prot, MAP_SHARED | MAP_FIXED, pin_fd, 0);
}

/* The pages of a huge page of the target contain their index, and all are pinned. */
FIXTURE_SETUP(huge)
{
	struct lab_answer answer;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->pin_fd = -1;
	self->window = MAP_FAILED;
	self->addr = memory_map_aligned(&self->target, HUGE);
	ASSERT_NE(0UL, self->addr);
	TARGET_CALL(&self->target, SYS_madvise, self->addr, HUGE,
		    MADV_HUGEPAGE);
	for (size_t i = 0; i < HUGE_PAGES; i++)
		ASSERT_EQ(0, target_poke(&self->target, self->addr + i * PAGE,
					 PAGE, i));
	if (target_smaps(&self->target, self->addr, "AnonHugePages:") < 2048) {
		self->missing = "no huge page";
		return;
	}
	answer = lab_pin(self->target.mem_fd, self->addr, HUGE, GUPX_F_WRITE);
	ASSERT_EQ(HUGE, answer.done);
	self->pin_fd = answer.pin_fd;
	self->window = map_huge_window(self->pin_fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->window);
}

FIXTURE_TEARDOWN(huge)
{
	if (self->window != MAP_FAILED)
		munmap(self->window, HUGE);
	if (self->pin_fd >= 0)
		close(self->pin_fd);
	target_stop(&self->target);
}

/* One fault, or one for each block on kernels that cannot map huge pages in a window. */
TEST_F(huge, few_faults_map_a_huge_page)
{
	long faults;

	SKIP_IF_MISSING();
	count_faults();
	faults = count_faults();
	EXPECT_EQ(0U, count_wrong(self->window, 0, HUGE_PAGES));
	faults = count_faults() - faults;
	EXPECT_TRUE(faults == 1 || faults == HUGE_PAGES / BLOCK)
	TH_LOG("%ld faults", faults);
}

TEST_F(huge, writes_reach_the_target)
{
	SKIP_IF_MISSING();
	for (size_t i = 0; i < HUGE_PAGES; i++)
		self->window[i * PAGE] = i ^ 0x40;
	for (size_t i = 0; i < HUGE_PAGES; i++)
		ASSERT_EQ((unsigned char)(i ^ 0x40),
			  target_peek(&self->target, self->addr + i * PAGE,
				      PAGE));
}

TEST_F(huge, released_page_is_unmapped)
{
	SKIP_IF_MISSING();
	EXPECT_EQ(0U, count_wrong(self->window, 0, HUGE_PAGES));
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 5 * PAGE, PAGE, NULL));
	EXPECT_FALSE(lab_can_read(self->window + 5 * PAGE));
	EXPECT_EQ(0U, count_wrong(self->window, 0, 5));
	EXPECT_EQ(0U, count_wrong(self->window, 6, HUGE_PAGES - 6));
	EXPECT_FALSE(lab_can_read(self->window + 5 * PAGE));
}

TEST_F(huge, parts_are_unmapped_protected_and_moved)
{
	char *const place =
		mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SKIP_IF_MISSING();
	EXPECT_EQ(7, read_page(self->window, 7));
	ASSERT_EQ(0, munmap(self->window + 8 * PAGE, PAGE));
	EXPECT_FALSE(lab_can_read(self->window + 8 * PAGE));
	ASSERT_EQ(0, mprotect(self->window + 20 * PAGE, PAGE, PROT_READ));
	EXPECT_FALSE(can_write(self->window + 20 * PAGE));
	EXPECT_TRUE(can_write(self->window + 21 * PAGE));
	ASSERT_EQ(0, mprotect(self->window + 20 * PAGE, PAGE,
			      PROT_READ | PROT_WRITE));
	EXPECT_TRUE(can_write(self->window + 20 * PAGE));
	ASSERT_EQ(place, mremap(self->window + 30 * PAGE, PAGE, PAGE,
				MREMAP_MAYMOVE | MREMAP_FIXED, place));
	EXPECT_EQ(30, read_page(place, 0));
	EXPECT_EQ(0U, count_wrong(self->window, 31, HUGE_PAGES - 31));
	munmap(place, PAGE);
}

/* A page of the huge page is pinned for reading only: no PMD entry may map it for writing. */
TEST_F(huge, part_pinned_for_reading)
{
	struct lab_answer answer;
	char *window;

	SKIP_IF_MISSING();
	answer = lab_pin(self->target.mem_fd, self->addr, HUGE - PAGE,
			 GUPX_F_WRITE);
	ASSERT_EQ(HUGE - PAGE, answer.done);
	window = map_huge_window(answer.pin_fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(PAGE, lab_pin_more(answer.pin_fd, self->target.mem_fd,
				     self->addr + HUGE - PAGE, PAGE, 0)
				.done);
	EXPECT_EQ(0, read_page(window, 0));
	EXPECT_FALSE(lab_can_read(window + HUGE - PAGE));
	ASSERT_EQ(0, mprotect(window, HUGE, PROT_READ));
	EXPECT_EQ(1, read_page(window, 1));
	EXPECT_FALSE(lab_can_read(window + HUGE - PAGE));
	ASSERT_EQ(0, mprotect(window, HUGE, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(can_write(window + PAGE));
	EXPECT_FALSE(can_write(window + HUGE - PAGE));
	munmap(window, HUGE);
	close(answer.pin_fd);
}

TEST_F(huge, read_only_window_never_becomes_writable)
{
	char *window;

	SKIP_IF_MISSING();
	window = map_huge_window(self->pin_fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(0U, count_wrong(window, 0, HUGE_PAGES));
	EXPECT_FALSE(can_write(window));
	EXPECT_EQ(-1, mprotect(window, HUGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(window, HUGE);
}

/* vmsplice() uses get_user_pages_fast(), which must not take pages of a window. */
TEST_F(huge, gup_fast_does_not_enter_it)
{
	struct iovec vec = { .iov_base = self->window, .iov_len = PAGE };
	int line[2];

	SKIP_IF_MISSING();
	EXPECT_EQ(0, read_page(self->window, 0));
	ASSERT_EQ(0, pipe(line));
	EXPECT_EQ(-1, vmsplice(line[1], &vec, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	close(line[0]);
	close(line[1]);
}

TEST_HARNESS_MAIN
