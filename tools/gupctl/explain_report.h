/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Print the result of gupctl explain: what a request would do. JSON has all runs. Text has a
 * line for each mapping if there are several, and otherwise the runs of the mapping.
 */
#ifndef GUPX_EXPLAIN_REPORT_H
#define GUPX_EXPLAIN_REPORT_H

#include "runs.h"
#include "request.h"

/**
 * struct gupx_explain_report - input of the report
 * @request: request to explain
 * @verb: command to explain, GUPX_VERB_*
 * @all: true to print each run as text, too
 * @runs: results of EXPLAIN; for text output, the report may call gupx_runs_fold() on them
 */
struct gupx_explain_report {
	const struct gupx_request *request;
	unsigned int verb;
	bool all;
	struct gupx_runs *runs;
};

/*
 * Print the report. Return: the exit status, which is GUPX_EXIT_REFUSED if the request
 * would stop anywhere.
 */
int gupx_explain_report_print(const struct gupx_explain_report *report);

#endif
