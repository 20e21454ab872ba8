// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "op.h"

static const char *const kinds[OP_KINDS] = {
	[OP_MAP_ANON] = "map-anon",
	[OP_MAP_MEMFD] = "map-memfd",
	[OP_MAP_TMPFS] = "map-tmpfs",
	[OP_MAP_DISK] = "map-disk",
	[OP_MAP_HUGETLB] = "map-hugetlb",
	[OP_MAP_PERF] = "map-perf",
	[OP_MAP_SECRET] = "map-secret",
	[OP_UNMAP] = "unmap",
	[OP_PROTECT] = "protect",
	[OP_WRITE] = "write",
	[OP_LOOK] = "look",
	[OP_DONTNEED] = "dontneed",
	[OP_FREE] = "free",
	[OP_PAGEOUT] = "pageout",
	[OP_HUGE] = "huge",
	[OP_NOHUGE] = "nohuge",
	[OP_LOCK] = "lock",
	[OP_UNLOCK] = "unlock",
	[OP_WATCH_WRITES] = "watch-writes",
	[OP_WATCH_MISSING] = "watch-missing",
	[OP_WATCH_ACCESS] = "watch-access",
	[OP_CLEAR_SOFT_DIRTY] = "clear-soft-dirty",
	[OP_FORK] = "fork",
	[OP_CHILD_WRITE] = "child-write",
	[OP_CHILD_EXIT] = "child-exit",
	[OP_DROP] = "drop",
	[OP_PIN] = "pin",
	[OP_POPULATE] = "populate",
	[OP_READ] = "read",
};

static const char spaces[SPACES] = {
	[SPACE_ARENA] = 'a',
	[SPACE_VVAR] = 'v',
	[SPACE_GATE] = 'g',
	[SPACE_EDGE] = 'k',
};

/* Flags of the tester. The names of the GUPX_F_* flags are in lib/flags.c. */
static const struct {
	const char *name;
	uint32_t flag;
} own_flags[] = {
	{ "read", OP_F_READ },	   { "write", OP_F_WRITE },
	{ "shared", OP_F_SHARED }, { "short", OP_F_SHORT_FILE },
	{ "huge", OP_F_HUGE },	   { "hold", OP_F_HOLD },
	{ "cross", OP_F_CROSS },
};

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const char *flag_name(uint32_t flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_flags); i++)
		if (flag == own_flags[i].flag)
			return own_flags[i].name;
	return flags_name(flag);
}

void op_print(FILE *to, const char *prefix, const struct op *op)
{
	char separator = ' ';

	fprintf(to, "%s%s %c:0x%" PRIx64 "+0x%" PRIx64, prefix, kinds[op->kind],
		spaces[op->space], op->at, op->len);
	for (uint32_t flag = 1; flag; flag <<= 1) {
		if (!(op->flags & flag))
			continue;
		fprintf(to, "%c%s", separator, flag_name(flag));
		separator = ',';
	}
	if (op->split)
		fprintf(to, " split=0x%" PRIx64, op->split);
	fputc('\n', to);
}

static bool parse_kind(const char *word, struct op *op)
{
	for (size_t i = 0; i < OP_KINDS; i++) {
		op->kind = i;
		if (!strcmp(word, kinds[i]))
			return true;
	}
	return false;
}

static bool parse_range(const char *word, struct op *op)
{
	char space;

	if (sscanf(word, "%c:%" SCNi64 "+%" SCNi64, &space, &op->at,
		   &op->len) != 3)
		return false;
	for (size_t i = 0; i < SPACES; i++) {
		op->space = i;
		if (space == spaces[i])
			return true;
	}
	return false;
}

/* Return: the flag; 0 if a case cannot contain a flag of this name. */
static uint32_t parse_flag(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_flags); i++)
		if (!strcmp(name, own_flags[i].name))
			return own_flags[i].flag;
	return flags_parse(name) & OP_GUPX_FLAGS;
}

static bool parse_flags(char *words, struct op *op)
{
	char *rest;

	if (sscanf(words, "split=%" SCNi64, &op->split) == 1)
		return true;
	for (char *word = strtok_r(words, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		const uint32_t flag = parse_flag(word);

		if (!flag)
			return false;
		op->flags |= flag;
	}
	return true;
}

bool op_parse(const char *line, struct op *op)
{
	char copy[256], *rest, *word;

	*op = (struct op){ 0 };
	if (snprintf(copy, sizeof(copy), "%s", line) >= (int)sizeof(copy))
		return false;
	word = strtok_r(copy, " \t\n", &rest);
	if (!word || !parse_kind(word, op))
		return false;
	word = strtok_r(NULL, " \t\n", &rest);
	if (!word || !parse_range(word, op))
		return false;
	while ((word = strtok_r(NULL, " \t\n", &rest))) {
		if (!parse_flags(word, op))
			return false;
	}
	return true;
}
