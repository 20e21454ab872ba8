/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_TEMPLATE_H
#define GUPX_TEMPLATE_H

#include <linux/mm_types.h>
#include <linux/pgtable.h>

struct gupx_batch;
struct gupx_entry;
struct gupx_table;

/**
 * struct gupx_template - an accepted entry, for comparison with other entries
 * @mask: mask of the bits that an entry has to have in common with the template; 0 if the
 *	template is empty
 * @value: attributes of the accepted entry: the value of the bits in @mask, without the
 *	frame number
 * @first_pfn: lowest frame that may match; 0 for no limit
 * @end_pfn: end of the frames that may match; exclusive
 * @facts_mask: page flags that determine the facts
 * @facts_value: value that the flags in @facts_mask have to have
 * @lru_mask: page flags that may change when a page is marked accessed
 * @set_flags: page flags that are set after a page was marked accessed
 * @noop_flags: value of the flags in @facts_mask and @lru_mask for which
 *	folio_mark_accessed() does not change the page; ~0 if such a value is not known yet
 * @order: order of the folios that match
 * @check_owner: true if folio_test_anon() of a folio has to be equal to @anon
 * @anon: true if the folio of the template is anonymous
 * @dirty: true if pages that match are also marked dirty
 *
 * A template is valid for one table of PTEs or PMDs, one mapping and one request.
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
