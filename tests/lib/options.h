/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parser for the long options of the stress programs.
 */
#ifndef GUPX_TESTS_OPTIONS_H
#define GUPX_TESTS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
	OPTION_NUMBER, /* uint64_t */
	OPTION_SEED, /* struct option_seeds; "fresh" stands for a random seed */
	OPTION_TEXT, /* const char * */
	OPTION_SET,  /* bool, set to true */
	OPTION_CLEAR, /* bool, set to false */
};

#define OPTION_SEEDS_MAX 16

/**
 * struct option_seeds - seeds, in the order of the command line
 * @value: the seeds
 * @nr: number of seeds in @value
 */
struct option_seeds {
	uint64_t value[OPTION_SEEDS_MAX];
	unsigned int nr;
};

/**
 * struct option_spec - one option
 * @name: name without the dashes; NULL ends a list
 * @kind: type of @value
 * @value: variable that stores the option's argument
 */
struct option_spec {
	const char *name;
	enum option_kind kind;
	void *value;
};

/* Parse the command line. Print @usage and exit with status 2 if it is invalid. */
void options_parse(int argc, char **argv, const struct option_spec *specs,
		   const char *usage);

#endif /* GUPX_TESTS_OPTIONS_H */
