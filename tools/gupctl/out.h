/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the program says: text for people, or one JSON object for programs, from
 * one specification of each row, so that the two cannot drift apart.
 *
 * Glossary
 *   field   one value of a row: its key, its label, its form
 *   record  a row by itself: "label  value" lines, or a JSON object
 *   table   rows under a header, or a JSON array of objects
 *   note    a line for people only
 *   error   why the program fails: at most one a run, the first one stays
 */
#ifndef GUPX_OUT_H
#define GUPX_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define GUPX_EXIT_DONE 0
#define GUPX_EXIT_REFUSED 1
#define GUPX_EXIT_USAGE 2

/**
 * enum gupx_out_form - what stands at a field's offset, and how it is shown
 * @GUPX_OUT_STRING: const char *; NULL is "-", null
 * @GUPX_OUT_COUNT: __u64
 * @GUPX_OUT_SIZE: __u64 bytes; text in the largest fitting unit
 * @GUPX_OUT_LIMIT: the same; all ones is "unlimited", null
 * @GUPX_OUT_ADDR: __u64; "0x..." in JSON too, as not all readers keep 64 bits
 * @GUPX_OUT_FRAME: the same; all ones is "hidden", null
 * @GUPX_OUT_BOOL: bool
 * @GUPX_OUT_LIST: const char *const *, ended by NULL
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
 * struct gupx_out_span - "0x1000-0x3000", as a range is typed
 * @addr: first byte
 * @end: exclusive
 */
struct gupx_out_span {
	__u64 addr;
	__u64 end;
};

/**
 * struct gupx_out_field - one value of a row
 * @key: in JSON; NULL: not in JSON
 * @label: in text; NULL: not in text
 * @form: enum gupx_out_form
 * @offset: of the value in the row
 * @record: the specification of a %GUPX_OUT_RECORD
 * @hide_zero: a number that is 0, or an empty list, is not worth a line of text; in
 *	a table "-"
 * @heading: of a table in text: no column, but a line of its own above the rows
 *	that have it in common
 */
struct gupx_out_field {
	const char *key;
	const char *label;
	enum gupx_out_form form;
	size_t offset;
	const struct gupx_out_spec *record;
	bool hide_zero;
	bool heading;
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
 * struct gupx_out_rows - the rows of a table
 * @row: the first one
 * @count: how many
 * @stride: bytes from one to the next
 * @quiet: in JSON only
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

/* Names the command in messages and in JSON. */
void gupx_out_set_command(const char *name);

/* Notes and tables leave stdout to a command whose data goes there. */
void gupx_out_use_stderr(void);

/* @key NULL: into the outermost object. */
void gupx_out_record(const char *key, const struct gupx_out_spec *spec,
		     const void *row);
void gupx_out_table(const char *key, const struct gupx_out_spec *spec,
		    const struct gupx_out_rows *rows);

__attribute__((format(printf, 1, 2))) void gupx_out_note(const char *format,
							 ...);

/* To stderr; in JSON one of "warnings". */
__attribute__((format(printf, 1, 2))) void gupx_out_warn(const char *format,
							 ...);

/**
 * gupx_out_error() - the one function all errors go through
 * @kind: stable name, for programs
 * @cure: what to do about it, or NULL
 * @format: what is wrong, without full stop
 */
__attribute__((format(printf, 3, 4))) void
gupx_out_error(const char *kind, const char *cure, const char *format, ...);

/* gupx_out_error(), gupx_out_end(), exit(@status). */
__attribute__((format(printf, 4, 5), noreturn)) void
gupx_out_die(int status, const char *kind, const char *cure, const char *format,
	     ...);

bool gupx_out_has_failed(void);

/* The JSON object, once; after it nothing more is said. */
void gupx_out_end(void);

/* "132 KiB", "1.5 GiB", "17 B". */
struct gupx_out_size {
	char text[24];
};
struct gupx_out_size gupx_out_size(__u64 bytes);

#endif
