/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PATTERN_H
#define GUPX_PATTERN_H

#include <linux/mm_types.h>
#include <linux/pgtable.h>

struct gupx_batch;
struct gupx_entry;
struct gupx_table;

/**
 * struct gupx_pattern - an entry that was taken, for others to be held against
 * @entry: its bits and frame; 0: there is no pattern
 * @first: page of the first frame in its section of memory
 * @flags: of its page those that facts follow from
 * @marks: page flags of one that need not be touched any more
 * @node: where its page lies
 * @anon: whether that is anonymous
 * @dirty: whether a page without all @marks is to be marked dirty, too
 *
 * Of one table of PTEs, one mapping and one request.
 */
struct gupx_pattern {
	pteval_t entry;
	struct page *first;
	unsigned long flags;
	unsigned long marks;
	int node;
	bool anon;
	bool dirty;
};

void gupx_pattern_learn(struct gupx_pattern *pattern,
			const struct gupx_table *table, unsigned long addr,
			const struct gupx_entry *entry, bool write);
unsigned long gupx_pattern_take(const struct gupx_pattern *pattern,
				const struct gupx_table *table,
				unsigned long addr, struct gupx_batch *batch,
				u32 flags);
unsigned long gupx_pattern_touch(const struct gupx_pattern *pattern,
				 const struct gupx_table *table,
				 unsigned long addr);

#endif /* GUPX_PATTERN_H */
