// SPDX-License-Identifier: GPL-2.0
/*
 * The arena of a target: the regions of memory that the target maps. The target writes
 * stamps into them, values that identify the process and the page (stamp.h).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chaos_target.h"

static sigjmp_buf way_out;

static void take_way_out(int signal)
{
	(void)signal;
	siglongjmp(way_out, 1);
}

void memory_forgive_faults(void)
{
	const struct sigaction action = { .sa_handler = take_way_out };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

/*
 * Pages of REGION_EQUAL contain one of four stamps. These stamps are the same in all
 * targets, so that KSM merges pages.
 */
static uint64_t make_page_stamp(struct chaos_target *target, uint64_t addr)
{
	const uint64_t index = stamp_index(addr);
	const enum region region = stamp_region(addr);

	if (region == REGION_EQUAL)
		return stamp_make(LIFE_ALL, region * REGION_PAGES + index % 4,
				  0);
	/*
	 * In memory that a child shares with its parent, stamps contain the process
	 * number of the parent.
	 */
	if (target->life.parent && stamp_is_shared(region))
		return stamp_make(target->life.parent, index, target->age++);
	return stamp_make(target->life.number, index, target->age++);
}

static void stamp_page(struct chaos_target *target, uint64_t addr)
{
	volatile uint64_t *const first = (void *)(addr + STAMP_FIRST);
	volatile uint64_t *const last = (void *)(addr + STAMP_LAST);
	volatile uint64_t *const count = (void *)(addr + STAMP_COUNT);
	const uint64_t stamp = make_page_stamp(target, addr);
	_Atomic uint32_t *published;

	*first = stamp;
	*last = stamp;
	if (!stamp_is_steady(stamp_region(addr)) || target->life.parent)
		return;
	/*
	 * Write the count to the page before publishing the count, so that the
	 * published count is never larger than the count in the page.
	 */
	published = &world_row(target->life.number)->count[stamp_index(addr)];
	*count = atomic_load(published) + 1;
	atomic_store(published, *count);
}

/*
 * Do not inline this function. Otherwise its locals become locals of the function that
 * calls sigsetjmp(), and siglongjmp() may corrupt them.
 */
static void __attribute__((noinline))
stamp_pages(struct chaos_target *target, uint64_t addr, uint64_t len)
{
	for (uint64_t at = addr; at < addr + len; at += PAGE)
		stamp_page(target, at);
}

static void __attribute__((noinline)) look_at_pages(uint64_t addr, uint64_t len)
{
	for (uint64_t at = addr; at < addr + len; at += PAGE)
		(void)*(volatile uint64_t *)at;
}

bool memory_write(struct chaos_target *target, uint64_t addr, uint64_t len)
{
	if (sigsetjmp(way_out, 1))
		return false;
	stamp_pages(target, addr, len);
	return true;
}

bool memory_look(uint64_t addr, uint64_t len)
{
	if (sigsetjmp(way_out, 1))
		return false;
	look_at_pages(addr, len);
	return true;
}

static int map_flags(enum region region)
{
	switch (region) {
	case REGION_STEADY_SHMEM:
	case REGION_SHMEM:
	case REGION_DISK:
		return MAP_SHARED;
	case REGION_FILE_PRIVATE:
		return MAP_PRIVATE;
	case REGION_HUGETLB:
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
	default:
		return MAP_PRIVATE | MAP_ANONYMOUS;
	}
}

int memory_map(const struct chaos_target *target, uint64_t addr, uint64_t len)
{
	const enum region region = stamp_region(addr);
	const uint64_t offset = (addr - ARENA) % WINDOW_ROOM;

	if (mmap((void *)addr, len, PROT_READ | PROT_WRITE,
		 map_flags(region) | MAP_FIXED | MAP_NORESERVE,
		 target->files[region], offset) == MAP_FAILED)
		return -1;
	return 0;
}

/* Create the file of a region. REGION_DISK uses a memfd if there is no disk. */
static int open_file(enum region region)
{
	int fd = -1;

	if (region == REGION_DISK)
		fd = open("/mnt/disk", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = memfd_create("chaos", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, REGION_BYTES))
		exit(1);
	return fd;
}

static bool has_file(enum region region)
{
	return stamp_is_shared(region) || region == REGION_FILE_PRIVATE;
}

/* Stamp the pages of the file that REGION_FILE_PRIVATE maps. */
static void stamp_file(struct chaos_target *target)
{
	const int file = target->files[REGION_FILE_PRIVATE];

	for (uint64_t page = 0; page < REGION_PAGES; page++) {
		const uint64_t addr = stamp_addr(REGION_FILE_PRIVATE, 0, page);
		const uint64_t stamp = make_page_stamp(target, addr);

		if (pwrite(file, &stamp, 8, page * PAGE + STAMP_FIRST) != 8 ||
		    pwrite(file, &stamp, 8, page * PAGE + STAMP_LAST) != 8)
			exit(1);
	}
}

void memory_set_up(struct chaos_target *target)
{
	for (enum region region = 0; region < REGIONS; region++) {
		const uint64_t addr = stamp_addr(region, 0, 0);

		target->files[region] =
			has_file(region) ? open_file(region) : -1;
		/* Mapping fails if no hugetlb page is free. */
		if (memory_map(target, addr, REGION_BYTES))
			continue;
		if (region == REGION_HUGE)
			madvise((void *)addr, REGION_BYTES, MADV_HUGEPAGE);
		if (region == REGION_EQUAL)
			madvise((void *)addr, REGION_BYTES, MADV_MERGEABLE);
		if (region == REGION_FILE_PRIVATE)
			stamp_file(target);
		if (region == REGION_EQUAL || region == REGION_HUGE)
			memory_write(target, addr, REGION_BYTES);
	}
}
