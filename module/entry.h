/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_ENTRY_H
#define GUPX_ENTRY_H

#include <linux/mm_types.h>

#include "follow.h"

/**
 * struct gupx_entry - the facts of one entry, from one address on, or of several
 * @facts: GUPX_E_*
 * @dirty: the entry's own dirty bit
 * @nr: pages from the address on that this is true of, up to the table's end: of
 *	one entry, or of several that are alike and map pages of one large folio
 *	in a row. 0: other tables speak from here on
 * @page: the page at the address, where @facts has one
 * @folio: its folio
 */
struct gupx_entry {
	u32 facts;
	bool dirty;
	unsigned long nr;
	struct page *page;
	struct folio *folio;
};

void gupx_entry_look(const struct gupx_table *table, unsigned long addr,
		     struct gupx_entry *entry);
bool gupx_entry_zones_matter(struct pglist_data *pgdat);
unsigned long gupx_entry_count_empty(const struct gupx_table *table,
				     unsigned long addr, unsigned long most);
void gupx_entry_touch_frame(const struct gupx_table *table, unsigned long addr,
			    bool write);
bool gupx_entry_look_at_gate(struct mm_struct *mm, unsigned long addr,
			     struct gupx_entry *entry);

#endif /* GUPX_ENTRY_H */
