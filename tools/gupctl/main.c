// SPDX-License-Identifier: GPL-2.0
/* gupctl: parse the global options and run the command. */
#include <argp.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "out.h"
#include "std.h"
#include "table.h"

static int run_help(int argc, char **argv);

static const struct command {
	const char *name;
	const char *whole_name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "info", "gupctl info", gupx_cmd_info,
	  "show version, features and limits of the module" },
	{ "doctor", "gupctl doctor", gupx_cmd_doctor,
	  "find out why gupx does not work, and how to fix it" },
	{ "pin", "gupctl pin", gupx_cmd_pin, "pin pages of a process" },
	{ "pins", "gupctl pins", gupx_cmd_pins,
	  "list who holds pins of which process" },
	{ "unpin", "gupctl unpin", gupx_cmd_unpin,
	  "end a process that holds pins" },
	{ "populate", "gupctl populate", gupx_cmd_populate,
	  "fault in pages of a process" },
	{ "read", "gupctl read", gupx_cmd_read,
	  "dump or copy the memory of a process" },
	{ "explain", "gupctl explain", gupx_cmd_explain,
	  "predict what these would do, and why they would stop" },
	{ "map", "gupctl map", gupx_cmd_map,
	  "show the memory of a process at a glance" },
	{ "help", "gupctl help", run_help,
	  "print the help of gupctl or of a command" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static char *print_commands(void)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	size_t i;

	if (!stream)
		return NULL;
	fputs("Commands:\n\n", stream);
	for (i = 0; i < COMMANDS; i++)
		fprintf(stream, "  %-10s %s\n", commands[i].name,
			commands[i].help);
	fputs("\nSee 'gupctl COMMAND --help' and gupctl(8) for details.",
	      stream);
	fclose(stream);
	return text;
}

static char *filter_help(int key, const char *text, void *input)
{
	(void)input;
	if (key == ARGP_KEY_HELP_POST_DOC)
		return print_commands();
	return (char *)text;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	int *first = state->input;

	/*
	 * The first argument is the name of a command. Stop parsing here, because the
	 * command parses the remaining arguments.
	 */
	if (key == ARGP_KEY_ARG) {
		*first = state->next - 1;
		state->next = state->argc;
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS)
		gupx_args_die(
			"missing command: use info, doctor, pin, pins, unpin, populate, read, explain, map or help");
	return gupx_args_parse_key(key, value, state, NULL);
}

static int parse_globals(int argc, char **argv)
{
	static const struct gupx_args_syntax syntax = {
		.parser = parse_option,
		.args_doc = "COMMAND [ARG...]",
		.doc = "Pin, populate, read or explain the memory of a running process.\v",
		.flags = ARGP_IN_ORDER,
		.help_filter = filter_help,
	};
	int first = 0;

	argv[0] = program_invocation_short_name;
	gupx_args_parse(&syntax, argc, argv, &first);
	return first;
}

/*
 * Return: true if --json is among the arguments, else false. This is checked before
 * parsing, so that usage errors are printed as JSON too.
 */
static bool wants_json(int argc, char **argv)
{
	int i;

	for (i = 1;
	     i < argc && strcmp(argv[i], "--") && strcmp(argv[i], "--exec");
	     i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	char *name = strdup(command->whole_name);
	int status;

	gupx_out_set_command(command->name);
	if (name)
		argv[0] = name;
	status = command->run(argc, argv);
	if (!gupx_table_found_columns()) {
		gupx_out_warn(
			"unknown column in '%s': see the headings, and gupctl(8)",
			gupx_table_options.columns);
		status = GUPX_EXIT_USAGE;
	}
	if (gupx_out_has_failed() && status == GUPX_EXIT_DONE)
		status = GUPX_EXIT_REFUSED;
	gupx_out_end();
	free(name);
	return status;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	gupx_args_die("unknown command '%s'", name);
}

static error_t parse_help_option(int key, char *value, struct argp_state *state)
{
	const char **name = state->input;

	if (key == ARGP_KEY_ARG) {
		if (*name)
			gupx_args_die("unexpected argument '%s'", value);
		*name = value;
		return 0;
	}
	return gupx_args_parse_key(key, value, state, NULL);
}

/* gupctl help: run a command, or gupctl itself, with the only option --help. */
static int run_help(int argc, char **argv)
{
	static const struct gupx_args_syntax syntax = {
		.parser = parse_help_option,
		.args_doc = "[COMMAND]",
		.doc = "Print the help of gupctl, or of a command, like its option --help.",
	};
	char option[sizeof("--help")] = "--help";
	char *words[3] = { NULL, option, NULL };
	const char *name = NULL;

	gupx_args_parse(&syntax, argc, argv, &name);
	return name ? run_command(find_command(name), 2, words)
		    : parse_globals(2, words);
}

int main(int argc, char **argv)
{
	int first;

	/*
	 * gupctl prints UTF-8. In a locale with another character set, libsmartcols may
	 * loop forever on it.
	 */
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8");
	gupx_std_init();
	gupx_out_init(wants_json(argc, argv), false);
	first = parse_globals(argc, argv);
	return run_command(find_command(argv[first]), argc - first,
			   argv + first);
}
