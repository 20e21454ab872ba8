// SPDX-License-Identifier: GPL-2.0
/* What a request would do: foretell.h. */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foretell.h"
#include "judged.h"
#include "out.h"
#include "reason.h"
#include "signals.h"
#include "stop.h"

/* What a screen has room for, a mapping. */
#define MANY 12

/* The last one stands for all that are newer than this program. */
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
 * struct run_row - a run, or in text several of a kind
 * @now_text: @now, "anonymous, own, writable"
 * @would_text: @would, "fault it in"
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
	/* Only where runs were folded. */
	[FIELD_RUNS] = RUN(NULL, "RUNS", GUPX_OUT_COUNT, runs),
	{ .key = "page_size",
	  .label = "PAGE",
	  .form = GUPX_OUT_SIZE,
	  .offset = offsetof(struct run_row, page),
	  .hide_zero = true },
	RUN(NULL, "NOW", GUPX_OUT_STRING, now_text),
	/* Its label has the verb. */
	[FIELD_WOULD] = RUN(NULL, "", GUPX_OUT_STRING, would_text),
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

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (!memory)
		gupx_out_die(GUPX_EXIT_REFUSED, "no_memory", NULL,
			     "out of memory");
	return memory;
}

static bool is_stop(const struct gupx_run *run)
{
	return run->judged.outcome == GUPX_OUTCOME_STOP;
}

static bool is_there(unsigned int content)
{
	return content == GUPX_CONTENT_ANON || content == GUPX_CONTENT_FILE ||
	       content == GUPX_CONTENT_ZERO;
}

static void say_now(struct run_row *row, const struct gupx_judgement *judged)
{
	row->now_text = row->now;
	snprintf(row->now, sizeof(row->now), "%s%s%s",
		 gupx_judged_content_text(judged->content),
		 row->exclusive ? ", own" : "",
		 row->writable ? ", writable" : "");
}

static void say_would(struct run_row *row, const struct gupx_run *run,
		      unsigned int verb)
{
	const struct gupx_judgement *judged = &run->judged;
	struct gupx_judged_phrase say = gupx_judged_say(verb, judged->outcome);

	row->would_text = row->would;
	/* What is there and faulted all the same, is so to be written to. */
	if (judged->outcome == GUPX_OUTCOME_FAULT && is_there(judged->content))
		say.after = " for writing";
	if (is_stop(run))
		snprintf(row->would, sizeof(row->would), "%s: %s",
			 run->skipped ? "leave it out" : "stop",
			 gupx_reason_get(judged->reason)->text);
	else
		snprintf(row->would, sizeof(row->would), "%s it%s", say.before,
			 say.after);
}

static struct gupx_stop stop_of(const struct gupx_run *run)
{
	return (struct gupx_stop){
		.addr = run->judged.addr,
		.error = run->judged.error,
		.stage = run->judged.stage,
		.reason = run->judged.reason,
	};
}

/* What heads the runs of a mapping. */
static const char *name_of(const struct gupx_map *map)
{
	if (!map)
		return gupx_out_is_json() ? NULL : "no mapping";
	return *map->name || gupx_out_is_json() ? map->name : "anonymous";
}

static void fill_row(struct run_row *row, const struct gupx_run *run,
		     unsigned int verb)
{
	const struct gupx_judgement *judged = &run->judged;
	const struct gupx_stop stop = stop_of(run);

	*row = (struct run_row){
		.name = name_of(run->map),
		.perms = run->map ? run->map->perms : NULL,
		.span = { judged->addr, run->end },
		.addr = judged->addr,
		.len = judged->len,
		.runs = run->count,
		.page = judged->shift ? 1ULL << (judged->shift & 63) : 0,
		.content = gupx_judged_content(judged->content),
		.outcome = gupx_judged_outcome(judged->outcome),
		.writable = judged->flags & GUPX_JUDGED_WRITABLE,
		.exclusive = judged->flags & GUPX_JUDGED_EXCLUSIVE,
		.skipped = run->skipped,
	};
	say_now(row, judged);
	say_would(row, run, verb);
	if (!is_stop(run))
		return;
	gupx_stop_fill(&row->stop_row, &stop);
	row->stop = &row->stop_row;
}

static void report_head(const struct gupx_foretell *foretell)
{
	const struct gupx_work *work = foretell->work;
	const struct head_row row = {
		.pid = (__u64)work->target.pid,
		.comm = work->target.comm,
		.verb = gupx_judged_verb(foretell->verb),
		.write = work->args->write,
		.force = work->args->force,
		.nofault = work->args->nofault,
	};

	if (gupx_out_is_json())
		gupx_out_record(NULL, &head_spec, &row);
}

/* "PIN --write WOULD" */
static void print_label(const struct gupx_foretell *foretell, char *label,
			size_t room)
{
	const struct gupx_args *args = foretell->work->args;
	size_t i;

	snprintf(label, room, "%s", gupx_judged_verb(foretell->verb));
	for (i = 0; label[i]; i++)
		label[i] = (char)toupper((unsigned char)label[i]);
	snprintf(label + i, room - i, "%s%s%s WOULD",
		 args->write ? " --write" : "", args->force ? " --force" : "",
		 args->nofault ? " --nofault" : "");
}

static void report_runs(const struct gupx_foretell *foretell)
{
	const struct gupx_runs *runs = foretell->runs;
	struct gupx_out_field field[RUN_FIELDS];
	const struct gupx_out_spec spec = GUPX_OUT_SPEC(field);
	struct run_row *row = allocate(runs->count, sizeof(*row));
	const struct gupx_out_rows rows = {
		.row = row,
		.count = runs->count,
		.stride = sizeof(*row),
	};
	bool folded = false;
	char label[64];
	size_t i;

	for (i = 0; i < runs->count; i++) {
		fill_row(&row[i], &runs->run[i], foretell->verb);
		folded |= row[i].runs > 1;
	}
	memcpy(field, run_fields, sizeof(field));
	print_label(foretell, label, sizeof(label));
	field[FIELD_WOULD].label = label;
	if (!folded)
		field[FIELD_RUNS].label = NULL;
	gupx_out_table("runs", &spec, &rows);
	free(row);
}

static void count_total(const struct gupx_foretell *foretell,
			struct total_row *total)
{
	const struct gupx_runs *runs = foretell->runs;
	size_t i;

	*total = (struct total_row){
		.runs = runs->count,
		.len = foretell->work->total,
		.judged = foretell->work->done,
	};
	for (i = 0; i < runs->count; i++) {
		const struct gupx_judgement *judged = &runs->run[i].judged;

		if (runs->run[i].skipped)
			total->skipped += judged->len;
		else if (judged->outcome < OUTCOMES)
			total->bytes[judged->outcome] += judged->len;
	}
	total->interrupted = gupx_signals_came() && total->judged < total->len;
}

/* "take 1 MiB as it is, fault 16 KiB in, leave out 4 KiB" */
static void print_total(const struct gupx_foretell *foretell,
			const struct total_row *total, FILE *stream)
{
	const char *separator = "";
	unsigned int i;

	for (i = 0; i < OUTCOMES; i++) {
		const struct gupx_judged_phrase say =
			gupx_judged_say(foretell->verb, i);

		if (!total->bytes[i])
			continue;
		fprintf(stream, "%s%s %s%s", separator, say.before,
			gupx_out_size(total->bytes[i]).text, say.after);
		separator = ", ";
	}
	if (total->skipped)
		fprintf(stream, "%sleave out %s", separator,
			gupx_out_size(total->skipped).text);
	else if (!*separator)
		fputs("take nothing", stream);
}

static void report_total(const struct gupx_foretell *foretell,
			 const struct total_row *total)
{
	const struct gupx_target *target = &foretell->work->target;
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
	print_total(foretell, total, stream);
	fclose(stream);
	gupx_out_note("process %d (%s): %s would %s", target->pid, target->comm,
		      gupx_judged_verb(foretell->verb), text);
	free(text);
}

static void report_stop(const struct gupx_foretell *foretell,
			const struct gupx_run *first, __u64 runs)
{
	const struct gupx_stop stop = stop_of(first);
	char word[64];
	char *line;

	if (runs > 1)
		snprintf(word, sizeof(word), "would stop in %llu runs, first",
			 runs);
	else
		snprintf(word, sizeof(word), "would stop");
	line = gupx_stop_line(word, &foretell->work->maps, &stop);
	if (line)
		gupx_out_note("%s", line);
	free(line);
}

/* A line a reason. */
static void report_stops(const struct gupx_foretell *foretell)
{
	const struct gupx_runs *runs = foretell->runs;
	const struct gupx_run *first[REASONS] = { 0 };
	__u64 counts[REASONS] = { 0 };
	size_t i;

	for (i = 0; i < runs->count; i++) {
		const struct gupx_run *run = &runs->run[i];
		const size_t reason = run->judged.reason < REASONS
					      ? run->judged.reason
					      : REASONS - 1;

		if (!is_stop(run) || run->skipped)
			continue;
		if (!counts[reason])
			first[reason] = run;
		counts[reason] += run->count;
	}
	for (i = 0; i < REASONS; i++)
		if (counts[i])
			report_stop(foretell, first[i], counts[i]);
}

int gupx_foretell_report(const struct gupx_foretell *foretell)
{
	const struct gupx_work *work = foretell->work;
	struct total_row total;

	report_head(foretell);
	if (!gupx_out_is_json() && !gupx_out_is_verbose())
		gupx_runs_fold(foretell->runs, MANY);
	count_total(foretell, &total);
	report_runs(foretell);
	report_total(foretell, &total);
	if (!gupx_out_is_json())
		report_stops(foretell);
	if (work->error)
		gupx_dev_report(work->error, &work->ask, &work->target);
	if (total.interrupted)
		gupx_out_error("interrupted", NULL, "interrupted");
	return work->error || total.bytes[GUPX_OUTCOME_STOP] ? GUPX_EXIT_REFUSED
							     : GUPX_EXIT_DONE;
}
