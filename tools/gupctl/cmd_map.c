// SPDX-License-Identifier: GPL-2.0
/* gupctl map: show the memory of a process at a glance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "map_report.h"
#include "out.h"
#include "output.h"
#include "request.h"
#include "survey.h"

enum {
	KEY_GROUPS = GUPX_ARGS_OWN,
	KEY_SVG,
};

/**
 * struct map_command - state of the map command
 * @args: shared options
 * @groups: true for a line for each group
 * @path: SVG file, or NULL
 * @output: open SVG file, if @path is set
 * @survey: results
 */
struct map_command {
	struct gupx_args args;
	bool groups;
	const char *path;
	struct gupx_output output;
	struct gupx_survey survey;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct map_command *command = state->input;

	switch (key) {
	case KEY_GROUPS:
		command->groups = true;
		return 0;
	case KEY_SVG:
		command->path = value;
		return 0;
	}
	return gupx_args_parse_key(key, value, state, &command->args);
}

static int map_chunk(struct gupx_request *request,
		     struct gupx_request_chunk *chunk)
{
	struct map_command *command = request->priv;

	return gupx_survey_chunk(&command->survey, request, chunk);
}

/* Write the SVG file and give it its name. Return: 0 or an errno. */
static int write_svg(struct map_command *command,
		     const struct gupx_map_report *report)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	int error;

	if (!stream)
		gupx_out_no_memory();
	gupx_map_report_draw(report, stream);
	if (fclose(stream))
		gupx_out_no_memory();
	error = gupx_output_write(&command->output, (const unsigned char *)text,
				  length);
	free(text);
	if (error)
		gupx_output_discard(&command->output);
	return error ? error : gupx_output_keep(&command->output);
}

/* Write the SVG file if the map is complete. */
static void finish_svg(struct map_command *command,
		       const struct gupx_map_report *report)
{
	int error;

	if (gupx_request_status(report->request) != GUPX_EXIT_DONE) {
		gupx_output_discard(&command->output);
		return;
	}
	error = write_svg(command, report);
	if (error)
		gupx_out_error("output", NULL, "cannot write to %s: %s",
			       command->path, strerror(error));
	else
		gupx_out_note("wrote %s", command->path);
}

static int run_map(struct gupx_request *request)
{
	struct map_command *command = request->priv;
	const struct gupx_map_report report = {
		.request = request,
		.runs = &command->survey.runs,
		.groups = command->groups,
	};

	if (request->many && command->path)
		gupx_args_die("--svg takes only one process");
	if (command->path)
		gupx_output_open(&command->output, command->path,
				 "name the file that it leads to");
	/* READ refuses the least, so the map shows the most. */
	gupx_survey_init(&command->survey, GUPX_VERB_READ);
	command->survey.runs.coarse = true;
	gupx_request_run(request);
	gupx_map_report_print(&report);
	if (command->path)
		finish_svg(command, &report);
	if (request->error)
		gupx_dev_report(request->error, &request->context,
				&request->target);
	gupx_request_report_signal(request);
	gupx_survey_free(&command->survey);
	return gupx_request_status(request);
}

int gupx_cmd_map(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "groups", KEY_GROUPS, NULL, 0,
		  "Print a line for each of [anon], [shared], [file] and other mappings",
		  0 },
		{ "svg", KEY_SVG, "FILE", 0, "Also draw the map as an SVG file",
		  0 },
		{ 0 },
	};
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_TABLE,
		.own_options = options,
		.parser = parse_option,
		.args_doc = "PID... [RANGE...]\nNAME [RANGE...]",
		.doc = "Show the mappings of a process, and which parts of them are "
		       "resident. Changes nothing.\v"
		       "The letters of the strip are R resident, H huge page, "
		       "s swapped out, z zero page, . absent, g guard region, "
		       "x refused. Each letter covers an equal part of the "
		       "mapping, but at least a page, and shows the kind that "
		       "most of that part has.\n\n"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "[shared], [file], [writable], or the path or name of a "
		       "mapped file. It is rounded outward to whole pages. "
		       "Without RANGE, all mappings are shown.",
	};
	struct map_command command = {
		.args = { .all_by_default = true,
			  .rounds = true,
			  .here = true },
	};
	struct gupx_request request = {
		.verb = "map",
		.past = "showed",
		.args = &command.args,
		.chunk = GUPX_SURVEY_CHUNK,
		.needs_maps = true,
		.step = map_chunk,
		.priv = &command,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &command);
	gupx_args_require_target(&command.args);
	status = gupx_request_each(&request, run_map);
	gupx_args_free(&command.args);
	return status;
}
