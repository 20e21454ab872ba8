/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_TEMPLATE_H
#define GUPX_TEMPLATE_H

#include <linux/mm_types.h>
#include <linux/pgtable.h>

struct gupx_batch;
struct gupx_entry;
struct gupx_table;

/**
 * struct gupx_template - properties of an accepted entry, to compare other entries with
 * @mask: bits of an entry to compare, and the bits of its frame number; 0 if the template
 *	is empty
 * @value: accepted entry without its frame number and without the bits outside @mask
 * @zero: entry of the zero page that was accepted, with the accessed bit; 0 if there is none
 * @first_pfn: lowest frame number that may match; 0 for no limit
 * @end_pfn: limit of the frame numbers: only lower frame numbers match
 * @facts_mask: page flags that determine the facts
 * @facts_value: value that the flags in @facts_mask have to have
 * @lru_mask: page flags that marking a page accessed may change
 * @set_flags: page flags that a page has to have for marking it to be a no-op
 * @noop_flags: if the flags of a page in @facts_mask and @lru_mask have this value, the
 *	page is not marked accessed, because folio_mark_accessed() would not change it; ~0
 *	if no such value is known yet
 * @shift: log2 of the bytes that an entry maps: PAGE_SHIFT or PMD_SHIFT
 * @order: order of the folios that match
 * @check_owner: true if folio_test_anon() of a folio has to be equal to @anon
 * @anon: true if the folio of the template is anonymous
 * @dirty: true if pages that match are also marked dirty
 *
 * A template is valid for one mapping and one request, in tables whose entries map as much as
 * the entry of the template.
 */
struct gupx_template {
	pteval_t mask;
	pteval_t value;
	pteval_t zero;
	unsigned long first_pfn;
	unsigned long end_pfn;
	unsigned long facts_mask;
	unsigned long facts_value;
	unsigned long lru_mask;
	unsigned long set_flags;
	unsigned long noop_flags;
	unsigned int shift;
	unsigned int order;
	bool check_owner;
	bool anon;
	bool dirty;
};

/* Make a template empty. */
static inline void gupx_template_clear(struct gupx_template *template)
{
	template->mask = 0;
	template->zero = 0;
}

void gupx_template_set(struct gupx_template *template,
		       const struct gupx_table *table, unsigned long addr,
		       const struct gupx_entry *entry, u32 request);
unsigned long gupx_template_take(struct gupx_template *template,
				 const struct gupx_table *table,
				 unsigned long addr, struct gupx_batch *batch,
				 u32 flags);
unsigned long gupx_template_take_first(struct gupx_template *template,
				       const struct gupx_table *table,
				       unsigned long addr,
				       struct gupx_batch *batch, u32 flags);
unsigned long gupx_template_touch(struct gupx_template *template,
				  const struct gupx_table *table,
				  unsigned long addr);
unsigned long gupx_template_count(const struct gupx_template *template,
				  const struct gupx_table *table,
				  unsigned long addr);

#endif /* GUPX_TEMPLATE_H */
