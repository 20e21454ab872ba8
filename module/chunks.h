/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_CHUNKS_H
#define GUPX_CHUNKS_H

#include <linux/xarray.h>

struct gupx_extent;
struct gupx_run;

/**
 * struct gupx_chunks - a long list of runs, in little memory
 * @list: index to struct chunk, without holes
 * @nr: chunks
 * @pages: in all runs
 *
 * Its owner has the lock.
 */
struct gupx_chunks {
	struct xarray list;
	unsigned long nr;
	u64 pages;
};

void gupx_chunks_init(struct gupx_chunks *chunks);
int gupx_chunks_reserve(struct gupx_chunks *chunks, unsigned long addr,
			unsigned long ahead);
void gupx_chunks_add(struct gupx_chunks *chunks, const struct gupx_run *run);
bool gupx_chunks_find(struct gupx_chunks *chunks, u64 index,
		      struct gupx_run *found);
unsigned int gupx_chunks_describe(struct gupx_chunks *chunks, u64 first,
				  struct gupx_extent *out, unsigned int nr);
void gupx_chunks_release(struct gupx_chunks *chunks);

#endif /* GUPX_CHUNKS_H */
