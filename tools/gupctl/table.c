// SPDX-License-Identifier: GPL-2.0
/* Print tables with libsmartcols. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libsmartcols.h>

#include "table.h"

/* Blanks between columns, and to the left of rows below a heading */
#define SEPARATOR "  "
#define INDENT 2

/* Maximum number of fields in the specification of a table. */
#define FIELDS_MAX 24

struct gupx_table_options gupx_table_options;

/* True after a table was printed that had no chosen column, or that had all. */
static bool missed, found;

/**
 * struct table - table that is being printed
 * @spec: fields
 * @rows: rows
 * @shown: fields that are columns, in their order
 * @count: number of elements in @shown
 * @headings: true if fields with GUPX_OUT_FIELD.heading are lines above their rows
 * @table: table of libsmartcols
 */
struct table {
	const struct gupx_out_spec *spec;
	const struct gupx_out_rows *rows;
	const struct gupx_out_field *shown[FIELDS_MAX];
	size_t count;
	bool headings;
	struct libscols_table *table;
};

static bool is_usual(const struct gupx_out_field *field)
{
	return field->label && !field->heading;
}

/* Compare a column with @length bytes of @name. "WOULD" also stands for "PIN WOULD". */
static bool has_name(const struct gupx_out_field *field, const char *name,
		     size_t length)
{
	const char *label = field->label ? field->label : "";
	const char *last = strrchr(label, ' ');

	last = last ? last + 1 : label;
	return (field->key && strlen(field->key) == length &&
		!strncasecmp(field->key, name, length)) ||
	       (length && strlen(last) == length &&
		!strncasecmp(last, name, length));
}

static const struct gupx_out_field *find_field(const struct gupx_out_spec *spec,
					       const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < spec->count; i++)
		if (spec->field[i].form != GUPX_OUT_RECORD &&
		    has_name(&spec->field[i], name, length))
			return &spec->field[i];
	return NULL;
}

/* Choose the columns of the options. Return: false if the table does not have all. */
static bool choose_columns(struct table *table)
{
	const char *name = gupx_table_options.columns;

	table->count = 0;
	while (name) {
		const size_t length = strcspn(name, ",");
		const struct gupx_out_field *field =
			find_field(table->spec, name, length);

		if (!field || table->count == FIELDS_MAX)
			return false;
		table->shown[table->count++] = field;
		name = name[length] ? name + length + 1 : NULL;
	}
	return table->count;
}

static void choose_fields(struct table *table)
{
	const struct gupx_out_spec *spec = table->spec;
	size_t i;

	if (gupx_table_options.columns) {
		if (choose_columns(table)) {
			found = true;
			return;
		}
		missed = true;
	}
	table->count = 0;
	for (i = 0; i < spec->count; i++) {
		const struct gupx_out_field *field = &spec->field[i];

		/* Lines above the rows would be in the way of a script. */
		if (field->heading && !gupx_table_options.raw)
			table->headings = true;
		else if ((field->heading || is_usual(field)) &&
			 table->count < FIELDS_MAX)
			table->shown[table->count++] = field;
	}
}

static bool is_number(const struct gupx_out_field *field)
{
	return field->form == GUPX_OUT_COUNT || field->form == GUPX_OUT_SIZE ||
	       field->form == GUPX_OUT_LIMIT;
}

/* Return: the heading of a column. The caller frees it. */
static char *format_heading(const struct gupx_out_field *field)
{
	const bool named = field->label && *field->label;
	char *heading = strdup(named	    ? field->label
			       : field->key ? field->key
					    : "-");
	char *at;

	for (at = heading; at && *at; at++)
		if (!named)
			*at = (char)toupper((unsigned char)*at);
	return heading;
}

static void add_column(struct table *table, const struct gupx_out_field *field)
{
	char *heading = format_heading(field);
	int flags = 0;

	if (is_number(field))
		flags |= SCOLS_FL_RIGHT;
	if (field->wrap && !gupx_table_options.raw)
		flags |= SCOLS_FL_WRAP;
	if (!heading ||
	    !scols_table_new_column(table->table, heading, 0, flags))
		gupx_out_no_memory();
	free(heading);
}

static const char *get_row(const struct gupx_out_rows *rows, size_t i)
{
	return (const char *)rows->row + i * rows->stride;
}

static void add_line(struct table *table, const char *row)
{
	struct libscols_line *line = scols_table_new_line(table->table, NULL);
	const char *color;
	size_t i;

	if (!line)
		gupx_out_no_memory();
	for (i = 0; i < table->count; i++) {
		const struct gupx_out_field *field = table->shown[i];
		char *text = gupx_out_format(field, row);

		if (scols_line_refer_data(line, i, text))
			gupx_out_no_memory();
		color = field->color ? field->color(row) : NULL;
		if (color)
			scols_cell_set_color(scols_line_get_cell(line, i),
					     color);
	}
}

static bool wants_color(void)
{
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
	       strcmp(term, "dumb");
}

/*
 * Store the heading of @row, unless the previous row @before has the same heading. Return:
 * true if the heading was stored; the caller frees it.
 */
static bool has_new_heading(const struct table *table, const char *before,
			    const char *row, char **heading)
{
	bool same;
	size_t i;

	for (i = 0; i < table->spec->count; i++) {
		const struct gupx_out_field *field = &table->spec->field[i];
		char *above;

		if (!field->heading)
			continue;
		*heading = gupx_out_format(field, row);
		above = before ? gupx_out_format(field, before) : NULL;
		same = above && !strcmp(above, *heading);
		free(above);
		if (!same)
			return true;
		free(*heading);
		*heading = NULL;
	}
	return false;
}

/* Print the letters after the last blank of a line, each in its color. */
static void print_painted(const char *line, const char *(*paint)(char letter),
			  FILE *stream)
{
	const char *blank = strrchr(line, ' ');
	const char *at = blank ? blank + 1 : line;
	const char *color, *last = "";

	fprintf(stream, "%*s%.*s", INDENT, "", (int)(at - line), line);
	for (; *at; at++) {
		color = paint(*at);
		if (strcmp(color, last))
			fprintf(stream, "%s%s", *last ? "\033[0m" : "", color);
		fputc(*at, stream);
		last = color;
	}
	fprintf(stream, "%s\n", *last ? "\033[0m" : "");
}

/*
 * Print lines of the table, below a line that names what they have in common. If @limit is
 * not 0, print at most that many lines.
 */
static void print_lines(struct table *table, size_t first, size_t last,
			size_t limit, FILE *stream)
{
	const struct gupx_out_field *tail =
		table->count ? table->shown[table->count - 1] : NULL;
	const bool painted = tail && tail->paint && !limit && wants_color();
	char *text = NULL;
	char *line, *rest;

	if (scols_table_print_range_to_string(
		    table->table, scols_table_get_line(table->table, first),
		    scols_table_get_line(table->table, last), &text) ||
	    !text)
		gupx_out_no_memory();
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		if (*line && painted)
			print_painted(line, tail->paint, stream);
		else if (*line)
			fprintf(stream, "%*s%s\n", INDENT, "", line);
		if (limit && !--limit)
			break;
	}
	free(text);
}

/* Print the rows below lines that name what they have in common. */
static void print_groups(struct table *table, FILE *stream)
{
	const struct gupx_out_rows *rows = table->rows;
	size_t first, next;

	/*
	 * libsmartcols prints the line of headings only together with the first line of
	 * the table.
	 */
	if (!gupx_table_options.no_headings)
		print_lines(table, 0, 0, 1, stream);
	scols_table_enable_noheadings(table->table, 1);
	for (first = 0; first < rows->count; first = next) {
		char *heading = NULL;

		if (has_new_heading(table, NULL, get_row(rows, first),
				    &heading) &&
		    !gupx_table_options.no_headings)
			fprintf(stream, "%s\n", heading);
		free(heading);
		for (next = first + 1; next < rows->count; next++) {
			heading = NULL;
			if (has_new_heading(table, get_row(rows, next - 1),
					    get_row(rows, next), &heading)) {
				free(heading);
				break;
			}
		}
		print_lines(table, first, next - 1, 0, stream);
	}
}

void gupx_table_print(const struct gupx_out_spec *spec,
		      const struct gupx_out_rows *rows, FILE *stream)
{
	struct table table = { .spec = spec, .rows = rows };
	size_t i;

	if (!rows->count)
		return;
	choose_fields(&table);
	table.table = scols_new_table();
	if (!table.table)
		gupx_out_no_memory();
	scols_table_set_stream(table.table, stream);
	/* The cells are escaped already, see gupx_escape(). */
	scols_table_enable_noencoding(table.table, 1);
	scols_table_enable_raw(table.table, gupx_table_options.raw);
	scols_table_enable_noheadings(table.table,
				      gupx_table_options.no_headings);
	if (!gupx_table_options.raw)
		scols_table_set_column_separator(table.table, SEPARATOR);
	/* Make room for the indentation of print_lines(). */
	scols_table_reduce_termwidth(table.table, table.headings ? INDENT : 0);
	scols_table_enable_colors(table.table, wants_color());
	if (stream != stdout)
		scols_table_set_termforce(table.table, SCOLS_TERMFORCE_NEVER);
	for (i = 0; i < table.count; i++)
		add_column(&table, table.shown[i]);
	for (i = 0; i < rows->count; i++)
		add_line(&table, get_row(rows, i));
	if (table.headings)
		print_groups(&table, stream);
	else
		scols_print_table(table.table);
	scols_unref_table(table.table);
}

size_t gupx_table_measure(const struct gupx_out_spec *spec,
			  const struct gupx_out_rows *rows)
{
	struct table table = { .spec = spec, .rows = rows };
	size_t width = 0;
	size_t i, j;

	choose_fields(&table);
	for (i = 0; i < table.count; i++) {
		char *text = format_heading(table.shown[i]);
		size_t widest = text ? strlen(text) : 0;

		free(text);
		for (j = 0; j < rows->count; j++) {
			text = gupx_out_format(table.shown[i],
					       get_row(rows, j));
			if (strlen(text) > widest)
				widest = strlen(text);
			free(text);
		}
		width += widest + (i ? strlen(SEPARATOR) : 0);
	}
	return width + (table.headings ? INDENT : 0);
}

bool gupx_table_found_columns(void)
{
	return found || !missed;
}

size_t gupx_table_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		return 0;
	return size.ws_col;
}
