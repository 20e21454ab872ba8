// SPDX-License-Identifier: GPL-2.0
/*
 * Compare gupx with the kernel on each kind of memory: pins with the kernel's
 * get_user_pages(), POPULATE with madvise() in the target, and READ with
 * process_vm_readv(). If a request changes the memory, each engine gets its own
 * target. Both targets have identical memory.
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

/*
 * Two targets with identical memory, one for each engine. @mine is the memory of the
 * target @ours, @other is the memory of the target @twin.
 */
struct pair {
	struct target ours, twin;
	struct memory mine, other;
	const char *missing;
	long held;
};

FIXTURE(memory)
{
	struct pair pair;
};

/*
 * @tracks_dirty: true if the filesystem tracks writes, so that row V6 refuses write
 * pins. The GUP of Linux 6.1 allows these pins.
 */
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
KIND(guarded, MEMORY_GUARDED, false);
KIND(hole, MEMORY_HOLE, false);
KIND(pfnmap, MEMORY_PFNMAP, false);

/*
 * Test the kinds of memory that are followed by a hole and that can be unmapped in
 * part.
 */
FIXTURE(edge)
{
	struct pair pair;
};

FIXTURE_VARIANT(edge)
{
	enum memory_kind kind;
};

#define EDGE(name, which)               \
	FIXTURE_VARIANT_ADD(edge, name) \
	{                               \
		.kind = (which),        \
	}

EDGE(anon, MEMORY_ANON);
EDGE(thp, MEMORY_THP);
EDGE(shmem, MEMORY_SHMEM);
EDGE(file_private, MEMORY_FILE_PRIVATE);
EDGE(file_shared, MEMORY_FILE_SHARED);
EDGE(disk_private, MEMORY_DISK_PRIVATE);
EDGE(disk_shared, MEMORY_DISK_SHARED);
EDGE(heap, MEMORY_HEAP);
EDGE(prot_none, MEMORY_PROT_NONE);
EDGE(read_only, MEMORY_READ_ONLY);
EDGE(shmem_read_only, MEMORY_SHMEM_READ_ONLY);

static void set_up(struct __test_metadata *_metadata, struct pair *pair,
		   enum memory_kind kind)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&pair->ours));
	ASSERT_EQ(0, target_start(&pair->twin));
	pair->missing = memory_build(&pair->ours, kind, &pair->mine);
	if (!pair->missing)
		pair->missing = memory_build(&pair->twin, kind, &pair->other);
	ASSERT_TRUE(pair->missing || pair->mine.addr == pair->other.addr);
	pair->held = lab_pins_held();
	ASSERT_LE(0, pair->held);
}

static void tear_down(struct __test_metadata *_metadata, struct pair *pair)
{
	target_stop(&pair->ours);
	target_stop(&pair->twin);
	EXPECT_EQ(pair->held, lab_pins_held());
}

FIXTURE_SETUP(memory)
{
	set_up(_metadata, &self->pair, variant->kind);
}

FIXTURE_TEARDOWN(memory)
{
	tear_down(_metadata, &self->pair);
}

FIXTURE_SETUP(edge)
{
	set_up(_metadata, &self->pair, variant->kind);
}

FIXTURE_TEARDOWN(edge)
{
	tear_down(_metadata, &self->pair);
}

/*
 * Define the variables that a test uses: the two targets and the address and length of
 * their memory. Skip the test if the memory could not be built.
 */
#define NEED_MEMORY()                                                \
	struct pair *const pair = &self->pair;                       \
	const struct target *const ours = &pair->ours;               \
	const uint64_t addr = pair->mine.addr;                       \
	const uint64_t len __attribute__((unused)) = pair->mine.len; \
	do {                                                         \
		if (pair->missing)                                   \
			SKIP(return, "%s", pair->missing);           \
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

/* Check that the pin fd holds the frames that the target maps. */
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

/* Check that EXTENTS reports the expected engine for all pages of the pin fd. */
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
 * Compare the pins of both engines. If the pages are not resident, the first pin faults
 * them in, so each engine needs its own target. If the pages are resident, the caller
 * may pass the same target as @ours and @twin.
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

/*
 * Row V6: check that a write pin is refused where writes are tracked, although Linux
 * 6.1 allows it.
 */
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
	make_resident(_metadata, ours, &pair->mine, variant->kind);
	compare_pins(_metadata, ours, ours, addr, len, 0);
}

TEST_F(memory, pin_resident_for_writing)
{
	NEED_MEMORY();
	make_resident(_metadata, ours, &pair->mine, variant->kind);
	if (variant->tracks_dirty)
		check_dirty_tracking_V6(_metadata, ours, &pair->mine);
	else
		compare_pins(_metadata, ours, ours, addr, len, GUPX_F_WRITE);
}

TEST_F(memory, pin_absent)
{
	NEED_MEMORY();
	compare_pins(_metadata, ours, &pair->twin, addr, len, 0);
}

TEST_F(memory, pin_absent_for_writing)
{
	NEED_MEMORY();
	if (variant->tracks_dirty)
		check_dirty_tracking_V6(_metadata, ours, &pair->mine);
	else
		compare_pins(_metadata, ours, &pair->twin, addr, len,
			     GUPX_F_WRITE);
}

/* Check that the kernel's pin counters include each page of the pin fd once. */
TEST_F(memory, pin_is_counted)
{
	NEED_MEMORY();
	struct lab_answer answer;

	make_resident(_metadata, ours, &pair->mine, variant->kind);
	answer = lab_pin(ours->mem_fd, addr, len, 0);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(pair->held + (long)nr_pages(answer.done), lab_pins_held());
	close_pin(&answer);
	EXPECT_EQ(pair->held, lab_pins_held());
}

/* Check that a second request can add its pages to the pin fd of the first request. */
TEST_F(edge, pin_in_two_requests)
{
	NEED_MEMORY();
	const uint64_t half = len / lab_page() / 2 * lab_page();
	struct gupx_extents head;
	struct lab_answer first, second;

	make_resident(_metadata, ours, &pair->mine, variant->kind);
	first = lab_pin(ours->mem_fd, addr, half, 0);
	ASSERT_EQ(0, first.failed);
	ASSERT_EQ(variant->kind == MEMORY_PROT_NONE, first.pin_fd < 0);
	if (first.pin_fd < 0)
		return;
	second = lab_pin_more(first.pin_fd, ours->mem_fd, addr + half,
			      len - half, 0);
	ASSERT_EQ(0, second.failed);
	EXPECT_EQ(first.pin_fd, second.pin_fd);
	EXPECT_EQ(len, first.done + second.done);
	ASSERT_EQ(0, lab_extents(first.pin_fd, &head, NULL, 0));
	EXPECT_EQ(len, head.bytes);
	second.done = len;
	check_frames(_metadata, ours, &second, addr);
	close_pin(&first);
}

/*
 * Check that the pages before a hole are pinned, and that the request reports the
 * address of the hole as the address where it stopped.
 */
TEST_F(edge, pin_ends_in_hole)
{
	NEED_MEMORY();
	const uint64_t beyond = 8 * lab_page();

	make_resident(_metadata, ours, &pair->mine, variant->kind);
	compare_pins(_metadata, ours, ours, addr, len + beyond, 0);
	compare_pins(_metadata, ours, ours, addr + len, beyond, 0);
}

/* Unmap one page in the second half, which splits a huge page. */
static void punch_hole(struct __test_metadata *_metadata,
		       const struct target *target, const struct memory *memory)
{
	ASSERT_EQ(0,
		  TARGET_CALL(target, SYS_munmap,
			      memory->addr + memory->len / 2 + 2 * lab_page(),
			      lab_page()));
}

TEST_F(edge, pin_with_hole_in_the_middle)
{
	NEED_MEMORY();
	make_resident(_metadata, ours, &pair->mine, variant->kind);
	punch_hole(_metadata, ours, &pair->mine);
	compare_pins(_metadata, ours, ours, addr, len, 0);
	compare_pins(_metadata, ours, ours, addr + len / 2, len / 2, 0);
}

/*
 * Pin ranges with many different starts and lengths. Some of them cross a boundary of
 * huge pages.
 */
TEST_F(memory, pin_parts)
{
	NEED_MEMORY();
	const size_t nr = nr_pages(len);

	make_resident(_metadata, ours, &pair->mine, variant->kind);
	for (size_t first = 0; first < nr; first = 2 * first + 3)
		for (size_t count = 1; first + count <= nr; count = 3 * count)
			compare_pins(_metadata, ours, ours,
				     addr + first * lab_page(),
				     count * lab_page(), 0);
}

/*
 * Compare POPULATE with madvise(). madvise() returns only an errno, so also compare
 * the numbers of resident pages.
 */
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
	EXPECT_EQ(nr_pages(mine.done),
		  lab_resident(ours->pid, addr, nr_pages(mine.done)));
	EXPECT_EQ(nr_pages(mine.done),
		  lab_resident(twin->pid, addr, nr_pages(mine.done)));
	/*
	 * If madvise() returns ENOMEM because of a hole, it has also populated the
	 * pages after the hole. POPULATE stops at the hole. So the numbers of resident
	 * pages differ in this case, and are not compared.
	 */
	if (kernel != -ENOMEM) {
		EXPECT_EQ(lab_resident(twin->pid, addr, nr_pages(len)),
			  lab_resident(ours->pid, addr, nr_pages(len)));
	}
}

#define POPULATE_PAIR(len, write) \
	compare_populate(_metadata, ours, &pair->twin, addr, len, write)

TEST_F(memory, populate)
{
	NEED_MEMORY();
	POPULATE_PAIR(len, false);
	POPULATE_PAIR(len, false);
	/* Row O7: POPULATE does not hold references. */
	EXPECT_EQ(pair->held, lab_pins_held());
}

TEST_F(memory, populate_for_writing)
{
	NEED_MEMORY();
	POPULATE_PAIR(len, true);
	POPULATE_PAIR(len, true);
	EXPECT_EQ(pair->held, lab_pins_held());
}

TEST_F(edge, populate_ends_in_hole_L5)
{
	NEED_MEMORY();
	POPULATE_PAIR(len + 8 * lab_page(), false);
}

TEST_F(edge, populate_for_writing_with_hole_in_the_middle)
{
	NEED_MEMORY();
	punch_hole(_metadata, ours, &pair->mine);
	punch_hole(_metadata, &pair->twin, &pair->other);
	POPULATE_PAIR(len, true);
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
	make_resident(_metadata, ours, &pair->mine, variant->kind);
	compare_read(_metadata, ours, ours, addr, len);
	/* Read ranges whose ends are not page-aligned. */
	compare_read(_metadata, ours, ours, addr + 5, len - 11);
	compare_read(_metadata, ours, ours, addr + lab_page() - 1, 1);
}

TEST_F(memory, read_absent)
{
	NEED_MEMORY();
	/*
	 * Two perf buffers have different contents. Therefore read the same buffer
	 * with both engines.
	 */
	compare_read(_metadata, ours,
		     variant->kind == MEMORY_PERF ? ours : &pair->twin, addr,
		     len);
	if (variant->kind == MEMORY_PERF)
		return;
	EXPECT_EQ(lab_resident(pair->twin.pid, addr, nr_pages(len)),
		  lab_resident(ours->pid, addr, nr_pages(len)));
}

TEST_F(edge, read_ends_in_hole)
{
	NEED_MEMORY();
	make_resident(_metadata, ours, &pair->mine, variant->kind);
	compare_read(_metadata, ours, ours, addr + 7, len + 8 * lab_page());
}

TEST_F(edge, read_with_hole_in_the_middle)
{
	NEED_MEMORY();
	make_resident(_metadata, ours, &pair->mine, variant->kind);
	punch_hole(_metadata, ours, &pair->mine);
	compare_read(_metadata, ours, ours, addr + 7, len - 7);
}

/* Check that no page is pinned after a READ. */
TEST_F(memory, read_holds_nothing)
{
	NEED_MEMORY();
	unsigned char byte;
	struct lab_answer answer;

	answer = lab_read(ours->mem_fd, addr, 1, &byte, 0);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(pair->held, lab_pins_held());
}

TEST_HARNESS_MAIN
