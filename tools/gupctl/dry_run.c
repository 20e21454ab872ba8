// SPDX-License-Identifier: GPL-2.0
/* Report what a request would do, without doing it. */
#include <stddef.h>
#include <string.h>

#include "dry_run.h"
#include "estimate.h"
#include "out.h"
#include "request.h"

struct dry_row {
	__u64 pid;
	const char *comm;
	struct gupx_estimate estimate;
	__u64 charged;
	__u64 available;
	const char *limit;
	bool fits;
};

#define FIELD(member, name, text, how) \
	GUPX_OUT_FIELD(struct dry_row, member, name, text, how)

static const struct gupx_out_field fields[] = {
	FIELD(pid, "pid", "process", GUPX_OUT_COUNT),
	FIELD(comm, "comm", "name", GUPX_OUT_STRING),
	FIELD(estimate.resident, "resident", "resident", GUPX_OUT_SIZE),
	FIELD(estimate.swapped, "swapped", "in swap", GUPX_OUT_SIZE),
	FIELD(estimate.absent, "absent", "absent", GUPX_OUT_SIZE),
	FIELD(estimate.refused, "refused", "refused", GUPX_OUT_SIZE),
	FIELD(estimate.added, "added", "would be added", GUPX_OUT_SIZE),
	FIELD(estimate.tables, "page_tables", "page tables", GUPX_OUT_SIZE),
	FIELD(estimate.cache, "page_cache", "would be read", GUPX_OUT_SIZE),
	FIELD(available, "available", "available", GUPX_OUT_LIMIT),
	FIELD(limit, "limit", "limited by", GUPX_OUT_STRING),
	FIELD(fits, "fits", "fits", GUPX_OUT_BOOL),
	/* The last field is for pin only. */
	FIELD(charged, "charged", "would be charged", GUPX_OUT_SIZE),
};

void gupx_dry_run_report(const struct gupx_request *request,
			 const struct gupx_estimate *estimate)
{
	struct gupx_out_spec spec = GUPX_OUT_SPEC(fields);
	struct dry_row row = {
		.pid = (__u64)request->target.pid,
		.comm = request->target.comm,
		.estimate = *estimate,
		.charged = estimate->resident + estimate->swapped +
			   estimate->absent,
	};
	struct gupx_room room;

	gupx_estimate_room(request, estimate, &room);
	row.available = room.bytes;
	row.limit = *room.limit ? room.limit : NULL;
	row.fits = estimate->added + estimate->tables <= room.bytes;
	spec.count -= !!strcmp(request->verb, "pin");
	gupx_out_record(NULL, &spec, &row);
}
