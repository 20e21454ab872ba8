// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of hugetlb memory with 2 MiB pages. If the machine supports 1 GiB pages (boot
 * with hugepagesz=1G hugepages=2), they are also tested.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "row.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

#define HUGE (2ULL << 20)
#define GIGANTIC (1ULL << 30)
#define NR_PAGES 1024
#define LEN (2 * HUGE)
#define READ_WRITE (PROT_READ | PROT_WRITE)

static long map_huge(const struct target *target, uint64_t len, int protection,
		     int flags)
{
	return TARGET_CALL(target, SYS_mmap, 0, len, protection,
			   MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);
}

/* Reserve enough huge pages for two targets and a child. */
#define NEED_HUGE_PAGES()                                        \
	do {                                                     \
		if (!sysctl_reserve_huge(8))                     \
			SKIP(return, "no huge pages to be had"); \
	} while (0)

FIXTURE(hugetlb)
{
	struct target target;
	long held;
	uint64_t pinned[NR_PAGES];
	uint64_t mapped[NR_PAGES];
};

FIXTURE_VARIANT(hugetlb)
{
	int mapping;
	uint32_t flags;
};

#define KIND(name, which, how)                      \
	FIXTURE_VARIANT_ADD(hugetlb, name)          \
	{                                           \
		.mapping = (which), .flags = (how), \
	}

KIND(private_read, MAP_PRIVATE, 0);
KIND(private_write, MAP_PRIVATE, GUPX_F_WRITE);
KIND(shared_read, MAP_SHARED, 0);
KIND(shared_write, MAP_SHARED, GUPX_F_WRITE);

FIXTURE_SETUP(hugetlb)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->held = lab_pins_held();
	ASSERT_LE(0, self->held);
}

FIXTURE_TEARDOWN(hugetlb)
{
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

/*
 * Check the total length of all extents of the pin fd, and the folio order and the
 * engine of each extent.
 */
static void check_runs(struct __test_metadata *_metadata, int pin_fd,
		       uint64_t bytes, uint32_t order, uint32_t engine)
{
	struct gupx_extent runs[8];
	struct gupx_extents head;

	ASSERT_EQ(0, lab_extents(pin_fd, &head, runs, ARRAY_SIZE(runs)));
	EXPECT_EQ(bytes, head.bytes);
	EXPECT_EQ(head.total, head.count);
	for (uint32_t i = 0; i < head.count; i++) {
		EXPECT_EQ(order, runs[i].order);
		EXPECT_EQ(engine, runs[i].flags & GUPX_EXTENT_ENGINE_KERNEL);
	}
}

/* Check that each pinned frame is the frame that the target maps. */
static void check_frames(struct __test_metadata *_metadata,
			 FIXTURE_DATA(hugetlb) * self, int pin_fd,
			 uint64_t addr, size_t nr)
{
	ASSERT_EQ(nr, lab_pinned_frames(pin_fd, addr, nr, self->pinned));
	ASSERT_EQ(nr, lab_pagemap(self->target.pid, addr, nr, self->mapped));
	for (size_t i = 0; i < nr; i++)
		ASSERT_EQ(LAB_PM_FRAME(self->mapped[i]), self->pinned[i]);
}

static void pin_and_check(struct __test_metadata *_metadata,
			  FIXTURE_DATA(hugetlb) * self, uint64_t addr,
			  uint64_t len, uint32_t flags)
{
	const struct lab_answer answer =
		lab_pin(self->target.mem_fd, addr, len, flags);
	const bool kernel = flags & GUPX_F_ENGINE_KERNEL;

	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(len, answer.done)
	TH_LOG("stage %u, reason %u", answer.stop.stage, answer.stop.reason);
	EXPECT_EQ(self->held + (long)(len / lab_page()), lab_pins_held());
	check_frames(_metadata, self, answer.pin_fd, addr, len / lab_page());
	check_runs(_metadata, answer.pin_fd, len, 9,
		   kernel ? GUPX_EXTENT_ENGINE_KERNEL : 0);
	close(answer.pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
}

/*
 * Rows L19 (step over a large mapping) and L21 (correct subpages): pin two huge
 * pages, first as a whole and then in part, with both engines.
 */
TEST_F(hugetlb, L19_resident)
{
	const uint64_t page = lab_page();
	long addr;

	NEED_HUGE_PAGES();
	addr = map_huge(&self->target, LEN, READ_WRITE, variant->mapping);
	ASSERT_LT(0, addr);
	ASSERT_EQ(0, target_poke(&self->target, addr, LEN, 'h'));
	for (uint32_t engine = 0; engine <= GUPX_F_ENGINE_KERNEL;
	     engine += GUPX_F_ENGINE_KERNEL) {
		const uint32_t flags = variant->flags | engine;

		pin_and_check(_metadata, self, addr, LEN, flags);
		pin_and_check(_metadata, self, addr + HUGE - 3 * page, 7 * page,
			      flags);
		pin_and_check(_metadata, self, addr + 5 * page, page, flags);
	}
	EXPECT_EQ((long)(LEN / page) * 'h',
		  target_peek(&self->target, addr, LEN));
}

TEST_F(hugetlb, L11_absent)
{
	long addr;

	NEED_HUGE_PAGES();
	addr = map_huge(&self->target, LEN, READ_WRITE, variant->mapping);
	ASSERT_LT(0, addr);
	EXPECT_EQ(GUPX_REASON_NOFAULT, pin_once(&self->target, addr, lab_page(),
						variant->flags | GUPX_F_NOFAULT)
					       .stop.reason);
	pin_and_check(_metadata, self, addr, LEN, variant->flags);
}

/* Check that POPULATE of one small page faults in the whole huge page. */
TEST_F(hugetlb, O7_populate)
{
	struct lab_answer answer;
	long addr;

	NEED_HUGE_PAGES();
	addr = map_huge(&self->target, LEN, READ_WRITE, variant->mapping);
	ASSERT_LT(0, addr);
	answer = lab_populate(self->target.mem_fd, addr, lab_page(),
			      variant->flags);
	EXPECT_EQ(lab_page(), answer.done);
	EXPECT_EQ((size_t)NR_PAGES / 2,
		  lab_resident(self->target.pid, addr, NR_PAGES));
	answer = lab_populate(self->target.mem_fd, addr, LEN, variant->flags);
	EXPECT_EQ(LEN, answer.done);
	EXPECT_EQ((size_t)NR_PAGES,
		  lab_resident(self->target.pid, addr, NR_PAGES));
}

TEST_F(hugetlb, L21_read)
{
	static unsigned char mine[3 * 4096], kernel[3 * 4096];
	const struct iovec local = { .iov_base = kernel,
				     .iov_len = sizeof(kernel) };
	struct iovec remote = { .iov_len = sizeof(kernel) };
	long addr;

	NEED_HUGE_PAGES();
	addr = map_huge(&self->target, LEN, READ_WRITE, variant->mapping);
	ASSERT_LT(0, addr);
	for (unsigned int i = 0; i < NR_PAGES; i++)
		ASSERT_EQ(0, target_poke(&self->target, addr + i * lab_page(),
					 1, i));
	/* Read across the boundary of two huge pages. */
	remote.iov_base = (void *)(addr + HUGE - lab_page() - 77);
	ASSERT_EQ((ssize_t)sizeof(kernel),
		  process_vm_readv(self->target.pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(sizeof(mine),
		  lab_read(self->target.mem_fd, (uint64_t)remote.iov_base,
			   sizeof(mine), mine, 0)
			  .done);
	EXPECT_EQ(0, memcmp(mine, kernel, sizeof(mine)));
}

/*
 * Row O1: check that fork() copies pinned huge pages of a private mapping, so that
 * the parent keeps the pinned pages. Pages of a shared mapping must stay shared.
 */
TEST_F(hugetlb, O1_target_forks_while_pinned)
{
	const bool shared = variant->mapping == MAP_SHARED;
	struct lab_answer answer;
	struct target child;
	long addr;

	NEED_HUGE_PAGES();
	addr = map_huge(&self->target, LEN, READ_WRITE, variant->mapping);
	ASSERT_LT(0, addr);
	ASSERT_EQ(0, target_poke(&self->target, addr, LEN, 1));
	answer = lab_pin(self->target.mem_fd, addr, LEN, variant->flags);
	ASSERT_EQ(LEN, answer.done);
	ASSERT_EQ(0, target_fork(&self->target, &child));
	EXPECT_EQ(0, target_poke(&self->target, addr, LEN, 2));
	EXPECT_EQ((shared ? 2 : 1) * NR_PAGES, target_peek(&child, addr, LEN));
	check_frames(_metadata, self, answer.pin_fd, addr, NR_PAGES);
	/* A write in the child must not affect the parent's private pages. */
	EXPECT_EQ(0, target_poke(&child, addr, LEN, 3));
	EXPECT_EQ((shared ? 3 : 2) * NR_PAGES,
		  target_peek(&self->target, addr, LEN));
	check_frames(_metadata, self, answer.pin_fd, addr, NR_PAGES);
	target_stop(&child);
	close(answer.pin_fd);
}

/*
 * Rows E4 (a write breaks COW) and E7a (a read pin unshares): check a huge page that
 * is shared after fork(). The target must keep the pinned copy.
 */
TEST_F(hugetlb, E7a_pin_after_fork)
{
	struct lab_answer answer;
	struct target child;
	uint64_t before;
	long addr;

	NEED_HUGE_PAGES();
	addr = map_huge(&self->target, LEN, READ_WRITE, variant->mapping);
	ASSERT_LT(0, addr);
	ASSERT_EQ(0, target_poke(&self->target, addr, LEN, 1));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	before = LAB_PM_FRAME(lab_pagemap_word(self->target.pid, addr));
	answer = lab_pin(self->target.mem_fd, addr + 9 * lab_page(),
			 4 * lab_page(), variant->flags);
	EXPECT_EQ(4 * lab_page(), answer.done);
	ASSERT_EQ(0, target_poke(&self->target, addr, LEN, 2));
	check_frames(_metadata, self, answer.pin_fd, addr + 9 * lab_page(), 4);
	if (variant->mapping == MAP_PRIVATE) {
		EXPECT_NE(before + 9, self->pinned[0]);
		EXPECT_EQ(NR_PAGES, target_peek(&child, addr, LEN));
	} else {
		EXPECT_EQ(before + 9, self->pinned[0]);
	}
	close(answer.pin_fd);
	target_stop(&child);
}

/*
 * Row V8: check that gupx refuses FORCE writes to hugetlb memory, like Linux 6.12.
 * The kernel's engine is not tested, because Linux 7.2 allows these writes.
 */
TEST_F(row, V8_force_does_not_write_to_hugetlb)
{
	struct lab_answer answer;
	long addr;

	NEED_HUGE_PAGES();
	addr = map_huge(&self->target, LEN, PROT_READ, MAP_PRIVATE);
	ASSERT_LT(0, addr);
	answer = pin_once(&self->target, addr, lab_page(),
			  GUPX_F_WRITE | GUPX_F_FORCE);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_VMA,
		    GUPX_REASON_FORCE_HUGETLB);
	check_taken(_metadata, &self->target, addr, lab_page(), GUPX_F_FORCE);
}

/*
 * Row E2: check that DUMP stops at an empty hugetlb entry, unless the page is in the
 * page cache.
 */
TEST_F(row, E2_dump_of_untouched_hugetlb)
{
	struct target child;
	long addr;

	NEED_HUGE_PAGES();
	addr = map_huge(&self->target, LEN, READ_WRITE, MAP_PRIVATE);
	ASSERT_LT(0, addr);
	check_refused(_metadata, &self->target, addr, GUPX_F_DUMP,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_DUMP_EMPTY);
	addr = map_huge(&self->target, LEN, READ_WRITE, MAP_SHARED);
	ASSERT_LT(0, addr);
	check_refused(_metadata, &self->target, addr, GUPX_F_DUMP,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_DUMP_EMPTY);
	/*
	 * The child faults in one page of the file. The target's page table entry for
	 * this page is still empty.
	 */
	ASSERT_EQ(0, target_fork(&self->target, &child));
	ASSERT_EQ(0, target_poke(&child, addr + HUGE, 1, 'c'));
	check_refused(_metadata, &self->target, addr, GUPX_F_DUMP,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_DUMP_EMPTY);
	check_taken(_metadata, &self->target, addr + HUGE, HUGE, GUPX_F_DUMP);
	target_stop(&child);
}

/*
 * Row L15: check a fault when the pool of huge pages is empty and no page is
 * reserved. The fault must fail with SIGBUS.
 */
TEST_F(row, L15_empty_hugetlb_pool)
{
	uint64_t free;
	long addr, all;

	NEED_HUGE_PAGES();
	free = lab_number("/proc/meminfo", "HugePages_Free:") * HUGE;
	addr = map_huge(&self->target, free + HUGE, READ_WRITE,
			MAP_PRIVATE | MAP_NORESERVE);
	ASSERT_LT(0, addr);
	all = lab_populate(self->target.mem_fd, addr, free, GUPX_F_WRITE).done;
	EXPECT_EQ((long)free, all);
	check_refused(_metadata, &self->target, addr + free, 0,
		      GUPX_STAGE_FAULT, GUPX_REASON_FAULT_SIGBUS);
}

/*
 * Address far from all other mappings, so that the upper page tables for this address
 * do not exist.
 */
#define FAR (32ULL << 40)

/*
 * Map a new hugetlb file. @has is a bit mask of the pages that exist in the file.
 * None of these pages has a page table entry.
 */
static long map_file_that_has(const struct target *target, uint64_t len,
			      unsigned int has)
{
	static const char name[] = "gupx-holes";
	const long fd =
		TARGET_CALL(target, SYS_memfd_create, (long)name, MFD_HUGETLB);
	long addr;

	if (fd < 0 || TARGET_CALL(target, SYS_ftruncate, fd, len))
		return -1;
	addr = TARGET_CALL(target, SYS_mmap, 0, len, READ_WRITE, MAP_SHARED, fd,
			   0);
	for (uint64_t i = 0; addr > 0 && i < len / HUGE; i++)
		if (has & 1U << i)
			target_poke(target, addr + i * HUGE, 1, 'c');
	if (addr > 0) {
		TARGET_CALL(target, SYS_munmap, addr, len);
		addr = TARGET_CALL(target, SYS_mmap, FAR + has * GIGANTIC * 512,
				   len, READ_WRITE,
				   MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	}
	TARGET_CALL(target, SYS_close, fd);
	return addr;
}

static void check_dump_explained(struct __test_metadata *_metadata,
				 const struct target *target, uint64_t addr,
				 uint64_t len, unsigned int has)
{
	struct gupx_judgement runs[8];
	struct gupx_explain explain = {
		.size = sizeof(explain),
		.flags = GUPX_F_DUMP,
		.mem_fd = target->mem_fd,
		.verb = GUPX_VERB_PIN,
		.addr = addr,
		.len = len,
		.buf = (uintptr_t)runs,
		.capacity = ARRAY_SIZE(runs),
		.entry_size = sizeof(runs[0]),
	};
	uint64_t next = addr;

	ASSERT_EQ(0, ioctl(lab_device(), GUPX_IOC_EXPLAIN, &explain));
	EXPECT_EQ(len, explain.done);
	for (uint32_t i = 0; i < explain.count; i++) {
		EXPECT_EQ(next, runs[i].addr);
		for (; next < runs[i].addr + runs[i].len; next += HUGE) {
			EXPECT_EQ(!(has & 1U << (next - addr) / HUGE),
				  runs[i].outcome == GUPX_OUTCOME_STOP)
			TH_LOG("the file has pages %#x", has);
		}
	}
	EXPECT_EQ(addr + len, next);
}

static void check_dump_of_page(struct __test_metadata *_metadata,
			       const struct target *target, uint64_t addr)
{
	const struct gupx_judgement judged =
		explain_page(target, addr, GUPX_VERB_PIN, GUPX_F_DUMP);
	const struct lab_answer answer =
		pin_once(target, addr, lab_page(), GUPX_F_DUMP);

	EXPECT_EQ(!answer.done, judged.outcome == GUPX_OUTCOME_STOP);
	EXPECT_EQ(answer.stop.reason, judged.reason);
}

/*
 * Row E2 (DUMP stops at pages that do not exist): check that EXPLAIN looks up each huge
 * page in the page cache, even though the page tables show one large hole.
 */
TEST_F(row, E2_dump_of_a_hugetlb_file_with_holes_is_explained_page_by_page)
{
	const uint64_t len = 4 * HUGE;
	long addr;

	NEED_HUGE_PAGES();
	/* Test every subset of the file's four pages. */
	for (unsigned int has = 0; has < 16; has++) {
		addr = map_file_that_has(&self->target, len, has);
		ASSERT_LT(0, addr);
		check_dump_explained(_metadata, &self->target, addr, len, has);
		for (unsigned int i = 0; i < 4; i++)
			check_dump_of_page(_metadata, &self->target,
					   addr + i * HUGE + 3 * lab_page());
		TARGET_CALL(&self->target, SYS_munmap, addr, len);
	}
}

#ifndef MADV_HWPOISON
#define MADV_HWPOISON 100
#endif

/*
 * Tests of a huge page that contains a poisoned page. The kernel marks only the head
 * page and keeps a separate list of the poisoned subpages. So gupx refuses access to
 * the whole huge page.
 */
FIXTURE(poisoned)
{
	struct target target;
	const char *missing;
	long addr;
	int pin_fd;
};

FIXTURE_VARIANT(poisoned)
{
	int mapping;
	uint32_t flags;
};

#define POISONED(name, which, how)                  \
	FIXTURE_VARIANT_ADD(poisoned, name)         \
	{                                           \
		.mapping = (which), .flags = (how), \
	}

POISONED(private_read, MAP_PRIVATE, 0);
POISONED(shared_write, MAP_SHARED, GUPX_F_WRITE);
POISONED(shared_by_kernel, MAP_SHARED, GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL);

#define BAD_PAGE 5

/* Pin two huge pages, then poison a subpage of the first one. */
FIXTURE_SETUP(poisoned)
{
	struct lab_answer answer;
	long failed;

	ASSERT_LE(0, lab_device());
	self->pin_fd = -1;
	if (!sysctl_reserve_huge(8)) {
		self->missing = "no huge pages to be had";
		return;
	}
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = map_huge(&self->target, LEN, READ_WRITE, variant->mapping);
	ASSERT_LT(0, self->addr);
	ASSERT_EQ(0, target_poke(&self->target, self->addr, LEN, 'p'));
	answer = lab_pin(self->target.mem_fd, self->addr, LEN, variant->flags);
	ASSERT_EQ(LEN, answer.done);
	self->pin_fd = answer.pin_fd;
	failed = TARGET_CALL(&self->target, SYS_madvise,
			     self->addr + BAD_PAGE * lab_page(), lab_page(),
			     MADV_HWPOISON);
	/*
	 * The kernel cannot unmap a pinned page (EBUSY), but it marks the page as
	 * poisoned.
	 */
	if (failed && failed != -EBUSY)
		self->missing = "this kernel poisons no memory";
}

FIXTURE_TEARDOWN(poisoned)
{
	if (self->pin_fd >= 0)
		close(self->pin_fd);
	target_stop(&self->target);
}

TEST_F(poisoned, huge_page_is_not_copied)
{
	const uint64_t page = lab_page();
	char bytes[2 * 4096];

	SKIP_IF_MISSING();
	for (uint64_t at = 0; at < HUGE; at += 37 * page) {
		EXPECT_EQ(-1, pread(self->pin_fd, bytes, 1, at));
		EXPECT_EQ(EHWPOISON, errno);
	}
	EXPECT_EQ(-1, pread(self->pin_fd, bytes, 1, BAD_PAGE * page));
	EXPECT_EQ(EHWPOISON, errno);
	EXPECT_EQ(-1, pread(self->pin_fd, bytes, 1, HUGE - 1));
	EXPECT_EQ(EHWPOISON, errno);
	/* The second huge page is still readable. */
	EXPECT_EQ(1, pread(self->pin_fd, bytes, 1, HUGE));
	EXPECT_EQ('p', bytes[0]);
	EXPECT_EQ((ssize_t)sizeof(bytes),
		  pread(self->pin_fd, bytes, sizeof(bytes), HUGE + page));
}

static sigjmp_buf way_out;

static void leave_by_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	siglongjmp(way_out, info->si_code);
}

/*
 * Read @byte. Returns the si_code of the SIGBUS that this causes, or 0 if there was
 * no signal.
 */
static int bus_error_of(const volatile char *byte)
{
	const struct sigaction action = {
		.sa_sigaction = leave_by_signal,
		.sa_flags = SA_SIGINFO,
	};
	const int code = sigsetjmp(way_out, 1);

	if (code)
		return code;
	sigaction(SIGBUS, &action, NULL);
	(void)*byte;
	return 0;
}

TEST_F(poisoned, huge_page_is_no_part_of_a_window)
{
	const uint64_t page = lab_page();
	char *window;

	SKIP_IF_MISSING();
	window = mmap(NULL, LEN, PROT_READ, MAP_SHARED, self->pin_fd, 0);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(BUS_MCEERR_AR, bus_error_of(window + BAD_PAGE * page));
	EXPECT_EQ(BUS_MCEERR_AR, bus_error_of(window));
	EXPECT_EQ(BUS_MCEERR_AR, bus_error_of(window + HUGE - 1));
	EXPECT_EQ(0, bus_error_of(window + HUGE));
	EXPECT_EQ('p', window[HUGE + 7 * page]);
	munmap(window, LEN);
}

/*
 * Map the file at a multiple of 1 GiB, so that two processes can share its PMD table.
 */
static long map_aligned(const struct target *target, long fd)
{
	const long room =
		TARGET_CALL(target, SYS_mmap, 0, 2 * GIGANTIC, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const long addr = (room + GIGANTIC - 1) & ~(GIGANTIC - 1);

	return TARGET_CALL(target, SYS_mmap, addr, GIGANTIC, READ_WRITE,
			   MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0);
}

/*
 * Row E10 (a changed page table is looked up again): two processes share a PMD table,
 * so a page that one process faults in is also mapped in the other process. Check
 * that unsharing the table does not affect pins or entries.
 */
TEST_F(row, E10_shared_table_of_hugetlb)
{
	static const char name[] = "gupx-huge";
	struct target child;
	struct lab_answer answer;
	uint64_t before;
	long fd, addr;

	NEED_HUGE_PAGES();
	fd = TARGET_CALL(&self->target, SYS_memfd_create, (long)name,
			 MFD_HUGETLB | 21 << MAP_HUGE_SHIFT);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_ftruncate, fd, GIGANTIC));
	addr = map_aligned(&self->target, fd);
	ASSERT_LT(0, addr);
	ASSERT_EQ(0, target_poke(&self->target, addr, 1, 's'));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	/*
	 * fork() does not copy entries of a shared file. After the first fault in the
	 * child, the child shares the page table of the target.
	 */
	ASSERT_EQ('s', target_peek(&child, addr, 1));
	ASSERT_EQ(0, target_poke(&child, addr + HUGE, 1, 't'));
	if (!lab_resident(self->target.pid, addr + HUGE, 1))
		SKIP(target_stop(&child); return, "tables are not shared here");
	before = LAB_PM_FRAME(lab_pagemap_word(child.pid, addr + HUGE));
	check_taken(_metadata, &self->target, addr, LEN,
		    GUPX_F_WRITE | GUPX_F_NOFAULT);
	answer = lab_pin(child.mem_fd, addr, LEN, GUPX_F_WRITE);
	EXPECT_EQ(LEN, answer.done);
	/* mprotect() of a part of the mapping unshares the table of the target only. */
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect, addr, HUGE,
				 PROT_READ));
	EXPECT_EQ(before,
		  LAB_PM_FRAME(lab_pagemap_word(child.pid, addr + HUGE)));
	check_refused(_metadata, &self->target, addr, GUPX_F_WRITE,
		      GUPX_STAGE_VMA, GUPX_REASON_NO_WRITE);
	check_taken(_metadata, &self->target, addr, LEN, 0);
	check_taken(_metadata, &child, addr, LEN, GUPX_F_WRITE);
	close(answer.pin_fd);
	target_stop(&child);
}

/*
 * Row L19: check that a 1 GiB page that is mapped by one PUD is pinned as one extent.
 */
TEST_F(row, L19_gigantic_page)
{
	const uint64_t nr = GIGANTIC / lab_page();
	const int gigantic = 30 << MAP_HUGE_SHIFT;
	struct gupx_extents head;
	struct gupx_extent run;
	struct lab_answer answer;
	unsigned char byte = 0;
	uint64_t at;
	long addr;

	addr = map_huge(&self->target, GIGANTIC, READ_WRITE,
			MAP_PRIVATE | gigantic);
	if (addr < 0)
		SKIP(return, "no 1 GiB pages: hugepagesz=1G hugepages=2");
	at = addr + 3 * HUGE + 5 * lab_page();
	ASSERT_EQ(0, target_poke(&self->target, at, 1, 'g'));
	answer = lab_pin(self->target.mem_fd, addr, GIGANTIC, GUPX_F_WRITE);
	ASSERT_EQ(GIGANTIC, answer.done);
	EXPECT_EQ(self->held + (long)nr, lab_pins_held());
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, &run, 1));
	EXPECT_EQ(1ULL, head.total);
	EXPECT_EQ(18U, run.order);
	EXPECT_EQ((uint32_t)GUPX_EXTENT_WRITE, run.flags);
	EXPECT_EQ(LAB_PM_FRAME(lab_pagemap_word(self->target.pid, addr)),
		  run.pfn);
	EXPECT_EQ(1, pread(answer.pin_fd, &byte, 1, at - addr));
	EXPECT_EQ('g', byte);
	close(answer.pin_fd);
	EXPECT_EQ(1ULL, lab_read(self->target.mem_fd, at, 1, &byte, 0).done);
	check_taken(_metadata, &self->target, at, 600 * lab_page(), 0);
	check_taken(_metadata, &self->target, at, lab_page(),
		    GUPX_F_WRITE | GUPX_F_NOFAULT);
}

TEST_HARNESS_MAIN
