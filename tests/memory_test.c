// SPDX-License-Identifier: GPL-2.0
/*
 * Behaviours over kinds of memory. The oracle is the kernel: its own
 * get_user_pages for pins, madvise() by the target itself for populate,
 * process_vm_readv() for reads. Where asking changes what is asked about, each
 * engine has a target of its own, and the two targets are twins.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define MAX_PAGES 4096

FIXTURE(memory)
{
	struct target ours, twin;
	struct memory mine, other;
	const char *missing;
	long held;
};

/* A shared file whose writes are tracked: V6 refuses what 6.1's gup allows. */
FIXTURE_VARIANT(memory)
{
	enum memory_kind kind;
	bool tracks_dirty;
};

#define KIND(name, which, tracked)                          \
	FIXTURE_VARIANT_ADD(memory, name)                   \
	{                                                   \
		.kind = (which), .tracks_dirty = (tracked), \
	}

KIND(anon, MEMORY_ANON, false);
KIND(thp, MEMORY_THP, false);
KIND(shmem, MEMORY_SHMEM, false);
KIND(file_private, MEMORY_FILE_PRIVATE, false);
KIND(file_shared, MEMORY_FILE_SHARED, false);
KIND(disk_private, MEMORY_DISK_PRIVATE, false);
KIND(disk_shared, MEMORY_DISK_SHARED, true);
KIND(perf_buffer, MEMORY_PERF, true);
KIND(stack, MEMORY_STACK, false);
KIND(heap, MEMORY_HEAP, false);
KIND(prot_none, MEMORY_PROT_NONE, false);
KIND(read_only, MEMORY_READ_ONLY, false);
KIND(shmem_read_only, MEMORY_SHMEM_READ_ONLY, false);
KIND(hole, MEMORY_HOLE, false);
KIND(pfnmap, MEMORY_PFNMAP, false);

FIXTURE_SETUP(memory)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->ours));
	ASSERT_EQ(0, target_start(&self->twin));
	self->missing = memory_build(&self->ours, variant->kind, &self->mine);
	if (!self->missing)
		self->missing =
			memory_build(&self->twin, variant->kind, &self->other);
	self->held = lab_pins_held();
	ASSERT_LE(0, self->held);
}

FIXTURE_TEARDOWN(memory)
{
	target_stop(&self->ours);
	target_stop(&self->twin);
	EXPECT_EQ(self->held, lab_pins_held());
}

#define NEED_MEMORY()                                      \
	do {                                               \
		if (self->missing)                         \
			SKIP(return, "%s", self->missing); \
	} while (0)

static size_t nr_pages(uint64_t len)
{
	return len / lab_page();
}

static void make_resident(struct __test_metadata *_metadata,
			  const struct target *target,
			  const struct memory *memory, enum memory_kind kind)
{
	if (!memory_is_writable(kind))
		return;
	ASSERT_EQ(0, target_poke(target, memory->addr, memory->len, 'x'));
}

/* The frames behind the pin fd are those that the target has mapped. */
static void check_frames(struct __test_metadata *_metadata,
			 const struct target *target,
			 const struct lab_answer *answer, uint64_t addr)
{
	static uint64_t pinned[MAX_PAGES], mapped[MAX_PAGES];
	const size_t nr = nr_pages(answer->done);

	if (!nr) {
		EXPECT_EQ(-1, answer->pin_fd);
		return;
	}
	ASSERT_GE((size_t)MAX_PAGES, nr);
	ASSERT_LE(0, answer->pin_fd);
	EXPECT_EQ(nr, lab_pinned_frames(answer->pin_fd, addr, nr, pinned));
	EXPECT_EQ(nr, lab_pagemap(target->pid, addr, nr, mapped));
	for (size_t i = 0; i < nr; i++) {
		ASSERT_EQ(LAB_PM_FRAME(mapped[i]), pinned[i])
		TH_LOG("page %zu of %zu", i, nr);
		ASSERT_NE(0ULL, pinned[i]);
	}
}

/* Which engine took the pages, according to the pin fd. */
static void check_engine(struct __test_metadata *_metadata, int pin_fd,
			 bool kernel)
{
	struct gupx_extent runs[64];
	struct gupx_extents head;

	if (pin_fd < 0)
		return;
	ASSERT_EQ(0, lab_extents(pin_fd, &head, runs, ARRAY_SIZE(runs)));
	ASSERT_LT(0U, head.count);
	for (uint32_t i = 0; i < head.count; i++)
		EXPECT_EQ(kernel,
			  !!(runs[i].flags & GUPX_EXTENT_ENGINE_KERNEL));
}

static void check_stop(struct __test_metadata *_metadata,
		       const struct lab_answer *answer, uint64_t addr,
		       uint64_t len)
{
	EXPECT_EQ(0, answer->failed);
	EXPECT_EQ(addr + answer->done, answer->stop.addr);
	if (answer->done == len) {
		EXPECT_EQ(0U, answer->stop.error);
		EXPECT_EQ(GUPX_STAGE_NONE, answer->stop.stage);
		EXPECT_EQ(GUPX_REASON_NONE, answer->stop.reason);
		return;
	}
	EXPECT_NE(0U, answer->stop.error);
	EXPECT_NE(GUPX_STAGE_NONE, answer->stop.stage);
	EXPECT_NE(GUPX_REASON_NONE, answer->stop.reason);
}

static void close_pin(const struct lab_answer *answer)
{
	if (answer->pin_fd >= 0)
		close(answer->pin_fd);
}

/*
 * Asks both engines. @twin is the same target where the pages are there already:
 * then both must have the very same frames.
 */
static void compare_pins(struct __test_metadata *_metadata,
			 const struct target *ours, const struct target *twin,
			 uint64_t addr, uint64_t len, uint32_t flags)
{
	const struct lab_answer mine = lab_pin(ours->mem_fd, addr, len, flags);
	const struct lab_answer kernel =
		lab_pin(twin->mem_fd, addr, len, flags | GUPX_F_ENGINE_KERNEL);

	EXPECT_EQ(lab_gup_return(&kernel), lab_gup_return(&mine))
	TH_LOG("we stopped at page %lld, stage %u, reason %u",
	       ((long long)mine.stop.addr - (long long)addr) /
		       (long long)lab_page(),
	       mine.stop.stage, mine.stop.reason);
	check_stop(_metadata, &mine, addr, len);
	check_frames(_metadata, ours, &mine, addr);
	check_frames(_metadata, twin, &kernel, addr);
	check_engine(_metadata, mine.pin_fd, false);
	check_engine(_metadata, kernel.pin_fd, true);
	close_pin(&mine);
	close_pin(&kernel);
}

/* What 6.1's gup would allow is refused, whatever its own answer is. */
static void check_dirty_tracking_V6(struct __test_metadata *_metadata,
				    const struct target *target,
				    const struct memory *memory)
{
	const struct lab_answer answer = lab_pin(target->mem_fd, memory->addr,
						 memory->len, GUPX_F_WRITE);

	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
	EXPECT_EQ(GUPX_STAGE_VMA, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_DIRTY_TRACKING, answer.stop.reason);
	EXPECT_EQ(-1, answer.pin_fd);
}

TEST_F(memory, pin_resident)
{
	NEED_MEMORY();
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	compare_pins(_metadata, &self->ours, &self->ours, self->mine.addr,
		     self->mine.len, 0);
}

TEST_F(memory, pin_resident_for_writing)
{
	NEED_MEMORY();
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	if (variant->tracks_dirty)
		check_dirty_tracking_V6(_metadata, &self->ours, &self->mine);
	else
		compare_pins(_metadata, &self->ours, &self->ours,
			     self->mine.addr, self->mine.len, GUPX_F_WRITE);
}

TEST_F(memory, pin_absent)
{
	NEED_MEMORY();
	ASSERT_EQ(self->mine.addr, self->other.addr);
	compare_pins(_metadata, &self->ours, &self->twin, self->mine.addr,
		     self->mine.len, 0);
}

TEST_F(memory, pin_absent_for_writing)
{
	NEED_MEMORY();
	ASSERT_EQ(self->mine.addr, self->other.addr);
	if (variant->tracks_dirty)
		check_dirty_tracking_V6(_metadata, &self->ours, &self->mine);
	else
		compare_pins(_metadata, &self->ours, &self->twin,
			     self->mine.addr, self->mine.len, GUPX_F_WRITE);
}

/* Every page held is in the kernel's own account, and only those. */
TEST_F(memory, pin_is_counted)
{
	struct lab_answer answer;

	NEED_MEMORY();
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	answer = lab_pin(self->ours.mem_fd, self->mine.addr, self->mine.len, 0);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(self->held + (long)nr_pages(answer.done), lab_pins_held());
	close_pin(&answer);
	EXPECT_EQ(self->held, lab_pins_held());
}

/* A second request adds to the pin fd of the first. */
TEST_F(memory, pin_in_two_requests)
{
	const uint64_t half = self->mine.len / lab_page() / 2 * lab_page();
	struct gupx_extents head;
	struct lab_answer first, second;

	NEED_MEMORY();
	if (!half)
		SKIP(return, "a mapping of one page has no halves");
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	first = lab_pin(self->ours.mem_fd, self->mine.addr, half, 0);
	ASSERT_EQ(0, first.failed);
	if (first.pin_fd < 0)
		SKIP(return, "nothing to pin in this kind of memory");
	second = lab_pin_more(first.pin_fd, self->ours.mem_fd,
			      self->mine.addr + half, self->mine.len - half, 0);
	ASSERT_EQ(0, second.failed);
	EXPECT_EQ(first.pin_fd, second.pin_fd);
	EXPECT_EQ(self->mine.len, first.done + second.done);
	ASSERT_EQ(0, lab_extents(first.pin_fd, &head, NULL, 0));
	EXPECT_EQ(self->mine.len, head.bytes);
	second.done = self->mine.len;
	check_frames(_metadata, &self->ours, &second, self->mine.addr);
	close_pin(&first);
}

/* Beyond the end: what is there is pinned, the answer names the first hole. */
TEST_F(memory, pin_ends_in_hole)
{
	const uint64_t beyond = 8 * lab_page();

	NEED_MEMORY();
	if (!self->mine.sealed_end)
		SKIP(return, "what follows this kind of memory is not known");
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	compare_pins(_metadata, &self->ours, &self->ours, self->mine.addr,
		     self->mine.len + beyond, 0);
	compare_pins(_metadata, &self->ours, &self->ours,
		     self->mine.addr + self->mine.len, beyond, 0);
}

/* Splits a huge page, where there is one. */
static void punch(struct __test_metadata *_metadata,
		  const struct target *target, const struct memory *memory)
{
	ASSERT_EQ(0,
		  TARGET_CALL(target, SYS_munmap,
			      memory->addr + memory->len / 2 + 2 * lab_page(),
			      lab_page()));
}

TEST_F(memory, pin_with_hole_in_the_middle)
{
	NEED_MEMORY();
	if (nr_pages(self->mine.len) < 8 || variant->kind == MEMORY_HOLE)
		SKIP(return, "too small for a hole in the middle");
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	punch(_metadata, &self->ours, &self->mine);
	compare_pins(_metadata, &self->ours, &self->ours, self->mine.addr,
		     self->mine.len, 0);
	compare_pins(_metadata, &self->ours, &self->ours,
		     self->mine.addr + self->mine.len / 2, self->mine.len / 2,
		     0);
}

/* Any start, any length, across boundaries of pages and huge pages. */
TEST_F(memory, pin_parts)
{
	const size_t nr = nr_pages(self->mine.len);

	NEED_MEMORY();
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	for (size_t first = 0; first < nr; first = 2 * first + 3)
		for (size_t count = 1; first + count <= nr; count = 3 * count)
			compare_pins(_metadata, &self->ours, &self->ours,
				     self->mine.addr + first * lab_page(),
				     count * lab_page(), 0);
}

/* madvise() says 0 or the errno; the memory itself says how far it came. */
static void compare_populate(struct __test_metadata *_metadata,
			     const struct target *ours,
			     const struct target *twin, uint64_t addr,
			     uint64_t len, bool write)
{
	const struct lab_answer mine =
		lab_populate(ours->mem_fd, addr, len, write ? GUPX_F_WRITE : 0);
	const long kernel =
		TARGET_CALL(twin, SYS_madvise, addr, len,
			    write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);

	check_stop(_metadata, &mine, addr, len);
	EXPECT_EQ(kernel, -(long)mine.stop.error);
	EXPECT_EQ(lab_resident(twin->pid, addr, nr_pages(len)),
		  lab_resident(ours->pid, addr, nr_pages(len)));
	if (!kernel) {
		EXPECT_EQ(nr_pages(len),
			  lab_resident(ours->pid, addr, nr_pages(len)));
	}
}

#define POPULATE_PAIR(len, write)                                              \
	compare_populate(_metadata, &self->ours, &self->twin, self->mine.addr, \
			 len, write)

TEST_F(memory, populate)
{
	NEED_MEMORY();
	ASSERT_EQ(self->mine.addr, self->other.addr);
	/* A page frame mapping counts as absent in pagemap: no oracle there. */
	POPULATE_PAIR(self->mine.len, false);
	POPULATE_PAIR(self->mine.len, false);
	/* O7: populate holds nothing. */
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_F(memory, populate_for_writing)
{
	NEED_MEMORY();
	ASSERT_EQ(self->mine.addr, self->other.addr);
	POPULATE_PAIR(self->mine.len, true);
	POPULATE_PAIR(self->mine.len, true);
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_F(memory, populate_ends_in_hole_L5)
{
	NEED_MEMORY();
	ASSERT_EQ(self->mine.addr, self->other.addr);
	if (!self->mine.sealed_end)
		SKIP(return, "what follows this kind of memory is not known");
	POPULATE_PAIR(self->mine.len + 8 * lab_page(), false);
}

TEST_F(memory, populate_for_writing_with_hole_in_the_middle)
{
	NEED_MEMORY();
	ASSERT_EQ(self->mine.addr, self->other.addr);
	if (nr_pages(self->mine.len) < 8 || variant->kind == MEMORY_HOLE)
		SKIP(return, "too small for a hole in the middle");
	punch(_metadata, &self->ours, &self->mine);
	punch(_metadata, &self->twin, &self->other);
	POPULATE_PAIR(self->mine.len, true);
}

static void compare_read(struct __test_metadata *_metadata,
			 const struct target *ours, const struct target *twin,
			 uint64_t addr, uint64_t len)
{
	unsigned char *const mine = calloc(1, len);
	unsigned char *const theirs = calloc(1, len);
	const struct iovec local = { .iov_base = theirs, .iov_len = len };
	const struct iovec remote = { .iov_base = (void *)addr,
				      .iov_len = len };
	struct lab_answer answer;
	ssize_t bytes;

	ASSERT_TRUE(mine && theirs);
	answer = lab_read(ours->mem_fd, addr, len, mine, 0);
	bytes = process_vm_readv(twin->pid, &local, 1, &remote, 1, 0);
	check_stop(_metadata, &answer, addr, len);
	if (bytes < 0) {
		EXPECT_EQ(0ULL, answer.done);
		EXPECT_EQ((uint32_t)errno, answer.stop.error);
	} else {
		EXPECT_EQ((uint64_t)bytes, answer.done);
	}
	EXPECT_EQ(0, memcmp(mine, theirs, len));
	free(mine);
	free(theirs);
}

TEST_F(memory, read_resident)
{
	NEED_MEMORY();
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	compare_read(_metadata, &self->ours, &self->ours, self->mine.addr,
		     self->mine.len);
	/* Neither end on a page's boundary. */
	compare_read(_metadata, &self->ours, &self->ours, self->mine.addr + 5,
		     self->mine.len - 11);
	compare_read(_metadata, &self->ours, &self->ours,
		     self->mine.addr + lab_page() - 1, 1);
}

TEST_F(memory, read_absent)
{
	NEED_MEMORY();
	ASSERT_EQ(self->mine.addr, self->other.addr);
	/* The kernel writes to this buffer: no two targets show the same. */
	if (variant->kind == MEMORY_PERF)
		SKIP(return, "a perf buffer's contents differ by nature");
	compare_read(_metadata, &self->ours, &self->twin, self->mine.addr,
		     self->mine.len);
	EXPECT_EQ(lab_resident(self->twin.pid, self->mine.addr,
			       nr_pages(self->mine.len)),
		  lab_resident(self->ours.pid, self->mine.addr,
			       nr_pages(self->mine.len)));
}

TEST_F(memory, read_ends_in_hole)
{
	NEED_MEMORY();
	if (!self->mine.sealed_end)
		SKIP(return, "what follows this kind of memory is not known");
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	compare_read(_metadata, &self->ours, &self->ours, self->mine.addr + 7,
		     self->mine.len + 8 * lab_page());
}

TEST_F(memory, read_with_hole_in_the_middle)
{
	NEED_MEMORY();
	if (nr_pages(self->mine.len) < 8 || variant->kind == MEMORY_HOLE)
		SKIP(return, "too small for a hole in the middle");
	make_resident(_metadata, &self->ours, &self->mine, variant->kind);
	punch(_metadata, &self->ours, &self->mine);
	compare_read(_metadata, &self->ours, &self->ours, self->mine.addr + 7,
		     self->mine.len - 7);
}

/* Read, and nothing of it held: neither now nor counted before. */
TEST_F(memory, read_holds_nothing)
{
	unsigned char byte;
	struct lab_answer answer;

	NEED_MEMORY();
	answer = lab_read(self->ours.mem_fd, self->mine.addr, 1, &byte, 0);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_HARNESS_MAIN
