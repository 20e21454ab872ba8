/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_RELEASE_H
#define GUPX_RELEASE_H

#include <linux/types.h>

struct gupx_tally;

void gupx_release_runs(const u64 *word, unsigned long nr,
		       struct gupx_tally *tally);

#endif /* GUPX_RELEASE_H */
