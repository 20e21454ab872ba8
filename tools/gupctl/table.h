/* SPDX-License-Identifier: GPL-2.0 */
/* Print tables with libsmartcols. */
#ifndef GUPX_TABLE_H
#define GUPX_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "out.h"

/**
 * struct gupx_table_options - how the user wants tables
 * @columns: comma-separated names of columns, or NULL for the usual columns
 * @no_headings: true to print no line of headings
 * @raw: true to print one line for each row, with single blanks between columns
 */
struct gupx_table_options {
	const char *columns;
	bool no_headings;
	bool raw;
};

/* The options of this run of gupctl. */
extern struct gupx_table_options gupx_table_options;

/*
 * Print a table. On a terminal, it fits the width, and long text is wrapped. A table that
 * does not have all columns of the options is printed with its usual columns.
 */
void gupx_table_print(const struct gupx_out_spec *spec,
		      const struct gupx_out_rows *rows, FILE *stream);

/* Return: the number of terminal columns that the table needs. */
size_t gupx_table_measure(const struct gupx_out_spec *spec,
			  const struct gupx_out_rows *rows);

/* Return: true unless columns were chosen that no printed table has. */
bool gupx_table_found_columns(void);

/* Return: the width of the terminal at @fd, or 0 if @fd is not a terminal. */
size_t gupx_table_width(int fd);

#endif
