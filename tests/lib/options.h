/* SPDX-License-Identifier: GPL-2.0 */
/* Parser for the command-line options of the stress programs. */
#ifndef GUPX_TESTS_OPTIONS_H
#define GUPX_TESTS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
	OPTION_NUMBER, /* store the argument in a uint64_t */
	OPTION_SEED, /* add a seed to a struct option_seeds; "fresh" draws a random seed */
	OPTION_TEXT,  /* store the argument in a const char * */
	OPTION_SET,   /* set a bool to true */
	OPTION_CLEAR, /* set a bool to false */
};

#define OPTION_SEEDS_MAX 16

/**
 * struct option_seeds - seeds, in the order in which they were given
 * @value: the seeds
 * @nr: number of seeds in @value
 */
struct option_seeds {
	uint64_t value[OPTION_SEEDS_MAX];
	unsigned int nr;
};

/**
 * struct option_spec - one option
 * @name: name of the option without the dashes; NULL marks the end of a list
 * @kind: type of the variable that @value points to
 * @value: pointer to the variable that stores the argument of the option
 */
struct option_spec {
	const char *name;
	enum option_kind kind;
	void *value;
};

/*
 * Parse the command line. If the command line is invalid, print @usage and exit with
 * status 2.
 */
void options_parse(int argc, char **argv, const struct option_spec *specs,
		   const char *usage);

#endif /* GUPX_TESTS_OPTIONS_H */
