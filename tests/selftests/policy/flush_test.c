// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of row L21: __get_user_pages() calls flush_dcache_page() for each page that it
 * hands out. On arm64 this clears the flag that the instruction cache is in sync with the
 * page, which /proc/kpageflags shows. The tests are skipped where pages have no such flag.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "row.h"

/* PG_arch_1, see fs/proc/page.c. */
#define KPF_ARCH (1ULL << 38)
#define NR_PAGES 24

/* Count the pages of a range that have the flag. Returns -1 on failure. */
static int count_in_sync(const struct target *target, uint64_t addr,
			 unsigned int nr)
{
	const int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	int found = 0;

	for (unsigned int i = 0; i < nr && fd >= 0; i++) {
		const uint64_t frame = LAB_PM_FRAME(
			lab_pagemap_word(target->pid, addr + i * lab_page()));
		uint64_t flags = 0;

		if (pread(fd, &flags, sizeof(flags), frame * sizeof(flags)) ==
			    sizeof(flags) &&
		    flags & KPF_ARCH)
			found++;
	}
	if (fd < 0)
		return -1;
	close(fd);
	return found;
}

/* Map executable pages, and let the kernel synchronize the instruction cache with them. */
static uint64_t map_code(const struct target *target, uint64_t len)
{
	const long addr = TARGET_CALL(target, SYS_mmap, 0, len,
				      PROT_READ | PROT_WRITE | PROT_EXEC,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr < 0 || target_poke(target, addr, len, 'x'))
		return 0;
	return addr;
}

#define BUILD_CODE()                                                          \
	do {                                                                  \
		addr = map_code(&self->target, NR_PAGES * lab_page());        \
		ASSERT_NE(0ULL, addr);                                        \
		if (count_in_sync(&self->target, addr, NR_PAGES) != NR_PAGES) \
			SKIP(return, "pages have no flag to be cleared");     \
	} while (0)

static void check_pin(struct __test_metadata *_metadata,
		      FIXTURE_DATA(row) * self, uint32_t flags)
{
	uint64_t addr;

	BUILD_CODE();
	EXPECT_EQ((NR_PAGES - 4) * lab_page(),
		  pin_once(&self->target, addr, (NR_PAGES - 4) * lab_page(),
			   flags)
			  .done);
	EXPECT_EQ(4, count_in_sync(&self->target, addr, NR_PAGES));
}

TEST_F(row, L21_pin_clears_the_flag)
{
	check_pin(_metadata, self, 0);
}

TEST_F(row, L21_pin_for_writing_clears_the_flag)
{
	check_pin(_metadata, self, GUPX_F_WRITE);
}

TEST_F(row, L21_pin_by_the_kernel_clears_the_flag)
{
	check_pin(_metadata, self, GUPX_F_ENGINE_KERNEL);
}

TEST_F(row, L21_read_clears_the_flag)
{
	static char bytes[2 << 16];
	uint64_t addr;

	BUILD_CODE();
	EXPECT_EQ(2 * lab_page(),
		  lab_read(self->target.mem_fd, addr, 2 * lab_page(), bytes, 0)
			  .done);
	EXPECT_EQ(NR_PAGES - 2, count_in_sync(&self->target, addr, NR_PAGES));
}

/* POPULATE hands out no page, so nothing is flushed. */
TEST_F(row, L21_populate_leaves_the_flag)
{
	uint64_t addr;

	BUILD_CODE();
	EXPECT_EQ(NR_PAGES * lab_page(),
		  lab_populate(self->target.mem_fd, addr, NR_PAGES * lab_page(),
			       GUPX_F_WRITE)
			  .done);
	EXPECT_EQ(NR_PAGES, count_in_sync(&self->target, addr, NR_PAGES));
}

TEST_HARNESS_MAIN
