/* SPDX-License-Identifier: GPL-2.0 */
/* Call EXPLAIN for all ranges of a request, and collect the results as runs. */
#ifndef GUPX_SURVEY_H
#define GUPX_SURVEY_H

#include "request.h"
#include "runs.h"

/*
 * Bytes per chunk of the request. A chunk may be very large: EXPLAIN only reads page tables
 * and skips holes, so even the whole address space needs only seconds.
 */
#define GUPX_SURVEY_CHUNK (8ULL << 40)

/**
 * struct gupx_survey - results of EXPLAIN
 * @verb: command whose outcome is predicted, GUPX_VERB_*
 * @runs: results of all ioctls
 * @batch: buffer for the results of one ioctl
 */
struct gupx_survey {
	unsigned int verb;
	struct gupx_runs runs;
	struct gupx_judgement *batch;
};

void gupx_survey_init(struct gupx_survey *survey, unsigned int verb);

/*
 * Explain a chunk of the request, for gupx_request.step. Stop early after a signal. Return:
 * 0 or -errno.
 */
int gupx_survey_chunk(struct gupx_survey *survey,
		      const struct gupx_request *request,
		      struct gupx_request_chunk *chunk);

void gupx_survey_free(struct gupx_survey *survey);

#endif
