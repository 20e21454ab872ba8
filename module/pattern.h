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
 * @mask: of an entry those bits that matter; 0: there is no pattern
 * @bits: what they are, but for the frame number
 * @first: frames before this one may differ in whether they may stay; 0 where none do
 * @end: frames from this one on have no page, or may differ likewise
 * @telling: the page's flags that facts follow from
 * @told: what they are
 * @marks: the flags that a touch may change
 * @touched: the flags that a touch leaves set
 * @calm: @told, and of @marks what they are where it changes none; ~0: not known yet
 * @order: of the page's folio
 * @own: whether it matters that the page is the target's own; if not, only the
 *	entry does
 * @anon: whether it is anonymous
 * @dirty: whether touching is to mark dirty, too
 *
 * Of one table of PTEs or PMDs, one mapping and one request.
 */
struct gupx_pattern {
	pteval_t mask;
	pteval_t bits;
	unsigned long first;
	unsigned long end;
	unsigned long telling;
	unsigned long told;
	unsigned long marks;
	unsigned long touched;
	unsigned long calm;
	unsigned int order;
	bool own;
	bool anon;
	bool dirty;
};

void gupx_pattern_learn(struct gupx_pattern *pattern,
			const struct gupx_table *table, unsigned long addr,
			const struct gupx_entry *entry, u32 request);
unsigned long gupx_pattern_take(struct gupx_pattern *pattern,
				const struct gupx_table *table,
				unsigned long addr, struct gupx_batch *batch,
				u32 flags);
unsigned long gupx_pattern_touch(struct gupx_pattern *pattern,
				 const struct gupx_table *table,
				 unsigned long addr);

#endif /* GUPX_PATTERN_H */
