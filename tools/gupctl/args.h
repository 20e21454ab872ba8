/* SPDX-License-Identifier: GPL-2.0 */
/* Command-line parsing shared by all commands. */
#ifndef GUPX_ARGS_H
#define GUPX_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "range.h"

/* Shared options that a command accepts. */
#define GUPX_ARGS_TAKES_TARGET (1U << 0)
#define GUPX_ARGS_TAKES_WRITE (1U << 1)
#define GUPX_ARGS_TAKES_FORCE (1U << 2)
#define GUPX_ARGS_TAKES_NOFAULT (1U << 3)
#define GUPX_ARGS_TAKES_HERE (1U << 4)
#define GUPX_ARGS_TAKES_ENGINE (1U << 5)
#define GUPX_ARGS_TAKES_TABLE (1U << 6)
#define GUPX_ARGS_TAKES_BEST_EFFORT (1U << 7)

/* First key for the options that belong to a single command. */
#define GUPX_ARGS_OWN 0x200

/**
 * struct gupx_args_syntax - command line of one command
 * @takes: shared options that the command accepts, GUPX_ARGS_TAKES_*
 * @own_options: options of this command only, or NULL; the last entry is zeroed
 * @parser: argp parser; passes unknown keys to gupx_args_parse_key()
 * @args_doc: usage text for the arguments after the options
 * @doc: help text
 * @flags: ARGP_* flags
 * @help_filter: argp help filter, or NULL
 */
struct gupx_args_syntax {
	unsigned int takes;
	const struct argp_option *own_options;
	argp_parser_t parser;
	const char *args_doc;
	const char *doc;
	unsigned int flags;
	char *(*help_filter)(int key, const char *text, void *input);
};

/**
 * struct gupx_args_range - one range argument
 * @text: argument as typed
 * @explicit: true if @range is the only meaning. Otherwise the mappings of the target
 *	decide whether @text is a name, a decimal or a hexadecimal range
 * @result: result of gupx_range_parse(); @range is set if it is GUPX_RANGE_BYTES
 * @range: range as gupx_range_parse() reads it
 * @has_hex: true if @hex is set
 * @hex: range if the digits are hexadecimal
 */
struct gupx_args_range {
	const char *text;
	bool explicit;
	enum gupx_range_result result;
	struct gupx_range range;
	bool has_hex;
	struct gupx_range hex;
};

/**
 * struct gupx_args - parsed options that commands share
 * @min: smallest size of a mapping that a group, a name or --all selects
 * @only_swapped: true if groups, names and --all only select mappings that are partly in
 *	swap
 * @best_effort: true to go on past memory that refuses the request, also in numeric ranges
 * @all_by_default: true if the command takes all mappings if there is no range
 * @rounds: true if the command rounds ranges to whole pages
 * @tree: true to select the descendants of the selected processes, too
 * @name: name of the target processes, or NULL
 * @pidfile: file that contains a PID, or NULL
 * @cgroup: cgroup of the target processes, or NULL
 * @unit: systemd unit of the target processes, or NULL
 * @pid: PIDs of targets
 * @word: arguments that are no options; gupx_args_require_target() divides them into
 *	processes and ranges
 */
struct gupx_args {
	bool all_by_default;
	bool rounds;
	bool all;
	bool write;
	bool force;
	bool nofault;
	bool here;
	bool kernel_engine;
	bool only_swapped;
	bool best_effort;
	__u64 min;
	bool tree;
	const char *name;
	const char *pidfile;
	const char *cgroup;
	const char *unit;
	int *pid;
	size_t pid_count;
	const char **word;
	size_t word_count;
	struct gupx_args_range *range;
	size_t range_count;
};

/* Print a usage error and exit with GUPX_EXIT_USAGE. */
__attribute__((format(printf, 1, 2), noreturn)) void
gupx_args_die(const char *format, ...);

/*
 * Parse the command line. @argv[0] is the full name of the command. @input is passed to
 * the argp parser in @syntax.
 */
void gupx_args_parse(const struct gupx_args_syntax *syntax, int argc,
		     char **argv, void *input);

/*
 * Handle shared options and argp errors. The argp parser of a command calls this
 * function for each key that the parser does not handle itself.
 */
error_t gupx_args_parse_key(int key, char *value, struct argp_state *state,
			    struct gupx_args *args);

/*
 * Divide the arguments into processes and ranges: PIDs, or one name, come first. Exit with
 * a usage error unless there is a process, and either ranges or --all, or
 * @args->all_by_default.
 */
void gupx_args_require_target(struct gupx_args *args);

/* Exit with a usage error because @text is neither a range nor a name. */
__attribute__((noreturn)) void
gupx_args_die_range(const char *text, enum gupx_range_result result);

void gupx_args_free(struct gupx_args *args);

#endif
