// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a victim: one deed after the other, to its own memory, until it
 * exits, becomes another program, or is killed.
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

#include "victim.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define GUARD_INSTALL 102
#define GUARD_REMOVE 103

#define HEIR_DEEDS 300

static const unsigned char weights[DEEDS] = {
	[DEED_WRITE] = 120,   [DEED_LOOK] = 30,	      [DEED_MMAP] = 30,
	[DEED_MUNMAP] = 12,   [DEED_MPROTECT] = 20,   [DEED_MREMAP] = 15,
	[DEED_MLOCK] = 5,     [DEED_MUNLOCK] = 6,     [DEED_DONTNEED] = 15,
	[DEED_FREE] = 8,      [DEED_PAGEOUT] = 15,    [DEED_COLD] = 5,
	[DEED_COLLAPSE] = 5,  [DEED_HUGEPAGE] = 5,    [DEED_NOHUGEPAGE] = 3,
	[DEED_MERGEABLE] = 6, [DEED_UNMERGEABLE] = 3, [DEED_POPULATE] = 5,
	[DEED_GUARD] = 4,     [DEED_REMOVE] = 5,      [DEED_TRUNCATE] = 4,
	[DEED_FORK] = 10,     [DEED_EXEC] = 1,	      [DEED_EXIT] = 1,
};

/* Of these nothing is lost, so that they may be done to steady memory. */
static bool keeps_memory(enum deed deed)
{
	switch (deed) {
	case DEED_MMAP:
	case DEED_MUNMAP:
	case DEED_MREMAP:
	case DEED_DONTNEED:
	case DEED_FREE:
	case DEED_GUARD:
	case DEED_REMOVE:
	case DEED_TRUNCATE:
		return false;
	default:
		return true;
	}
}

static int advice_of(enum deed deed)
{
	switch (deed) {
	case DEED_DONTNEED:
		return MADV_DONTNEED;
	case DEED_FREE:
		return MADV_FREE;
	case DEED_PAGEOUT:
		return MADV_PAGEOUT;
	case DEED_COLD:
		return MADV_COLD;
	case DEED_COLLAPSE:
		return MADV_COLLAPSE;
	case DEED_HUGEPAGE:
		return MADV_HUGEPAGE;
	case DEED_NOHUGEPAGE:
		return MADV_NOHUGEPAGE;
	case DEED_MERGEABLE:
		return MADV_MERGEABLE;
	case DEED_UNMERGEABLE:
		return MADV_UNMERGEABLE;
	case DEED_POPULATE:
		return MADV_POPULATE_WRITE;
	default:
		return -1;
	}
}

/* To the same place in the other window, where stamps go on being true. */
static bool do_mremap(uint64_t addr, uint64_t len)
{
	const uint64_t window = (addr - ARENA) / WINDOW_ROOM % WINDOWS;
	const uint64_t to = window ? addr - WINDOW_ROOM : addr + WINDOW_ROOM;

	return mremap((void *)addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
		      (void *)to) != MAP_FAILED;
}

/* Steady memory stays readable only as long as this takes. */
static bool do_mprotect(struct victim *victim, uint64_t addr, uint64_t len)
{
	static const int protections[] = {
		PROT_NONE,
		PROT_READ,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE,
	};
	const int protection = protections[dice_below(&victim->dice, 4)];

	if (mprotect((void *)addr, len, protection))
		return false;
	if (stamp_is_steady(stamp_region(addr))) {
		usleep(dice_below(&victim->dice, 500));
		mprotect((void *)addr, len, PROT_READ | PROT_WRITE);
	}
	return true;
}

static bool do_guard(struct victim *victim, uint64_t addr, uint64_t len)
{
	const bool more = dice_chance(&victim->dice, 50);

	return !madvise((void *)addr, len, more ? GUARD_INSTALL : GUARD_REMOVE);
}

static bool do_remove(const struct victim *victim, uint64_t addr, uint64_t len)
{
	const int file = victim->files[stamp_region(addr)];

	return file >= 0 &&
	       !fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (addr - ARENA) % WINDOW_ROOM, len);
}

static bool do_truncate(struct victim *victim, uint64_t addr)
{
	const int file = victim->files[stamp_region(addr)];

	if (file < 0 || ftruncate(file, (addr - ARENA) % WINDOW_ROOM))
		return false;
	usleep(dice_below(&victim->dice, 500));
	return !ftruncate(file, REGION_BYTES);
}

static bool do_deed(struct victim *victim, enum deed deed, uint64_t addr,
		    uint64_t len)
{
	switch (deed) {
	case DEED_WRITE:
		return memory_write(victim, addr, len);
	case DEED_LOOK:
		return memory_look(addr, len);
	case DEED_MMAP:
		return !memory_map(victim, addr, len);
	case DEED_MUNMAP:
		return !munmap((void *)addr, len);
	case DEED_MPROTECT:
		return do_mprotect(victim, addr, len);
	case DEED_MREMAP:
		return do_mremap(addr, len);
	case DEED_MLOCK:
		return !mlock((void *)addr, len);
	case DEED_MUNLOCK:
		return !munlock((void *)addr, len);
	case DEED_GUARD:
		return do_guard(victim, addr, len);
	case DEED_REMOVE:
		return do_remove(victim, addr, len);
	case DEED_TRUNCATE:
		return do_truncate(victim, addr);
	default:
		return !madvise((void *)addr, len, advice_of(deed));
	}
}

static void act_on_memory(struct victim *victim, enum deed deed)
{
	const enum region region = dice_region(&victim->dice);
	const bool steady = stamp_is_steady(region);
	const unsigned int window = steady ? 0 : dice_below(&victim->dice, 2);
	struct span span = dice_span(&victim->dice, REGION_PAGES);

	if (steady && (!keeps_memory(deed) || victim->life.parent))
		deed = DEED_LOOK;
	if (region == REGION_HUGETLB && deed != DEED_WRITE)
		span = (struct span){ .nr = REGION_PAGES };
	count_deed(deed,
		   !do_deed(victim, deed, stamp_addr(region, window, span.page),
			    span.nr * PAGE));
}

static void live_as_heir(struct victim *victim)
{
	const uint32_t parent = victim->life.number;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	victim->slot += VICTIMS;
	victim->dice.state ^= 0x4845495221;
	world_enter(victim->slot, parent, &victim->life);
	for (unsigned int i = 0; i < HEIR_DEEDS; i++)
		victim_act(victim);
	world_leave(victim->slot);
	_exit(0);
}

/* One heir at a time; its parent is the one who started us, and reaps it. */
static void do_fork(struct victim *victim)
{
	struct life heir;
	long pid;

	if (world_look(victim->slot + VICTIMS, &heir))
		return;
	pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		live_as_heir(victim);
	count_deed(DEED_FORK, pid < 0);
}

static void end_life(struct victim *victim, enum deed deed)
{
	count_deed(deed, false);
	/* Before: this address space must not be found under a new number. */
	world_leave(victim->slot);
	if (deed == DEED_EXIT)
		_exit(0);
	world_exec(victim->worker, dice_roll(&victim->dice));
}

void victim_act(struct victim *victim)
{
	const enum deed deed = dice_pick(&victim->dice, weights, DEEDS);
	const bool is_heir = victim->life.parent;

	atomic_fetch_add(&world->beats[victim->worker], !is_heir);
	if (deed < DEED_FORK)
		act_on_memory(victim, deed);
	else if (is_heir)
		act_on_memory(victim, DEED_WRITE);
	else if (deed == DEED_FORK)
		do_fork(victim);
	else
		end_life(victim, deed);
	if (dice_chance(&victim->dice, 30))
		usleep(dice_below(&victim->dice, 1000));
}

void victim_live(unsigned int worker, uint64_t seed)
{
	struct victim victim = {
		.worker = worker,
		.slot = worker,
		.dice.state = seed,
	};

	memory_forgive_faults();
	/* Its number is in its stamps. Who comes early finds holes. */
	world_enter(victim.slot, LIFE_NOBODY, &victim.life);
	memory_set_up(&victim);
	for (;;)
		victim_act(&victim);
}
