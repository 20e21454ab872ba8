// SPDX-License-Identifier: GPL-2.0
/*
 * Memory-management pressure: migrate pages of the targets, advise their memory, clear
 * their soft-dirty and accessed bits, compact memory and drop caches.
 */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sysctl.h"
#include "world.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define MOVED 64

static bool find_target(struct prng *prng, struct life *life)
{
	return world_look(prng_below(prng, SLOTS), life);
}

static uint64_t draw_page(struct prng *prng)
{
	return stamp_addr(prng_below(prng, REGIONS), prng_below(prng, WINDOWS),
			  prng_below(prng, REGION_PAGES));
}

/* Move pages between the NUMA nodes, including pages that other processes also map. */
static bool move_pages(struct prng *prng)
{
	void *pages[MOVED];
	int nodes[MOVED], status[MOVED];
	struct life life;

	if (!find_target(prng, &life))
		return false;
	for (unsigned int i = 0; i < MOVED; i++) {
		pages[i] = (void *)draw_page(prng);
		nodes[i] = prng_below(prng, 2);
	}
	return syscall(SYS_move_pages, life.pid, MOVED, pages, nodes, status,
		       MPOL_MF_MOVE_ALL) >= 0;
}

static bool migrate_target(struct prng *prng)
{
	const unsigned long node = prng_below(prng, 2);
	const unsigned long from = 1UL << node, to = 1UL << !node;
	struct life life;

	return find_target(prng, &life) &&
	       syscall(SYS_migrate_pages, life.pid, 64, &from, &to) >= 0;
}

static bool advise_others(struct prng *prng)
{
	static const int advices[] = { MADV_PAGEOUT, MADV_COLD, MADV_COLLAPSE,
				       MADV_WILLNEED };
	struct iovec part = { .iov_base = (void *)draw_page(prng) };
	const int advice = advices[prng_below(prng, 4)];
	struct life life;
	int pidfd;
	bool done;

	part.iov_len = (1 + prng_below(prng, 256)) * PAGE;
	if (!find_target(prng, &life))
		return false;
	pidfd = syscall(SYS_pidfd_open, life.pid, 0);
	done = syscall(SYS_process_madvise, pidfd, &part, 1, advice, 0) >= 0;
	close(pidfd);
	return done;
}

static bool clear_marks(struct prng *prng)
{
	struct life life;
	char path[64];

	if (!find_target(prng, &life))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", life.pid);
	return sysctl_set(path, prng_chance(prng, 50) ? 1 : 4);
}

static void apply_pressure(struct prng *prng)
{
	static const enum op ops[] = {
		OP_MOVE_PAGES,	OP_MIGRATE,	      OP_COMPACT,
		OP_DROP_CACHES, OP_PAGEOUT_OF_OTHERS, OP_CLEAR_REFS,
	};
	static const unsigned char weights[] = { 30, 6, 4, 4, 30, 6 };
	const enum op op = ops[prng_pick(prng, weights, 6)];
	bool done = false;

	switch (op) {
	case OP_MOVE_PAGES:
		done = move_pages(prng);
		break;
	case OP_MIGRATE:
		done = migrate_target(prng);
		break;
	case OP_COMPACT:
		done = sysctl_set("/proc/sys/vm/compact_memory", 1);
		break;
	case OP_DROP_CACHES:
		done = sysctl_set("/proc/sys/vm/drop_caches", 1);
		break;
	case OP_PAGEOUT_OF_OTHERS:
		done = advise_others(prng);
		break;
	default:
		done = clear_marks(prng);
	}
	count_op(op, !done);
}

void mm_pressure_live(unsigned int worker, uint64_t seed)
{
	struct prng prng = { .state = seed };

	for (;;) {
		count_event(&world->beats[worker]);
		apply_pressure(&prng);
		usleep(prng_below(&prng, 10000));
	}
}
