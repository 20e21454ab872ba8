// SPDX-License-Identifier: GPL-2.0
/* gupctl doctor: find out why gupx does not work on this machine. */
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>

#include "args.h"
#include "cmd.h"
#include "doctor.h"
#include "out.h"

struct check_row {
	const char *check;
	const char *state;
	const char *text;
	const char *cure;
};

#define FIELD(key, label, member) \
	GUPX_OUT_FIELD(struct check_row, member, key, label, GUPX_OUT_STRING)

static const char *get_color(const void *row)
{
	const struct check_row *check = row;

	if (!strcmp(check->state, "bad"))
		return "red";
	return strcmp(check->state, "note") ? NULL : "yellow";
}

static const struct gupx_out_field fields[] = {
	FIELD("check", "CHECK", check),
	{ .key = "state",
	  .label = "STATE",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct check_row, state),
	  .color = get_color },
	{ .key = "text",
	  .label = "FINDING",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct check_row, text),
	  .wrap = true },
	FIELD("cure", NULL, cure),
};

static const struct gupx_out_spec spec = GUPX_OUT_SPEC(fields);

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		gupx_args_die("unexpected argument '%s'", value);
	return gupx_args_parse_key(key, value, state, NULL);
}

/* Print all findings. Return: the number of checks whose state is GUPX_DOCTOR_BAD. */
static unsigned int print_findings(const struct gupx_doctor_finding *finding)
{
	static const char *const state_names[] = {
		[GUPX_DOCTOR_OK] = "ok",
		[GUPX_DOCTOR_NOTE] = "note",
		[GUPX_DOCTOR_BAD] = "bad",
		[GUPX_DOCTOR_UNKNOWN] = "unknown",
	};
	struct check_row rows[GUPX_DOCTOR_CHECKS];
	const struct gupx_out_rows table = {
		.row = rows,
		.count = GUPX_DOCTOR_CHECKS,
		.stride = sizeof(rows[0]),
	};
	unsigned int bad = 0;
	size_t i;

	for (i = 0; i < GUPX_DOCTOR_CHECKS; i++) {
		rows[i] = (struct check_row){
			.check = finding[i].check,
			.state = state_names[finding[i].state],
			.text = finding[i].text,
			.cure = finding[i].cure,
		};
		bad += finding[i].state == GUPX_DOCTOR_BAD;
	}
	gupx_out_table("checks", &spec, &table);
	for (i = 0; i < GUPX_DOCTOR_CHECKS; i++)
		if (rows[i].cure)
			gupx_out_note("to do, %s: %s", rows[i].check,
				      rows[i].cure);
	return bad;
}

int gupx_cmd_doctor(int argc, char **argv)
{
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TABLE,
		.parser = parse_option,
		.doc = "Find out why gupx does not work, and how to fix it. Changes nothing.",
	};
	struct gupx_doctor_finding finding[GUPX_DOCTOR_CHECKS];
	struct gupx_facts facts = { 0 };
	struct utsname kernel;
	unsigned int bad;

	gupx_args_parse(&syntax, argc, argv, NULL);
	uname(&kernel);
	gupx_facts_read_files(&facts, "", kernel.release);
	gupx_facts_read_caller(&facts);
	gupx_facts_query_module(&facts);
	gupx_doctor_judge(&facts, finding);
	bad = print_findings(finding);
	if (bad)
		gupx_out_error("bad_setup", NULL, "%u of %d checks failed", bad,
			       GUPX_DOCTOR_CHECKS);
	gupx_doctor_free(finding);
	return bad ? GUPX_EXIT_REFUSED : GUPX_EXIT_DONE;
}
