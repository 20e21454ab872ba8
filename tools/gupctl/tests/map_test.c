// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of gupctl map. They test the letters of strips, that tables fit a terminal,
 * colors, JSON, and SVG files. Prints TAP. The module is not needed.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "map_report.h"
#include "out.h"
#include "strip.h"
#include "svg.h"
#include "table.h"
#include "tap.h"

#define PAGE 4096ULL

static struct gupx_judgement make_judgement(__u64 addr, __u64 len,
					    enum gupx_content content)
{
	return (struct gupx_judgement){
		.addr = addr,
		.len = len,
		.content = content,
		.shift = content == GUPX_CONTENT_ANON ? 12 : 0,
	};
}

static void test_kind(void)
{
	static const struct {
		enum gupx_content content;
		enum gupx_outcome outcome;
		unsigned char shift;
		char letter;
	} cases[] = {
		{ GUPX_CONTENT_ANON, GUPX_OUTCOME_TAKE, 12, 'R' },
		{ GUPX_CONTENT_FILE, GUPX_OUTCOME_TAKE, 12, 'R' },
		{ GUPX_CONTENT_FILE, GUPX_OUTCOME_FAULT, 12, 'R' },
		{ GUPX_CONTENT_ANON, GUPX_OUTCOME_TAKE, 21, 'H' },
		{ GUPX_CONTENT_FILE, GUPX_OUTCOME_TAKE, 30, 'H' },
		{ GUPX_CONTENT_ABSENT, GUPX_OUTCOME_FAULT, 12, 's' },
		{ GUPX_CONTENT_ZERO, GUPX_OUTCOME_TAKE, 12, 'z' },
		{ GUPX_CONTENT_ZERO, GUPX_OUTCOME_TAKE, 21, 'z' },
		{ GUPX_CONTENT_EMPTY, GUPX_OUTCOME_FAULT, 0, '.' },
		{ GUPX_CONTENT_EMPTY, GUPX_OUTCOME_FAULT, 21, '.' },
		{ GUPX_CONTENT_GUARD, GUPX_OUTCOME_STOP, 12, 'g' },
		{ GUPX_CONTENT_UNSEEN, GUPX_OUTCOME_STOP, 0, 'x' },
		{ GUPX_CONTENT_HOLE, GUPX_OUTCOME_STOP, 0, 'x' },
		{ GUPX_CONTENT_FRAME, GUPX_OUTCOME_STOP, 12, 'x' },
		{ GUPX_CONTENT_GATE, GUPX_OUTCOME_TAKE, 0, 'R' },
		{ GUPX_CONTENT_BAD, GUPX_OUTCOME_STOP, 12, 'x' },
	};
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct gupx_judgement judgement = {
			.content = cases[i].content,
			.outcome = cases[i].outcome,
			.shift = cases[i].shift,
		};
		const enum gupx_kind kind = gupx_kind_get(&judgement, PAGE);

		good &= gupx_kind_info[kind].letter == cases[i].letter;
		good &= gupx_kind_find(cases[i].letter) == kind;
	}
	tap_report(good, "kind", "of each content and outcome");
}

/* Draw a run of @pages[i] pages for each letter of R and '.' in turn. */
static const char *draw(const __u64 *pages, size_t runs, size_t width)
{
	static char strip[128];
	struct gupx_run run[8] = { 0 };
	__u64 addr = 0;
	size_t i;

	for (i = 0; i < runs; i++) {
		run[i].judgement = make_judgement(addr, pages[i] * PAGE,
						  i % 2 ? GUPX_CONTENT_EMPTY
							: GUPX_CONTENT_ANON);
		addr += pages[i] * PAGE;
	}
	gupx_strip_draw(run, runs, PAGE, strip, width);
	return strip;
}

#define DRAW(width, ...)                     \
	draw((const __u64[]){ __VA_ARGS__ }, \
	     sizeof((const __u64[]){ __VA_ARGS__ }) / sizeof(__u64), width)

static void test_strip(void)
{
	tap_report(!strcmp(DRAW(8, 1, 1, 2), "R.RR"), "strip",
		   "a letter for each page");
	tap_report(!strcmp(DRAW(4, 8, 8), "RR.."), "strip",
		   "a letter for each part");
	tap_report(!strcmp(DRAW(2, 3, 2, 0, 5), "R."), "strip",
		   "the kind that most of a part has");
	tap_report(!strcmp(DRAW(1, 1, 5, 1, 3, 3), ".") &&
			   !strcmp(DRAW(1, 4, 5, 3), "R"),
		   "strip", "a kind in several runs");
	tap_report(!strcmp(DRAW(1, 2, 2), "R"), "strip",
		   "the first kind of equal ones");
	tap_report(!strcmp(DRAW(3, 4, 3, 3), "R.R"), "strip",
		   "parts of different lengths");
	tap_report(!strcmp(DRAW(8, 0), "") && !strcmp(draw(NULL, 0, 8), ""),
		   "strip", "nothing");
	/* All of a 57-bit address space */
	tap_report(!strcmp(DRAW(4, 1ULL << 43, 1ULL << 43), "RR.."), "strip",
		   "no overflow");
}

/* The names are hostile: a terminal sequence, XML, bytes that are not UTF-8, U+FFFF. */
static char maps_text[] =
	"00600000-00800000 rw-p 00000000 00:00 0       [heap]\n"
	"00800000-00810000 rw-p 00000000 00:00 0\x20\n"
	"00830000-00840000 r--s 00000000 00:01 7       "
	"/memfd:\033[31m</text><x a='\"&\377\xef\xbf\xbf (deleted)\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n";

static struct gupx_request request = {
	.target = { .pid = 7, .comm = "<a>\033&" },
};
static struct gupx_map_report map_report = { .request = &request };
static struct gupx_runs runs = { .coarse = true };

static void add_run(__u64 addr, __u64 len, enum gupx_content content,
		    unsigned int outcome)
{
	struct gupx_judgement judgement = make_judgement(addr, len, content);

	judgement.outcome = (unsigned char)outcome;
	judgement.flags = (addr >> 12) & GUPX_JUDGED_WRITABLE;
	if (gupx_runs_add(&runs, &request.maps, &judgement, true))
		abort();
	request.done += len;
}

static void make_map(void)
{
	FILE *file = fmemopen(maps_text, strlen(maps_text), "r");

	if (!file || gupx_maps_parse(&request.maps, file))
		abort();
	fclose(file);
	add_run(0x600000, 0x3000, GUPX_CONTENT_ANON, GUPX_OUTCOME_TAKE);
	add_run(0x603000, 0xfd000, GUPX_CONTENT_ANON, GUPX_OUTCOME_TAKE);
	add_run(0x700000, 0x100000, GUPX_CONTENT_EMPTY, GUPX_OUTCOME_FAULT);
	add_run(0x800000, 0x10000, GUPX_CONTENT_ABSENT, GUPX_OUTCOME_FAULT);
	add_run(0x830000, 0x10000, GUPX_CONTENT_FILE, GUPX_OUTCOME_TAKE);
	add_run(0xffffffffff600000, 0x1000, GUPX_CONTENT_UNSEEN,
		GUPX_OUTCOME_STOP);
	tap_report(runs.count == 5, "runs", "do not differ by their flags");
	map_report.runs = &runs;
}

static void print_map(void)
{
	gupx_map_report_print(&map_report);
	gupx_out_end();
	fflush(stdout);
}

/* Return: the length of the longest line that begins with a blank: headings are not cut. */
static size_t find_widest(const char *text)
{
	size_t widest = 0, length;

	for (; *text; text += length + !!text[length]) {
		length = strcspn(text, "\r\n");
		if (*text == ' ' && length > widest)
			widest = length;
	}
	return widest;
}

static void test_text(void)
{
	char text[8192];

	tap_capture(print_map, 0, text, sizeof(text));
	tap_report(
		strstr(text,
		       "  ADDRESS               SIZE  RESIDENT  HUGE    SWAP  PERMS  STRIP\n"
		       "[heap]\n"
		       "  0x600000             2 MiB     1 MiB     -       -  rw-p   "
		       "RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR................................\n") &&
			strstr(text, "anonymous\n") &&
			strstr(text, "  rw-p   ssssssssssssssss\n"),
		"text", "a line for each mapping");
	tap_report(strstr(text,
			  "\nprocess 7 (<a>\\x1b&): 2.1 MiB in 4 mappings: "
			  "R resident 1.1 MiB, s swapped 64 KiB, "
			  ". absent 1 MiB, x refused 4 KiB\n"),
		   "text", "the sum is a legend");
	tap_report(strstr(text, "/memfd:\\x1b[31m</text><x a='\"&\\xff") &&
			   !strchr(text, '\033'),
		   "text", "a hostile name is escaped");
	gupx_table_options.columns = "name,strip,zero";
	tap_capture(print_map, 0, text, sizeof(text));
	tap_report(strstr(text, "NAME") && strstr(text, "[heap]  ") &&
			   gupx_table_found_columns(),
		   "text", "chosen columns");
	gupx_table_options.columns = NULL;
	map_report.groups = true;
	tap_capture(print_map, 0, text, sizeof(text));
	tap_report(strstr(text, "  MAPPINGS     SIZE  RESIDENT") &&
			   !strstr(text, "ADDRESS") &&
			   strstr(text, "[anon]\n         2  2.1 MiB") &&
			   strstr(text, "[shared]\n         1   64 KiB") &&
			   strstr(text, "other\n         1    4 KiB") &&
			   !strstr(text, "[file]"),
		   "text", "a line for each group");
	map_report.groups = false;
}

static void test_terminal(void)
{
	static const unsigned short widths[] = { 40, 60, 80, 200 };
	char text[8192], name[64];
	size_t i;

	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		tap_capture(print_map, widths[i], text, sizeof(text));
		snprintf(name, sizeof(name), "%u columns", widths[i]);
		tap_report(find_widest(text) == widths[i] &&
				   strstr(text, "RRRRR") &&
				   strstr(text, "0xffffffffff600000") &&
				   !strchr(text, '\033'),
			   "terminal", name);
		if (find_widest(text) != widths[i])
			printf("# %s\n", text);
	}
	unsetenv("NO_COLOR");
	tap_capture(print_map, 80, text, sizeof(text));
	tap_report(strstr(text, " \033[32mRRRR") &&
			   strstr(text, "R\033[0m....") &&
			   strstr(text, "....\r\n") &&
			   strstr(text, " \033[31mx\033[0m\r\n") &&
			   strstr(text, " STRIP\r\n"),
		   "terminal", "colors");
	setenv("TERM", "dumb", 1);
	tap_capture(print_map, 80, text, sizeof(text));
	tap_report(!strchr(text, '\033'), "terminal", "no colors if dumb");
	setenv("TERM", "xterm", 1);
	gupx_table_options.raw = true;
	tap_capture(print_map, 80, text, sizeof(text));
	tap_report(!strchr(text, '\033') &&
			   strstr(text, "[heap] 0x600000 2\\x20MiB"),
		   "terminal", "no colors in raw tables");
	gupx_table_options.raw = false;
}

static void test_json(void)
{
	struct json_object *root, *array, *row, *value;
	char text[8192];

	gupx_out_init(true, false);
	tap_capture(print_map, 0, text, sizeof(text));
	gupx_out_init(false, false);
	root = json_tokener_parse(text);
	tap_report(json_object_object_get_ex(root, "mappings", &array) &&
			   json_object_array_length(array) == 4,
		   "json", "all mappings");
	row = json_object_array_get_idx(array, 0);
	tap_report(json_object_object_get_ex(row, "resident", &value) &&
			   json_object_get_uint64(value) == 0x100000 &&
			   json_object_object_get_ex(row, "absent", &value) &&
			   json_object_get_uint64(value) == 0x100000 &&
			   json_object_object_get_ex(row, "strip", &value) &&
			   json_object_get_string_len(value) == 64,
		   "json", "bytes and strip");
	tap_report(json_object_object_get_ex(root, "total", &value) &&
			   json_object_object_get_ex(value, "swapped",
						     &value) &&
			   json_object_get_uint64(value) == 0x10000,
		   "json", "sum");
	json_object_put(root);
}

static void test_svg(void)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		abort();
	gupx_map_report_draw(&map_report, stream);
	fclose(stream);
	tap_report(!strncmp(text, "<?xml ", 6) &&
			   strstr(text,
				  "Memory of process 7 (&lt;a&gt;\\x1b&amp;)"),
		   "svg", "title");
	tap_report(strstr(text,
			  "/memfd:\\x1b[31m&lt;/text&gt;&lt;x "
			  "a=&apos;&quot;&amp;\\xff\xef\xbf\xbd (deleted)") &&
			   !strstr(text, "<x") && !strchr(text, '\033'),
		   "svg", "a hostile name is escaped");
	tap_report(
		strstr(text,
		       "<rect x=\"20\" y=\"82\" width=\"480\" height=\"12\" "
		       "fill=\"#2e9e4f\"><title>resident</title></rect>\n"
		       "<rect x=\"500\" y=\"82\" width=\"480\" height=\"12\" "
		       "fill=\"#ececec\"><title>absent</title></rect>\n"),
		"svg", "a rectangle for each kind");
	tap_report(strstr(text,
			  "0x600000 rw-p [heap]: 2 MiB, 1 MiB resident") &&
			   !strcmp(text + length - 7, "</svg>\n"),
		   "svg", "a text for each mapping");
	/* To look at it */
	if (getenv("MAP_SVG")) {
		stream = fopen(getenv("MAP_SVG"), "w");
		fputs(text, stream);
		fclose(stream);
	}
	free(text);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	gupx_out_init(false, false);
	test_kind();
	test_strip();
	make_map();
	test_text();
	test_terminal();
	test_json();
	test_svg();
	gupx_runs_free(&runs);
	gupx_maps_free(&request.maps);
	return tap_end();
}
