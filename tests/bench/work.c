// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sysctl.h"
#include "lab.h"
#include "work.h"

static uint64_t round_up(uint64_t len, uint64_t unit)
{
	return (len + unit - 1) / unit * unit;
}

static long advise_range(const struct work *work, int advice)
{
	return TARGET_CALL(work->target, SYS_madvise, work->base, work->span,
			   advice);
}

static long map_fixed(const struct work *work, int flags, int fd)
{
	return TARGET_CALL(work->target, SYS_mmap, work->base, work->span,
			   PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
}

/*
 * Reserve address space for the mapping. The mapping starts at a multiple of the huge
 * page size, which is also the first address that a page table covers.
 */
static bool reserve_range(struct work *work)
{
	const uint64_t len = work->pages * PAGE + (work->odd ? PAGE : 0);
	long addr;

	work->span = round_up(len, HUGE_PAGE);
	addr = TARGET_CALL(work->target, SYS_mmap, 0, work->span + HUGE_PAGE,
			   PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr < 0)
		return false;
	work->base = round_up(addr, HUGE_PAGE);
	work->addr = work->base + (work->odd ? PAGE : 0);
	return true;
}

static const char *map_anon(const struct work *work, int advice)
{
	if (map_fixed(work, MAP_PRIVATE | MAP_ANONYMOUS, -1) < 0 ||
	    advise_range(work, advice))
		return "no room for a mapping";
	return NULL;
}

static bool bind_to_nodes(const struct work *work, int policy,
			  const unsigned long *nodes)
{
	return !TARGET_CALL(work->target, SYS_mbind, work->base, work->span,
			    policy, (long)nodes, 3, 0);
}

/*
 * Map memory that is interleaved over two NUMA nodes. mbind() ignores nodes without
 * memory as long as another node remains. Bind to the second node alone first, because
 * this call fails if the second node has no memory.
 */
static const char *map_interleaved(const struct work *work)
{
	static const unsigned long second = 2, both = 3;
	const char *missing = map_anon(work, MADV_NOHUGEPAGE);

	if (missing)
		return missing;
	if (!bind_to_nodes(work, MPOL_BIND, &second) ||
	    !bind_to_nodes(work, MPOL_INTERLEAVE, &both))
		return "this machine has one NUMA node";
	return NULL;
}

static const char *map_shmem(const struct work *work)
{
	static const char name[] = "gupx-bench";
	const long fd = TARGET_CALL(work->target, SYS_memfd_create, (long)name);
	long addr;

	if (fd < 0 ||
	    TARGET_CALL(work->target, SYS_ftruncate, fd, work->span) < 0)
		return "no memfd";
	addr = map_fixed(work, MAP_SHARED, fd);
	TARGET_CALL(work->target, SYS_close, fd);
	return addr < 0 ? "no room for a mapping" : NULL;
}

/*
 * Map pages that have a VMA each: adjacent VMAs differ in VM_DONTDUMP, so the kernel does not
 * merge them.
 */
static const char *map_vmas(const struct work *work)
{
	const char *missing = map_anon(work, MADV_NOHUGEPAGE);

	if (!sysctl_set("/proc/sys/vm/max_map_count", 4000000))
		missing = "no limit on mappings to raise";
	for (uint64_t at = 0; !missing && at < work->span; at += 2 * PAGE)
		if (TARGET_CALL(work->target, SYS_madvise, work->base + at,
				PAGE, MADV_DONTDUMP))
			missing = "too few mappings";
	return missing;
}

static const char *map_hugetlb(const struct work *work)
{
	if (!sysctl_reserve_huge(work->span / HUGE_PAGE) ||
	    map_fixed(work, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1) < 0)
		return "no 2 MiB pages in the pool";
	return NULL;
}

const char *work_build(struct work *work)
{
	work->child =
		(struct target){ .mem_fd = -1, .line = -1, .child_line = -1 };
	work->base = 0;
	if (!reserve_range(work))
		return "no room for a mapping";
	switch (work->kind) {
	case WORK_4K:
	case WORK_SCATTERED:
	case WORK_SHARED_TURNS:
	case WORK_ZERO_TURNS:
		return map_anon(work, MADV_NOHUGEPAGE);
	case WORK_VMAS:
		return map_vmas(work);
	case WORK_INTERLEAVED:
		return map_interleaved(work);
	case WORK_SHMEM:
	case WORK_DIRTY_TURNS:
		return map_shmem(work);
	case WORK_LARGE:
	case WORK_THP:
		return map_anon(work, MADV_HUGEPAGE);
	case WORK_HUGETLB:
		return map_hugetlb(work);
	}
	return "no such kind";
}

static void touch_pages(const struct work *work)
{
	if (work->kind == WORK_SCATTERED)
		target_scatter(work->target, work->base, work->span, 's');
	else
		target_poke(work->target, work->base, work->span, 't');
}

/*
 * Make PTEs map the huge pages. Changing the protection of one 4 KiB page splits the
 * PMD entry that maps its huge page.
 */
static bool split_pages(const struct work *work)
{
	for (uint64_t at = work->base; at < work->base + work->span;
	     at += HUGE_PAGE)
		if (TARGET_CALL(work->target, SYS_mprotect, at + PAGE, PAGE,
				PROT_READ) ||
		    TARGET_CALL(work->target, SYS_mprotect, at + PAGE, PAGE,
				PROT_READ | PROT_WRITE))
			return false;
	/* Keep khugepaged from mapping the pages by PMD entries again. */
	advise_range(work, MADV_NOHUGEPAGE);
	touch_pages(work);
	return true;
}

static long huge_bytes(const struct work *work)
{
	return target_smaps(work->target, work->base, "AnonHugePages:") * 1024;
}

static const char *fill_pages(const struct work *work)
{
	touch_pages(work);
	if (work->kind != WORK_THP && work->kind != WORK_LARGE)
		return NULL;
	if (huge_bytes(work) < (long)work->span)
		return "too few huge pages";
	if (work->kind == WORK_LARGE &&
	    (!split_pages(work) || huge_bytes(work)))
		return "huge pages do not split";
	return NULL;
}

static uint64_t count_resident(const struct work *work)
{
	return lab_resident(work->target->pid, work->base, work->span / PAGE);
}

/* Write to every second page. */
static void poke_in_turns(const struct work *work)
{
	for (uint64_t at = work->base; at < work->base + work->span;
	     at += 2 * PAGE)
		target_poke(work->target, at, PAGE, 't');
}

/* Make the memory resident, with two kinds of pages in turns. */
static const char *fill_in_turns(struct work *work)
{
	if (work->kind == WORK_SHARED_TURNS) {
		touch_pages(work);
		if (target_fork(work->target, &work->child))
			return "cannot fork";
	} else if (work->kind == WORK_DIRTY_TURNS) {
		/* Allocate the pages, then map them again with clean entries. */
		touch_pages(work);
		advise_range(work, MADV_DONTNEED);
		target_peek(work->target, work->base, work->span);
	}
	poke_in_turns(work);
	target_peek(work->target, work->base, work->span);
	for (int i = 0; i < 8; i++)
		lab_populate(work->target->mem_fd, work->base, work->span, 0);
	return NULL;
}

/*
 * Make the memory resident and access each page several times. The first accesses to a
 * page move the page through the LRU lists. Without the repeated accesses, these moves
 * would slow down only the engine that runs first.
 */
static const char *make_resident(struct work *work)
{
	const char *missing;

	if (count_resident(work) == work->span / PAGE)
		return NULL;
	if (work->kind >= WORK_DIRTY_TURNS)
		return fill_in_turns(work);
	missing = fill_pages(work);
	for (int i = 0; !missing && i < 8; i++) {
		advise_range(work, MADV_POPULATE_WRITE);
		/*
		 * For a huge page, MADV_POPULATE_WRITE marks only the PMD entry as
		 * accessed. Populate it with gupx too, which marks the folio as
		 * accessed, so that no measured request has to do so.
		 */
		lab_populate(work->target->mem_fd, work->base, work->span,
			     GUPX_F_WRITE);
	}
	return missing;
}

static void end_child(struct work *work)
{
	const pid_t pid = work->child.pid;

	if (pid <= 0)
		return;
	target_stop(&work->child);
	/*
	 * The target reaps the child, and the memory of the child is freed only then.
	 * Wait until the target has reaped the child.
	 */
	while (!kill(pid, 0) || errno != ESRCH)
		sched_yield();
}

static const char *page_out(const struct work *work)
{
	touch_pages(work);
	for (int tries = 0; tries < 8; tries++) {
		advise_range(work, MADV_PAGEOUT);
		if (!count_resident(work))
			return NULL;
	}
	return "not all of it goes to swap";
}

/*
 * Free all pages. The pages of shared memory stay in the page cache when they are
 * unmapped, so remove them from the file.
 */
static const char *drop_pages(const struct work *work)
{
	advise_range(work,
		     work->kind == WORK_SHMEM ? MADV_REMOVE : MADV_DONTNEED);
	return count_resident(work) ? "it does not go away" : NULL;
}

/*
 * Set up the memory again and share it with a child. The old pages cannot be used
 * again: huge pages that were shared and then copied are no longer huge.
 */
static const char *share_with_child(struct work *work)
{
	const char *missing;

	end_child(work);
	missing = drop_pages(work);
	if (!missing)
		missing = fill_pages(work);
	if (!missing && target_fork(work->target, &work->child))
		missing = "cannot fork";
	return missing;
}

const char *work_reset(struct work *work)
{
	const char *missing;

	switch (work->state) {
	case WORK_RESIDENT:
		/*
		 * Each measurement leaves the memory resident, so only the first call
		 * of make_resident() has work to do.
		 */
		return make_resident(work);
	case WORK_FRESH:
		missing = drop_pages(work);
		return missing ? missing : fill_pages(work);
	case WORK_ABSENT:
		return drop_pages(work);
	case WORK_SWAPPED:
		return page_out(work);
	case WORK_FORKED:
		return share_with_child(work);
	}
	return "no such state";
}

void work_drop(struct work *work)
{
	end_child(work);
	if (work->base)
		TARGET_CALL(work->target, SYS_munmap, work->base, work->span);
	work->base = 0;
}
