// SPDX-License-Identifier: GPL-2.0
/*
 * Draws cases. The same seed and number give the same case on every kernel: what
 * a kernel cannot map is a hole there, in both twins.
 */
#include "op.h"

#define PAGE 4096UL
#define HUGE_PAGES 512UL
#define MAPS_MAX 10

/**
 * struct draw - a case that is being drawn
 * @random: state of the generator
 * @ops: what was drawn
 * @nr: of @ops
 * @map: the mappings, pages
 * @maps: of @map
 * @end: pages of the arena in use
 * @forked: there is a child
 */
struct draw {
	uint64_t random;
	struct op *ops;
	size_t nr;
	struct {
		uint64_t from;
		uint64_t nr;
	} map[MAPS_MAX];
	size_t maps;
	uint64_t end;
	bool forked;
};

/* Sebastiano Vigna's splitmix64. */
static uint64_t next(struct draw *draw)
{
	uint64_t z = draw->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint64_t below(struct draw *draw, uint64_t limit)
{
	return next(draw) % limit;
}

static bool chance(struct draw *draw, unsigned int percent)
{
	return below(draw, 100) < percent;
}

/* An index, by weights of which the last is 0. */
static unsigned int pick(struct draw *draw, const unsigned char *weights)
{
	unsigned int sum = 0, i = 0;
	int64_t at;

	while (weights[i])
		sum += weights[i++];
	at = below(draw, sum);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

static struct op *add(struct draw *draw, enum op_kind kind, uint64_t from,
		      uint64_t nr, uint32_t flags)
{
	struct op *op = &draw->ops[draw->nr++];

	*op = (struct op){
		.kind = kind,
		.at = from * PAGE,
		.len = nr * PAGE,
		.flags = flags,
	};
	return op;
}

static uint64_t draw_size(struct draw *draw, enum op_kind kind, uint32_t flags)
{
	if (kind == OP_MAP_PERF)
		return 1 + 8;
	if (kind == OP_MAP_HUGETLB)
		return HUGE_PAGES * (1 + below(draw, 2));
	if (flags & OP_F_HUGE)
		return HUGE_PAGES + below(draw, HUGE_PAGES + HUGE_PAGES / 2);
	return 1 + below(draw, chance(draw, 80) ? 16 : 48);
}

static uint32_t draw_protection(struct draw *draw)
{
	static const unsigned char weights[] = { 80, 12, 4, 4, 0 };
	static const uint32_t protections[] = {
		OP_F_READ | OP_F_WRITE,
		OP_F_READ,
		OP_F_WRITE,
		0,
	};

	return protections[pick(draw, weights)];
}

/*
 * Linux 6.1 faults for ever on hugetlb that may only be written and that
 * userfaultfd protects from that: in the twin's own reads, without our help.
 */
static uint32_t draw_huge_protection(struct draw *draw)
{
	const uint32_t flags = draw_protection(draw);

	return flags == OP_F_WRITE ? OP_F_READ | OP_F_WRITE : flags;
}

static uint32_t draw_map_flags(struct draw *draw, enum op_kind kind)
{
	uint32_t flags = kind == OP_MAP_HUGETLB ? draw_huge_protection(draw)
						: draw_protection(draw);

	if (kind == OP_MAP_PERF)
		return OP_F_READ | OP_F_WRITE | OP_F_SHARED;
	if (kind == OP_MAP_SECRET)
		return flags | OP_F_SHARED;
	if (kind == OP_MAP_ANON ? chance(draw, 10) : chance(draw, 50))
		flags |= OP_F_SHARED;
	if ((kind == OP_MAP_ANON && chance(draw, 30)) ||
	    (kind == OP_MAP_MEMFD && chance(draw, 15)))
		flags |= OP_F_HUGE;
	if (kind >= OP_MAP_MEMFD && kind <= OP_MAP_DISK && chance(draw, 10))
		flags |= OP_F_SHORT_FILE;
	return flags;
}

/* Neighbours more often than not: the loop steps from one to the next. */
static uint64_t place(struct draw *draw, enum op_kind kind, uint32_t flags)
{
	uint64_t from = draw->end;

	if (chance(draw, 40))
		from += 1 + below(draw, 6);
	if (kind == OP_MAP_HUGETLB || ((flags & OP_F_HUGE) && chance(draw, 60)))
		from = (from + HUGE_PAGES - 1) / HUGE_PAGES * HUGE_PAGES;
	return from;
}

static void draw_map(struct draw *draw)
{
	static const unsigned char weights[] = { 46, 14, 10, 14, 7, 4, 3, 0 };
	const enum op_kind kind = OP_MAP_ANON + pick(draw, weights);
	const uint32_t flags = draw_map_flags(draw, kind);
	const uint64_t nr = draw_size(draw, kind, flags);
	const uint64_t from = place(draw, kind, flags);

	if (from + nr > ARENA_PAGES)
		return;
	add(draw, kind, from, nr, flags);
	draw->map[draw->maps].from = from;
	draw->map[draw->maps++].nr = nr;
	draw->end = from + nr;
}

/* A stretch of a mapping, or beyond its ends, or up to another mapping's. */
static void draw_range(struct draw *draw, uint64_t *from, uint64_t *nr)
{
	const size_t i = below(draw, draw->maps);
	const uint64_t size = draw->map[i].nr;
	const uint64_t at = below(draw, size);

	*from = draw->map[i].from;
	*nr = size;
	if (chance(draw, 20))
		return;
	if (chance(draw, 15)) {
		const uint64_t early = below(draw, 4);

		*from -= early < *from ? early : *from;
		*nr += early + below(draw, 8);
		return;
	}
	*from += at;
	if (chance(draw, 15)) {
		const size_t j = i + below(draw, draw->maps - i);

		*nr = draw->map[j].from + draw->map[j].nr - *from;
		return;
	}
	*nr = 1 + below(draw, size - at);
	if (*nr > 16 && chance(draw, 50))
		*nr = 1 + below(draw, 16);
}

static void draw_child(struct draw *draw, uint64_t from, uint64_t nr)
{
	if (!draw->forked)
		add(draw, OP_FORK, 0, 0, 0);
	else
		add(draw, chance(draw, 70) ? OP_CHILD_WRITE : OP_CHILD_EXIT,
		    from, nr, 0);
	draw->forked = true;
}

static void draw_change(struct draw *draw)
{
	/* As enum op_kind has them, from OP_UNMAP to OP_FORK. */
	static const unsigned char weights[] = { 6, 14, 26, 12, 7, 4, 13, 2,
						 2, 4,	2,  6,	2, 6, 14, 0 };
	const enum op_kind kind = OP_UNMAP + pick(draw, weights);
	uint64_t from, nr;

	draw_range(draw, &from, &nr);
	if (kind == OP_FORK)
		draw_child(draw, from, nr);
	else if (kind == OP_CLEAR_SOFT_DIRTY)
		add(draw, kind, 0, 0, 0);
	else
		add(draw, kind, from, nr,
		    kind == OP_PROTECT ? draw_huge_protection(draw) : 0);
}

static uint32_t draw_flags(struct draw *draw, uint32_t allowed)
{
	static const struct {
		uint32_t flag;
		unsigned int percent;
	} odds[] = {
		{ GUPX_F_WRITE, 45 },	  { GUPX_F_FORCE, 22 },
		{ GUPX_F_NOFAULT, 14 },	  { GUPX_F_NOWAIT, 7 },
		{ GUPX_F_ANON, 8 },	  { GUPX_F_DUMP, 12 },
		{ GUPX_F_HWPOISON, 4 },	  { GUPX_F_INTERRUPTIBLE, 4 },
		{ GUPX_F_HONOR_NUMA, 3 },
	};
	uint32_t flags = 0;

	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++)
		if ((odds[i].flag & allowed) && chance(draw, odds[i].percent))
			flags |= odds[i].flag;
	return flags;
}

static void draw_pin(struct draw *draw, struct op *op)
{
	op->flags = draw_flags(draw, GUPX_PIN_FLAGS);
	if (chance(draw, 25))
		op->flags |= OP_F_HOLD;
	if (chance(draw, 40))
		op->flags |= OP_F_CROSS;
}

/* Half of them plain, for process_vm_readv() knows no flags. */
static void draw_read(struct draw *draw, struct op *op)
{
	const uint64_t late = below(draw, PAGE), early = below(draw, PAGE);

	if (chance(draw, 50))
		op->flags = draw_flags(draw, GUPX_READ_FLAGS);
	if (chance(draw, 70) && op->len > late + early) {
		op->at += late;
		op->len -= late + early;
	}
}

static void draw_request(struct draw *draw)
{
	static const unsigned char weights[] = { 60, 18, 22, 0 };
	const enum op_kind kind = OP_PIN + pick(draw, weights);
	uint64_t from, nr;
	struct op *op;

	draw_range(draw, &from, &nr);
	op = add(draw, kind, from, nr, 0);
	if (chance(draw, 4)) {
		op->space = 1 + below(draw, SPACES - 1);
		op->at = 0;
		op->len = (1 + below(draw, 4)) * PAGE;
	}
	if (kind == OP_PIN)
		draw_pin(draw, op);
	else if (kind == OP_POPULATE)
		op->flags = draw_flags(draw, GUPX_F_WRITE);
	else
		draw_read(draw, op);
	if (chance(draw, 25) && op->len > PAGE)
		op->split =
			kind == OP_READ
				? 1 + below(draw, op->len - 1)
				: (1 + below(draw, op->len / PAGE - 1)) * PAGE;
}

/* Most memory is used before it is asked for, in parts. */
static void draw_use(struct draw *draw)
{
	for (size_t i = 0; i < draw->maps; i++) {
		const uint64_t size = draw->map[i].nr;
		const uint64_t at = chance(draw, 50) ? below(draw, size) : 0;

		if (chance(draw, 25))
			continue;
		add(draw, chance(draw, 75) ? OP_WRITE : OP_LOOK,
		    draw->map[i].from + at, 1 + below(draw, size - at), 0);
	}
}

size_t draw_case(uint64_t seed, uint64_t number, struct op *ops)
{
	struct draw draw = {
		.random = seed * 0x2545f4914f6cdd1d + number,
		.ops = ops,
	};
	unsigned int maps, changes, steps;

	/* The first numbers of neighbouring seeds are alike. */
	next(&draw);
	maps = 2 + below(&draw, MAPS_MAX - 2);
	changes = below(&draw, 7);
	steps = 8 + below(&draw, 18);
	while (maps--)
		draw_map(&draw);
	draw_use(&draw);
	while (changes--)
		draw_change(&draw);
	while (steps--) {
		if (chance(&draw, 70))
			draw_request(&draw);
		else if (chance(&draw, 15))
			add(&draw, OP_DROP, 0, 0, 0);
		else
			draw_change(&draw);
	}
	return draw.nr;
}
