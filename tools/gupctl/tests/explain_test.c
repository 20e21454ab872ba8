// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of gupctl explain. They test that runs are split and merged, that tables
 * have headings, that a stop is described in one line, and that a module with another
 * ABI is refused. Prints TAP. The module is not needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "explain_report.h"
#include "maps.h"
#include "out.h"
#include "runs.h"
#include "stop.h"
#include "tap.h"

static char maps_text[] =
	"00600000-00610000 rw-p 00000000 00:00 0       [heap]\n"
	"00610000-00620000 rw-p 00000000 00:00 0\x20\n"
	"00630000-00640000 r--p 00000000 08:01 7       /opt/lib/libx.so.1\n";

static struct gupx_maps maps;

static void load_maps(void)
{
	FILE *file = fmemopen(maps_text, strlen(maps_text), "r");

	tap_report(file && !gupx_maps_parse(&maps, file) && maps.count == 3,
		   "maps", "are read");
	fclose(file);
}

static void test_next(void)
{
	tap_report(gupx_maps_next(&maps, 0) == &maps.map[0], "next",
		   "below all: the first");
	tap_report(gupx_maps_next(&maps, 0x60ffff) == &maps.map[0], "next",
		   "the last byte is in");
	tap_report(gupx_maps_next(&maps, 0x610000) == &maps.map[1], "next",
		   "the end is the next one's");
	tap_report(gupx_maps_next(&maps, 0x620000) == &maps.map[2], "next",
		   "in a hole: the one behind");
	tap_report(!gupx_maps_next(&maps, 0x640000), "next",
		   "behind all: none");
}

static struct gupx_judgement make_judgement(__u64 addr, __u64 len,
					    enum gupx_outcome outcome)
{
	return (struct gupx_judgement){
		.addr = addr,
		.len = len,
		.outcome = outcome,
		.stage = outcome == GUPX_OUTCOME_STOP ? GUPX_STAGE_VMA : 0,
		.content = GUPX_CONTENT_ANON,
		.shift = 12,
	};
}

static void add_run(struct gupx_runs *runs, __u64 addr, __u64 len,
		    enum gupx_outcome outcome)
{
	const struct gupx_judgement judgement =
		make_judgement(addr, len, outcome);

	if (gupx_runs_add(runs, &maps, &judgement, false))
		abort();
}

static bool is_run(const struct gupx_runs *runs, size_t i, __u64 addr,
		   __u64 end)
{
	return i < runs->count && runs->run[i].judgement.addr == addr &&
	       runs->run[i].judgement.len == end - addr &&
	       runs->run[i].end == end;
}

static void test_join(void)
{
	struct gupx_runs runs = { 0 };
	struct gupx_judgement other;

	add_run(&runs, 0x600000, 0x2000, GUPX_OUTCOME_TAKE);
	add_run(&runs, 0x602000, 0x1000, GUPX_OUTCOME_TAKE);
	tap_report(runs.count == 1 && is_run(&runs, 0, 0x600000, 0x603000),
		   "runs", "equal ones that touch are one");
	add_run(&runs, 0x604000, 0x1000, GUPX_OUTCOME_TAKE);
	tap_report(runs.count == 2, "runs", "equal ones that do not are two");
	add_run(&runs, 0x605000, 0x1000, GUPX_OUTCOME_FAULT);
	tap_report(runs.count == 3, "runs", "different ones are two");
	other = make_judgement(0x606000, 0x1000, GUPX_OUTCOME_FAULT);
	other.flags = GUPX_JUDGED_WRITABLE;
	gupx_runs_add(&runs, &maps, &other, false);
	tap_report(runs.count == 4, "runs", "different marks are two");
	gupx_runs_free(&runs);
}

static void test_cut(void)
{
	struct gupx_runs runs = { 0 };

	add_run(&runs, 0x5ff000, 0x42000, GUPX_OUTCOME_STOP);
	tap_report(runs.count == 6, "cut", "at each mapping's borders");
	tap_report(is_run(&runs, 0, 0x5ff000, 0x600000) && !runs.run[0].map,
		   "cut", "a hole below");
	tap_report(is_run(&runs, 1, 0x600000, 0x610000) &&
			   runs.run[1].map == &maps.map[0],
		   "cut", "a whole mapping");
	tap_report(is_run(&runs, 2, 0x610000, 0x620000) &&
			   runs.run[2].map == &maps.map[1],
		   "cut", "the mapping that touches it");
	tap_report(is_run(&runs, 3, 0x620000, 0x630000) && !runs.run[3].map,
		   "cut", "a hole between");
	tap_report(is_run(&runs, 5, 0x640000, 0x641000) && !runs.run[5].map,
		   "cut", "a hole behind");
	gupx_runs_free(&runs);
}

/*
 * Test when a run is marked as skipped: the range was selected by [anon] or --all, and
 * the module refuses the whole mapping, so that gupctl pin would skip it.
 */
static void test_skip(void)
{
	struct gupx_judgement judgement =
		make_judgement(0x600000, 0x1000, GUPX_OUTCOME_STOP);
	struct gupx_runs runs = { 0 };

	gupx_runs_add(&runs, &maps, &judgement, false);
	tap_report(!runs.run[0].skipped, "skip", "not in a range by numbers");
	judgement.addr = 0x601000;
	gupx_runs_add(&runs, &maps, &judgement, true);
	tap_report(runs.count == 2 && runs.run[1].skipped, "skip",
		   "an unfit mapping of a group");
	judgement.addr = 0x602000;
	judgement.stage = GUPX_STAGE_FOLLOW;
	gupx_runs_add(&runs, &maps, &judgement, true);
	tap_report(runs.count == 3 && !runs.run[2].skipped, "skip",
		   "not a page of a fit one");
	judgement = make_judgement(0x603000, 0x1000, GUPX_OUTCOME_TAKE);
	gupx_runs_add(&runs, &maps, &judgement, true);
	tap_report(runs.count == 4 && !runs.run[3].skipped, "skip",
		   "not what is taken");
	gupx_runs_free(&runs);
}

static void test_fold(void)
{
	struct gupx_runs runs = { 0 };
	__u64 addr;

	for (addr = 0x600000; addr < 0x608000; addr += 0x2000) {
		add_run(&runs, addr, 0x1000, GUPX_OUTCOME_TAKE);
		add_run(&runs, addr + 0x1000, 0x1000, GUPX_OUTCOME_FAULT);
	}
	add_run(&runs, 0x610000, 0x1000, GUPX_OUTCOME_TAKE);
	add_run(&runs, 0x611000, 0x1000, GUPX_OUTCOME_FAULT);
	gupx_runs_fold(&runs, 8);
	tap_report(runs.count == 10, "fold", "not what is few");
	gupx_runs_fold(&runs, 7);
	tap_report(runs.count == 4, "fold", "by kind, each mapping by itself");
	tap_report(runs.run[0].count == 4 &&
			   runs.run[0].judgement.len == 0x4000 &&
			   runs.run[0].judgement.addr == 0x600000 &&
			   runs.run[0].end == 0x607000,
		   "fold", "the sum, from the first to the last");
	tap_report(is_run(&runs, 2, 0x610000, 0x611000) &&
			   runs.run[2].count == 1,
		   "fold", "the next mapping stays");
	gupx_runs_free(&runs);
}

static void test_line(void)
{
	const struct gupx_stop stop = {
		.addr = 0x630000,
		.error = 14,
		.stage = GUPX_STAGE_VMA,
		.reason = GUPX_REASON_NO_WRITE,
	};
	const struct gupx_stop hole = {
		.addr = 0x620000,
		.reason = GUPX_REASON_WOULD_WAIT,
	};
	static const char wanted[] =
		"refused at 0x630000 in /opt/lib/libx.so.1 r--p: "
		"the mapping is not writable (no_write, EFAULT); "
		"omit --write";
	char *line = gupx_stop_line("refused", &maps, &stop);

	tap_report(line && !strcmp(line, wanted), "line",
		   "where, why, what to do");
	free(line);
	line = gupx_stop_line("stopped", &maps, &hole);
	tap_report(
		line && !strcmp(line,
				"stopped at 0x620000: would block (would_wait)"),
		"line", "no mapping, no errno, no cure");
	free(line);
}

struct sample {
	const char *head;
	struct gupx_out_span span;
	__u64 number;
};

static const struct gupx_out_field sample_fields[] = {
	{ .key = "head",
	  .label = "",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct sample, head),
	  .heading = true },
	GUPX_OUT_FIELD(struct sample, span, NULL, "RANGE", GUPX_OUT_SPAN),
	{ .key = "number",
	  .label = "NUMBER",
	  .form = GUPX_OUT_COUNT,
	  .offset = offsetof(struct sample, number),
	  .hide_zero = true },
};

static const struct gupx_out_spec sample_spec = GUPX_OUT_SPEC(sample_fields);

static const struct sample samples[] = {
	{ "one", { 0x1000, 0x2000 }, 5 },
	{ "one", { 0x2000, 0x10000 }, 0 },
	{ "two", { 0x1000, 0x2000 }, 7 },
};

static const struct gupx_out_rows sample_rows = {
	.row = samples,
	.count = 3,
	.stride = sizeof(samples[0]),
};

static void say_samples(void)
{
	gupx_out_table("rows", &sample_spec, &sample_rows);
	gupx_out_end();
}

static void say_other_abi(void)
{
	const struct gupx_info info = { .abi = GUPX_ABI + 1 };

	gupx_dev_check_abi(&info);
}

static void say_no_abi(void)
{
	const struct gupx_info info = { .abi = GUPX_ABI - 1 };

	gupx_dev_check_abi(&info);
}

static void say_same_abi(void)
{
	const struct gupx_info info = { .abi = GUPX_ABI };

	gupx_dev_check_abi(&info);
}

static void test_table(void)
{
	char text[1024];

	gupx_out_init(false, false);
	tap_capture(say_samples, 0, text, sizeof(text));
	tap_report(!strcmp(text, "  RANGE           NUMBER\n"
				 "one\n"
				 "  0x1000-0x2000        5\n"
				 "  0x2000-0x10000       -\n"
				 "two\n"
				 "  0x1000-0x2000        7\n"),
		   "table", "rows under their headings");
	gupx_out_init(true, false);
	tap_capture(say_samples, 0, text, sizeof(text));
	tap_report(strstr(text, "{ \"head\": \"one\", \"number\": 0 }") &&
			   !strstr(text, "RANGE"),
		   "table", "no span in JSON");
	gupx_out_init(false, false);
}

static struct gupx_runs some_runs;
static bool all_runs;

static void print_report(void)
{
	const struct gupx_args args = { 0 };
	struct gupx_request request = {
		.args = &args,
		.target = { .pid = 7, .comm = "sleep" },
		.maps = maps,
	};
	const struct gupx_explain_report report = {
		.request = &request,
		.verb = GUPX_VERB_PIN,
		.all = all_runs,
		.runs = &some_runs,
	};
	const int status = gupx_explain_report_print(&report);

	gupx_out_end();
	exit(status);
}

static void test_summary(void)
{
	struct gupx_judgement guard =
		make_judgement(0x613000, 0x1000, GUPX_OUTCOME_STOP);
	char text[4096];

	some_runs = (struct gupx_runs){ 0 };
	add_run(&some_runs, 0x600000, 0x1000, GUPX_OUTCOME_TAKE);
	add_run(&some_runs, 0x601000, 0x1000, GUPX_OUTCOME_FAULT);
	all_runs = false;
	tap_capture(print_report, 0, text, sizeof(text));
	tap_report(strstr(text, "[heap]\n") && strstr(text, " PAGE ") &&
			   strstr(text, "  0x601000-0x602000  "),
		   "summary", "not of a single mapping");
	add_run(&some_runs, 0x612000, 0x1000, GUPX_OUTCOME_TAKE);
	guard.reason = GUPX_REASON_GUARD;
	gupx_runs_add(&some_runs, &maps, &guard, true);
	guard.addr = 0x614000;
	guard.reason = GUPX_REASON_NO_READ;
	gupx_runs_add(&some_runs, &maps, &guard, false);
	tap_report(
		tap_capture(print_report, 0, text, sizeof(text)) ==
				GUPX_EXIT_REFUSED &&
			strstr(text, "RANGE") && !strstr(text, " PAGE ") &&
			strstr(text,
			       "[heap]\n"
			       "  0x600000-0x602000   8 KiB  rw-p      2  "
			       "take 4 KiB as is, fault 4 KiB in\n") &&
			strstr(text,
			       "anonymous\n"
			       "  0x612000-0x615000  12 KiB  rw-p      3  "
			       "take 4 KiB as is, stop at 4 KiB, skip 4 KiB, "
			       "first: the mapping is not readable\n"),
		"summary", "a line for each mapping");
	all_runs = true;
	tap_capture(print_report, 0, text, sizeof(text));
	tap_report(strstr(text, " PAGE ") &&
			   strstr(text, "  0x614000-0x615000  "),
		   "summary", "not with --runs");
	all_runs = false;
	gupx_out_init(true, false);
	tap_capture(print_report, 0, text, sizeof(text));
	tap_report(strstr(text, "\"runs\": [ { ") &&
			   strstr(text, "\"addr\": \"0x614000\"") &&
			   !strstr(text, "(null)"),
		   "summary", "not in JSON");
	gupx_out_init(false, false);
	gupx_runs_free(&some_runs);
}

static void test_abi(void)
{
	char text[1024];

	gupx_out_init(false, false);
	tap_report(tap_capture(say_other_abi, 0, text, sizeof(text)) ==
				   GUPX_EXIT_REFUSED &&
			   strstr(text, "; upgrade gupctl\n"),
		   "abi", "a newer module is refused");
	tap_report(tap_capture(say_no_abi, 0, text, sizeof(text)) ==
				   GUPX_EXIT_REFUSED &&
			   strstr(text, "; upgrade the module gupx\n"),
		   "abi", "an older module is refused");
	tap_report(!tap_capture(say_same_abi, 0, text, sizeof(text)) && !*text,
		   "abi", "the same is fine");
}

int main(void)
{
	gupx_out_init(false, false);
	load_maps();
	test_next();
	test_join();
	test_cut();
	test_skip();
	test_fold();
	test_line();
	test_table();
	test_summary();
	test_abi();
	gupx_maps_free(&maps);
	return tap_end();
}
