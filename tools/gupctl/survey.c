// SPDX-License-Identifier: GPL-2.0
/* Call EXPLAIN for all ranges of a request, and collect the results as runs. */
#include <stdlib.h>

#include "out.h"
#include "signals.h"
#include "survey.h"

/* Maximum number of results (struct gupx_judgement) per ioctl. */
#define BATCH 4096

void gupx_survey_init(struct gupx_survey *survey, unsigned int verb)
{
	*survey = (struct gupx_survey){
		.verb = verb,
		.batch = calloc(BATCH, sizeof(*survey->batch)),
	};
	if (!survey->batch)
		gupx_out_no_memory();
}

static int explain_batch(struct gupx_survey *survey,
			 const struct gupx_request *request,
			 struct gupx_request_chunk *chunk)
{
	struct gupx_explain arg = {
		.flags = request->flags,
		.verb = survey->verb,
		.addr = chunk->addr + chunk->done,
		.len = chunk->len - chunk->done,
		.capacity = BATCH,
	};
	int error;
	__u32 i;

	error = gupx_request_explain(request, &arg, survey->batch);
	chunk->done += arg.done;
	for (i = 0; !error && i < arg.count; i++)
		error = gupx_runs_add(&survey->runs, &request->maps,
				      &survey->batch[i], chunk->item->group);
	return error;
}

int gupx_survey_chunk(struct gupx_survey *survey,
		      const struct gupx_request *request,
		      struct gupx_request_chunk *chunk)
{
	int error = 0;

	while (!error && chunk->done < chunk->len && !gupx_signals_received())
		error = explain_batch(survey, request, chunk);
	return error;
}

void gupx_survey_free(struct gupx_survey *survey)
{
	gupx_runs_free(&survey->runs);
	free(survey->batch);
	survey->batch = NULL;
}
