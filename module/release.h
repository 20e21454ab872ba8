/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_RELEASE_H
#define GUPX_RELEASE_H

#include <linux/types.h>

struct gupx_stat_batch;

void gupx_release_runs(const u64 *word, unsigned long nr,
		       struct gupx_stat_batch *stat);

#endif /* GUPX_RELEASE_H */
