// SPDX-License-Identifier: GPL-2.0
/* gupctl pins: list the pin fds of all processes. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "escape.h"
#include "holder.h"
#include "out.h"
#include "pinfds.h"
#include "table.h"

/* Length of the name of a process in /proc/PID/comm, without the NUL */
#define COMM_MAX 15

struct pins_row {
	struct gupx_holder_id id;
	char age_text[32];
	const char *id_text;
	__u64 pid;
	const char *comm;
	__u64 target_pid;
	const char *target_comm;
	bool target_exited;
	__u64 bytes;
	__u64 charged;
	__u64 age;
	const char *age_words;
	const char *name;
	const char **fds;
	const char *const *fd_list;
};

#define FIELD(member, name, text, how) \
	GUPX_OUT_FIELD(struct pins_row, member, name, text, how)

static const struct gupx_out_field fields[] = {
	FIELD(id_text, "id", "ID", GUPX_OUT_STRING),
	FIELD(pid, "pid", "PID", GUPX_OUT_COUNT),
	FIELD(comm, "comm", "COMM", GUPX_OUT_STRING),
	FIELD(target_pid, "target_pid", "TARGET", GUPX_OUT_COUNT),
	FIELD(target_comm, "target_comm", "TARGET COMM", GUPX_OUT_STRING),
	FIELD(target_exited, "target_exited", NULL, GUPX_OUT_BOOL),
	FIELD(bytes, "bytes", "HELD", GUPX_OUT_SIZE),
	FIELD(charged, "charged", "CHARGED", GUPX_OUT_SIZE),
	FIELD(age_words, NULL, "AGE", GUPX_OUT_STRING),
	FIELD(age, "age_seconds", NULL, GUPX_OUT_COUNT),
	FIELD(name, "name", "NAME", GUPX_OUT_STRING),
	{ .key = "fds",
	  .label = "FDS",
	  .form = GUPX_OUT_LIST,
	  .offset = offsetof(struct pins_row, fd_list),
	  .wrap = true },
};

static const struct gupx_out_spec spec = GUPX_OUT_SPEC(fields);

struct count_row {
	__u64 unreadable;
};

static const struct gupx_out_field count_fields[] = {
	GUPX_OUT_FIELD(struct count_row, unreadable, "unreadable", NULL,
		       GUPX_OUT_COUNT),
};

static const struct gupx_out_spec count_spec = GUPX_OUT_SPEC(count_fields);

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	const char **target = state->input;

	if (key == ARGP_KEY_ARG && *target)
		gupx_args_die("unexpected argument '%s'", value);
	if (key != ARGP_KEY_ARG)
		return gupx_args_parse_key(key, value, state, NULL);
	*target = value;
	return 0;
}

/* Return: true if @name is what the user typed, as it is or as gupctl prints it. */
static bool is_named(const char *name, const char *wanted)
{
	char *shown = gupx_escape(name);
	const bool same =
		!strcmp(name, wanted) || !strcmp(shown, wanted) ||
		(strlen(name) == COMM_MAX && !strncmp(name, wanted, COMM_MAX));

	free(shown);
	return same;
}

static bool is_wanted(const struct gupx_pinfds_file *file, const char *target)
{
	char pid[32];

	if (!target)
		return true;
	snprintf(pid, sizeof(pid), "%llu", file->facts.target_pid);
	return !strcmp(pid, target) || is_named(file->target_comm, target);
}

/* Format an age by its two largest units. */
static void format_age(__u64 seconds, char *text, size_t room)
{
	if (seconds < 60)
		snprintf(text, room, "%llus", seconds);
	else if (seconds < 3600)
		snprintf(text, room, "%llum%02llus", seconds / 60,
			 seconds % 60);
	else if (seconds < 86400)
		snprintf(text, room, "%lluh%02llum", seconds / 3600,
			 seconds / 60 % 60);
	else
		snprintf(text, room, "%llud%02lluh", seconds / 86400,
			 seconds / 3600 % 24);
}

/* Format the descriptors that refer to a pin fd, as "PID:FD". */
static const char **format_fds(const struct gupx_pinfds *found,
			       const struct gupx_pinfds_file *file)
{
	const char **list = calloc(file->ref_count + 1, sizeof(*list));
	size_t i;

	if (!list)
		gupx_out_no_memory();
	for (i = 0; i < file->ref_count; i++) {
		const struct gupx_pinfds_ref *ref = &file->ref[i];
		const int pid = found->holder[ref->holder].pid;
		char *text;

		if ((ref->tid == pid ? asprintf(&text, "%d:%d", pid, ref->fd)
				     : asprintf(&text, "%d/%d:%d", pid,
						ref->tid, ref->fd)) < 0)
			gupx_out_no_memory();
		list[i] = text;
	}
	return list;
}

static void free_fds(const char **list)
{
	size_t i;

	for (i = 0; list && list[i]; i++)
		free((char *)list[i]);
	free(list);
}

/* Return: the holder to show: one that unpin can end, or else the one with the lowest PID. */
static const struct gupx_pinfds_holder *
choose_holder(const struct gupx_pinfds *found,
	      const struct gupx_pinfds_file *file)
{
	size_t i;

	for (i = 0; i < file->ref_count; i++) {
		const struct gupx_pinfds_holder *holder =
			&found->holder[file->ref[i].holder];

		if (gupx_pinfds_is_pin(holder))
			return holder;
	}
	return &found->holder[file->ref[0].holder];
}

static void fill_row(struct pins_row *row, const struct gupx_pinfds *found,
		     const struct gupx_pinfds_file *file)
{
	const struct gupx_pinfds_holder *holder = choose_holder(found, file);

	*row = (struct pins_row){
		.id = gupx_holder_format_id(holder->pid, holder->start),
		.pid = (__u64)holder->pid,
		.comm = holder->comm,
		.target_pid = file->facts.target_pid,
		.target_comm = file->target_lives ? file->target_comm : NULL,
		.target_exited = file->facts.target_pid && !file->target_lives,
		.bytes = file->facts.bytes,
		.charged = file->facts.charged,
		.age = file->facts.age,
		.name = *holder->name ? holder->name : NULL,
		.fds = format_fds(found, file),
	};
	format_age(row->age, row->age_text, sizeof(row->age_text));
	row->id_text = row->id.text;
	row->age_words = row->age_text;
	row->fd_list = row->fds;
}

/* Report in one line what could not be read. This is not an error. */
static void report_unread(const struct gupx_pinfds *found)
{
	if (found->unreadable)
		gupx_out_warn("the pins of %zu process%s could not be read%s%s",
			      found->unreadable,
			      found->unreadable > 1 ? "es" : "",
			      geteuid() ? "; root sees all pins" : "",
			      found->hidden
				      ? "; other processes are hidden (hidepid)"
				      : "");
	else if (found->hidden)
		gupx_out_warn(
			"other processes are hidden: /proc is mounted with hidepid; root sees all pins");
	if (found->unknown)
		gupx_out_warn(
			"%zu pin fds have an fdinfo that this gupctl does not understand; update gupctl",
			found->unknown);
}

static void report_pins(const struct gupx_pinfds *found, const char *target)
{
	const struct count_row count = { .unreadable = found->unreadable };
	struct pins_row *row = calloc(found->file_count + 1, sizeof(*row));
	struct gupx_out_rows rows = { .row = row, .stride = sizeof(*row) };
	size_t i;

	if (!row)
		gupx_out_no_memory();
	for (i = 0; i < found->file_count; i++)
		if (is_wanted(&found->file[i], target))
			fill_row(&row[rows.count++], found, &found->file[i]);
	gupx_out_table("pins", &spec, &rows);
	if (gupx_out_is_json())
		gupx_out_record(NULL, &count_spec, &count);
	else if (!rows.count && !gupx_table_options.raw &&
		 !gupx_table_options.no_headings)
		gupx_out_note("no pins");
	for (i = 0; i < rows.count; i++)
		free_fds(row[i].fds);
	free(row);
}

int gupx_cmd_pins(int argc, char **argv)
{
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TABLE,
		.parser = parse_option,
		.args_doc = "[TARGET]",
		.doc = "List the pin fds of all processes: who holds the pages of "
		       "which process.\v"
		       "TARGET is the PID or the name of the process whose pages "
		       "are held. The module need not be accessible.",
	};
	const char *target = NULL;
	struct gupx_pinfds found;

	gupx_args_parse(&syntax, argc, argv, &target);
	gupx_pinfds_scan(&found, &gupx_pinfds_proc, 0);
	report_pins(&found, target);
	report_unread(&found);
	gupx_pinfds_free(&found);
	return GUPX_EXIT_DONE;
}
