// SPDX-License-Identifier: GPL-2.0
/*
 * A target process performs random operations on its own memory until it exits, calls
 * exec, or is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chaos_target.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define GUARD_INSTALL 102
#define GUARD_REMOVE 103

#define CHILD_OPS 300

static const unsigned char weights[OPS] = {
	[OP_WRITE] = 120,   [OP_LOOK] = 30,	  [OP_MMAP] = 30,
	[OP_MUNMAP] = 12,   [OP_MPROTECT] = 20,	  [OP_MREMAP] = 15,
	[OP_MLOCK] = 5,	    [OP_MUNLOCK] = 6,	  [OP_DONTNEED] = 15,
	[OP_FREE] = 8,	    [OP_PAGEOUT] = 15,	  [OP_COLD] = 5,
	[OP_COLLAPSE] = 5,  [OP_HUGEPAGE] = 5,	  [OP_NOHUGEPAGE] = 3,
	[OP_MERGEABLE] = 6, [OP_UNMERGEABLE] = 3, [OP_POPULATE] = 5,
	[OP_GUARD] = 4,	    [OP_REMOVE] = 5,	  [OP_TRUNCATE] = 4,
	[OP_FORK] = 10,	    [OP_EXEC] = 1,	  [OP_EXIT] = 1,
};

/*
 * Return: true if the operation neither unmaps, moves nor discards pages, else false.
 * All other operations are forbidden in REGION_STEADY_* regions.
 */
static bool keeps_memory(enum op op)
{
	switch (op) {
	case OP_MMAP:
	case OP_MUNMAP:
	case OP_MREMAP:
	case OP_DONTNEED:
	case OP_FREE:
	case OP_GUARD:
	case OP_REMOVE:
	case OP_TRUNCATE:
		return false;
	default:
		return true;
	}
}

static int advice_of(enum op op)
{
	switch (op) {
	case OP_DONTNEED:
		return MADV_DONTNEED;
	case OP_FREE:
		return MADV_FREE;
	case OP_PAGEOUT:
		return MADV_PAGEOUT;
	case OP_COLD:
		return MADV_COLD;
	case OP_COLLAPSE:
		return MADV_COLLAPSE;
	case OP_HUGEPAGE:
		return MADV_HUGEPAGE;
	case OP_NOHUGEPAGE:
		return MADV_NOHUGEPAGE;
	case OP_MERGEABLE:
		return MADV_MERGEABLE;
	case OP_UNMERGEABLE:
		return MADV_UNMERGEABLE;
	case OP_POPULATE:
		return MADV_POPULATE_WRITE;
	default:
		return -1;
	}
}

/*
 * Move pages to the same offset in the other address range of their region. The stamps
 * in these pages stay valid, because a stamp is the same in both address ranges.
 */
static bool do_mremap(uint64_t addr, uint64_t len)
{
	const uint64_t window = (addr - ARENA) / WINDOW_ROOM % WINDOWS;
	const uint64_t to = window ? addr - WINDOW_ROOM : addr + WINDOW_ROOM;

	return mremap((void *)addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
		      (void *)to) != MAP_FAILED;
}

/*
 * Change the protection of the range. If the range is in a REGION_STEADY_* region, make
 * it writable again after a short sleep.
 */
static bool do_mprotect(struct chaos_target *target, uint64_t addr,
			uint64_t len)
{
	static const int protections[] = {
		PROT_NONE,
		PROT_READ,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE,
	};
	const int protection = protections[prng_below(&target->prng, 4)];

	if (mprotect((void *)addr, len, protection))
		return false;
	if (stamp_is_steady(stamp_region(addr))) {
		usleep(prng_below(&target->prng, 500));
		mprotect((void *)addr, len, PROT_READ | PROT_WRITE);
	}
	return true;
}

static bool do_guard(struct chaos_target *target, uint64_t addr, uint64_t len)
{
	const bool more = prng_chance(&target->prng, 50);

	return !madvise((void *)addr, len, more ? GUARD_INSTALL : GUARD_REMOVE);
}

static bool do_remove(const struct chaos_target *target, uint64_t addr,
		      uint64_t len)
{
	const int file = target->files[stamp_region(addr)];

	return file >= 0 &&
	       !fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (addr - ARENA) % WINDOW_ROOM, len);
}

static bool do_truncate(struct chaos_target *target, uint64_t addr)
{
	const int file = target->files[stamp_region(addr)];

	if (file < 0 || ftruncate(file, (addr - ARENA) % WINDOW_ROOM))
		return false;
	usleep(prng_below(&target->prng, 500));
	return !ftruncate(file, REGION_BYTES);
}

static bool do_memory_op(struct chaos_target *target, enum op op, uint64_t addr,
			 uint64_t len)
{
	switch (op) {
	case OP_WRITE:
		return memory_write(target, addr, len);
	case OP_LOOK:
		return memory_look(addr, len);
	case OP_MMAP:
		return !memory_map(target, addr, len);
	case OP_MUNMAP:
		return !munmap((void *)addr, len);
	case OP_MPROTECT:
		return do_mprotect(target, addr, len);
	case OP_MREMAP:
		return do_mremap(addr, len);
	case OP_MLOCK:
		return !mlock((void *)addr, len);
	case OP_MUNLOCK:
		return !munlock((void *)addr, len);
	case OP_GUARD:
		return do_guard(target, addr, len);
	case OP_REMOVE:
		return do_remove(target, addr, len);
	case OP_TRUNCATE:
		return do_truncate(target, addr);
	default:
		return !madvise((void *)addr, len, advice_of(op));
	}
}

static void act_on_memory(struct chaos_target *target, enum op op)
{
	const enum region region = draw_region(&target->prng);
	const bool steady = stamp_is_steady(region);
	const unsigned int window = steady ? 0 : prng_below(&target->prng, 2);
	struct span span = draw_span(&target->prng, REGION_PAGES);

	if (steady && (!keeps_memory(op) || target->life.parent))
		op = OP_LOOK;
	if (region == REGION_HUGETLB && op != OP_WRITE)
		span = (struct span){ .nr = REGION_PAGES };
	count_op(op, !do_memory_op(target, op,
				   stamp_addr(region, window, span.page),
				   span.nr * PAGE));
}

static void live_as_child(struct chaos_target *target)
{
	const uint32_t parent = target->life.number;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	target->slot += TARGETS;
	target->prng.state ^= 0x4845495221;
	world_enter(target->slot, parent, &target->life);
	for (unsigned int i = 0; i < CHILD_OPS; i++)
		chaos_target_act(target);
	world_leave(target->slot);
	_exit(0);
}

/*
 * Fork a child, unless the target already has one. CLONE_PARENT makes the main process
 * the parent of the child.
 */
static void do_fork(struct chaos_target *target)
{
	struct life child;
	long pid;

	if (world_look(target->slot + TARGETS, &child))
		return;
	pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		live_as_child(target);
	count_op(OP_FORK, pid < 0);
}

static void end_life(struct chaos_target *target, enum op op)
{
	count_op(op, false);
	/*
	 * Clear the slot before exec. If the slot kept the old process number,
	 * requesters would mistake the new address space for the old one.
	 */
	world_leave(target->slot);
	if (op == OP_EXIT)
		_exit(0);
	world_exec(target->worker, prng_next(&target->prng));
}

void chaos_target_act(struct chaos_target *target)
{
	const enum op op = prng_pick(&target->prng, weights, OPS);
	const bool is_child = target->life.parent;

	atomic_fetch_add(&world->beats[target->worker], !is_child);
	if (op < OP_FORK)
		act_on_memory(target, op);
	else if (is_child)
		act_on_memory(target, OP_WRITE);
	else if (op == OP_FORK)
		do_fork(target);
	else
		end_life(target, op);
	if (prng_chance(&target->prng, 30))
		usleep(prng_below(&target->prng, 1000));
}

void chaos_target_live(unsigned int worker, uint64_t seed)
{
	struct chaos_target target = {
		.worker = worker,
		.slot = worker,
		.prng.state = seed,
	};

	memory_forgive_faults();
	/*
	 * Get a process number before stamping pages, because stamps contain this
	 * number. Requesters can find the process from now on, but until
	 * memory_set_up() runs, their requests find no mappings.
	 */
	world_enter(target.slot, LIFE_NONE, &target.life);
	memory_set_up(&target);
	for (;;)
		chaos_target_act(&target);
}
