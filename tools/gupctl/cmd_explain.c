// SPDX-License-Identifier: GPL-2.0
/* gupctl explain: predict the outcome of a request without running it. */
#include "args.h"
#include "cmd.h"
#include "explain_report.h"
#include "outcome.h"
#include "out.h"
#include "request.h"
#include "survey.h"
#include "table.h"

enum {
	KEY_RUNS = GUPX_ARGS_OWN,
	KEY_FOR = 'f',
};

/**
 * struct explain_command - state of the explain command
 * @args: shared options
 * @verb: command whose outcome is predicted, GUPX_VERB_*
 * @all_runs: true to print each run
 * @survey: results
 */
struct explain_command {
	struct gupx_args args;
	unsigned int verb;
	bool all_runs;
	struct gupx_survey survey;
};

static unsigned int parse_verb(const char *name)
{
	const int verb = gupx_outcome_find_verb(name);

	if (verb < 0)
		gupx_args_die(
			"invalid command '%s': must be pin, populate or read",
			name);
	return (unsigned int)verb;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct explain_command *command = state->input;

	switch (key) {
	case KEY_FOR:
		command->verb = parse_verb(value);
		return 0;
	case KEY_RUNS:
		command->all_runs = true;
		return 0;
	}
	return gupx_args_parse_key(key, value, state, &command->args);
}

/* Refuse options that the explained command does not support. */
static void check_options(const struct explain_command *command)
{
	const struct gupx_args *args = &command->args;
	const char *option = NULL;

	if (command->verb == GUPX_VERB_READ && args->write)
		option = "--write";
	if (command->verb == GUPX_VERB_POPULATE && args->force)
		option = "--force";
	if (command->verb == GUPX_VERB_POPULATE && args->nofault)
		option = "--nofault";
	if (option)
		gupx_args_die("%s does not support option %s",
			      gupx_outcome_verb_name(command->verb), option);
}

static int explain_chunk(struct gupx_request *request,
			 struct gupx_request_chunk *chunk)
{
	struct explain_command *command = request->priv;

	return gupx_survey_chunk(&command->survey, request, chunk);
}

static int run_explain(struct gupx_request *request)
{
	struct explain_command *command = request->priv;
	const struct gupx_explain_report report = {
		.request = request,
		.verb = command->verb,
		/* The columns that a user can choose are those of runs, as in JSON. */
		.all = command->all_runs || gupx_table_options.columns,
		.runs = &command->survey.runs,
	};
	int status;

	gupx_survey_init(&command->survey, command->verb);
	gupx_request_run(request);
	status = gupx_explain_report_print(&report);
	gupx_survey_free(&command->survey);
	return status;
}

int gupx_cmd_explain(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "for", KEY_FOR, "COMMAND", 0,
		  "Command to explain: pin (default), populate or read", 0 },
		{ "runs", KEY_RUNS, NULL, 0,
		  "Print each run of equal pages, not a line for each mapping",
		  0 },
		{ 0 },
	};
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_TABLE |
			 GUPX_ARGS_TAKES_WRITE | GUPX_ARGS_TAKES_FORCE |
			 GUPX_ARGS_TAKES_NOFAULT,
		.own_options = options,
		.parser = parse_option,
		.args_doc = "PID... RANGE...\nNAME RANGE...",
		.doc = "Predict what pin, populate or read would do with the "
		       "memory of a process, and where and why it would stop. "
		       "Changes nothing.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "[shared], [file], [writable], or the path or name of a "
		       "mapped file. It is rounded "
		       "outward to whole pages.",
	};
	struct explain_command command = { .args.rounds = true,
					   .args.here = true };
	struct gupx_request request = {
		.verb = "explain",
		.past = "explained",
		.args = &command.args,
		.chunk = GUPX_SURVEY_CHUNK,
		.needs_maps = true,
		.step = explain_chunk,
		.priv = &command,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &command);
	gupx_args_require_target(&command.args);
	check_options(&command);
	status = gupx_request_each(&request, run_explain);
	gupx_args_free(&command.args);
	return status;
}
