/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Long options of the stress programs.
 */
#ifndef GUPX_TESTS_OPTIONS_H
#define GUPX_TESTS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
	OPTION_NUMBER, /* uint64_t */
	OPTION_SEED, /* struct option_seeds; the word "fresh" draws a new one */
	OPTION_TEXT, /* const char * */
	OPTION_SET,  /* bool, set to true */
	OPTION_CLEAR, /* bool, set to false */
};

#define OPTION_SEEDS_MAX 16

/**
 * struct option_seeds - seeds, in the order they were given
 * @value: the seeds
 * @nr: number of seeds in @value
 */
struct option_seeds {
	uint64_t value[OPTION_SEEDS_MAX];
	unsigned int nr;
};

/**
 * struct option_spec - one option
 * @name: without the dashes; NULL ends a list
 * @kind: type of @value
 * @value: where the option's argument goes
 */
struct option_spec {
	const char *name;
	enum option_kind kind;
	void *value;
};

/* Exits with 2 and prints @usage where the command line has something else. */
void options_parse(int argc, char **argv, const struct option_spec *specs,
		   const char *usage);

#endif /* GUPX_TESTS_OPTIONS_H */
