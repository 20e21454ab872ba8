// SPDX-License-Identifier: GPL-2.0
/*
 * Engines of small requests, first accesses, and requests that describe memory. engine.c has
 * the engines of bulk requests.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../kmod/rival.h"
#include "engine.h"
#include "lab.h"
#include "round.h"

/* Size of the buffer for copies, in bytes. A copy of a larger range takes several calls. */
#define BUFFER_LEN (1UL << 20)
/* Maximum number of segments in one call of process_vm_readv(). */
#define SEGMENTS_MAX 1024

static char *get_buffer(void)
{
	static char *buffer;

	if (!buffer)
		buffer = mmap(NULL, BUFFER_LEN * 4, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (buffer == MAP_FAILED)
		abort();
	return buffer;
}

/*
 * Get the address of a segment. There is one segment in each page. Adjacent segments are in
 * pages that are far from each other: the factor is odd, so it permutes the pages if their
 * number is a power of two.
 */
static uint64_t get_segment(const struct work *work, uint64_t index)
{
	const uint64_t page = index * 619 % work->pages;

	return work->addr + page * PAGE;
}

static const char *read_each(const struct work *work, uint32_t len,
			     struct times *times)
{
	char *const buffer = get_buffer();
	bool fine = true;

	round_begin(ROUND_TAKE);
	for (uint64_t i = 0; fine && i < work->pages; i++)
		fine = lab_read(work->target->mem_fd, get_segment(work, i), len,
				buffer + i * len, 0)
			       .done == len;
	times->take = round_end();
	return fine ? NULL : "it came short";
}

static const char *read_iovecs(const struct work *work, uint32_t len,
			       struct times *times)
{
	static struct iovec local[SEGMENTS_MAX], remote[SEGMENTS_MAX];
	char *const buffer = get_buffer();
	ssize_t got;

	for (uint64_t i = 0; i < work->pages; i++) {
		local[i] = (struct iovec){ buffer + i * len, len };
		remote[i] = (struct iovec){ (void *)get_segment(work, i), len };
	}
	round_begin(ROUND_TAKE);
	got = process_vm_readv(work->target->pid, local, work->pages, remote,
			       work->pages, 0);
	times->take = round_end();
	return got == (ssize_t)(work->pages * len) ? NULL : "it came short";
}

/* Read all segments by one READV. */
static const char *read_segments(const struct work *work, uint32_t len,
				 struct times *times)
{
	static struct gupx_segment segment[SEGMENTS_MAX];
	uint64_t done;

	for (uint64_t i = 0; i < work->pages; i++)
		segment[i] = (struct gupx_segment){
			.addr = get_segment(work, i),
			.len = len,
		};
	round_begin(ROUND_TAKE);
	lab_readv(work->target->mem_fd, segment, work->pages, get_buffer(),
		  4 * BUFFER_LEN, 0, &done);
	times->take = round_end();
	return done == work->pages * len ? NULL : "it came short";
}

/* clang-format off */
#define SEGMENT_ENGINES(len)                                \
	{                                                   \
		{ "ours", read_each, (len) },               \
		{ "ours-readv", read_segments, (len) },     \
		{ "process_vm_readv", read_iovecs, (len) }, \
		{},                                         \
	}
/* clang-format on */

const struct engine segment_8_engines[] = SEGMENT_ENGINES(8);
const struct engine segment_64_engines[] = SEGMENT_ENGINES(64);
const struct engine segment_4k_engines[] = SEGMENT_ENGINES(4096);

/* Read one byte of each page. */
static long touch_each(const char *map, uint64_t pages)
{
	round_begin(ROUND_TAKE);
	for (uint64_t i = 0; i < pages; i++)
		(void)((const volatile char *)map)[i * PAGE];
	return round_end();
}

static const char *touch_file(int fd, const struct work *work,
			      struct times *times)
{
	char *map = mmap(NULL, work_len(work) + HUGE_PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return strerror(errno);
	/* Align the mapping, so that huge pages can be mapped by PMD entries. */
	map += -(uintptr_t)map & (HUGE_PAGE - 1);
	map = mmap(map, work_len(work), PROT_READ, MAP_SHARED | MAP_FIXED, fd,
		   0);
	if (map == MAP_FAILED)
		return strerror(errno);
	times->take = touch_each(map, work->pages);
	munmap(map, work_len(work));
	return NULL;
}

/* Measure the first access to each page of a window. */
static const char *touch_window(const struct work *work, uint32_t flags,
				struct times *times)
{
	const struct lab_answer got = lab_pin(work->target->mem_fd, work->addr,
					      work_len(work), flags);
	const char *why;

	if (got.pin_fd < 0)
		return "it cannot be pinned";
	why = touch_file(got.pin_fd, work, times);
	close(got.pin_fd);
	return why;
}

/* Measure the first access to each page of a mapped memfd whose pages are present. */
static const char *touch_memfd(const struct work *work, uint32_t flags,
			       struct times *times)
{
	const int fd = memfd_create("gupx-bench", flags);
	const char *why = "no memfd";
	char *map;

	if (fd >= 0 && !ftruncate(fd, work_len(work))) {
		map = mmap(NULL, work_len(work), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, fd, 0);
		if (map != MAP_FAILED) {
			munmap(map, work_len(work));
			why = touch_file(fd, work, times);
		}
	}
	if (fd >= 0)
		close(fd);
	return why;
}

const struct engine touch_engines[] = {
	{ "ours", touch_window, 0 },
	{ "memfd", touch_memfd, 0 },
	{},
};

/* Copy a pin fd with pread(). */
static const char *copy_pin_fd(const struct work *work, uint32_t flags,
			       struct times *times)
{
	const struct lab_answer got = lab_pin(work->target->mem_fd, work->addr,
					      work_len(work), flags);
	char *const buffer = get_buffer();
	bool fine = true;

	if (got.pin_fd < 0)
		return "it cannot be pinned";
	round_begin(ROUND_TAKE);
	for (uint64_t at = 0; fine && at < work_len(work); at += BUFFER_LEN) {
		const uint64_t left = work_len(work) - at;
		const uint64_t len = left < BUFFER_LEN ? left : BUFFER_LEN;

		fine = pread(got.pin_fd, buffer, len, at) == (ssize_t)len;
	}
	times->take = round_end();
	close(got.pin_fd);
	return fine ? NULL : "it came short";
}

static const char *copy_target(const struct work *work, uint32_t flags,
			       struct times *times)
{
	char *const buffer = get_buffer();
	bool fine = true;

	round_begin(ROUND_TAKE);
	for (uint64_t at = 0; fine && at < work_len(work); at += BUFFER_LEN) {
		const uint64_t left = work_len(work) - at;
		const uint64_t len = left < BUFFER_LEN ? left : BUFFER_LEN;

		fine = lab_read(work->target->mem_fd, work->addr + at, len,
				buffer, flags)
			       .done == len;
	}
	times->take = round_end();
	return fine ? NULL : "it came short";
}

const struct engine pread_engines[] = {
	{ "ours", copy_pin_fd, 0 },
	{ "read", copy_target, 0 },
	{},
};

static const char *explain_range(const struct work *work, uint64_t addr,
				 uint64_t len, struct times *times)
{
	uint64_t done = 0;
	struct gupx_explain explain;

	round_begin(ROUND_TAKE);
	do {
		explain = (struct gupx_explain){
			.size = sizeof(explain),
			.flags = GUPX_F_WRITE,
			.mem_fd = work->target->mem_fd,
			.verb = GUPX_VERB_PIN,
			.addr = addr + done,
			.len = len - done,
			.buf = (uintptr_t)get_buffer(),
			.capacity = BUFFER_LEN / sizeof(struct gupx_judgement),
			.entry_size = sizeof(struct gupx_judgement),
		};
		if (ioctl(lab_device(), GUPX_IOC_EXPLAIN, &explain))
			return strerror(errno);
		done += explain.done;
	} while (explain.done && done < len);
	times->take = round_end();
	return done == len ? NULL : "it came short";
}

static const char *explain_all(const struct work *work, uint32_t flags,
			       struct times *times)
{
	(void)flags;
	return explain_range(work, work->addr, work_len(work), times);
}

static int open_pagemap(const struct work *work)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", work->target->pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static const char *read_pagemap(const struct work *work, uint32_t flags,
				struct times *times)
{
	const uint64_t words = BUFFER_LEN / sizeof(uint64_t);
	char *const buffer = get_buffer();
	const int fd = open_pagemap(work);
	bool fine = fd >= 0;

	(void)flags;
	round_begin(ROUND_TAKE);
	for (uint64_t i = 0; fine && i < work->pages; i += words) {
		const uint64_t left = work->pages - i;
		const ssize_t want = 8 * (left < words ? left : words);

		fine = pread(fd, buffer, want, 8 * (work->addr / PAGE + i)) ==
		       want;
	}
	times->take = round_end();
	close(fd);
	return fine ? NULL : "it came short";
}

const struct engine explain_engines[] = {
	{ "ours", explain_all, 0 },
	{ "pagemap", read_pagemap, 0 },
	{},
};

/*
 * PAGEMAP_SCAN of Linux 6.7, with the struct from linux/fs.h. The header of the machine that
 * builds the benchmark may be older.
 */
struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages,
		category_inverted, category_mask, category_anyof_mask,
		return_mask;
};

#define SCAN _IOWR('f', 16, struct scan)
#define SCAN_PRESENT (1U << 3)

static const char *scan_range(const struct work *work, uint64_t addr,
			      uint64_t len, struct times *times)
{
	struct scan scan = {
		.size = sizeof(scan),
		.start = addr,
		.end = addr + len,
		.vec = (uintptr_t)get_buffer(),
		.vec_len = 4096,
		.category_mask = SCAN_PRESENT,
		.return_mask = SCAN_PRESENT,
	};
	const int fd = open_pagemap(work);
	long got;

	round_begin(ROUND_TAKE);
	got = ioctl(fd, SCAN, &scan);
	times->take = round_end();
	close(fd);
	if (got < 0)
		return "this kernel has no PAGEMAP_SCAN";
	return scan.walk_end == scan.end ? NULL : "it came short";
}

/* Number of GiB of the sparse mapping. One page of each GiB is present. */
#define SPARSE_GIB 1024UL

/* Measure @flags == 0: EXPLAIN, else PAGEMAP_SCAN, on a sparse mapping of 1 TiB. */
static const char *describe_sparse(const struct work *work, uint32_t flags,
				   struct times *times)
{
	const uint64_t len = SPARSE_GIB << 30;
	const char *why;
	const long addr =
		TARGET_CALL(work->target, SYS_mmap, 0, len,
			    PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (addr < 0)
		return "no room for a mapping";
	TARGET_CALL(work->target, SYS_madvise, addr, len, MADV_NOHUGEPAGE);
	for (uint64_t at = addr; at < addr + len; at += 1UL << 30)
		target_poke(work->target, at, PAGE, 's');
	why = flags ? scan_range(work, addr, len, times)
		    : explain_range(work, addr, len, times);
	TARGET_CALL(work->target, SYS_munmap, addr, len);
	return why;
}

const struct engine sparse_engines[] = {
	{ "ours", describe_sparse, 0 },
	{ "pagemap-scan", describe_sparse, 1 },
	{},
};

/* List all extents of a pin fd in one call. */
static const char *list_extents(const struct work *work, uint32_t flags,
				struct times *times)
{
	const size_t size = work->pages * sizeof(struct gupx_extent);
	const struct lab_answer got = lab_pin(work->target->mem_fd, work->addr,
					      work_len(work), flags);
	struct gupx_extents head;
	void *array;

	if (got.pin_fd < 0)
		return "it cannot be pinned";
	array = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (array == MAP_FAILED)
		return "no memory";
	round_begin(ROUND_TAKE);
	lab_extents(got.pin_fd, &head, array, work->pages);
	times->take = round_end();
	munmap(array, size);
	close(got.pin_fd);
	return head.count == head.total ? NULL : "it came short";
}

const struct engine extents_engines[] = {
	{ "ours", list_extents, 0 },
	{},
};

/* Add single pages to a pin fd, with gaps between them. Measure the last of the calls. */
static const char *pin_more(const struct work *work, uint32_t flags,
			    struct times *times)
{
	struct lab_answer got =
		lab_pin(work->target->mem_fd, work->addr, PAGE, flags);
	const int pin_fd = got.pin_fd;

	if (pin_fd < 0)
		return "it cannot be pinned";
	for (uint64_t at = 0; at < 32 && !got.failed; at += 2) {
		round_begin(ROUND_TAKE);
		got = lab_pin_more(pin_fd, work->target->mem_fd, work->addr,
				   PAGE, flags);
		times->take = round_end();
	}
	close(pin_fd);
	return got.failed ? strerror(got.failed) : NULL;
}

const struct engine more_engines[] = {
	{ "ours", pin_more, GUPX_F_WRITE },
	{},
};

/* Requests for reading: PIN or POPULATE without GUPX_F_WRITE, and their rivals. */
static const char *pin_for_reading(const struct work *work, uint32_t flags,
				   struct times *times)
{
	struct lab_answer got;

	round_begin(ROUND_TAKE);
	got = lab_pin(work->target->mem_fd, work->addr, work_len(work), flags);
	times->take = round_end();
	round_begin(ROUND_DROP);
	if (got.pin_fd >= 0)
		close(got.pin_fd);
	times->drop = round_end();
	return got.done == work_len(work) ? NULL : "it came short";
}

static const char *pin_remote_for_reading(const struct work *work,
					  uint32_t flags, struct times *times)
{
	struct rival rival = {
		.addr = work->addr,
		.len = work_len(work),
		.pid = work->target->pid,
		.flags = flags,
	};

	if (ioctl(engine_rival(), RIVAL_REMOTE, &rival))
		return strerror(errno);
	times->take = rival.take_ns;
	times->drop = rival.drop_ns;
	return rival.pages == work->pages ? NULL : "it did not do all of it";
}

static const char *populate_for_reading(const struct work *work, uint32_t flags,
					struct times *times)
{
	struct lab_answer got;

	round_begin(ROUND_TAKE);
	got = lab_populate(work->target->mem_fd, work->addr, work_len(work),
			   flags);
	times->take = round_end();
	return got.done == work_len(work) ? NULL : "it came short";
}

const struct engine pin_read_engines[] = {
	{ "ours", pin_for_reading, 0 },
	{ "remote", pin_remote_for_reading, RIVAL_LONGTERM },
	{},
};

const struct engine populate_read_engines[] = {
	{ "ours", populate_for_reading, 0 },
	{ "engine", populate_for_reading, GUPX_F_ENGINE_KERNEL },
	{},
};
