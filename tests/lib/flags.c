// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <linux/gupx.h>

#include "flags.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Each flag, and the percentage of random requests that have it. The differential
 * tester generates its cases from fixed seeds, and its mutation test depends on these
 * cases. Any change of this list changes the cases, even a new flag. So do not change
 * the list without need, and append new flags.
 */
#define EACH_FLAG(X)         \
	X(WRITE, 45)         \
	X(FORCE, 22)         \
	X(NOFAULT, 14)       \
	X(NOWAIT, 7)         \
	X(ANON, 8)           \
	X(DUMP, 12)          \
	X(HWPOISON, 4)       \
	X(INTERRUPTIBLE, 4)  \
	X(HONOR_NUMA, 3)     \
	X(ENGINE_KERNEL, 25) \
	X(SHORT, 4)          \
	X(READ_ONLY, 2)

#define AS_ROW(name, percent) { GUPX_F_##name, #name, percent },
#define AS_BIT(name, percent) | GUPX_F_##name

static const struct {
	uint32_t flag;
	const char *name;
	unsigned int percent;
} flags[] = { EACH_FLAG(AS_ROW) };

static_assert((0 EACH_FLAG(AS_BIT)) ==
		      (GUPX_PIN_FLAGS | GUPX_POPULATE_FLAGS | GUPX_READ_FLAGS),
	      "EACH_FLAG must have the flags of all verbs");

uint32_t flags_of_verb(uint32_t verb)
{
	switch (verb) {
	case GUPX_VERB_PIN:
		return GUPX_PIN_FLAGS;
	case GUPX_VERB_POPULATE:
		return GUPX_POPULATE_FLAGS;
	case GUPX_VERB_READ:
		return GUPX_READ_FLAGS;
	}
	return 0;
}

uint32_t flags_draw(struct prng *prng, uint32_t allowed)
{
	uint32_t drawn = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if ((flags[i].flag & allowed) &&
		    prng_chance(prng, flags[i].percent))
			drawn |= flags[i].flag;
	return drawn;
}

const char *flags_name(uint32_t flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].flag == flag)
			return flags[i].name;
	return "?";
}

uint32_t flags_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(flags[i].name, name))
			return flags[i].flag;
	return 0;
}
