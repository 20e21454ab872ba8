/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_ENTRY_H
#define GUPX_ENTRY_H

#include <linux/mm_types.h>
#include <linux/pgtable.h>

#include "follow.h"

/**
 * struct gupx_entry - facts of a page-table entry, or of several consecutive entries
 * @facts: facts for policy.h, GUPX_E_*
 * @dirty: dirty bit of the entry
 * @nr: number of pages, from the address that was read on, to which the facts apply. They
 *	are mapped by one entry or by several PTEs of one large folio, or there is no page
 *	table for them. 0 if the entry points to another table.
 * @page: struct page at the address that was read; NULL if the frame has no struct page
 * @folio: folio of @page
 */
struct gupx_entry {
	u32 facts;
	bool dirty;
	unsigned long nr;
	struct page *page;
	struct folio *folio;
};

void gupx_entry_read(const struct gupx_table *table, unsigned long addr,
		     struct gupx_entry *entry);
unsigned long gupx_entry_count_none(const struct gupx_table *table,
				    unsigned long addr);
unsigned long gupx_entry_count_absent(const struct gupx_table *table,
				      unsigned long addr, unsigned long max,
				      u32 request);
void gupx_entry_mark_accessed(const struct gupx_table *table,
			      unsigned long addr, bool write);
bool gupx_entry_read_gate(struct mm_struct *mm, unsigned long addr,
			  struct gupx_entry *entry);

#endif /* GUPX_ENTRY_H */
