/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_TEMPLATE_H
#define GUPX_TEMPLATE_H

#include <linux/mm_types.h>
#include <linux/pgtable.h>

struct gupx_batch;
struct gupx_entry;
struct gupx_table;

/**
 * struct gupx_template - an entry that was taken, for others to be held against
 * @mask: of an entry those bits that matter; 0: there is no pattern
 * @value: what they are, but for the frame number
 * @first_pfn: frames before this one may differ in whether they may stay; 0 where none do
 * @end_pfn: frames from this one on have no page, or may differ likewise
 * @facts_mask: the page's flags that facts follow from
 * @facts_value: what they are
 * @lru_mask: the flags that a touch may change
 * @set_flags: the flags that a touch leaves set
 * @noop_flags: flags for which folio_mark_accessed() is a no-op: @facts_value and the
 *	bits of @lru_mask; ~0: not known yet
 * @order: of the page's folio
 * @check_owner: whether it matters that the page is the target's own; if not, only the
 *	entry does
 * @anon: whether it is anonymous
 * @dirty: whether touching is to mark dirty, too
 *
 * Of one table of PTEs or PMDs, one mapping and one request.
 */
struct gupx_template {
	pteval_t mask;
	pteval_t value;
	unsigned long first_pfn;
	unsigned long end_pfn;
	unsigned long facts_mask;
	unsigned long facts_value;
	unsigned long lru_mask;
	unsigned long set_flags;
	unsigned long noop_flags;
	unsigned int order;
	bool check_owner;
	bool anon;
	bool dirty;
};

void gupx_template_set(struct gupx_template *template,
		       const struct gupx_table *table, unsigned long addr,
		       const struct gupx_entry *entry, u32 request);
unsigned long gupx_template_take(struct gupx_template *template,
				 const struct gupx_table *table,
				 unsigned long addr, struct gupx_batch *batch,
				 u32 flags);
unsigned long gupx_template_touch(struct gupx_template *template,
				  const struct gupx_table *table,
				  unsigned long addr);

#endif /* GUPX_TEMPLATE_H */
