/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands' command lines have in common. */
#ifndef GUPX_ARGS_H
#define GUPX_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "range.h"

/* Which of the shared options a command takes. */
#define GUPX_ARGS_TAKES_TARGET (1U << 0)
#define GUPX_ARGS_TAKES_WRITE (1U << 1)
#define GUPX_ARGS_TAKES_FORCE (1U << 2)
#define GUPX_ARGS_TAKES_NOFAULT (1U << 3)
#define GUPX_ARGS_TAKES_HERE (1U << 4)
#define GUPX_ARGS_TAKES_ENGINE (1U << 5)

/* Keys of a command's own options begin here. */
#define GUPX_ARGS_OWN 0x200

/**
 * struct gupx_args_syntax - one command's command line
 * @takes: GUPX_ARGS_TAKES_*
 * @own_options: its own options; ended by a row of zeros, or NULL
 * @parser: hands what it does not know to gupx_args_parse_key()
 * @args_doc: what stands behind the options
 * @doc: its help
 * @flags: ARGP_*
 * @help_filter: see argp, or NULL
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
 * struct gupx_args_range - one range of the command line
 * @text: as typed
 * @named: a mapping's name, not numbers
 * @range: where it is numbers
 */
struct gupx_args_range {
	const char *text;
	bool named;
	struct gupx_range range;
};

/**
 * struct gupx_args - the options that commands share
 * @rounds: this command takes whole pages
 * @pid: 0: none was given
 */
struct gupx_args {
	bool rounds;
	bool all;
	bool write;
	bool force;
	bool nofault;
	bool here;
	bool kernel_engine;
	int pid;
	struct gupx_args_range *range;
	size_t range_count;
};

/* Exits with the status for bad usage, and the one line that says why. */
__attribute__((format(printf, 1, 2), noreturn)) void
gupx_args_die(const char *format, ...);

/* @argv[0] is the command's whole name; @input is handed to the parser. */
void gupx_args_parse(const struct gupx_args_syntax *syntax, int argc,
		     char **argv, void *input);

/* For the end of a parser: the shared keys, and the errors. */
error_t gupx_args_parse_key(int key, char *value, struct argp_state *state,
			    struct gupx_args *args);

/* A PID and at least one range, or --all, must be there. */
void gupx_args_require_target(const struct gupx_args *args);

void gupx_args_free(struct gupx_args *args);

#endif
