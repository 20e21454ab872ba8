// SPDX-License-Identifier: GPL-2.0
/*
 * Generate random cases. A call has at most three mistakes. If all arguments of a call
 * were random, the module's first checks would reject the call, and its later checks
 * would not be tested.
 */
#include <sys/mman.h>

#include <linux/gupx.h>

#include "flags.h"
#include "memory.h"
#include "prng.h"
#include "world.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/**
 * struct draw - a case under construction
 * @prng: random numbers for all choices
 * @grouped: number of following operations that the last TOGETHER runs in threads, or that
 *	the last CHILD runs in a child process
 * @in_child: true if a child process runs these operations
 */
struct draw {
	struct prng prng;
	unsigned int grouped;
	bool in_child;
};

/* Return: a random number that is small, near 2^64, or any 64-bit number. */
static uint64_t draw_number(struct draw *draw)
{
	switch (prng_below(&draw->prng, 4)) {
	case 0:
		return prng_below(&draw->prng, 64);
	case 1:
		return prng_below(&draw->prng, 1 << 20);
	case 2:
		return -prng_below(&draw->prng, 1 << 20);
	}
	return prng_next(&draw->prng);
}

/*
 * Return: the flags that the verb accepts. For EXPLAIN, these are the flags of the
 * explained verb, which @op->number selects.
 */
static uint32_t allowed_flags(const struct op *op)
{
	switch (op->verb) {
	case VERB_POPULATE:
		return GUPX_POPULATE_FLAGS;
	case VERB_READ:
	case VERB_READV:
		return GUPX_READ_FLAGS;
	case VERB_EXPLAIN:
		return flags_of_verb(op->number % 3);
	}
	return GUPX_PIN_FLAGS;
}

/*
 * Pick random flags. Most requests have few flags, so that the module serves them. Some
 * have any of the allowed flags, or a single flag that the verb may not accept.
 */
static uint32_t draw_flags(struct draw *draw, const struct op *op)
{
	if (prng_chance(&draw->prng, 80))
		return flags_draw(&draw->prng, allowed_flags(op));
	if (prng_chance(&draw->prng, 80))
		return prng_next(&draw->prng) & allowed_flags(op);
	return 1U << prng_below(&draw->prng, 32);
}

/* Make one argument of the call invalid or unusual. */
static void spoil_call(struct draw *draw, struct op *op)
{
	switch (prng_below(&draw->prng, 10)) {
	case 0:
		op->place = prng_below(&draw->prng, PLACES);
		break;
	case 1:
		op->size = prng_below(&draw->prng, SIZES);
		break;
	case 2:
		op->mem = prng_below(&draw->prng, HANDLES);
		break;
	case 3:
		op->file = prng_below(&draw->prng, HANDLES);
		break;
	case 4:
		op->where = prng_below(&draw->prng, WHERES);
		break;
	case 5:
		op->extent = prng_below(&draw->prng, EXTENTS);
		break;
	case 6:
		op->buffer = prng_below(&draw->prng, BUFFERS);
		break;
	case 7:
		op->reserved = 1U << prng_below(&draw->prng, 32);
		break;
	case 8:
		op->flags |= 1U << prng_below(&draw->prng, 32);
		break;
	default:
		op->alarm = 1 + prng_below(&draw->prng, 2000);
	}
}

/* Pick a random file handle that is valid for the verb. */
static uint8_t draw_file(struct draw *draw, unsigned int verb)
{
	if (verb == VERB_PIN)
		return prng_chance(&draw->prng, 60)
			       ? HANDLE_NEW
			       : HANDLE_PIN0 +
					 prng_below(&draw->prng, PIN_SLOTS);
	if (verb == VERB_STRANGE && prng_chance(&draw->prng, 50))
		return HANDLE_DEVICE;
	return HANDLE_PIN0 + prng_below(&draw->prng, PIN_SLOTS);
}

static uint8_t draw_own_address(struct draw *draw)
{
	static const uint8_t places[] = {
		WHERE_OWN, WHERE_OWN, WHERE_OWN, WHERE_GUARDED, WHERE_WINDOW,
	};

	return places[prng_below(&draw->prng, ARRAY_SIZE(places))];
}

static void draw_call(struct draw *draw, struct op *op)
{
	static const uint8_t mems[] = {
		HANDLE_TARGET, HANDLE_TARGET,	    HANDLE_TARGET,
		HANDLE_TARGET, HANDLE_TARGET,	    HANDLE_TARGET_RO,
		HANDLE_SELF,   HANDLE_TARGET_CHILD,
	};

	op->mem = mems[prng_below(&draw->prng, ARRAY_SIZE(mems))];
	op->flags = op->verb == VERB_INFO || op->verb >= VERB_EXTENTS
			    ? 0
			    : draw_flags(draw, op);
	op->file = draw_file(draw, op->verb);
	if (op->mem == HANDLE_SELF)
		op->where = draw_own_address(draw);
	op->extent =
		prng_chance(&draw->prng, 60) ? EXTENT_PAGES : EXTENT_REGION;
	op->compat = prng_chance(&draw->prng, 8);
	for (int percent = 60; percent >= 15; percent /= 2)
		if (prng_chance(&draw->prng, percent))
			spoil_call(draw, op);
}

static void draw_rest(struct draw *draw, struct op *op)
{
	static const uint8_t advice[] = {
		MADV_DONTNEED, MADV_PAGEOUT,   MADV_COLD,     MADV_FREE,
		MADV_HUGEPAGE, MADV_MERGEABLE, MADV_DONTFORK, MADV_DOFORK,
	};

	op->file = HANDLE_PIN0 + prng_below(&draw->prng, PIN_SLOTS);
	op->extent =
		prng_chance(&draw->prng, 70) ? EXTENT_PAGES : EXTENT_REGION;
	op->buffer = prng_chance(&draw->prng, 80)
			     ? BUFFER_GOOD
			     : prng_below(&draw->prng, BUFFERS);
	op->flags =
		op->verb == VERB_TARGET_MADVISE || op->verb == VERB_MADVISE
			? advice[prng_below(&draw->prng, ARRAY_SIZE(advice))]
			: prng_below(&draw->prng, 8);
	/* Use PROT_EXEC rarely, because most calls with PROT_EXEC are refused. */
	if (prng_chance(&draw->prng, 80) && op->verb != VERB_TARGET_MADVISE &&
	    op->verb != VERB_MADVISE)
		op->flags &= PROT_READ | PROT_WRITE;
	op->count = op->verb == VERB_TOGETHER ? 2 + prng_below(&draw->prng, 4)
					      : 1 + prng_below(&draw->prng, 4);
}

/*
 * Pick a random verb by weight. Verbs that end the target or drop privileges have a
 * small weight.
 */
static unsigned int draw_verb(struct draw *draw)
{
	static const struct {
		uint8_t verb;
		uint8_t weight;
	} table[] = {
		{ VERB_PIN, 40 },
		{ VERB_POPULATE, 14 },
		{ VERB_READ, 20 },
		{ VERB_READV, 14 },
		{ VERB_EXPLAIN, 14 },
		{ VERB_INFO, 3 },
		{ VERB_EXTENTS, 14 },
		{ VERB_UNPIN, 8 },
		{ VERB_SEAL, 2 },
		{ VERB_STRANGE, 4 },
		{ VERB_PREAD, 14 },
		{ VERB_MMAP, 20 },
		{ VERB_TOUCH, 16 },
		{ VERB_FILL, 4 },
		{ VERB_MUNMAP, 5 },
		{ VERB_MREMAP, 5 },
		{ VERB_MPROTECT, 5 },
		{ VERB_MADVISE, 4 },
		{ VERB_FDINFO, 3 },
		{ VERB_CLOSE, 8 },
		{ VERB_DUP, 5 },
		{ VERB_SEND, 4 },
		{ VERB_TARGET_MUNMAP, 3 },
		{ VERB_TARGET_MPROTECT, 4 },
		{ VERB_TARGET_MADVISE, 6 },
		{ VERB_TARGET_MREMAP, 2 },
		{ VERB_TARGET_POKE, 8 },
		{ VERB_FORK, 3 },
		{ VERB_EXEC, 1 },
		{ VERB_TARGET_FORK, 3 },
		{ VERB_TARGET_EXEC, 1 },
		{ VERB_TARGET_EXIT, 1 },
		{ VERB_LIMIT, 3 },
		{ VERB_FEW_FILES, 2 },
		{ VERB_BECOME, 1 },
		{ VERB_TOGETHER, 14 },
		{ VERB_CHILD, 4 },
	};
	unsigned int sum = 0, i = 0;
	int64_t at;

	_Static_assert(ARRAY_SIZE(table) == VERBS,
		       "new verb: give it a weight here");
	for (size_t j = 0; j < ARRAY_SIZE(table); j++)
		sum += table[j].weight;
	for (at = prng_below(&draw->prng, sum); at >= table[i].weight; i++)
		at -= table[i].weight;
	return table[i].verb;
}

/*
 * Return: true if the verb is allowed at this point of the case, else false. Threads
 * that run concurrently must not fork, exec or change limits. A CHILD cannot send calls
 * to the target. A CHILD repeats its operations until it is killed, so it must not
 * close its pin fds.
 */
static bool may_run_here(const struct draw *draw, unsigned int verb)
{
	if (!draw->grouped)
		return true;
	if (draw->in_child)
		return verb <= VERB_FDINFO;
	return verb < VERB_FORK ||
	       (verb >= VERB_TARGET_MUNMAP && verb <= VERB_TARGET_POKE);
}

static void draw_op(struct draw *draw, struct op *op)
{
	*op = (struct op){
		.region = prng_below(&draw->prng, REGIONS),
		.number = draw_number(draw),
	};
	do {
		op->verb = draw_verb(draw);
	} while (!may_run_here(draw, op->verb));
	if (op->verb <= VERB_STRANGE)
		draw_call(draw, op);
	else
		draw_rest(draw, op);
	if (draw->grouped) {
		draw->grouped--;
	} else if (op->verb == VERB_TOGETHER || op->verb == VERB_CHILD) {
		draw->grouped = op->count;
		draw->in_child = op->verb == VERB_CHILD;
	}
}

/*
 * Begin the case with some PIN requests, so that later calls on pin fds find an open
 * pin fd.
 */
static void draw_first_pins(struct draw *draw, struct sketch *sketch)
{
	for (size_t i = 0; i < PIN_SLOTS - 1; i++)
		sketch->op[sketch->nr++] = (struct op){
			.verb = VERB_PIN,
			.mem = HANDLE_TARGET,
			.file = HANDLE_NEW,
			.region = i % 2 * prng_below(&draw->prng, REGIONS),
			.extent = prng_chance(&draw->prng, 50) ? EXTENT_PAGES
							       : EXTENT_REGION,
			.flags =
				prng_chance(&draw->prng, 70) ? GUPX_F_WRITE : 0,
			.number = PIN_SLOTS * prng_below(&draw->prng, 1024) + i,
		};
}

/*
 * Generate a random operation on one pin fd or on one window that maps it. The pin fd
 * contains pins of the worker's own writable pages and of pages that no case may change
 * (guard.h). Without this function, few random operations in a case would use the same
 * pin fd and window.
 */
static void draw_window_op(struct draw *draw, struct op *op, unsigned int slot,
			   unsigned int window)
{
	static const uint8_t verbs[] = {
		VERB_PIN,      VERB_PIN,      VERB_PIN,	   VERB_MMAP,
		VERB_TOUCH,    VERB_TOUCH,    VERB_TOUCH,  VERB_FILL,
		VERB_MPROTECT, VERB_MPROTECT, VERB_MREMAP, VERB_MADVISE,
		VERB_MPROTECT, VERB_TOUCH,    VERB_UNPIN,  VERB_FORK,
	};

	*op = (struct op){
		.verb = verbs[prng_below(&draw->prng, ARRAY_SIZE(verbs))],
		.number = prng_next(&draw->prng),
	};
	if (op->verb <= VERB_STRANGE) {
		op->mem = HANDLE_SELF;
		op->where = prng_chance(&draw->prng, 40) ? WHERE_OWN
							 : WHERE_GUARDED;
		op->flags = op->verb == VERB_PIN && op->where == WHERE_OWN
				    ? GUPX_F_WRITE
				    : 0;
		if (op->verb == VERB_PIN && prng_chance(&draw->prng, 15))
			op->flags = draw_flags(draw, op) & GUPX_PIN_FLAGS;
	} else {
		draw_rest(draw, op);
		op->number &= ~3ULL;
	}
	if (op->verb == VERB_MMAP || op->verb == VERB_MPROTECT)
		op->flags = prng_chance(&draw->prng, 60)
				    ? PROT_READ | PROT_WRITE
				    : PROT_READ;
	/*
	 * Make act_mmap() use MAP_SHARED, because mmap() of a pin fd rejects
	 * MAP_PRIVATE. act_mmap() uses MAP_PRIVATE only if @number % 8 is 1.
	 */
	if (op->verb == VERB_MMAP)
		op->number = (op->number & ~0xffULL) + 5;
	op->file = HANDLE_PIN0 + slot;
	op->region = window;
	op->count = 0;
}

static void draw_window_case(struct draw *draw, struct sketch *sketch)
{
	const unsigned int slot = prng_below(&draw->prng, PIN_SLOTS);
	const unsigned int window = prng_below(&draw->prng, WINDOWS);

	sketch->op[sketch->nr++] = (struct op){
		.verb = VERB_PIN,
		.mem = HANDLE_SELF,
		.file = HANDLE_NEW,
		.where = WHERE_OWN,
		.flags = GUPX_F_WRITE,
		.number = PIN_SLOTS * prng_below(&draw->prng, 1024) + slot,
	};
	sketch->op[sketch->nr++] = (struct op){
		.verb = VERB_MMAP,
		.file = HANDLE_PIN0 + slot,
		.region = window,
		.flags = PROT_READ | PROT_WRITE,
		.number = 5 + (31 << 8),
	};
	while (sketch->nr < OPS_MAX && prng_chance(&draw->prng, 97))
		draw_window_op(draw, &sketch->op[sketch->nr++], slot, window);
}

/*
 * Never generate MEMORY_PERF regions. Opening and closing perf events patches the
 * scheduler's code. An emulated machine with two CPUs may trap on an incomplete patch
 * (int3 in __schedule()).
 */
void draw_case(uint64_t seed, uint64_t number, struct sketch *sketch)
{
	static const uint8_t kinds[] = {
		MEMORY_ANON,	    MEMORY_ANON,
		MEMORY_ANON,	    MEMORY_THP,
		MEMORY_THP,	    MEMORY_SHMEM,
		MEMORY_SHMEM,	    MEMORY_FILE_PRIVATE,
		MEMORY_FILE_SHARED, MEMORY_DISK_PRIVATE,
		MEMORY_DISK_SHARED, MEMORY_STACK,
		MEMORY_HEAP,	    MEMORY_PROT_NONE,
		MEMORY_READ_ONLY,   MEMORY_SHMEM_READ_ONLY,
		MEMORY_GUARDED,	    MEMORY_HOLE,
		MEMORY_PFNMAP,	    REGION_HUGETLB,
	};
	struct draw draw = {
		.prng.state = seed ^ number * 0xd1342543de82ef95,
	};
	const size_t nr = 16 + prng_below(&draw.prng, OPS_MAX - 16);

	/* The first region always has a kind of memory that can be pinned. */
	sketch->kind[0] = kinds[prng_below(&draw.prng, 7)];
	for (size_t i = 1; i < REGIONS; i++)
		sketch->kind[i] =
			kinds[prng_below(&draw.prng, ARRAY_SIZE(kinds))];
	sketch->nr = 0;
	if (prng_chance(&draw.prng, 40))
		return draw_window_case(&draw, sketch);
	draw_first_pins(&draw, sketch);
	for (; sketch->nr < nr; sketch->nr++)
		draw_op(&draw, &sketch->op[sketch->nr]);
}
