// SPDX-License-Identifier: GPL-2.0
/* Output as text or as one JSON object. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "escape.h"
#include "out.h"
#include "std.h"
#include "table.h"

static struct {
	bool json;
	bool verbose;
	bool failed;
	const char *command;
	FILE *text;
	struct json_object *root;
	/* The object that contains "targets", while @root is an element of it */
	struct json_object *outer;
	/* True if a previous target has failed */
	bool any_failed;
} out;

void gupx_out_init(bool json, bool verbose)
{
	out.json = json;
	out.verbose = verbose;
	out.text = stdout;
	if (json && !out.root)
		out.root = json_object_new_object();
}

bool gupx_out_is_json(void)
{
	return out.json;
}

bool gupx_out_is_verbose(void)
{
	return out.verbose;
}

void gupx_out_set_command(const char *name)
{
	out.command = name;
	if (out.json)
		json_object_object_add(out.root, "command",
				       json_object_new_string(name));
}

void gupx_out_use_stderr(void)
{
	out.text = stderr;
}

struct gupx_out_size gupx_out_size(__u64 bytes)
{
	static const char units[] = "KMGTPE";
	struct gupx_out_size size;
	int shift = 0;

	while (shift < 60 && bytes >> (shift + 10))
		shift += 10;
	if (!shift)
		snprintf(size.text, sizeof(size.text), "%llu B", bytes);
	else if (!(bytes & ((1ULL << shift) - 1)))
		snprintf(size.text, sizeof(size.text), "%llu %ciB",
			 bytes >> shift, units[shift / 10 - 1]);
	else
		snprintf(size.text, sizeof(size.text), "%.1f %ciB",
			 (double)bytes / (double)(1ULL << shift),
			 units[shift / 10 - 1]);
	return size;
}

static char *join_list(const char *const *list)
{
	size_t room = 1;
	char *joined, *escaped;
	size_t i;

	for (i = 0; list && list[i]; i++)
		room += strlen(list[i]) + 2;
	if (room == 1)
		return strdup("-");
	joined = calloc(1, room);
	for (i = 0; joined && list[i]; i++) {
		if (i)
			strcat(joined, ", ");
		strcat(joined, list[i]);
	}
	if (!joined)
		return NULL;
	escaped = gupx_escape(joined);
	free(joined);
	return escaped;
}

static char *format_number(enum gupx_out_form form, __u64 value)
{
	char *text = NULL;
	int length = 0;

	if (value == ~0ULL && form == GUPX_OUT_LIMIT)
		return strdup("unlimited");
	if (value == ~0ULL && form == GUPX_OUT_FRAME)
		return strdup("hidden");
	if (form == GUPX_OUT_ADDR || form == GUPX_OUT_FRAME)
		length = asprintf(&text, "0x%llx", value);
	else if (form == GUPX_OUT_COUNT)
		length = asprintf(&text, "%llu", value);
	else
		return strdup(gupx_out_size(value).text);
	return length < 0 ? NULL : text;
}

/* Format a value as text. The caller frees the text. */
static char *format_field(const struct gupx_out_field *field, const void *row)
{
	const void *value = (const char *)row + field->offset;
	const struct gupx_out_span *span;
	const char *string;
	char *text = NULL;

	switch (field->form) {
	case GUPX_OUT_STRING:
		string = *(const char *const *)value;
		text = gupx_escape(string && *string ? string : "-");
		break;
	case GUPX_OUT_BOOL:
		text = strdup(*(const bool *)value ? "yes" : "no");
		break;
	case GUPX_OUT_LIST:
		text = join_list(*(const char *const *const *)value);
		break;
	case GUPX_OUT_SPAN:
		span = value;
		if (asprintf(&text, "0x%llx-0x%llx", span->addr, span->end) < 0)
			text = NULL;
		break;
	case GUPX_OUT_RECORD:
		text = strdup("-");
		break;
	case GUPX_OUT_COUNT:
	case GUPX_OUT_SIZE:
	case GUPX_OUT_LIMIT:
	case GUPX_OUT_ADDR:
	case GUPX_OUT_FRAME:
		text = format_number(field->form, *(const __u64 *)value);
		break;
	}
	if (!text) {
		fputs("gupctl: out of memory\n", stderr);
		exit(GUPX_EXIT_REFUSED);
	}
	return text;
}

static struct json_object *make_row_json(const struct gupx_out_spec *spec,
					 const void *row);

static struct json_object *make_string_json(const char *string)
{
	char *escaped = gupx_escape(string);
	struct json_object *object = json_object_new_string(escaped);

	free(escaped);
	return object;
}

static struct json_object *make_list_json(const char *const *list)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; list && list[i]; i++)
		json_object_array_add(array, make_string_json(list[i]));
	return array;
}

static struct json_object *make_number_json(enum gupx_out_form form,
					    __u64 value)
{
	char text[24];

	if (value == ~0ULL &&
	    (form == GUPX_OUT_LIMIT || form == GUPX_OUT_FRAME))
		return NULL;
	if (form != GUPX_OUT_ADDR && form != GUPX_OUT_FRAME)
		return json_object_new_uint64(value);
	snprintf(text, sizeof(text), "0x%llx", value);
	return json_object_new_string(text);
}

/* Convert a value to a JSON object. Return: the object. NULL stands for JSON null. */
static struct json_object *make_field_json(const struct gupx_out_field *field,
					   const void *row)
{
	const void *value = (const char *)row + field->offset;
	const void *nested;
	const char *string;

	switch (field->form) {
	case GUPX_OUT_STRING:
		string = *(const char *const *)value;
		return string ? make_string_json(string) : NULL;
	case GUPX_OUT_BOOL:
		return json_object_new_boolean(*(const bool *)value);
	case GUPX_OUT_LIST:
		return make_list_json(*(const char *const *const *)value);
	case GUPX_OUT_RECORD:
		nested = *(const void *const *)value;
		return nested ? make_row_json(field->record, nested) : NULL;
	case GUPX_OUT_SPAN:
		return NULL;
	case GUPX_OUT_COUNT:
	case GUPX_OUT_SIZE:
	case GUPX_OUT_LIMIT:
	case GUPX_OUT_ADDR:
	case GUPX_OUT_FRAME:
		break;
	}
	return make_number_json(field->form, *(const __u64 *)value);
}

static void add_fields(struct json_object *object,
		       const struct gupx_out_spec *spec, const void *row)
{
	size_t i;

	for (i = 0; i < spec->count; i++)
		if (spec->field[i].key)
			json_object_object_add(object, spec->field[i].key,
					       make_field_json(&spec->field[i],
							       row));
}

static struct json_object *make_row_json(const struct gupx_out_spec *spec,
					 const void *row)
{
	struct json_object *object = json_object_new_object();

	add_fields(object, spec, row);
	return object;
}

static bool is_shown(const struct gupx_out_field *field, const void *row)
{
	const void *value = (const char *)row + field->offset;
	const char *const *list;

	if (!field->label || !field->hide_zero)
		return field->label;
	if (field->form != GUPX_OUT_LIST)
		return *(const __u64 *)value;
	list = *(const char *const *const *)value;
	return list && *list;
}

void gupx_out_record(const char *key, const struct gupx_out_spec *spec,
		     const void *row)
{
	size_t width = 0;
	size_t i;

	if (out.json) {
		if (key)
			json_object_object_add(out.root, key,
					       make_row_json(spec, row));
		else
			add_fields(out.root, spec, row);
		return;
	}
	for (i = 0; i < spec->count; i++)
		if (is_shown(&spec->field[i], row) &&
		    strlen(spec->field[i].label) > width)
			width = strlen(spec->field[i].label);
	for (i = 0; i < spec->count; i++) {
		char *text;

		if (!is_shown(&spec->field[i], row))
			continue;
		text = format_field(&spec->field[i], row);
		fprintf(out.text, "%-*s  %s\n", (int)width,
			spec->field[i].label, text);
		free(text);
	}
}

static void add_table_json(const char *key, const struct gupx_out_spec *spec,
			   const struct gupx_out_rows *rows)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < rows->count; i++)
		json_object_array_add(
			array, make_row_json(spec, (const char *)rows->row +
							   i * rows->stride));
	json_object_object_add(out.root, key, array);
}

char *gupx_out_format(const struct gupx_out_field *field, const void *row)
{
	char *text;

	/* A field that is only in JSON can be chosen as a column, too. */
	if (!field->hide_zero || is_shown(field, row) || !field->label)
		return format_field(field, row);
	text = strdup("-");
	if (text)
		return text;
	fputs("gupctl: out of memory\n", stderr);
	exit(GUPX_EXIT_REFUSED);
}

void gupx_out_table(const char *key, const struct gupx_out_spec *spec,
		    const struct gupx_out_rows *rows)
{
	if (out.json)
		add_table_json(key, spec, rows);
	else if (!rows->quiet)
		gupx_table_print(spec, rows, out.text);
}

/* Write the buffered text, so that it precedes what is printed to stderr next. */
static void flush_text(void)
{
	if (out.text == stdout)
		gupx_std_flush();
}

static char *format_message(const char *format, va_list args)
{
	char *message = NULL;
	char *escaped;

	if (vasprintf(&message, format, args) < 0)
		return NULL;
	escaped = gupx_escape(message);
	free(message);
	return escaped;
}

void gupx_out_note(const char *format, ...)
{
	char *message;
	va_list args;

	if (out.json)
		return;
	va_start(args, format);
	message = format_message(format, args);
	va_end(args);
	fprintf(out.text, "%s\n", message ? message : "");
	free(message);
	flush_text();
}

static void add_json_warning(const char *message)
{
	struct json_object *warnings;

	if (!out.root)
		return;
	if (!json_object_object_get_ex(out.root, "warnings", &warnings)) {
		warnings = json_object_new_array();
		json_object_object_add(out.root, "warnings", warnings);
	}
	json_object_array_add(warnings, json_object_new_string(message));
}

void gupx_out_warn(const char *format, ...)
{
	char *message;
	va_list args;

	va_start(args, format);
	message = format_message(format, args);
	va_end(args);
	if (!message)
		return;
	flush_text();
	if (out.json)
		add_json_warning(message);
	else
		fprintf(stderr, "gupctl: %s\n", message);
	free(message);
}

static void add_json_error(const char *kind, const char *cure,
			   const char *message)
{
	struct json_object *error;

	if (!out.root)
		return;
	error = json_object_new_object();
	json_object_object_add(error, "kind", json_object_new_string(kind));
	json_object_object_add(error, "text", json_object_new_string(message));
	json_object_object_add(error, "cure",
			       cure ? json_object_new_string(cure) : NULL);
	json_object_object_add(out.root, "error", error);
}

static void report_error(const char *kind, const char *cure, const char *format,
			 va_list args)
{
	char *message;

	if (out.failed)
		return;
	out.failed = true;
	message = format_message(format, args);
	if (!message)
		return;
	/*
	 * An error can occur before gupx_out_init() sets out.text. There is no output
	 * to flush then.
	 */
	if (out.text)
		flush_text();
	if (out.json)
		add_json_error(kind, cure, message);
	else
		fprintf(stderr, "gupctl%s%s: %s%s%s\n", out.command ? " " : "",
			out.command ? out.command : "", message,
			cure ? "; " : "", cure ? cure : "");
	free(message);
}

void gupx_out_error(const char *kind, const char *cure, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_error(kind, cure, format, args);
	va_end(args);
}

void gupx_out_die(int status, const char *kind, const char *cure,
		  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_error(kind, cure, format, args);
	va_end(args);
	gupx_out_end();
	exit(status);
}

void gupx_out_no_memory(void)
{
	gupx_out_die(GUPX_EXIT_REFUSED, "no_memory", NULL, "out of memory");
}

bool gupx_out_has_failed(void)
{
	return out.failed || out.any_failed;
}

void gupx_out_begin_target(void)
{
	out.any_failed |= out.failed;
	out.failed = false;
	if (!out.json)
		return;
	out.outer = out.root;
	out.root = json_object_new_object();
}

void gupx_out_end_target(void)
{
	struct json_object *targets;

	if (!out.outer) {
		out.any_failed |= out.failed;
		out.failed = false;
		return;
	}
	if (!out.failed)
		json_object_object_add(out.root, "error", NULL);
	if (!json_object_object_get_ex(out.outer, "targets", &targets)) {
		targets = json_object_new_array();
		json_object_object_add(out.outer, "targets", targets);
	}
	json_object_array_add(targets, out.root);
	out.root = out.outer;
	out.outer = NULL;
	out.any_failed |= out.failed;
	out.failed = false;
}

static void print_json(struct json_object *object, int flags)
{
	flags |= JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	puts(json_object_to_json_string_ext(object, flags));
	gupx_std_flush();
	json_object_put(object);
}

void gupx_out_end(void)
{
	struct json_object *root;

	if (out.outer)
		gupx_out_end_target();
	root = out.root;
	if (!root)
		return;
	if (!out.failed)
		json_object_object_add(root, "error", NULL);
	out.root = NULL;
	print_json(root, isatty(STDOUT_FILENO) ? JSON_C_TO_STRING_PRETTY : 0);
}

void gupx_out_event(const char *event, const struct gupx_out_spec *spec,
		    const void *row)
{
	struct json_object *object;

	if (!out.json)
		return;
	object = json_object_new_object();
	json_object_object_add(object, "event", json_object_new_string(event));
	add_fields(object, spec, row);
	print_json(object, 0);
}
