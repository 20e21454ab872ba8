/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_RELEASE_H
#define GUPX_RELEASE_H

#include <linux/types.h>

/**
 * struct gupx_tally - pins released, not yet in a node's statistics
 * @node: where
 * @nr: how many
 */
struct gupx_tally {
	int node;
	long nr;
};

void gupx_release_runs(const u64 *word, unsigned long nr,
		       struct gupx_tally *tally);
void gupx_release_count(struct gupx_tally *tally);

#endif /* GUPX_RELEASE_H */
