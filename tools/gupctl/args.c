// SPDX-License-Identifier: GPL-2.0
/* Command-line parsing shared by all commands. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "out.h"
#include "table.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Maximum number of options of a command, including the shared ones. */
#define OPTIONS_MAX 40

enum {
	KEY_JSON = 0x100,
	KEY_FORCE,
	KEY_BEST_EFFORT,
	KEY_CGROUP,
	KEY_HERE,
	KEY_MIN,
	KEY_ONLY_SWAPPED,
	KEY_PIDFILE,
	KEY_TREE,
	KEY_UNIT,
	KEY_NOFAULT,
	KEY_ALL = 'a',
	KEY_ENGINE = 'e',
	KEY_HELP = 'h',
	KEY_NO_HEADINGS = 'n',
	KEY_COLUMNS = 'o',
	KEY_RAW = 'r',
	KEY_VERBOSE = 'v',
	KEY_VERSION = 'V',
	KEY_WRITE = 'w',
};

static const struct {
	unsigned int takes;
	struct argp_option option;
} shared[] = {
	{ GUPX_ARGS_TAKES_TARGET,
	  { "all", KEY_ALL, NULL, 0,
	    "Use all mappings; skip those that refuse the request", 0 } },
	{ GUPX_ARGS_TAKES_TARGET,
	  { "pidfile", KEY_PIDFILE, "FILE", 0, "Process whose PID is in FILE",
	    0 } },
	{ GUPX_ARGS_TAKES_TARGET,
	  { "cgroup", KEY_CGROUP, "PATH", 0,
	    "Processes of a cgroup and of the cgroups below it", 0 } },
	{ GUPX_ARGS_TAKES_TARGET,
	  { "unit", KEY_UNIT, "UNIT", 0, "Processes of a systemd unit", 0 } },
	{ GUPX_ARGS_TAKES_TARGET,
	  { "tree", KEY_TREE, NULL, 0,
	    "The selected processes and all their descendants", 0 } },
	{ GUPX_ARGS_TAKES_TARGET,
	  { "min", KEY_MIN, "SIZE", 0,
	    "Only mappings of this size or larger (groups, names, --all)",
	    0 } },
	{ GUPX_ARGS_TAKES_TARGET,
	  { "only-swapped", KEY_ONLY_SWAPPED, NULL, 0,
	    "Only mappings that are partly in swap (groups, names, --all)",
	    0 } },
	{ GUPX_ARGS_TAKES_BEST_EFFORT,
	  { "best-effort", KEY_BEST_EFFORT, NULL, 0,
	    "Leave out and list what refuses (groups and --all always do)",
	    0 } },
	{ GUPX_ARGS_TAKES_WRITE,
	  { "write", KEY_WRITE, NULL, 0,
	    "Prepare for writing: break copy-on-write, replace the zero page",
	    0 } },
	{ GUPX_ARGS_TAKES_NOFAULT,
	  { "nofault", KEY_NOFAULT, NULL, 0,
	    "Use only resident pages; stop at the first other page", 0 } },
	{ GUPX_ARGS_TAKES_FORCE,
	  { "force", KEY_FORCE, NULL, 0,
	    "Override the protection of the mapping, like a debugger", 0 } },
	{ GUPX_ARGS_TAKES_HERE,
	  { "here", KEY_HERE, NULL, 0,
	    "Stay on the current CPUs; do not move to the target's", 0 } },
	{ GUPX_ARGS_TAKES_ENGINE,
	  { "engine", KEY_ENGINE, "NAME", 0,
	    "Engine that walks the page tables: gupx (default) or kernel",
	    0 } },
	{ GUPX_ARGS_TAKES_TABLE,
	  { "output", KEY_COLUMNS, "COLUMNS", 0,
	    "Print these columns of the table, separated by commas", 1 } },
	{ GUPX_ARGS_TAKES_TABLE,
	  { "noheadings", KEY_NO_HEADINGS, NULL, 0,
	    "Print tables without headings", 1 } },
	{ GUPX_ARGS_TAKES_TABLE,
	  { "raw", KEY_RAW, NULL, 0,
	    "Print tables with a line for each row, for scripts", 1 } },
	{ 0, { "json", KEY_JSON, NULL, 0, "Print one JSON object", 1 } },
	{ 0,
	  { "verbose", KEY_VERBOSE, NULL, 0,
	    "List every range, and print more details", 1 } },
	{ 0, { "help", KEY_HELP, NULL, 0, "Print this help and exit", 2 } },
	{ 0,
	  { "version", KEY_VERSION, NULL, 0, "Print the version and exit",
	    2 } },
};

/*
 * Hint printed with each usage error, for example "see gupctl pin --help". It contains
 * the name of the current command.
 */
static char help_cure[64] = "see gupctl --help";

void gupx_args_die(const char *format, ...)
{
	char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	gupx_out_die(GUPX_EXIT_USAGE, "usage", help_cure, "%s",
		     message ? message : "bad usage");
}

void gupx_args_parse(const struct gupx_args_syntax *syntax, int argc,
		     char **argv, void *input)
{
	struct argp_option options[OPTIONS_MAX + 1] = { 0 };
	const struct argp argp = {
		.options = options,
		.parser = syntax->parser,
		.args_doc = syntax->args_doc,
		.doc = syntax->doc,
		.help_filter = syntax->help_filter,
	};
	const struct argp_option *own = syntax->own_options;
	size_t count = 0;
	size_t i;

	for (; own && own->name && count < OPTIONS_MAX; own++)
		options[count++] = *own;
	for (i = 0; i < ARRAY_SIZE(shared) && count < OPTIONS_MAX; i++)
		if ((shared[i].takes & syntax->takes) == shared[i].takes)
			options[count++] = shared[i].option;
	snprintf(help_cure, sizeof(help_cure), "see %s --help", argv[0]);
	if (argp_parse(&argp, argc, argv,
		       syntax->flags | ARGP_NO_ERRS | ARGP_NO_HELP, NULL,
		       input))
		gupx_args_die("bad usage");
}

static const struct argp_option *find_option(const struct argp *argp,
					     const char *name, size_t length)
{
	const struct argp_option *option;

	for (option = argp->options; option && option->name; option++)
		if (strlen(option->name) == length &&
		    !strncmp(option->name, name, length))
			return option;
	return NULL;
}

static const struct argp_option *find_key(const struct argp *argp, int key)
{
	const struct argp_option *option;

	for (option = argp->options; option && option->name; option++)
		if (option->key == key)
			return option;
	return NULL;
}

/* Report the first unknown letter in a bundle of short options, and exit. */
static __attribute__((noreturn)) void die_bad_letter(const struct argp *argp,
						     const char *word)
{
	const char *letter;

	for (letter = word + 1; *letter; letter++)
		if (!find_key(argp, (unsigned char)*letter))
			gupx_args_die("invalid option -- '%c'", *letter);
	gupx_args_die("option '%s' requires an argument", word);
}

/*
 * Print why argp refused an option, and exit. argp only reports state->next, so find
 * the word that contains the option. Usually, state->next is the index of the word
 * after it. If the option is in a bundle of short options (-vx), state->next may still
 * be the index of the bundle.
 */
static __attribute__((noreturn)) void
die_bad_option(const struct argp_state *state)
{
	const char *word = state->argv[state->next - 1];
	const struct argp_option *option;
	size_t length;

	if (word[0] != '-' && state->next < state->argc)
		word = state->argv[state->next];
	if (strncmp(word, "--", 2))
		die_bad_letter(state->root_argp, word);
	length = strcspn(word + 2, "=");
	option = find_option(state->root_argp, word + 2, length);
	if (!option)
		gupx_args_die("unrecognized option '%.*s'", (int)length + 2,
			      word);
	if (option->arg)
		gupx_args_die("option '%s' requires an argument: %s=%s", word,
			      word, option->arg);
	gupx_args_die("option '--%s' doesn't allow an argument", option->name);
}

/*
 * Print the help text and exit. Do not use argp's own --help: it prints nothing, because
 * gupx_args_parse() sets ARGP_NO_ERRS.
 */
static __attribute__((noreturn)) void print_help(const struct argp_state *state)
{
	argp_help(state->root_argp, stdout,
		  ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC,
		  state->name);
	exit(GUPX_EXIT_DONE);
}

static bool is_digits(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static void parse_pid(const char *text, struct gupx_args *args)
{
	long pid;
	int *grown;

	errno = 0;
	pid = strtol(text, NULL, 10);
	if (errno || pid < 1 || pid > INT_MAX)
		gupx_args_die("invalid PID '%s': must be a positive number",
			      text);
	grown = reallocarray(args->pid, args->pid_count + 1, sizeof(*grown));
	if (!grown)
		gupx_args_die("out of memory");
	args->pid = grown;
	args->pid[args->pid_count++] = (int)pid;
}

static void keep_word(const char *text, struct gupx_args *args)
{
	const char **grown =
		reallocarray(args->word, args->word_count + 1, sizeof(*grown));

	if (!grown)
		gupx_args_die("out of memory");
	args->word = grown;
	args->word[args->word_count++] = text;
}

void gupx_args_die_range(const char *text, enum gupx_range_result result)
{
	gupx_args_die("invalid range '%s': %s", text,
		      gupx_range_strerror(result));
}

/* Round a range if the command rounds, and check that the module accepts it. */
static enum gupx_range_result fit_range(const struct gupx_args *args,
					struct gupx_range *range)
{
	const __u64 page_size = (__u64)sysconf(_SC_PAGESIZE);
	enum gupx_range_result result = GUPX_RANGE_BYTES;

	if (args->rounds)
		result = gupx_range_round(range, page_size);
	/*
	 * Refuse ranges that reach into the last page of the address space, because
	 * the module would refuse them.
	 */
	if (result == GUPX_RANGE_BYTES &&
	    range->addr + range->len > ~0ULL - page_size)
		result = GUPX_RANGE_OVERFLOW;
	return result;
}

static void parse_range(const char *text, struct gupx_args *args)
{
	struct gupx_args_range found = { .text = text };
	struct gupx_args_range *grown;

	found.explicit = gupx_range_is_explicit(text);
	found.result = gupx_range_parse(text, &found.range);
	if (found.result == GUPX_RANGE_BYTES)
		found.result = fit_range(args, &found.range);
	found.has_hex =
		gupx_range_parse_hex(text, &found.hex) == GUPX_RANGE_BYTES &&
		fit_range(args, &found.hex) == GUPX_RANGE_BYTES;
	if (found.result == GUPX_RANGE_EMPTY ||
	    (found.explicit && found.result != GUPX_RANGE_BYTES))
		gupx_args_die_range(text, found.result);
	grown = reallocarray(args->range, args->range_count + 1,
			     sizeof(*grown));
	if (!grown)
		gupx_args_die("out of memory");
	args->range = grown;
	args->range[args->range_count++] = found;
}

static void parse_engine(const char *name, struct gupx_args *args)
{
	if (strcmp(name, "kernel") && strcmp(name, "gupx"))
		gupx_args_die("invalid engine '%s': must be gupx or kernel",
			      name);
	args->kernel_engine = !strcmp(name, "kernel");
}

/* Handle the options that select processes and mappings. */
static error_t parse_selection(int key, char *value, struct gupx_args *args)
{
	switch (key) {
	case KEY_PIDFILE:
		args->pidfile = value;
		return 0;
	case KEY_CGROUP:
		args->cgroup = value;
		return 0;
	case KEY_UNIT:
		args->unit = value;
		return 0;
	case KEY_TREE:
		args->tree = true;
		return 0;
	case KEY_BEST_EFFORT:
		args->best_effort = true;
		return 0;
	case KEY_MIN:
		if (gupx_range_parse_size(value, &args->min) !=
		    GUPX_RANGE_BYTES)
			gupx_args_die(
				"invalid size '%s': must be a number such as 64K, 16M or 2G",
				value);
		return 0;
	case KEY_ONLY_SWAPPED:
		args->only_swapped = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

error_t gupx_args_parse_key(int key, char *value, struct argp_state *state,
			    struct gupx_args *args)
{
	switch (key) {
	case KEY_JSON:
		gupx_out_init(true, gupx_out_is_verbose());
		return 0;
	case KEY_VERBOSE:
		gupx_out_init(gupx_out_is_json(), true);
		return 0;
	case KEY_ALL:
		args->all = true;
		return 0;
	case KEY_WRITE:
		args->write = true;
		return 0;
	case KEY_FORCE:
		args->force = true;
		return 0;
	case KEY_NOFAULT:
		args->nofault = true;
		return 0;
	case KEY_HERE:
		args->here = true;
		return 0;
	case KEY_ENGINE:
		parse_engine(value, args);
		return 0;
	case KEY_COLUMNS:
		gupx_table_options.columns = value;
		return 0;
	case KEY_NO_HEADINGS:
		gupx_table_options.no_headings = true;
		return 0;
	case KEY_RAW:
		gupx_table_options.raw = true;
		return 0;
	case KEY_HELP:
		print_help(state);
	case KEY_VERSION:
		puts("gupctl " GUPCTL_VERSION);
		exit(GUPX_EXIT_DONE);
	case ARGP_KEY_ARG:
		keep_word(value, args);
		return 0;
	case ARGP_KEY_ERROR:
		die_bad_option(state);
	}
	return args ? parse_selection(key, value, args) : ARGP_ERR_UNKNOWN;
}

void gupx_args_require_target(struct gupx_args *args)
{
	const bool selected = args->pidfile || args->cgroup || args->unit;
	size_t i = 0;

	while (i < args->word_count && is_digits(args->word[i]))
		parse_pid(args->word[i++], args);
	/* No process has a name such as [heap], but the user may have omitted the PID. */
	if (!i && !selected && args->word_count && *args->word[0] != '[')
		args->name = args->word[i++];
	if (!i && !selected)
		gupx_args_die(
			"missing PID or name of the target process, or --pidfile, --cgroup or --unit");
	while (i < args->word_count)
		parse_range(args->word[i++], args);
	if (args->all && args->range_count)
		gupx_args_die("--all and RANGE are mutually exclusive");
	args->all |= args->all_by_default && !args->range_count;
	if (!args->all && !args->range_count)
		gupx_args_die(
			"missing RANGE: use ADDR+LEN, ADDR-END, [heap], [anon], [shared], a file name, or --all");
}

void gupx_args_free(struct gupx_args *args)
{
	free(args->range);
	free(args->word);
	free(args->pid);
}
