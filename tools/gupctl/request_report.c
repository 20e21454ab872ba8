// SPDX-License-Identifier: GPL-2.0
/* Print the result of a request as text or as JSON. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "reason.h"
#include "signals.h"
#include "stop.h"
#include "request.h"

/* Maximum number of gaps to list without --verbose */
#define GAPS_SHOWN 12

struct item_row {
	__u64 addr;
	__u64 len;
	__u64 done;
	const char *result;
	const char *perms;
	const char *name;
	const char *data;
	const struct gupx_stop_row *stop;
	struct gupx_stop_row stop_row;
};

static const struct gupx_out_field item_fields[] = {
	GUPX_OUT_FIELD(struct item_row, addr, "addr", "ADDRESS", GUPX_OUT_ADDR),
	GUPX_OUT_FIELD(struct item_row, len, "len", "LENGTH", GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct item_row, done, "done", "DONE", GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct item_row, result, "result", "RESULT",
		       GUPX_OUT_STRING),
	GUPX_OUT_FIELD(struct item_row, perms, "perms", "PERMS",
		       GUPX_OUT_STRING),
	{ .key = "name",
	  .label = "MAPPING",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct item_row, name),
	  .wrap = true },
	{ .key = "stop",
	  .form = GUPX_OUT_RECORD,
	  .offset = offsetof(struct item_row, stop),
	  .record = &gupx_stop_spec },
	/*
	 * The field "data" is the last one, so that it can be omitted if the command
	 * stored no bytes.
	 */
	GUPX_OUT_FIELD(struct item_row, data, "data", NULL, GUPX_OUT_STRING),
};

struct head_row {
	__u64 pid;
	const char *comm;
	const char *engine;
	bool write, force, nofault, moved;
	const char *cpus;
};

static const struct gupx_out_field head_fields[] = {
	GUPX_OUT_FIELD(struct head_row, pid, "pid", NULL, GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct head_row, comm, "comm", NULL, GUPX_OUT_STRING),
	GUPX_OUT_FIELD(struct head_row, engine, "engine", NULL,
		       GUPX_OUT_STRING),
	GUPX_OUT_FIELD(struct head_row, write, "write", NULL, GUPX_OUT_BOOL),
	GUPX_OUT_FIELD(struct head_row, force, "force", NULL, GUPX_OUT_BOOL),
	GUPX_OUT_FIELD(struct head_row, nofault, "nofault", NULL,
		       GUPX_OUT_BOOL),
	GUPX_OUT_FIELD(struct head_row, moved, "on_target_cpus", NULL,
		       GUPX_OUT_BOOL),
	GUPX_OUT_FIELD(struct head_row, cpus, "cpus", NULL, GUPX_OUT_STRING),
};

static const struct gupx_out_spec head_spec = GUPX_OUT_SPEC(head_fields);

struct total_row {
	__u64 ranges;
	__u64 len;
	__u64 done;
	__u64 skipped_ranges;
	__u64 skipped_len;
	__u64 left_out;
	__u64 gaps;
	__u64 milliseconds;
	bool interrupted;
};

static const struct gupx_out_field total_fields[] = {
	GUPX_OUT_FIELD(struct total_row, ranges, "ranges", NULL,
		       GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct total_row, len, "len", NULL, GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct total_row, done, "done", NULL, GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct total_row, skipped_ranges, "skipped_ranges", NULL,
		       GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct total_row, skipped_len, "skipped_len", NULL,
		       GUPX_OUT_SIZE),
	/* Including skipped_len */
	GUPX_OUT_FIELD(struct total_row, left_out, "left_out", NULL,
		       GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct total_row, milliseconds, "milliseconds", NULL,
		       GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct total_row, interrupted, "interrupted", NULL,
		       GUPX_OUT_BOOL),
};

static const struct gupx_out_spec total_spec = GUPX_OUT_SPEC(total_fields);

static const char *get_result_name(const struct gupx_request_item *item)
{
	if (item->skipped)
		return "skipped";
	if (item->done == item->range.len)
		return "done";
	if (item->pos == item->range.len)
		return "gaps";
	return item->done ? "partial" : "none";
}

static void fill_item(struct item_row *row,
		      const struct gupx_request_item *item)
{
	*row = (struct item_row){
		.addr = item->range.addr,
		.len = item->range.len,
		.done = item->done,
		.result = get_result_name(item),
		.perms = item->map ? item->map->perms : NULL,
		.name = item->map ? item->map->name : NULL,
		.data = item->data,
	};
	if (!item->stop.reason)
		return;
	gupx_stop_fill(&row->stop_row, &item->stop);
	row->stop = &row->stop_row;
}

static void report_head(const struct gupx_request *request)
{
	const struct gupx_args *args = request->args;
	const struct head_row row = {
		.pid = (__u64)request->target.pid,
		.comm = request->target.comm,
		.engine = args->kernel_engine ? "kernel" : "gupx",
		.write = args->write,
		.force = args->force,
		.nofault = args->nofault,
		.moved = request->placement.moved,
		.cpus = request->placement.cpus,
	};

	if (gupx_out_is_json())
		gupx_out_record(NULL, &head_spec, &row);
	else if (gupx_out_is_verbose())
		gupx_out_note("process %d (%s), engine %s, on %s CPUs %s",
			      request->target.pid, row.comm, row.engine,
			      row.moved ? "its" : "gupctl's",
			      row.cpus ? row.cpus : "(unknown)");
}

/*
 * Return: true if the table of items is not printed as text, else false. If there is
 * only one item, the table would contain the same numbers as the total. If there is a
 * group, it may have too many items to list.
 */
static bool is_table_redundant(const struct gupx_request *request)
{
	size_t i;

	if (gupx_out_is_verbose())
		return false;
	if (request->terse)
		return true;
	for (i = 0; i < request->count; i++)
		if (request->item[i].group)
			return true;
	return request->count < 2;
}

static void report_items(const struct gupx_request *request)
{
	struct gupx_out_spec spec = GUPX_OUT_SPEC(item_fields);
	struct gupx_out_rows rows = {
		.count = request->count,
		.stride = sizeof(struct item_row),
		.quiet = is_table_redundant(request),
	};
	struct item_row *row;
	bool data = false;
	size_t i;

	row = calloc(request->count + 1, sizeof(*row));
	if (!row)
		gupx_out_no_memory();
	for (i = 0; i < request->count; i++) {
		fill_item(&row[i], &request->item[i]);
		data |= !!row[i].data;
	}
	rows.row = row;
	spec.count -= !data;
	gupx_out_table("ranges", &spec, &rows);
	free(row);
}

static void report_stop(struct gupx_request *request,
			const struct gupx_request_item *item)
{
	char *line;

	/* The line names the mapping. If the mappings cannot be loaded, it does not. */
	gupx_request_load_maps(request);
	line = gupx_stop_line(item->done ? "stopped" : "refused",
			      &request->maps, &item->stop);

	if (line)
		gupx_out_warn("%s", line);
	free(line);
}

/* Print a word. Quote it for the shell if necessary. */
static void print_quoted(const char *word, FILE *stream)
{
	const char *odd = word;

	while (*odd && (isalnum((unsigned char)*odd) || strchr("+-._/:", *odd)))
		odd++;
	if (!*odd) {
		fputs(word, stream);
		return;
	}
	fputc('\'', stream);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\'", stream);
		fputc(*word, stream);
	}
	fputc('\'', stream);
}

static void print_explain_command(const struct gupx_request *request,
				  FILE *stream)
{
	const struct gupx_args *args = request->args;
	size_t i;

	fputs("gupctl explain --runs", stream);
	if (strcmp(request->verb, "pin"))
		fprintf(stream, " --for %s", request->verb);
	fprintf(stream, "%s%s%s %d%s", args->write ? " --write" : "",
		args->force ? " --force" : "",
		args->nofault ? " --nofault" : "", request->target.pid,
		args->all ? " --all" : "");
	for (i = 0; i < args->range_count; i++) {
		fputc(' ', stream);
		print_quoted(args->range[i].text, stream);
	}
}

/* Suggest to run "gupctl explain" with the same arguments. */
static void suggest_explain(const struct gupx_request *request)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream;

	if (!request->dev.info.explain_flags)
		return;
	stream = open_memstream(&text, &length);
	if (!stream)
		return;
	print_explain_command(request, stream);
	fclose(stream);
	gupx_out_warn("for each page, run: %s", text);
	free(text);
}

/* Return: true if EXPLAIN could have predicted the stop, else false. */
static bool is_predictable(const struct gupx_stop *stop)
{
	switch (stop->stage) {
	case GUPX_STAGE_LOOKUP:
	case GUPX_STAGE_VMA:
	case GUPX_STAGE_GATE:
	case GUPX_STAGE_FOLLOW:
	case GUPX_STAGE_GRAB:
	case GUPX_STAGE_ENGINE:
		return true;
	default:
		return false;
	}
}

static void report_stops(struct gupx_request *request)
{
	bool hint = false;
	size_t i;

	if (gupx_out_is_json())
		return;
	for (i = 0; i < request->count; i++) {
		const struct gupx_request_item *item = &request->item[i];

		if (item->skipped || !item->stop.reason ||
		    item->stop.reason == GUPX_REASON_MEMLOCK ||
		    item->stop.reason == GUPX_REASON_SIGNAL)
			continue;
		report_stop(request, item);
		hint |= is_predictable(&item->stop);
	}
	if (hint)
		suggest_explain(request);
}

/*
 * Print the number of skipped mappings for each reason, for example "1 io_mapping, 6
 * no_write".
 */
static void print_reasons(const struct gupx_request *request, FILE *stream)
{
	size_t counts[GUPX_REASONS] = { 0 };
	const char *separator = "";
	size_t i;

	for (i = 0; i < request->count; i++)
		if (request->item[i].skipped &&
		    request->item[i].stop.reason < GUPX_REASONS)
			counts[request->item[i].stop.reason]++;
	for (i = 0; i < GUPX_REASONS; i++) {
		if (!counts[i])
			continue;
		fprintf(stream, "%s%zu %s", separator, counts[i],
			gupx_reason_get((unsigned int)i)->name);
		separator = ", ";
	}
}

static void report_skipped(const struct gupx_request *request,
			   const struct total_row *total)
{
	char *reasons = NULL;
	size_t length = 0;
	FILE *stream;

	if (!total->skipped_ranges || gupx_out_is_json())
		return;
	stream = open_memstream(&reasons, &length);
	if (!stream)
		return;
	print_reasons(request, stream);
	fclose(stream);
	gupx_out_note(
		"skipped %llu mapping%s that refuse%s the request, %s (%s)",
		total->skipped_ranges, total->skipped_ranges == 1 ? "" : "s",
		total->skipped_ranges == 1 ? "s" : "",
		gupx_out_size(total->skipped_len).text, reasons);
	free(reasons);
}

struct gap_row {
	__u64 addr;
	__u64 len;
	const char *name;
	const char *reason;
	const char *text;
};

static const struct gupx_out_field gap_fields[] = {
	GUPX_OUT_FIELD(struct gap_row, addr, "addr", "LEFT OUT", GUPX_OUT_ADDR),
	GUPX_OUT_FIELD(struct gap_row, len, "len", "SIZE", GUPX_OUT_SIZE),
	{ .key = "name",
	  .label = "MAPPING",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct gap_row, name),
	  .wrap = true },
	GUPX_OUT_FIELD(struct gap_row, reason, "reason", NULL, GUPX_OUT_STRING),
	{ .key = "text",
	  .label = "REASON",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct gap_row, text),
	  .wrap = true },
};

static const struct gupx_out_spec gap_spec = GUPX_OUT_SPEC(gap_fields);

/*
 * List the memory that was left out. In text, the list of a request with many gaps needs
 * --verbose. Mappings that were skipped as a whole have a line of their own.
 */
static void report_gaps(const struct gupx_request *request,
			const struct total_row *total)
{
	struct gap_row *row = calloc(request->gap_count + 1, sizeof(*row));
	struct gupx_out_rows rows = { .row = row, .stride = sizeof(*row) };
	const __u64 left_out = total->left_out - total->skipped_len;
	size_t i;

	if (!row)
		gupx_out_no_memory();
	for (i = 0; i < request->gap_count; i++) {
		const struct gupx_request_gap *gap = &request->gap[i];
		const struct gupx_reason_info *reason =
			gupx_reason_get(gap->stop.reason);

		row[rows.count++] = (struct gap_row){
			.addr = gap->stop.addr,
			.len = gap->len,
			.name = gap->map ? gap->map->name : NULL,
			.reason = reason->name,
			.text = reason->text,
		};
	}
	rows.quiet = !left_out ||
		     (rows.count > GAPS_SHOWN && !gupx_out_is_verbose());
	gupx_out_table("left_out", &gap_spec, &rows);
	free(row);
	if (left_out)
		gupx_out_note("left out %s that refuses the request (%s)",
			      gupx_out_size(left_out).text,
			      rows.quiet ? "list them with --verbose"
					 : "listed above");
}

static void count_total(const struct gupx_request *request,
			struct total_row *total)
{
	size_t i;

	*total = (struct total_row){
		.ranges = request->count,
		.len = request->total,
		.done = request->done,
		.milliseconds = (__u64)(request->seconds * 1000),
	};
	for (i = 0; i < request->count; i++) {
		const struct gupx_request_item *item = &request->item[i];

		if (!item->skipped)
			continue;
		total->skipped_ranges++;
		total->skipped_len += item->range.len - item->pos;
	}
	total->left_out = request->left_out;
	total->gaps = request->gap_count;
	total->interrupted = gupx_signals_received() &&
			     total->done + total->left_out < total->len;
}

static void report_total(const struct gupx_request *request,
			 const struct total_row *total)
{
	const __u64 ranges = total->ranges - total->skipped_ranges;
	const __u64 wanted = total->len - total->left_out;
	char of[32] = "";

	if (gupx_out_is_json()) {
		gupx_out_record("total", &total_spec, total);
		return;
	}
	if (request->terse && total->done == total->len &&
	    !gupx_out_is_verbose())
		return;
	if (total->done < wanted)
		snprintf(of, sizeof(of), " of %s", gupx_out_size(wanted).text);
	gupx_out_note("%s %s%s in %llu range%s of process %d (%s), %.2f s",
		      request->past, gupx_out_size(total->done).text, of,
		      ranges, ranges == 1 ? "" : "s", request->target.pid,
		      request->target.comm, request->seconds);
}

static void report_error(const struct gupx_request *request)
{
	size_t i;

	if (request->error)
		gupx_dev_report(request->error, &request->context,
				&request->target);
	for (i = 0; i < request->count; i++)
		if (request->item[i].stop.reason == GUPX_REASON_MEMLOCK)
			gupx_dev_report_memlock(&request->context);
	gupx_request_report_signal(request);
}

void gupx_request_report_signal(const struct gupx_request *request)
{
	const struct gupx_request_item *item = gupx_request_incomplete(request);

	if (!item || !gupx_signals_received())
		return;
	gupx_out_error("interrupted", NULL,
		       "interrupted by %s at 0x%llx, after %s of %s",
		       gupx_signals_name(), item->range.addr + item->pos,
		       gupx_out_size(request->done).text,
		       gupx_out_size(request->total).text);
}

void gupx_request_report(struct gupx_request *request)
{
	struct total_row total;

	count_total(request, &total);
	report_head(request);
	report_items(request);
	report_gaps(request, &total);
	report_skipped(request, &total);
	report_total(request, &total);
	report_stops(request);
	report_error(request);
}
