// SPDX-License-Identifier: GPL-2.0
/* Print the result of gupctl map. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "map_report.h"
#include "out.h"
#include "signals.h"
#include "strip.h"
#include "svg.h"
#include "table.h"

/* Letters of a strip, unless standard output is a terminal */
#define LETTERS 64

/* Minimum room for a strip on a terminal; columns are left out to make this room */
#define LETTERS_MIN 10

/**
 * struct map_row - a mapping, a part of it that was selected, a hole or a group
 * @name: name, or NULL for a hole in JSON
 * @perms: permissions, or NULL
 * @addr: address of the first byte
 * @len: sum of the lengths of the runs
 * @mappings: number of mappings
 * @bytes: number of bytes of each kind
 * @resident: bytes that are present, but not the zero page
 * @strip: letters; allocated
 * @run: first run
 * @runs: number of runs
 */
struct map_row {
	const char *name;
	const char *perms;
	__u64 addr;
	__u64 len;
	__u64 mappings;
	__u64 bytes[GUPX_KINDS];
	__u64 resident;
	char *strip;
	const struct gupx_run *run;
	size_t runs;
};

/**
 * struct map_rows - all rows
 * @row: array
 * @count: number of rows
 * @sorted: copy of the runs, sorted by group, or NULL
 */
struct map_rows {
	struct map_row *row;
	size_t count;
	struct gupx_run *sorted;
};

static const char *paint_letter(char letter)
{
	return gupx_kind_info[gupx_kind_find(letter)].color;
}

#define MAP(key, label, form, member) \
	GUPX_OUT_FIELD(struct map_row, member, key, label, form)

/* Field of a number of bytes, whose column has a "-" for 0 */
#define BYTES(name, text, number)                                      \
	{                                                              \
		.key = (name), .label = (text), .form = GUPX_OUT_SIZE, \
		.hide_zero = true,                                     \
		.offset = offsetof(struct map_row, bytes) +            \
			  (number) * sizeof(__u64),                    \
	}

enum {
	FIELD_NAME,
	FIELD_ADDR,
	FIELD_MAPPINGS,
	FIELD_LEN,
	FIELD_RESIDENT,
	FIELD_HUGE,
	FIELD_SWAPPED,
	FIELD_PERMS,
};

static const struct gupx_out_field map_fields[] = {
	[FIELD_NAME] = { .key = "name",
			 .label = "",
			 .form = GUPX_OUT_STRING,
			 .offset = offsetof(struct map_row, name),
			 .heading = true },
	[FIELD_ADDR] = MAP("addr", "ADDRESS", GUPX_OUT_ADDR, addr),
	[FIELD_MAPPINGS] =
		MAP("mappings", "MAPPINGS", GUPX_OUT_COUNT, mappings),
	[FIELD_LEN] = MAP("len", "SIZE", GUPX_OUT_SIZE, len),
	[FIELD_RESIDENT] = { .key = "resident",
			     .label = "RESIDENT",
			     .form = GUPX_OUT_SIZE,
			     .offset = offsetof(struct map_row, resident),
			     .hide_zero = true },
	[FIELD_HUGE] = BYTES("huge", "HUGE", GUPX_KIND_HUGE),
	[FIELD_SWAPPED] = BYTES("swapped", "SWAP", GUPX_KIND_SWAPPED),
	[FIELD_PERMS] = MAP("perms", "PERMS", GUPX_OUT_STRING, perms),
	BYTES("zero", NULL, GUPX_KIND_ZERO),
	BYTES("absent", NULL, GUPX_KIND_ABSENT),
	BYTES("guard", NULL, GUPX_KIND_GUARD),
	BYTES("refused", NULL, GUPX_KIND_REFUSED),
	{ .key = "strip",
	  .label = "STRIP",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct map_row, strip),
	  .paint = paint_letter },
};

#define MAP_FIELDS (sizeof(map_fields) / sizeof(map_fields[0]))

struct head_row {
	__u64 pid;
	const char *comm;
};

static const struct gupx_out_field head_fields[] = {
	GUPX_OUT_FIELD(struct head_row, pid, "pid", NULL, GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct head_row, comm, "comm", NULL, GUPX_OUT_STRING),
};

static const struct gupx_out_spec head_spec = GUPX_OUT_SPEC(head_fields);

struct total_row {
	struct map_row sum;
	__u64 judged;
	bool interrupted;
};

#define TOTAL(name, form, member) \
	GUPX_OUT_FIELD(struct total_row, member, name, NULL, form)
#define TOTAL_BYTES(name, number) TOTAL(name, GUPX_OUT_SIZE, sum.bytes[number])

static const struct gupx_out_field total_fields[] = {
	TOTAL("mappings", GUPX_OUT_COUNT, sum.mappings),
	TOTAL("len", GUPX_OUT_SIZE, sum.len),
	TOTAL("judged", GUPX_OUT_SIZE, judged),
	TOTAL("resident", GUPX_OUT_SIZE, sum.resident),
	TOTAL_BYTES("huge", GUPX_KIND_HUGE),
	TOTAL_BYTES("swapped", GUPX_KIND_SWAPPED),
	TOTAL_BYTES("zero", GUPX_KIND_ZERO),
	TOTAL_BYTES("absent", GUPX_KIND_ABSENT),
	TOTAL_BYTES("guard", GUPX_KIND_GUARD),
	TOTAL_BYTES("refused", GUPX_KIND_REFUSED),
	TOTAL("interrupted", GUPX_OUT_BOOL, interrupted),
};

static const struct gupx_out_spec total_spec = GUPX_OUT_SPEC(total_fields);

/* The rows of --groups. [writable] overlaps the others. */
static const char *const groups[] = { "[anon]", "[shared]", "[file]" };

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* Return: the index of the group of @run; GROUPS if it belongs to none. */
static size_t find_group(const struct gupx_run *run)
{
	size_t i = 0;

	while (i < GROUPS &&
	       !(run->map && gupx_maps_match(run->map, groups[i])))
		i++;
	return i;
}

/* Copy the runs, sorted by group. The order within a group stays. */
static struct gupx_run *sort_runs(const struct gupx_runs *runs)
{
	struct gupx_run *sorted = calloc(runs->count + 1, sizeof(*sorted));
	size_t count = 0;
	size_t group, i;

	if (!sorted)
		gupx_out_no_memory();
	for (group = 0; group <= GROUPS; group++)
		for (i = 0; i < runs->count; i++)
			if (find_group(&runs->run[i]) == group)
				sorted[count++] = runs->run[i];
	return sorted;
}

/* Return: true if @run belongs to the row that ends with the run before it. */
static bool is_same_row(const struct gupx_run *run, bool by_group)
{
	if (by_group)
		return find_group(run - 1) == find_group(run);
	return run[-1].map == run->map && run[-1].end == run->judgement.addr;
}

static const char *get_name(const struct gupx_run *run, bool by_group,
			    bool json)
{
	const size_t group = find_group(run);

	if (by_group)
		return group < GROUPS ? groups[group] : "other";
	if (!run->map)
		return json ? NULL : "no mapping";
	return *run->map->name || json ? run->map->name : "anonymous";
}

static void count_run(struct map_row *row, const struct gupx_run *run)
{
	const __u64 page_size = (__u64)sysconf(_SC_PAGESIZE);
	const enum gupx_kind kind = gupx_kind_get(&run->judgement, page_size);
	const bool first = !row->runs || run[-1].map != run->map;

	row->runs++;
	row->len += run->judgement.len;
	row->bytes[kind] += run->judgement.len;
	row->mappings += run->map && first;
	row->resident =
		row->bytes[GUPX_KIND_RESIDENT] + row->bytes[GUPX_KIND_HUGE];
}

/* Make the rows. @json is true for the names that JSON has. */
static void make_rows(const struct gupx_map_report *report,
		      struct map_rows *rows, bool json)
{
	const struct gupx_run *run = report->runs->run;
	struct map_row *row = NULL;
	size_t i;

	*rows = (struct map_rows){
		.row = calloc(report->runs->count + 1, sizeof(*row)),
	};
	if (!rows->row)
		gupx_out_no_memory();
	if (report->groups) {
		rows->sorted = sort_runs(report->runs);
		run = rows->sorted;
	}
	for (i = 0; i < report->runs->count; i++) {
		if (!i || !is_same_row(&run[i], report->groups)) {
			row = &rows->row[rows->count++];
			row->run = &run[i];
			row->addr = run[i].judgement.addr;
			row->name = get_name(&run[i], report->groups, json);
			if (run[i].map && !report->groups)
				row->perms = run[i].map->perms;
		}
		count_run(row, &run[i]);
	}
}

static void draw_strips(struct map_rows *rows, size_t width)
{
	const __u64 page_size = (__u64)sysconf(_SC_PAGESIZE);
	size_t i;

	for (i = 0; i < rows->count; i++) {
		struct map_row *row = &rows->row[i];

		row->strip = realloc(row->strip, width + 1);
		if (!row->strip)
			gupx_out_no_memory();
		gupx_strip_draw(row->run, row->runs, page_size, row->strip,
				width);
	}
}

static void free_rows(struct map_rows *rows)
{
	size_t i;

	for (i = 0; i < rows->count; i++)
		free(rows->row[i].strip);
	free(rows->row);
	free(rows->sorted);
}

/*
 * Find the room that a terminal leaves for the strips, which are not drawn yet. If there is
 * too little, leave out columns. Return: the number of letters.
 */
static size_t fit_terminal(struct gupx_out_field *field,
			   const struct gupx_out_spec *spec,
			   const struct gupx_out_rows *rows)
{
	static const size_t optional[] = { FIELD_PERMS,	  FIELD_HUGE,
					   FIELD_SWAPPED, FIELD_RESIDENT,
					   FIELD_LEN,	  FIELD_MAPPINGS };
	const size_t width = gupx_table_width(STDOUT_FILENO);
	const size_t needed = LETTERS_MIN - strlen("STRIP");
	size_t i;

	if (!width || gupx_out_is_json() || gupx_table_options.raw)
		return LETTERS;
	for (i = 0; gupx_table_measure(spec, rows) + needed > width; i++) {
		if (gupx_table_options.columns ||
		    i == sizeof(optional) / sizeof(optional[0]))
			return LETTERS_MIN;
		field[optional[i]].label = NULL;
	}
	return width - gupx_table_measure(spec, rows) + strlen("STRIP");
}

static void print_rows(const struct gupx_map_report *report,
		       struct map_rows *rows)
{
	struct gupx_out_field field[MAP_FIELDS];
	const struct gupx_out_spec spec = GUPX_OUT_SPEC(field);
	const struct gupx_out_rows table = {
		.row = rows->row,
		.count = rows->count,
		.stride = sizeof(*rows->row),
	};

	memcpy(field, map_fields, sizeof(field));
	/* Mappings of a group have neither one address nor the same permissions. */
	if (report->groups) {
		field[FIELD_ADDR].label = NULL;
		field[FIELD_PERMS].label = NULL;
	} else {
		field[FIELD_MAPPINGS].label = NULL;
	}
	draw_strips(rows, fit_terminal(field, &spec, &table));
	gupx_out_table(report->groups ? "groups" : "mappings", &spec, &table);
}

/* Print the sum. It names the letters that occur, so it is a legend, too. */
static void print_total(const struct gupx_map_report *report,
			const struct total_row *total)
{
	const struct gupx_target *target = &report->request->target;
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	const char *separator = ": ";
	unsigned int kind;

	if (!stream)
		gupx_out_no_memory();
	for (kind = 0; kind < GUPX_KINDS; kind++) {
		if (!total->sum.bytes[kind])
			continue;
		fprintf(stream, "%s%c %s %s", separator,
			gupx_kind_info[kind].letter, gupx_kind_info[kind].text,
			gupx_out_size(total->sum.bytes[kind]).text);
		separator = ", ";
	}
	if (fclose(stream))
		gupx_out_no_memory();
	gupx_out_note("process %d (%s): %s in %llu mapping%s%s", target->pid,
		      target->comm, gupx_out_size(total->sum.len).text,
		      total->sum.mappings, total->sum.mappings == 1 ? "" : "s",
		      text);
	free(text);
}

static void report_total(const struct gupx_map_report *report,
			 const struct map_rows *rows)
{
	struct total_row total = { .judged = report->request->done };
	size_t i, kind;

	for (i = 0; i < rows->count; i++) {
		const struct map_row *row = &rows->row[i];

		total.sum.len += row->len;
		total.sum.mappings += row->mappings;
		total.sum.resident += row->resident;
		for (kind = 0; kind < GUPX_KINDS; kind++)
			total.sum.bytes[kind] += row->bytes[kind];
	}
	total.interrupted = gupx_signals_received() &&
			    total.judged < report->request->total;
	if (gupx_out_is_json())
		gupx_out_record("total", &total_spec, &total);
	else
		print_total(report, &total);
}

void gupx_map_report_print(const struct gupx_map_report *report)
{
	const struct head_row head = {
		.pid = (__u64)report->request->target.pid,
		.comm = report->request->target.comm,
	};
	struct map_rows rows;

	make_rows(report, &rows, gupx_out_is_json());
	if (gupx_out_is_json())
		gupx_out_record(NULL, &head_spec, &head);
	print_rows(report, &rows);
	report_total(report, &rows);
	free_rows(&rows);
}

static char *format_svg_text(const struct map_row *row)
{
	char place[64] = "";
	char *text;

	if (row->perms)
		snprintf(place, sizeof(place), "0x%llx %s ", row->addr,
			 row->perms);
	if (asprintf(&text, "%s%s: %s, %s resident", place, row->name,
		     gupx_out_size(row->len).text,
		     gupx_out_size(row->resident).text) < 0)
		gupx_out_no_memory();
	return text;
}

void gupx_map_report_draw(const struct gupx_map_report *report, FILE *stream)
{
	const struct gupx_target *target = &report->request->target;
	struct gupx_svg_row *svg;
	struct map_rows rows;
	char title[128];
	size_t i;

	make_rows(report, &rows, false);
	draw_strips(&rows, GUPX_SVG_LETTERS);
	svg = calloc(rows.count + 1, sizeof(*svg));
	if (!svg)
		gupx_out_no_memory();
	for (i = 0; i < rows.count; i++)
		svg[i] = (struct gupx_svg_row){
			.text = format_svg_text(&rows.row[i]),
			.strip = rows.row[i].strip,
		};
	snprintf(title, sizeof(title), "Memory of process %d (%s)", target->pid,
		 target->comm);
	gupx_svg_write(stream, title, svg, rows.count);
	for (i = 0; i < rows.count; i++)
		free(svg[i].text);
	free(svg);
	free_rows(&rows);
}
