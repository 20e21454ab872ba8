/* SPDX-License-Identifier: GPL-2.0 */
/* What a request would do, for people and for programs. */
#ifndef GUPX_EXPLAIN_REPORT_H
#define GUPX_EXPLAIN_REPORT_H

#include "runs.h"
#include "request.h"

/**
 * struct gupx_explain_report - what there is to tell
 * @request: what was asked
 * @verb: GUPX_VERB_*
 * @runs: the answer; text folds it
 */
struct gupx_explain_report {
	const struct gupx_request *request;
	unsigned int verb;
	struct gupx_runs *runs;
};

/* Return: the exit status; refused where something would stop. */
int gupx_explain_report_print(const struct gupx_explain_report *report);

#endif
