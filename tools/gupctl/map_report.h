/* SPDX-License-Identifier: GPL-2.0 */
/* Print the result of gupctl map as text, as JSON or as an SVG file. */
#ifndef GUPX_MAP_REPORT_H
#define GUPX_MAP_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "request.h"
#include "runs.h"

/**
 * struct gupx_map_report - input of the report
 * @request: request that was run
 * @runs: results of EXPLAIN for GUPX_VERB_READ
 * @groups: true for a row for each group, false for a row for each mapping
 */
struct gupx_map_report {
	const struct gupx_request *request;
	const struct gupx_runs *runs;
	bool groups;
};

/* Print the table and the sum, or add them to the JSON object. */
void gupx_map_report_print(const struct gupx_map_report *report);

/* Write the same rows as an SVG file. */
void gupx_map_report_draw(const struct gupx_map_report *report, FILE *stream);

#endif
