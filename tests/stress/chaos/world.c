// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "world.h"

struct world *world;

struct span draw_span(struct prng *prng, uint64_t pages)
{
	static const unsigned char weights[] = { 30, 30, 20, 10, 10 };
	static const uint64_t most[] = { 1, 8, 64, 256, 512 };
	const uint64_t limit = most[prng_pick(prng, weights, 5)];
	struct span span = { .page = prng_below(prng, pages) };

	span.nr = 1 + prng_below(prng, limit);
	if (span.nr > pages - span.page)
		span.nr = pages - span.page;
	/*
	 * Sometimes use all pages of a region, so that the span contains whole huge
	 * pages.
	 */
	if (prng_chance(prng, 3))
		span = (struct span){ .nr = pages };
	return span;
}

enum region draw_region(struct prng *prng)
{
	if (prng_chance(prng, 30))
		return prng_below(prng, 2) ? REGION_STEADY_ANON
					   : REGION_STEADY_SHMEM;
	return prng_below(prng, REGIONS);
}

void count_op(enum op op, bool refused)
{
	count_event(&world->tally.ops[op]);
	if (refused)
		count_event(&world->tally.refused_ops[op]);
}

void complain(enum rule rule, const char *format, ...)
{
	const uint32_t at = atomic_fetch_add(&world->complaints, 1);
	va_list arguments;

	atomic_fetch_add(&world->broken[rule], 1);
	if (at >= COMPLAINTS)
		return;
	va_start(arguments, format);
	vsnprintf(world->complaint[at], sizeof(world->complaint[at]), format,
		  arguments);
	va_end(arguments);
}

bool world_look(unsigned int slot, struct life *life)
{
	struct slot *from = &world->slots[slot];

	*life = (struct life){
		.number = atomic_load(&from->life),
		.parent = atomic_load(&from->parent),
		.pid = atomic_load(&from->pid),
	};
	return life->number && world_is_still(slot, life);
}

bool world_is_still(unsigned int slot, const struct life *life)
{
	return atomic_load(&world->slots[slot].life) == life->number;
}

void world_enter(unsigned int slot, uint32_t parent, struct life *life)
{
	struct slot *to = &world->slots[slot];
	const uint32_t turn = atomic_fetch_add(&world->next_life, 1);
	struct row *row;

	*life = (struct life){
		.number = 1 + turn % (LIFE_ALL - 1),
		.parent = parent,
		.pid = getpid(),
	};
	row = world_row(life->number);
	atomic_store(&row->life, LIFE_NONE);
	for (size_t i = 0; i < STEADY_PAGES; i++)
		atomic_store(&row->count[i], 0);
	atomic_store(&row->life, life->number);
	atomic_store(&to->parent, parent);
	atomic_store(&to->pid, life->pid);
	atomic_store(&to->life, life->number);
	count_event(&world->tally.lives);
}

void world_leave(unsigned int slot)
{
	atomic_store(&world->slots[slot].life, LIFE_NONE);
}

struct row *world_row(uint32_t life)
{
	return &world->rows[life % ROWS];
}
