// SPDX-License-Identifier: GPL-2.0
/*
 * READV: several segments in one call. The tests check that each segment is copied as READ
 * copies it, to its own place in the buffer and in the promised order, and that a segment that
 * ends early does not stop the others.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "prng.h"
#include "target.h"

#define PAGE 4096UL
#define PAGES 2048UL
#define UNTOUCHED 0x77
#define SEGMENT(where, length) \
	((struct gupx_segment){ .addr = (where), .len = (length) })

FIXTURE(readv)
{
	struct target target;
	uint64_t addr;
	char *buf;
	uint64_t done;
};

static unsigned char get_mark(uint64_t page)
{
	return page * 7 + 1;
}

/* The first byte of each page of the target is its mark, and the other bytes are 0. */
FIXTURE_SETUP(readv)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = memory_map_small(&self->target, PAGES * PAGE);
	ASSERT_NE(0UL, self->addr);
	for (uint64_t i = 0; i < PAGES; i++)
		ASSERT_EQ(0, target_poke(&self->target, self->addr + i * PAGE,
					 PAGE, get_mark(i)));
	self->buf = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->buf);
	memset(self->buf, UNTOUCHED, PAGES * PAGE);
}

FIXTURE_TEARDOWN(readv)
{
	munmap(self->buf, PAGES * PAGE);
	target_stop(&self->target);
}

#define READV(segments, nr)                                                  \
	lab_readv(self->target.mem_fd, segments, nr, self->buf, PAGES *PAGE, \
		  0, &self->done)

static void check_whole(struct __test_metadata *_metadata,
			const struct gupx_segment *segment)
{
	EXPECT_EQ(segment->len, segment->done);
	EXPECT_EQ(0U, segment->error);
	EXPECT_EQ(GUPX_STAGE_NONE, segment->stage);
	EXPECT_EQ(GUPX_REASON_NONE, segment->reason);
}

static void check_short(struct __test_metadata *_metadata,
			const struct gupx_segment *segment, uint64_t done,
			unsigned int stage, unsigned int reason)
{
	EXPECT_EQ(done, segment->done);
	EXPECT_EQ((__u32)EFAULT, segment->error);
	EXPECT_EQ(stage, segment->stage);
	EXPECT_EQ(reason, segment->reason);
}

TEST_F(readv, copies_each_segment_to_its_place)
{
	struct gupx_segment segment[] = {
		SEGMENT(self->addr + 5 * PAGE, 3),
		SEGMENT(self->addr + 2 * PAGE - 1, 2),
		SEGMENT(self->addr + 900 * PAGE, 1),
		SEGMENT(self->addr + 7 * PAGE, 2 * PAGE + 1),
	};

	ASSERT_EQ(0, READV(segment, ARRAY_SIZE(segment)));
	EXPECT_EQ(3 + 2 + 1 + 2 * PAGE + 1, self->done);
	for (size_t i = 0; i < ARRAY_SIZE(segment); i++)
		check_whole(_metadata, &segment[i]);
	EXPECT_EQ((char)get_mark(5), self->buf[0]);
	EXPECT_EQ(0, self->buf[1]);
	EXPECT_EQ(0, self->buf[3]);
	EXPECT_EQ((char)get_mark(2), self->buf[4]);
	EXPECT_EQ((char)get_mark(900), self->buf[5]);
	EXPECT_EQ((char)get_mark(7), self->buf[6]);
	EXPECT_EQ((char)get_mark(8), self->buf[6 + PAGE]);
	EXPECT_EQ((char)get_mark(9), self->buf[6 + 2 * PAGE]);
	EXPECT_EQ(UNTOUCHED, self->buf[6 + 2 * PAGE + 1]);
}

/* A hole ends its own segment. The rest of the place of this segment is not changed. */
TEST_F(readv, holes_do_not_stop_the_request)
{
	struct gupx_segment segment[] = {
		SEGMENT(self->addr, 8),
		SEGMENT(self->addr + 9 * PAGE, 3 * PAGE),
		SEGMENT(0, 8),
		SEGMENT(self->addr + 11 * PAGE, 8),
		SEGMENT(self->addr + 10 * PAGE, 8),
	};

	TARGET_CALL(&self->target, SYS_munmap, self->addr + 10 * PAGE, PAGE);
	ASSERT_EQ(0, READV(segment, ARRAY_SIZE(segment)));
	EXPECT_EQ(8 + PAGE + 8, self->done);
	check_whole(_metadata, &segment[0]);
	check_short(_metadata, &segment[1], PAGE, GUPX_STAGE_LOOKUP,
		    GUPX_REASON_NO_MAPPING);
	check_short(_metadata, &segment[2], 0, GUPX_STAGE_LOOKUP,
		    GUPX_REASON_NO_MAPPING);
	check_whole(_metadata, &segment[3]);
	check_short(_metadata, &segment[4], 0, GUPX_STAGE_LOOKUP,
		    GUPX_REASON_NO_MAPPING);
	EXPECT_EQ((char)get_mark(9), self->buf[8]);
	EXPECT_EQ(UNTOUCHED, self->buf[8 + PAGE]);
	EXPECT_EQ(UNTOUCHED, self->buf[8 + 3 * PAGE]);
	EXPECT_EQ((char)get_mark(11), self->buf[8 + 3 * PAGE + 8]);
}

TEST_F(readv, resident_pages_only)
{
	struct gupx_segment segment[] = {
		SEGMENT(self->addr + 4 * PAGE, PAGE),
		SEGMENT(self->addr + 5 * PAGE, PAGE),
		SEGMENT(self->addr + 6 * PAGE, PAGE),
	};

	TARGET_CALL(&self->target, SYS_madvise, self->addr + 5 * PAGE, PAGE,
		    MADV_DONTNEED);
	ASSERT_EQ(0, lab_readv(self->target.mem_fd, segment, 3, self->buf,
			       3 * PAGE, GUPX_F_NOFAULT, NULL));
	check_whole(_metadata, &segment[0]);
	check_short(_metadata, &segment[1], 0, GUPX_STAGE_FOLLOW,
		    GUPX_REASON_NOFAULT);
	check_whole(_metadata, &segment[2]);
	EXPECT_EQ(0U, lab_resident(self->target.pid, self->addr + 5 * PAGE, 1));
}

/* Row L1: nothing is looked up for a segment without bytes. */
TEST_F(readv, L1_segment_without_bytes)
{
	struct gupx_segment segment[] = {
		SEGMENT(1, 0),
		SEGMENT(self->addr + 3 * PAGE, 1),
		SEGMENT(self->addr + 1, 0),
	};

	ASSERT_EQ(0, READV(segment, 3));
	for (int i = 0; i < 3; i++)
		check_whole(_metadata, &segment[i]);
	EXPECT_EQ((char)get_mark(3), self->buf[0]);
	EXPECT_EQ(UNTOUCHED, self->buf[1]);
	EXPECT_EQ(0, READV(NULL, 0));
	EXPECT_EQ(0U, self->done);
}

/* Results of an earlier call in the [out] fields are ignored. */
TEST_F(readv, out_fields_need_not_be_zero)
{
	struct gupx_segment segment = {
		.addr = self->addr,
		.len = 1,
		.done = ~0ULL,
		.error = ~0U,
		.stage = 9,
		.reason = GUPX_REASON_BUFFER,
	};

	ASSERT_EQ(0, READV(&segment, 1));
	check_whole(_metadata, &segment);
	EXPECT_EQ((char)get_mark(0), self->buf[0]);
}

TEST_F(readv, as_many_segments_as_allowed)
{
	static struct gupx_segment segment[GUPX_SEGMENTS_MAX + 1];

	for (uint64_t i = 0; i <= GUPX_SEGMENTS_MAX; i++)
		segment[i] = SEGMENT(self->addr + i * 619 % PAGES * PAGE, 64);
	ASSERT_EQ(0, READV(segment, GUPX_SEGMENTS_MAX));
	EXPECT_EQ(64UL * GUPX_SEGMENTS_MAX, self->done);
	for (uint64_t i = 0; i < GUPX_SEGMENTS_MAX; i++)
		ASSERT_EQ((char)get_mark(i * 619 % PAGES), self->buf[i * 64]);
	EXPECT_EQ(EINVAL, READV(segment, GUPX_SEGMENTS_MAX + 1));
}

/* Segments that need several groups: more runs, or more bytes, than one group holds. */
TEST_F(readv, long_segments)
{
	struct gupx_segment segment[] = {
		SEGMENT(self->addr + 100, 1500 * PAGE),
		SEGMENT(self->addr + 1700 * PAGE, 1),
		SEGMENT(self->addr + 1600 * PAGE, 448 * PAGE),
	};

	ASSERT_EQ(0,
		  target_scatter(&self->target, self->addr, PAGES * PAGE, 3));
	ASSERT_EQ(0, READV(segment, 3));
	for (int i = 0; i < 3; i++)
		check_whole(_metadata, &segment[i]);
	for (uint64_t i = 1; i <= 1499; i++)
		ASSERT_EQ(3, self->buf[i * PAGE - 100]);
	EXPECT_EQ(3, self->buf[1500 * PAGE]);
	for (uint64_t i = 0; i < 448; i++)
		ASSERT_EQ(3, self->buf[1500 * PAGE + 1 + i * PAGE]);
}

/* A segment whose place cannot be written ends there. The others are copied. */
TEST_F(readv, unwritable_place)
{
	struct gupx_segment segment[] = {
		SEGMENT(self->addr, PAGE),
		SEGMENT(self->addr + PAGE, 3 * PAGE),
		SEGMENT(self->addr + 8 * PAGE, PAGE),
	};

	ASSERT_EQ(0, mprotect(self->buf + 2 * PAGE, PAGE, PROT_READ));
	ASSERT_EQ(0, READV(segment, 3));
	check_whole(_metadata, &segment[0]);
	check_short(_metadata, &segment[1], PAGE, GUPX_STAGE_COPY,
		    GUPX_REASON_BUFFER);
	check_whole(_metadata, &segment[2]);
	EXPECT_EQ((char)get_mark(1), self->buf[PAGE]);
	EXPECT_EQ(UNTOUCHED, self->buf[3 * PAGE]);
	EXPECT_EQ((char)get_mark(8), self->buf[4 * PAGE]);
	EXPECT_EQ(2 * PAGE + PAGE, self->done);
}

/*
 * Check that a segment stays ended where the buffer cannot be written. The pages are
 * scattered, so that the segment needs several groups of references, and a later group ends
 * at a hole.
 */
TEST_F(readv, unwritable_place_of_a_long_segment)
{
	const size_t pages = 192, len = pages * PAGE;
	struct gupx_segment segment[1];
	uint64_t addr;
	char *buf;

	addr = TARGET_CALL(&self->target, SYS_mmap, 0, len,
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	ASSERT_EQ(0, memory_forbid_huge(&self->target, addr, len));
	ASSERT_EQ(0, target_scatter(&self->target, addr, len, 7));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_munmap, addr + 150 * PAGE,
				 PAGE));
	buf = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, buf);
	ASSERT_EQ(0, mprotect(buf + PAGE, PAGE, PROT_READ));
	segment[0] = SEGMENT(addr, len);
	EXPECT_EQ(0, lab_readv(self->target.mem_fd, segment, 1, buf, len, 0,
			       &self->done));
	check_short(_metadata, &segment[0], PAGE, GUPX_STAGE_COPY,
		    GUPX_REASON_BUFFER);
	EXPECT_EQ(PAGE, self->done);
	EXPECT_EQ(7, buf[0]);
	for (size_t i = 1; i < pages; i++)
		EXPECT_EQ(0, buf[i * PAGE]);
	munmap(buf, len);
}

TEST_F(readv, malformed_is_refused)
{
	struct gupx_segment segment[] = { SEGMENT(self->addr, 8),
					  SEGMENT(self->addr, 8) };

	EXPECT_EQ(EINVAL, lab_readv(self->target.mem_fd, segment, 2, self->buf,
				    15, 0, NULL));
	EXPECT_EQ(0, lab_readv(self->target.mem_fd, segment, 2, self->buf, 16,
			       0, NULL));
	segment[1].len = -8ULL;
	EXPECT_EQ(EINVAL, lab_readv(self->target.mem_fd, segment, 2, self->buf,
				    -1ULL, 0, NULL));
	segment[1] = SEGMENT(-PAGE, 8);
	EXPECT_EQ(EINVAL, READV(segment, 2));
	EXPECT_EQ(EFAULT, READV(NULL, 1));
	segment[1] = SEGMENT(self->addr, 8);
	EXPECT_EQ(EFAULT, lab_readv(self->target.mem_fd, segment, 2,
				    (void *)0xffff888000000000UL, 16, 0, NULL));
}

/* Addresses at the end of the address space: nothing is mapped there. */
TEST_F(readv, last_addresses)
{
	struct gupx_segment segment[] = {
		SEGMENT(-0x69000ULL, 0x67000),
		SEGMENT(self->addr, 1),
		SEGMENT(-3 * PAGE, PAGE),
	};

	ASSERT_EQ(0, READV(segment, 3));
	EXPECT_EQ(0U, segment[0].done);
	EXPECT_EQ((__u32)EFAULT, segment[0].error);
	check_whole(_metadata, &segment[1]);
	EXPECT_EQ(0U, segment[2].done);
	EXPECT_EQ((__u32)EFAULT, segment[2].error);
}

/* The results cannot be stored. */
TEST_F(readv, read_only_array_is_EFAULT)
{
	struct gupx_segment *array = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, array);
	*array = SEGMENT(self->addr, 8);
	ASSERT_EQ(0, mprotect(array, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, READV(array, 1));
	munmap(array, PAGE);
}

/* Entries that are longer than the module knows: their tails have to be zero. */
TEST_F(readv, longer_entries)
{
	struct {
		struct gupx_segment segment;
		uint64_t more;
	} entry[2] = {
		{ .segment = SEGMENT(self->addr + PAGE, 1) },
		{ .segment = SEGMENT(self->addr + 2 * PAGE, 1) },
	};
	struct gupx_readv readv = {
		.size = sizeof(readv),
		.mem_fd = self->target.mem_fd,
		.segments = (uintptr_t)entry,
		.nr = 2,
		.entry_size = sizeof(entry[0]),
		.buf = (uintptr_t)self->buf,
		.buf_len = 2,
	};

	ASSERT_EQ(0, ioctl(lab_device(), GUPX_IOC_READV, &readv));
	EXPECT_EQ(2U, readv.done);
	check_whole(_metadata, &entry[1].segment);
	EXPECT_EQ((char)get_mark(2), self->buf[1]);
	entry[1].more = 1;
	EXPECT_EQ(-1, ioctl(lab_device(), GUPX_IOC_READV, &readv));
	EXPECT_EQ(E2BIG, errno);
}

/* The target is the caller, and the buffer has to be faulted in during the copy. */
TEST_F(readv, own_memory_into_absent_buffer)
{
	static char from[3 * PAGE];
	char *fresh = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int mem_fd = lab_open_mem(getpid(), O_RDONLY);
	struct gupx_segment segment[] = {
		SEGMENT((uintptr_t)from, PAGE),
		SEGMENT((uintptr_t)from + PAGE, PAGE),
	};

	from[0] = 'a';
	from[PAGE] = 'b';
	ASSERT_LE(0, mem_fd);
	ASSERT_EQ(0, lab_readv(mem_fd, segment, 2, fresh, 2 * PAGE, 0, NULL));
	EXPECT_EQ('a', fresh[0]);
	EXPECT_EQ('b', fresh[PAGE]);
	close(mem_fd);
	munmap(fresh, 2 * PAGE);
}

/*
 * Compare with READ, on random segments of memory with holes, zero pages and swapped or absent
 * pages, by our loop and by the kernel's engine.
 */
TEST_F(readv, agrees_with_read)
{
	static struct gupx_segment segment[64];
	struct prng prng = { .state = 1 };
	char *expected = malloc(64 * 9 * PAGE);

	ASSERT_NE(NULL, expected);
	TARGET_CALL(&self->target, SYS_munmap, self->addr + 30 * PAGE,
		    5 * PAGE);
	TARGET_CALL(&self->target, SYS_mprotect, self->addr + 50 * PAGE,
		    3 * PAGE, PROT_NONE);
	TARGET_CALL(&self->target, SYS_mprotect, self->addr + 53 * PAGE, PAGE,
		    PROT_READ);
	for (int round = 0; round < 60; round++) {
		const uint32_t flags =
			(round % 3 == 1 ? GUPX_F_NOFAULT : 0) |
			(round % 5 == 2 ? GUPX_F_ENGINE_KERNEL : 0);
		uint64_t total = 0;

		TARGET_CALL(&self->target, SYS_madvise,
			    self->addr + prng_below(&prng, 60) * PAGE, 4 * PAGE,
			    MADV_DONTNEED);
		memset(self->buf, UNTOUCHED, 64 * 9 * PAGE);
		memset(expected, UNTOUCHED, 64 * 9 * PAGE);
		for (int i = 0; i < 64; i++) {
			segment[i] = SEGMENT(
				self->addr + prng_below(&prng, 64 * PAGE),
				prng_below(&prng, i % 4 ? 100 : 8 * PAGE));
			total += segment[i].len;
		}
		ASSERT_EQ(0, lab_readv(self->target.mem_fd, segment, 64,
				       self->buf, total, flags, &self->done));
		total = 0;
		for (int i = 0; i < 64; i++) {
			const struct lab_answer one =
				lab_read(self->target.mem_fd, segment[i].addr,
					 segment[i].len, expected + total,
					 flags);

			ASSERT_EQ(0, one.failed);
			ASSERT_EQ(one.done, segment[i].done);
			ASSERT_EQ(one.stop.error, segment[i].error);
			ASSERT_EQ(one.stop.stage, segment[i].stage);
			ASSERT_EQ(one.stop.reason, segment[i].reason);
			total += segment[i].len;
		}
		ASSERT_EQ(0, memcmp(expected, self->buf, total));
	}
	free(expected);
}

TEST_HARNESS_MAIN
