// SPDX-License-Identifier: GPL-2.0
/*
 * Generate random cases. The same seed and the same case number give the same case on
 * every kernel. If a kernel does not support a kind of mapping, both twins have a hole
 * in place of the mapping.
 */
#include "flags.h"
#include "op.h"
#include "prng.h"

#define PAGE 4096UL
#define HUGE_PAGES 512UL
#define MAPS_MAX 10

/**
 * struct draw - a case under construction
 * @prng: random numbers for all choices
 * @ops: operations generated so far
 * @nr: length of @ops
 * @map: ranges of the mappings, in pages of the arena
 * @maps: length of @map
 * @end: end of the last mapping, in pages of the arena
 * @forked: true if @ops contains an OP_FORK
 */
struct draw {
	struct prng prng;
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

static struct op *add_op(struct draw *draw, enum op_kind kind, uint64_t from,
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
		return HUGE_PAGES * (1 + prng_below(&draw->prng, 2));
	if (flags & OP_F_HUGE)
		return HUGE_PAGES +
		       prng_below(&draw->prng, HUGE_PAGES + HUGE_PAGES / 2);
	return 1 +
	       prng_below(&draw->prng, prng_chance(&draw->prng, 80) ? 16 : 48);
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

	return protections[prng_pick(&draw->prng, weights, sizeof(weights))];
}

/*
 * Linux 6.1 repeats a fault endlessly if a hugetlb mapping is write-only and
 * write-protected by userfaultfd. Even a read by the twin itself would hang, without
 * any request to gupx. So write-only hugetlb mappings are never generated.
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
	if (kind == OP_MAP_ANON ? prng_chance(&draw->prng, 10)
				: prng_chance(&draw->prng, 50))
		flags |= OP_F_SHARED;
	if ((kind == OP_MAP_ANON && prng_chance(&draw->prng, 30)) ||
	    (kind == OP_MAP_MEMFD && prng_chance(&draw->prng, 15)))
		flags |= OP_F_HUGE;
	if (kind >= OP_MAP_MEMFD && kind <= OP_MAP_DISK &&
	    prng_chance(&draw->prng, 10))
		flags |= OP_F_SHORT_FILE;
	return flags;
}

/*
 * Make most mappings adjacent, to test how the policy engine's loop steps from one VMA
 * to the next.
 */
static uint64_t draw_position(struct draw *draw, enum op_kind kind,
			      uint32_t flags)
{
	uint64_t from = draw->end;

	if (prng_chance(&draw->prng, 40))
		from += 1 + prng_below(&draw->prng, 6);
	if (kind == OP_MAP_HUGETLB ||
	    ((flags & OP_F_HUGE) && prng_chance(&draw->prng, 60)))
		from = (from + HUGE_PAGES - 1) / HUGE_PAGES * HUGE_PAGES;
	return from;
}

static void draw_map(struct draw *draw)
{
	static const unsigned char weights[] = { 46, 14, 10, 14, 7, 4, 3, 0 };
	const enum op_kind kind =
		OP_MAP_ANON + prng_pick(&draw->prng, weights, sizeof(weights));
	const uint32_t flags = draw_map_flags(draw, kind);
	const uint64_t nr = draw_size(draw, kind, flags);
	const uint64_t from = draw_position(draw, kind, flags);

	if (from + nr > ARENA_PAGES)
		return;
	add_op(draw, kind, from, nr, flags);
	draw->map[draw->maps].from = from;
	draw->map[draw->maps++].nr = nr;
	draw->end = from + nr;
}

/*
 * Pick a random range: part of a mapping, a whole mapping, a mapping and pages around
 * it, or a range that begins inside one mapping and ends at the end of another.
 */
static void draw_range(struct draw *draw, uint64_t *from, uint64_t *nr)
{
	const size_t i = prng_below(&draw->prng, draw->maps);
	const uint64_t size = draw->map[i].nr;
	const uint64_t at = prng_below(&draw->prng, size);

	*from = draw->map[i].from;
	*nr = size;
	if (prng_chance(&draw->prng, 20))
		return;
	if (prng_chance(&draw->prng, 15)) {
		const uint64_t early = prng_below(&draw->prng, 4);

		*from -= early < *from ? early : *from;
		*nr += early + prng_below(&draw->prng, 8);
		return;
	}
	*from += at;
	if (prng_chance(&draw->prng, 15)) {
		const size_t j = i + prng_below(&draw->prng, draw->maps - i);

		*nr = draw->map[j].from + draw->map[j].nr - *from;
		return;
	}
	*nr = 1 + prng_below(&draw->prng, size - at);
	if (*nr > 16 && prng_chance(&draw->prng, 50))
		*nr = 1 + prng_below(&draw->prng, 16);
}

static void draw_child(struct draw *draw, uint64_t from, uint64_t nr)
{
	if (!draw->forked)
		add_op(draw, OP_FORK, 0, 0, 0);
	else
		add_op(draw,
		       prng_chance(&draw->prng, 70) ? OP_CHILD_WRITE
						    : OP_CHILD_EXIT,
		       from, nr, 0);
	draw->forked = true;
}

static void draw_change(struct draw *draw)
{
	/* @weights[i] is the weight of operation OP_UNMAP + i in enum op_kind. */
	static const unsigned char weights[] = { 6, 14, 26, 12, 7, 4, 13, 2, 2,
						 4, 2,	6,  2,	5, 6, 14, 0 };
	const enum op_kind kind =
		OP_UNMAP + prng_pick(&draw->prng, weights, sizeof(weights));
	uint64_t from, nr;

	draw_range(draw, &from, &nr);
	if (kind == OP_FORK)
		draw_child(draw, from, nr);
	else if (kind == OP_CLEAR_SOFT_DIRTY)
		add_op(draw, kind, 0, 0, 0);
	else
		add_op(draw, kind, from, nr,
		       kind == OP_PROTECT ? draw_huge_protection(draw) : 0);
}

static void draw_pin(struct draw *draw, struct op *op)
{
	op->flags = flags_draw(&draw->prng, GUPX_PIN_FLAGS & OP_GUPX_FLAGS);
	if (prng_chance(&draw->prng, 25))
		op->flags |= OP_F_HOLD;
	if (prng_chance(&draw->prng, 40))
		op->flags |= OP_F_CROSS;
}

/*
 * Half of the READ requests have no flags, because only requests without flags are
 * compared with process_vm_readv().
 */
static void draw_read(struct draw *draw, struct op *op)
{
	const uint64_t late = prng_below(&draw->prng, PAGE),
		       early = prng_below(&draw->prng, PAGE);

	if (prng_chance(&draw->prng, 50))
		op->flags = flags_draw(&draw->prng,
				       GUPX_READ_FLAGS & OP_GUPX_FLAGS);
	if (prng_chance(&draw->prng, 70) && op->len > late + early) {
		op->at += late;
		op->len -= late + early;
	}
}

static void draw_request(struct draw *draw)
{
	static const unsigned char weights[] = { 60, 18, 22, 0 };
	const enum op_kind kind =
		OP_PIN + prng_pick(&draw->prng, weights, sizeof(weights));
	uint64_t from, nr;
	struct op *op;

	draw_range(draw, &from, &nr);
	op = add_op(draw, kind, from, nr, 0);
	if (prng_chance(&draw->prng, 4)) {
		op->space = 1 + prng_below(&draw->prng, SPACES - 1);
		op->at = 0;
		op->len = (1 + prng_below(&draw->prng, 4)) * PAGE;
	}
	if (kind == OP_PIN)
		draw_pin(draw, op);
	else if (kind == OP_POPULATE)
		/*
		 * POPULATE is compared with madvise(MADV_POPULATE_*), which has
		 * variants for reads and writes only. So no other flag can be compared.
		 */
		op->flags = flags_draw(&draw->prng, GUPX_F_WRITE);
	else
		draw_read(draw, op);
	if (prng_chance(&draw->prng, 25) && op->len > PAGE)
		op->split = kind == OP_READ
				    ? 1 + prng_below(&draw->prng, op->len - 1)
				    : (1 + prng_below(&draw->prng,
						      op->len / PAGE - 1)) *
					      PAGE;
}

/* Write or read parts of most mappings before the first request. */
static void draw_use(struct draw *draw)
{
	for (size_t i = 0; i < draw->maps; i++) {
		const uint64_t size = draw->map[i].nr;
		const uint64_t at = prng_chance(&draw->prng, 50)
					    ? prng_below(&draw->prng, size)
					    : 0;

		if (prng_chance(&draw->prng, 25))
			continue;
		add_op(draw, prng_chance(&draw->prng, 75) ? OP_WRITE : OP_LOOK,
		       draw->map[i].from + at,
		       1 + prng_below(&draw->prng, size - at), 0);
	}
}

size_t draw_case(uint64_t seed, uint64_t number, struct op *ops)
{
	struct draw draw = {
		.prng.state = seed * 0x2545f4914f6cdd1d + number,
		.ops = ops,
	};
	unsigned int maps, changes, steps;

	/*
	 * Discard the first random number, because adjacent seeds give similar first
	 * numbers.
	 */
	prng_next(&draw.prng);
	maps = 2 + prng_below(&draw.prng, MAPS_MAX - 2);
	changes = prng_below(&draw.prng, 7);
	steps = 8 + prng_below(&draw.prng, 18);
	while (maps--)
		draw_map(&draw);
	draw_use(&draw);
	while (changes--)
		draw_change(&draw);
	while (steps--) {
		if (prng_chance(&draw.prng, 70))
			draw_request(&draw);
		else if (prng_chance(&draw.prng, 15))
			add_op(&draw, OP_DROP, 0, 0, 0);
		else
			draw_change(&draw);
	}
	return draw.nr;
}
