/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_ENTRY_H
#define GUPX_ENTRY_H

#include <linux/mm_types.h>
#include <linux/pgtable.h>
#include <asm/cpufeature.h>

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

void gupx_entry_read(const struct gupx_table *table, unsigned long addr,
		     struct gupx_entry *entry);
unsigned long gupx_entry_count_empty(const struct gupx_table *table,
				     unsigned long addr, unsigned long most);
void gupx_entry_mark_accessed(const struct gupx_table *table,
			      unsigned long addr, bool write);
bool gupx_entry_read_gate(struct mm_struct *mm, unsigned long addr,
			  struct gupx_entry *entry);

/*
 * Does the entry's frame stand there as it is? Not where a hypervisor counts frames
 * otherwise, and not where the entry was inverted, to be of no use to a CPU.
 */
static inline bool gupx_entry_has_plain_pfn(pteval_t entry)
{
	return !cpu_feature_enabled(X86_FEATURE_XENPV) &&
	       (entry & _PAGE_PRESENT);
}

#endif /* GUPX_ENTRY_H */
