// SPDX-License-Identifier: GPL-2.0
/* Print the result of gupctl explain: what a request would do. */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain_report.h"
#include "outcome.h"
#include "out.h"
#include "reason.h"
#include "signals.h"
#include "stop.h"

/*
 * Maximum number of runs of a mapping to print one by one. If a mapping has more runs,
 * gupx_runs_fold() merges its runs that have the same result, so that the list fits on
 * a screen.
 */
#define MANY 12

/*
 * Length of arrays indexed by reason. The last element is for all reasons that this
 * version of gupctl does not know.
 */
#define REASONS (GUPX_REASONS + 1)
#define OUTCOMES (GUPX_OUTCOME_STOP + 1)

struct head_row {
	__u64 pid;
	const char *comm;
	const char *verb;
	bool write, force, nofault;
};

static const struct gupx_out_field head_fields[] = {
	GUPX_OUT_FIELD(struct head_row, pid, "pid", NULL, GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct head_row, comm, "comm", NULL, GUPX_OUT_STRING),
	GUPX_OUT_FIELD(struct head_row, verb, "for", NULL, GUPX_OUT_STRING),
	GUPX_OUT_FIELD(struct head_row, write, "write", NULL, GUPX_OUT_BOOL),
	GUPX_OUT_FIELD(struct head_row, force, "force", NULL, GUPX_OUT_BOOL),
	GUPX_OUT_FIELD(struct head_row, nofault, "nofault", NULL,
		       GUPX_OUT_BOOL),
};

static const struct gupx_out_spec head_spec = GUPX_OUT_SPEC(head_fields);

/**
 * struct run_row - one run; in text output, it may consist of several merged runs
 * @now_text: state of the pages, for example "anonymous, exclusive, writable"; points
 *	to @now
 * @would_text: what the request would do, for example "fault it in"; points to @would
 * @now: buffer for @now_text
 * @would: buffer for @would_text
 */
struct run_row {
	const char *name;
	const char *perms;
	struct gupx_out_span span;
	__u64 addr;
	__u64 len;
	__u64 runs;
	__u64 page;
	const char *content;
	const char *outcome;
	const char *now_text, *would_text;
	char now[48], would[112];
	bool writable, exclusive, skipped;
	const struct gupx_stop_row *stop;
	struct gupx_stop_row stop_row;
};

static const char *get_color(const void *data)
{
	const struct run_row *row = data;

	return row->stop && !row->skipped ? "red" : NULL;
}

#define RUN(key, label, form, member) \
	GUPX_OUT_FIELD(struct run_row, member, key, label, form)

enum { FIELD_NAME, FIELD_RUNS = 5, FIELD_WOULD = 8 };

static const struct gupx_out_field run_fields[] = {
	[FIELD_NAME] = { .key = "name",
			 .label = "",
			 .form = GUPX_OUT_STRING,
			 .offset = offsetof(struct run_row, name),
			 .heading = true },
	RUN(NULL, "RANGE", GUPX_OUT_SPAN, span),
	RUN("addr", NULL, GUPX_OUT_ADDR, addr),
	RUN("len", "SIZE", GUPX_OUT_SIZE, len),
	RUN("perms", "PERMS", GUPX_OUT_STRING, perms),
	/* The column RUNS is shown only if runs were merged. */
	[FIELD_RUNS] = RUN(NULL, "RUNS", GUPX_OUT_COUNT, runs),
	{ .key = "page_size",
	  .label = "PAGE",
	  .form = GUPX_OUT_SIZE,
	  .offset = offsetof(struct run_row, page),
	  .hide_zero = true },
	{ .label = "NOW",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct run_row, now_text),
	  .wrap = true },
	/*
	 * format_label() sets the label of this column, because the label contains the
	 * verb.
	 */
	[FIELD_WOULD] = { .label = "",
			  .form = GUPX_OUT_STRING,
			  .offset = offsetof(struct run_row, would_text),
			  .wrap = true,
			  .color = get_color },
	RUN("content", NULL, GUPX_OUT_STRING, content),
	RUN("writable", NULL, GUPX_OUT_BOOL, writable),
	RUN("exclusive", NULL, GUPX_OUT_BOOL, exclusive),
	RUN("outcome", NULL, GUPX_OUT_STRING, outcome),
	RUN("skipped", NULL, GUPX_OUT_BOOL, skipped),
	{ .key = "stop",
	  .form = GUPX_OUT_RECORD,
	  .offset = offsetof(struct run_row, stop),
	  .record = &gupx_stop_spec },
};

#define RUN_FIELDS (sizeof(run_fields) / sizeof(run_fields[0]))

struct total_row {
	__u64 runs;
	__u64 len;
	__u64 judged;
	__u64 bytes[OUTCOMES];
	__u64 skipped;
	bool interrupted;
};

#define OUTCOME(name, number)                                 \
	{                                                     \
		.key = (name), .form = GUPX_OUT_SIZE,         \
		.offset = offsetof(struct total_row, bytes) + \
			  (number) * sizeof(__u64),           \
	}

static const struct gupx_out_field total_fields[] = {
	GUPX_OUT_FIELD(struct total_row, runs, "runs", NULL, GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct total_row, len, "len", NULL, GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct total_row, judged, "judged", NULL, GUPX_OUT_SIZE),
	OUTCOME("take", GUPX_OUTCOME_TAKE),
	OUTCOME("skip", GUPX_OUTCOME_SKIP),
	OUTCOME("fault", GUPX_OUTCOME_FAULT),
	OUTCOME("unshare", GUPX_OUTCOME_UNSHARE),
	OUTCOME("migrate", GUPX_OUTCOME_MIGRATE),
	OUTCOME("stop", GUPX_OUTCOME_STOP),
	GUPX_OUT_FIELD(struct total_row, skipped, "skipped", NULL,
		       GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct total_row, interrupted, "interrupted", NULL,
		       GUPX_OUT_BOOL),
};

static const struct gupx_out_spec total_spec = GUPX_OUT_SPEC(total_fields);

static bool is_stop(const struct gupx_run *run)
{
	return run->judgement.outcome == GUPX_OUTCOME_STOP;
}

static bool is_present(unsigned int content)
{
	return content == GUPX_CONTENT_ANON || content == GUPX_CONTENT_FILE ||
	       content == GUPX_CONTENT_ZERO;
}

static void format_would(struct run_row *row, const struct gupx_run *run,
			 unsigned int verb)
{
	const struct gupx_judgement *judgement = &run->judgement;
	struct gupx_outcome_phrase phrase =
		gupx_outcome_get_phrase(verb, judgement->outcome);

	row->would_text = row->would;
	/*
	 * A present page needs a fault only if the page must become writable, so print
	 * that the fault is for writing.
	 */
	if (judgement->outcome == GUPX_OUTCOME_FAULT &&
	    is_present(judgement->content))
		phrase.after = " for writing";
	if (is_stop(run))
		snprintf(row->would, sizeof(row->would), "%s: %s",
			 run->skipped ? "skip it" : "stop",
			 gupx_reason_get(judgement->reason)->text);
	else
		snprintf(row->would, sizeof(row->would), "%s it%s",
			 phrase.before, phrase.after);
}

static struct gupx_stop make_stop(const struct gupx_run *run)
{
	return (struct gupx_stop){
		.addr = run->judgement.addr,
		.error = run->judgement.error,
		.stage = run->judgement.stage,
		.reason = run->judgement.reason,
	};
}

/* Return: the heading printed above the runs of a mapping. */
static const char *get_heading(const struct gupx_map *map)
{
	if (!map)
		return gupx_out_is_json() ? NULL : "no mapping";
	return *map->name || gupx_out_is_json() ? map->name : "anonymous";
}

static void fill_row(struct run_row *row, const struct gupx_run *run,
		     unsigned int verb)
{
	const struct gupx_judgement *judgement = &run->judgement;
	const struct gupx_stop stop = make_stop(run);

	*row = (struct run_row){
		.name = get_heading(run->map),
		.perms = run->map ? run->map->perms : NULL,
		.span = { judgement->addr, run->end },
		.addr = judgement->addr,
		.len = judgement->len,
		.runs = run->count,
		.page = judgement->shift ? 1ULL << (judgement->shift & 63) : 0,
		.content = gupx_outcome_content_name(judgement->content),
		.outcome = gupx_outcome_name(judgement->outcome),
		.writable = judgement->flags & GUPX_JUDGED_WRITABLE,
		.exclusive = judgement->flags & GUPX_JUDGED_EXCLUSIVE,
		.skipped = run->skipped,
	};
	snprintf(row->now, sizeof(row->now), "%s%s%s",
		 gupx_outcome_content_text(judgement->content),
		 row->exclusive ? ", exclusive" : "",
		 row->writable ? ", writable" : "");
	row->now_text = row->now;
	format_would(row, run, verb);
	if (!is_stop(run))
		return;
	gupx_stop_fill(&row->stop_row, &stop);
	row->stop = &row->stop_row;
}

static void report_head(const struct gupx_explain_report *report)
{
	const struct gupx_request *request = report->request;
	const struct head_row row = {
		.pid = (__u64)request->target.pid,
		.comm = request->target.comm,
		.verb = gupx_outcome_verb_name(report->verb),
		.write = request->args->write,
		.force = request->args->force,
		.nofault = request->args->nofault,
	};

	if (gupx_out_is_json())
		gupx_out_record(NULL, &head_spec, &row);
}

/* Format a column label such as "PIN --write WOULD". */
static void format_label(const struct gupx_explain_report *report, char *label,
			 size_t room)
{
	const struct gupx_args *args = report->request->args;
	size_t i;

	snprintf(label, room, "%s", gupx_outcome_verb_name(report->verb));
	for (i = 0; label[i]; i++)
		label[i] = (char)toupper((unsigned char)label[i]);
	snprintf(label + i, room - i, "%s%s%s WOULD",
		 args->write ? " --write" : "", args->force ? " --force" : "",
		 args->nofault ? " --nofault" : "");
}

static void report_runs(const struct gupx_explain_report *report)
{
	const struct gupx_runs *runs = report->runs;
	struct gupx_out_field field[RUN_FIELDS];
	const struct gupx_out_spec spec = GUPX_OUT_SPEC(field);
	struct run_row *row = calloc(runs->count + 1, sizeof(*row));
	const struct gupx_out_rows rows = {
		.row = row,
		.count = runs->count,
		.stride = sizeof(*row),
	};
	bool folded = false;
	char label[64];
	size_t i;

	if (!row)
		gupx_out_no_memory();
	for (i = 0; i < runs->count; i++) {
		fill_row(&row[i], &runs->run[i], report->verb);
		folded |= row[i].runs > 1;
	}
	memcpy(field, run_fields, sizeof(field));
	format_label(report, label, sizeof(label));
	field[FIELD_WOULD].label = label;
	if (!folded)
		field[FIELD_RUNS].label = NULL;
	gupx_out_table("runs", &spec, &rows);
	free(row);
}

static void count_run(struct total_row *total, const struct gupx_run *run)
{
	const struct gupx_judgement *judgement = &run->judgement;

	if (run->skipped)
		total->skipped += judgement->len;
	else if (judgement->outcome < OUTCOMES)
		total->bytes[judgement->outcome] += judgement->len;
}

static void count_total(const struct gupx_explain_report *report,
			struct total_row *total)
{
	const struct gupx_runs *runs = report->runs;
	size_t i;

	*total = (struct total_row){
		.runs = runs->count,
		.len = report->request->total,
		.judged = report->request->done,
	};
	for (i = 0; i < runs->count; i++)
		count_run(total, &runs->run[i]);
	total->interrupted =
		gupx_signals_received() && total->judged < total->len;
}

/*
 * Print a summary such as "take 1 MiB as is, fault 16 KiB in, skip 4 KiB".
 */
static void print_total(const struct gupx_explain_report *report,
			const struct total_row *total, FILE *stream)
{
	const char *separator = "";
	unsigned int i;

	for (i = 0; i < OUTCOMES; i++) {
		const struct gupx_outcome_phrase phrase =
			gupx_outcome_get_phrase(report->verb, i);

		if (!total->bytes[i])
			continue;
		fprintf(stream, "%s%s %s%s", separator, phrase.before,
			gupx_out_size(total->bytes[i]).text, phrase.after);
		separator = ", ";
	}
	if (total->skipped)
		fprintf(stream, "%sskip %s", separator,
			gupx_out_size(total->skipped).text);
	else if (!*separator)
		fputs("do nothing", stream);
}

/**
 * struct summary_row - all runs of a mapping
 * @would: what the request would do; allocated
 * @stops: true if the request would stop
 */
struct summary_row {
	const char *name;
	const char *perms;
	struct gupx_out_span span;
	__u64 len;
	__u64 runs;
	char *would;
	bool stops;
};

static const char *get_summary_color(const void *data)
{
	const struct summary_row *row = data;

	return row->stops ? "red" : NULL;
}

#define SUMMARY(label, form, member) \
	GUPX_OUT_FIELD(struct summary_row, member, NULL, label, form)

enum { SUMMARY_WOULD = 5 };

static const struct gupx_out_field summary_fields[] = {
	{ .key = "name",
	  .label = "",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct summary_row, name),
	  .heading = true },
	SUMMARY("RANGE", GUPX_OUT_SPAN, span),
	SUMMARY("SIZE", GUPX_OUT_SIZE, len),
	SUMMARY("PERMS", GUPX_OUT_STRING, perms),
	SUMMARY("RUNS", GUPX_OUT_COUNT, runs),
	[SUMMARY_WOULD] = { .label = "",
			    .form = GUPX_OUT_STRING,
			    .offset = offsetof(struct summary_row, would),
			    .wrap = true,
			    .color = get_summary_color },
};

#define SUMMARY_FIELDS (sizeof(summary_fields) / sizeof(summary_fields[0]))

/* Return: the number of runs from @run on that are in the same mapping or hole. */
static size_t count_mapping(const struct gupx_run *run, size_t count)
{
	size_t i = 1;

	while (i < count && run[i].map == run->map &&
	       run[i].judgement.addr >= run[i - 1].end)
		i++;
	return i;
}

static bool has_several_mappings(const struct gupx_runs *runs)
{
	return runs->count &&
	       count_mapping(runs->run, runs->count) < runs->count;
}

/*
 * Format a text such as "take 12 KiB as is, stop at 4 KiB: it is ...". It names the reason
 * of the first stop; report_stops() prints all reasons. Return: the text, which the caller
 * frees.
 */
static char *format_summary(const struct gupx_explain_report *report,
			    const struct gupx_run *run, size_t count)
{
	struct total_row total = { 0 };
	const struct gupx_run *stop = NULL;
	char *text = NULL;
	size_t length = 0;
	bool differ = false;
	FILE *stream;
	size_t i;

	for (i = 0; i < count; i++) {
		count_run(&total, &run[i]);
		if (!is_stop(&run[i]))
			continue;
		differ |= stop &&
			  stop->judgement.reason != run[i].judgement.reason;
		if (!stop || (stop->skipped && !run[i].skipped))
			stop = &run[i];
	}
	stream = open_memstream(&text, &length);
	if (!stream)
		gupx_out_no_memory();
	print_total(report, &total, stream);
	if (stop)
		fprintf(stream, "%s: %s", differ ? ", first" : "",
			gupx_reason_get(stop->judgement.reason)->text);
	if (fclose(stream))
		gupx_out_no_memory();
	return text;
}

static void fill_summary(const struct gupx_explain_report *report,
			 struct summary_row *row, const struct gupx_run *run,
			 size_t count)
{
	size_t i;

	*row = (struct summary_row){
		.name = get_heading(run->map),
		.perms = run->map ? run->map->perms : NULL,
		.span = { run->judgement.addr, run[count - 1].end },
		.runs = count,
		.would = format_summary(report, run, count),
	};
	for (i = 0; i < count; i++) {
		row->len += run[i].judgement.len;
		row->stops |= is_stop(&run[i]) && !run[i].skipped;
	}
}

/* Print a line for each mapping. */
static void report_summary(const struct gupx_explain_report *report)
{
	const struct gupx_runs *runs = report->runs;
	struct gupx_out_field field[SUMMARY_FIELDS];
	const struct gupx_out_spec spec = GUPX_OUT_SPEC(field);
	struct summary_row *row = calloc(runs->count, sizeof(*row));
	struct gupx_out_rows rows = { .row = row, .stride = sizeof(*row) };
	char label[64];
	size_t i, next;

	if (!row)
		gupx_out_no_memory();
	for (i = 0; i < runs->count; i += next) {
		next = count_mapping(&runs->run[i], runs->count - i);
		fill_summary(report, &row[rows.count++], &runs->run[i], next);
	}
	memcpy(field, summary_fields, sizeof(field));
	format_label(report, label, sizeof(label));
	field[SUMMARY_WOULD].label = label;
	gupx_out_table(NULL, &spec, &rows);
	for (i = 0; i < rows.count; i++)
		free(row[i].would);
	free(row);
}

static void report_total(const struct gupx_explain_report *report,
			 const struct total_row *total)
{
	const struct gupx_target *target = &report->request->target;
	char *text = NULL;
	size_t length = 0;
	FILE *stream;

	if (gupx_out_is_json()) {
		gupx_out_record("total", &total_spec, total);
		return;
	}
	stream = open_memstream(&text, &length);
	if (!stream)
		return;
	print_total(report, total, stream);
	fclose(stream);
	gupx_out_note("process %d (%s): %s would %s", target->pid, target->comm,
		      gupx_outcome_verb_name(report->verb), text);
	free(text);
}

static void report_stop(const struct gupx_explain_report *report,
			const struct gupx_run *first, __u64 runs)
{
	const struct gupx_stop stop = make_stop(first);
	char word[64];
	char *line;

	if (runs > 1)
		snprintf(word, sizeof(word), "would stop in %llu runs, first",
			 runs);
	else
		snprintf(word, sizeof(word), "would stop");
	line = gupx_stop_line(word, &report->request->maps, &stop);
	if (line)
		gupx_out_note("%s", line);
	free(line);
}

/* Print one line for each reason to stop. */
static void report_stops(const struct gupx_explain_report *report)
{
	const struct gupx_runs *runs = report->runs;
	const struct gupx_run *first[REASONS] = { 0 };
	__u64 counts[REASONS] = { 0 };
	size_t i;

	for (i = 0; i < runs->count; i++) {
		const struct gupx_run *run = &runs->run[i];
		const size_t reason = run->judgement.reason < REASONS
					      ? run->judgement.reason
					      : REASONS - 1;

		if (!is_stop(run) || run->skipped)
			continue;
		if (!counts[reason])
			first[reason] = run;
		counts[reason] += run->count;
	}
	for (i = 0; i < REASONS; i++)
		if (counts[i])
			report_stop(report, first[i], counts[i]);
}

int gupx_explain_report_print(const struct gupx_explain_report *report)
{
	const struct gupx_request *request = report->request;
	const bool all =
		report->all || gupx_out_is_json() || gupx_out_is_verbose();
	const bool summary = !all && has_several_mappings(report->runs);
	struct total_row total;

	report_head(report);
	if (!all && !summary)
		gupx_runs_fold(report->runs, MANY);
	count_total(report, &total);
	if (summary)
		report_summary(report);
	else
		report_runs(report);
	report_total(report, &total);
	if (!gupx_out_is_json())
		report_stops(report);
	if (request->error)
		gupx_dev_report(request->error, &request->context,
				&request->target);
	gupx_request_report_signal(request);
	if (total.bytes[GUPX_OUTCOME_STOP])
		return total.interrupted ? gupx_request_status(request)
					 : GUPX_EXIT_REFUSED;
	return gupx_request_status(request);
}
