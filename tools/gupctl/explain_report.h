/* SPDX-License-Identifier: GPL-2.0 */
/* Print what a request would do, as text or as JSON. */
#ifndef GUPX_EXPLAIN_REPORT_H
#define GUPX_EXPLAIN_REPORT_H

#include "runs.h"
#include "request.h"

/**
 * struct gupx_explain_report - input of the report
 * @request: explained request
 * @verb: explained command, GUPX_VERB_*
 * @runs: results of EXPLAIN; text output folds them
 */
struct gupx_explain_report {
	const struct gupx_request *request;
	unsigned int verb;
	struct gupx_runs *runs;
};

/* Return: the exit status; GUPX_EXIT_REFUSED if the request would stop anywhere. */
int gupx_explain_report_print(const struct gupx_explain_report *report);

#endif
