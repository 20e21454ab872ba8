// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "prng.h"

#define OPTIONS_MAX 16

static bool read_number(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	return !errno && end != text && !*end;
}

static bool add_seed(struct option_seeds *seeds, const char *text)
{
	uint64_t *seed = &seeds->value[seeds->nr];

	if (seeds->nr == OPTION_SEEDS_MAX)
		return false;
	seeds->nr++;
	if (strcmp(text, "fresh"))
		return read_number(text, seed);
	*seed = prng_fresh_seed();
	return true;
}

static bool store_value(const struct option_spec *spec, const char *text)
{
	switch (spec->kind) {
	case OPTION_NUMBER:
		return read_number(text, spec->value);
	case OPTION_SEED:
		return add_seed(spec->value, text);
	case OPTION_TEXT:
		*(const char **)spec->value = text;
		return true;
	case OPTION_SET:
		*(bool *)spec->value = true;
		return true;
	case OPTION_CLEAR:
		*(bool *)spec->value = false;
		return true;
	}
	return false;
}

static void exit_with_usage(const char *usage)
{
	fputs(usage, stderr);
	exit(2);
}

void options_parse(int argc, char **argv, const struct option_spec *specs,
		   const char *usage)
{
	struct option names[OPTIONS_MAX + 1] = { 0 };
	int i;

	for (i = 0; specs[i].name && i < OPTIONS_MAX; i++)
		names[i] = (struct option){
			.name = specs[i].name,
			.has_arg = specs[i].kind < OPTION_SET,
			.val = i,
		};
	while ((i = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (i == '?' || !store_value(&specs[i], optarg))
			exit_with_usage(usage);
	if (optind != argc)
		exit_with_usage(usage);
}
