// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to the machine while the others are at work: memory is moved,
 * compacted, dropped and written out; and victims have such things done to them
 * by another process.
 */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../knob.h"
#include "world.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define MOVED 64

static bool find_victim(struct dice *dice, struct life *life)
{
	return world_look(dice_below(dice, SLOTS), life);
}

static uint64_t draw_page(struct dice *dice)
{
	return stamp_addr(dice_below(dice, REGIONS), dice_below(dice, WINDOWS),
			  dice_below(dice, REGION_PAGES));
}

/* From node to node, whoever else maps them. */
static bool move_pages(struct dice *dice)
{
	void *pages[MOVED];
	int nodes[MOVED], status[MOVED];
	struct life life;

	if (!find_victim(dice, &life))
		return false;
	for (unsigned int i = 0; i < MOVED; i++) {
		pages[i] = (void *)draw_page(dice);
		nodes[i] = dice_below(dice, 2);
	}
	return syscall(SYS_move_pages, life.pid, MOVED, pages, nodes, status,
		       MPOL_MF_MOVE_ALL) >= 0;
}

static bool migrate(struct dice *dice)
{
	const unsigned long node = dice_below(dice, 2);
	const unsigned long from = 1UL << node, to = 1UL << !node;
	struct life life;

	return find_victim(dice, &life) &&
	       syscall(SYS_migrate_pages, life.pid, 64, &from, &to) >= 0;
}

static bool advise_others(struct dice *dice)
{
	static const int advices[] = { MADV_PAGEOUT, MADV_COLD, MADV_COLLAPSE,
				       MADV_WILLNEED };
	struct iovec part = { .iov_base = (void *)draw_page(dice) };
	const int advice = advices[dice_below(dice, 4)];
	struct life life;
	int pidfd;
	bool done;

	part.iov_len = (1 + dice_below(dice, 256)) * PAGE;
	if (!find_victim(dice, &life))
		return false;
	pidfd = syscall(SYS_pidfd_open, life.pid, 0);
	done = syscall(SYS_process_madvise, pidfd, &part, 1, advice, 0) >= 0;
	close(pidfd);
	return done;
}

static bool clear_marks(struct dice *dice)
{
	struct life life;
	char path[64];

	if (!find_victim(dice, &life))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", life.pid);
	return knob_set(path, dice_chance(dice, 50) ? 1 : 4);
}

static void act(struct dice *dice)
{
	static const enum deed deeds[] = {
		DEED_MOVE_PAGES,  DEED_MIGRATE,		  DEED_COMPACT,
		DEED_DROP_CACHES, DEED_PAGEOUT_OF_OTHERS, DEED_CLEAR_REFS,
	};
	static const unsigned char weights[] = { 30, 6, 4, 4, 30, 6 };
	const enum deed deed = deeds[dice_pick(dice, weights, 6)];
	bool done = false;

	switch (deed) {
	case DEED_MOVE_PAGES:
		done = move_pages(dice);
		break;
	case DEED_MIGRATE:
		done = migrate(dice);
		break;
	case DEED_COMPACT:
		done = knob_set("/proc/sys/vm/compact_memory", 1);
		break;
	case DEED_DROP_CACHES:
		done = knob_set("/proc/sys/vm/drop_caches", 1);
		break;
	case DEED_PAGEOUT_OF_OTHERS:
		done = advise_others(dice);
		break;
	default:
		done = clear_marks(dice);
	}
	count_deed(deed, !done);
}

void weather_live(unsigned int worker, uint64_t seed)
{
	struct dice dice = { .state = seed };

	for (;;) {
		count(&world->beats[worker]);
		act(&dice);
		usleep(dice_below(&dice, 10000));
	}
}
