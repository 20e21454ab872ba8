/* SPDX-License-Identifier: GPL-2.0 */
/* Report what a request would do, without doing it. */
#ifndef GUPX_DRY_RUN_H
#define GUPX_DRY_RUN_H

struct gupx_estimate;
struct gupx_request;

void gupx_dry_run_report(const struct gupx_request *request,
			 const struct gupx_estimate *estimate);

#endif
