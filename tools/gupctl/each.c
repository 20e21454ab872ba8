// SPDX-License-Identifier: GPL-2.0
/* Run a request on each selected process. */
#include <stdlib.h>

#include "out.h"
#include "request.h"
#include "select.h"
#include "signals.h"

struct sum_row {
	__u64 targets;
	__u64 complete;
	__u64 len;
	__u64 done;
	__u64 milliseconds;
};

static const struct gupx_out_field sum_fields[] = {
	GUPX_OUT_FIELD(struct sum_row, targets, "targets", NULL,
		       GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct sum_row, complete, "complete", NULL,
		       GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct sum_row, len, "len", NULL, GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct sum_row, done, "done", NULL, GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct sum_row, milliseconds, "milliseconds", NULL,
		       GUPX_OUT_COUNT),
};

static const struct gupx_out_spec sum_spec = GUPX_OUT_SPEC(sum_fields);

/* Combine the exit statuses of two processes. A signal is more than a refusal. */
static int combine_status(int a, int b)
{
	return a > b ? a : b;
}

static void report_sum(const struct gupx_request *template,
		       const struct sum_row *sum)
{
	if (gupx_out_is_json())
		gupx_out_record("total", &sum_spec, sum);
	else
		gupx_out_note("%s %s in %llu of %llu processes, %.2f s",
			      template->past, gupx_out_size(sum->done).text,
			      sum->complete, sum->targets,
			      (double)sum->milliseconds / 1000);
}

static int run_one(const struct gupx_request *template,
		   struct gupx_selected *process, struct sum_row *sum,
		   int (*run)(struct gupx_request *request))
{
	struct gupx_request request = *template;
	int status = GUPX_EXIT_REFUSED;

	request.many = sum->targets > 1;
	if (gupx_request_open(&request, process))
		status = run(&request);
	sum->complete += status == GUPX_EXIT_DONE;
	sum->len += request.total;
	sum->done += request.done;
	gupx_request_close(&request);
	return status;
}

int gupx_request_each(const struct gupx_request *template,
		      int (*run)(struct gupx_request *request))
{
	const double begun = gupx_signals_now();
	struct gupx_selection selection;
	int status = GUPX_EXIT_DONE;
	struct sum_row sum = { 0 };
	size_t i;

	gupx_select(&selection, template->args);
	sum.targets = selection.count;
	for (i = 0; i < selection.count && !gupx_signals_received(); i++) {
		if (!selection.single)
			gupx_out_begin_target();
		status = combine_status(status,
					run_one(template, &selection.process[i],
						&sum, run));
		if (!selection.single)
			gupx_out_end_target();
	}
	sum.milliseconds = (__u64)((gupx_signals_now() - begun) * 1000);
	if (!selection.single)
		report_sum(template, &sum);
	gupx_select_free(&selection);
	return status;
}
