/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Output as text or as one JSON object. Text and JSON use the same specification of
 * each row, so that they always contain the same data.
 *
 * Glossary
 *   field   one value of a row, with its key, label and format
 *   record  a single row: lines of label and value in text, an object in JSON
 *   table   rows below a header in text, an array of objects in JSON
 *   note    a line that is printed only in text
 *   error   the cause of a failure; gupctl reports its first error and ignores later ones
 */
#ifndef GUPX_OUT_H
#define GUPX_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define GUPX_EXIT_DONE 0
#define GUPX_EXIT_REFUSED 1
#define GUPX_EXIT_USAGE 2
/* Add the number of the signal that interrupted the request. */
#define GUPX_EXIT_SIGNAL 128

/**
 * enum gupx_out_form - type of a field, and how it is formatted
 * @GUPX_OUT_STRING: const char *; NULL is printed as "-" in text, as null in JSON
 * @GUPX_OUT_COUNT: __u64, number
 * @GUPX_OUT_SIZE: __u64, bytes; text uses the largest unit that fits
 * @GUPX_OUT_LIMIT: like GUPX_OUT_SIZE, but all ones is printed as "unlimited" in text, as
 *	null in JSON
 * @GUPX_OUT_ADDR: __u64, printed as "0x..."; a string in JSON too, because some JSON
 *	parsers lose the precision of 64-bit numbers
 * @GUPX_OUT_FRAME: like GUPX_OUT_ADDR, but all ones is printed as "hidden" in text, as
 *	null in JSON
 * @GUPX_OUT_BOOL: bool
 * @GUPX_OUT_LIST: const char *const *, array of strings ended by NULL
 * @GUPX_OUT_SPAN: struct gupx_out_span; text only
 * @GUPX_OUT_RECORD: pointer to another row, or NULL; JSON only
 */
enum gupx_out_form {
	GUPX_OUT_STRING,
	GUPX_OUT_COUNT,
	GUPX_OUT_SIZE,
	GUPX_OUT_LIMIT,
	GUPX_OUT_ADDR,
	GUPX_OUT_FRAME,
	GUPX_OUT_BOOL,
	GUPX_OUT_LIST,
	GUPX_OUT_SPAN,
	GUPX_OUT_RECORD,
};

/**
 * struct gupx_out_span - address range, printed as "0x1000-0x3000"
 * @addr: address of the first byte
 * @end: address after the last byte
 */
struct gupx_out_span {
	__u64 addr;
	__u64 end;
};

/**
 * struct gupx_out_field - one value of a row
 * @key: key in JSON; if NULL, the field is omitted from JSON
 * @label: label in text; if NULL, the field is omitted from text
 * @form: type and format
 * @offset: offset of the value in the row
 * @record: specification of the nested row of a GUPX_OUT_RECORD
 * @hide_zero: if the number is 0 or the list is empty, hide the value: omit the line of
 *	this field in a text record, or print "-" in a text table
 * @wrap: in a text table on a terminal, wrap the text if the table is too wide
 * @color: in a text table on a terminal, the color of a row, or NULL for the usual one
 * @paint: in a text table on a terminal, the escape sequence that sets the color of a
 *	letter of the text, which has no blanks; only in the last column
 * @heading: in a text table, do not print the value in a column; print it on its own
 *	line, above all rows that have this value
 */
struct gupx_out_field {
	const char *key;
	const char *label;
	enum gupx_out_form form;
	size_t offset;
	const struct gupx_out_spec *record;
	bool hide_zero;
	bool wrap;
	bool heading;
	const char *(*color)(const void *row);
	const char *(*paint)(char letter);
};

struct gupx_out_spec {
	const struct gupx_out_field *field;
	size_t count;
};

#define GUPX_OUT_SPEC(fields)                                           \
	{                                                               \
		.field = (fields),                                      \
		.count = sizeof(fields) / sizeof(struct gupx_out_field) \
	}

#define GUPX_OUT_FIELD(type, member, name, text, how)          \
	{                                                      \
		.key = (name), .label = (text), .form = (how), \
		.offset = offsetof(type, member),              \
	}

/**
 * struct gupx_out_rows - rows of a table
 * @row: first row
 * @count: number of rows
 * @stride: number of bytes from one row to the next
 * @quiet: true to print the table only in JSON
 */
struct gupx_out_rows {
	const void *row;
	size_t count;
	size_t stride;
	bool quiet;
};

void gupx_out_init(bool json, bool verbose);
bool gupx_out_is_json(void);
bool gupx_out_is_verbose(void);

/* Set the name of the command for messages and JSON. */
void gupx_out_set_command(const char *name);

/*
 * From now on, print records, tables and notes to stderr, because the command writes
 * its data to stdout.
 */
void gupx_out_use_stderr(void);

/*
 * Print a record. @key is the key of the record in the JSON object. If @key is NULL,
 * the fields of the record are added to the outermost object.
 */
void gupx_out_record(const char *key, const struct gupx_out_spec *spec,
		     const void *row);
void gupx_out_table(const char *key, const struct gupx_out_spec *spec,
		    const struct gupx_out_rows *rows);

/* Format one value of a row as text. Return: the text, which the caller frees. */
char *gupx_out_format(const struct gupx_out_field *field, const void *row);

__attribute__((format(printf, 1, 2))) void gupx_out_note(const char *format,
							 ...);

/* Print a warning to stderr, or add it to "warnings" in JSON. */
__attribute__((format(printf, 1, 2))) void gupx_out_warn(const char *format,
							 ...);

/**
 * gupx_out_error() - report an error; all errors go through this function
 * @kind: short name such as "no_memory", by which programs recognize the error; does not
 *	change between versions of gupctl
 * @cure: what to do about the error, or NULL
 * @format: what is wrong, without a full stop
 */
__attribute__((format(printf, 3, 4))) void
gupx_out_error(const char *kind, const char *cure, const char *format, ...);

/* Call gupx_out_error() and gupx_out_end(), then exit(@status). */
__attribute__((format(printf, 4, 5), noreturn)) void
gupx_out_die(int status, const char *kind, const char *cure, const char *format,
	     ...);

/* Report that there is no memory, with gupx_out_die(). */
__attribute__((noreturn)) void gupx_out_no_memory(void);

bool gupx_out_has_failed(void);

/*
 * Print the JSON object if the output is JSON. JSON output after this call is
 * discarded.
 */
void gupx_out_end(void);

/*
 * Print an event that follows the JSON object, as a JSON object in a line of its own. In
 * text output, events are notes.
 */
void gupx_out_event(const char *event, const struct gupx_out_spec *spec,
		    const void *row);

/*
 * Between these calls, text and errors are about one of several target processes. JSON
 * output goes into an object of the array "targets", with an error of its own.
 */
void gupx_out_begin_target(void);
void gupx_out_end_target(void);

/* Format a size as text, for example "132 KiB", "1.5 GiB" or "17 B". */
struct gupx_out_size {
	char text[24];
};
struct gupx_out_size gupx_out_size(__u64 bytes);

#endif
