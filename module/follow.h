/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_FOLLOW_H
#define GUPX_FOLLOW_H

#include <linux/mm_types.h>

/**
 * struct gupx_table - one locked page table, or what stands in for one
 * @vma: the mapping it belongs to
 * @end: up to here the table speaks, and no further than the mapping and the
 *	request go; exclusive
 * @kind: GUPX_E_EMPTY, _ABSENT or _BAD of everything up to @end; GUPX_E_PAGE
 *	where entries have to be looked at
 * @shift: log2 of the bytes that one entry maps: PAGE, PMD or PUD_SHIFT
 * @pte: PAGE_SHIFT: the entry of address 0 of this table
 * @pmd: PMD_SHIFT: the entry, read under the lock
 * @pud: PUD_SHIFT: the same
 * @ptl: the held page-table lock, NULL where none is needed
 * @huge_lock: the held hugetlb lock of @vma, or NULL
 *
 * Lock order: mmap_lock, @huge_lock, @ptl. A PTE table is also inside an RCU
 * read section. Nothing may sleep until gupx_follow_unlock().
 */
struct gupx_table {
	struct vm_area_struct *vma;
	unsigned long end;
	u32 kind;
	unsigned int shift;
	union {
		pte_t *pte;
		pmd_t pmd;
		pud_t pud;
	};
	spinlock_t *ptl;
	struct rw_semaphore *huge_lock;
};

/**
 * struct gupx_entry - the facts of one entry, from one address on
 * @facts: GUPX_E_*
 * @dirty: the entry's own dirty bit
 * @nr: pages from the address to the end of the entry, cut to the table's end
 * @page: the page at the address, where @facts has one
 */
struct gupx_entry {
	u32 facts;
	bool dirty;
	unsigned long nr;
	struct page *page;
};

void gupx_follow_lock(struct gupx_table *table, struct vm_area_struct *vma,
		      unsigned long addr, unsigned long end);
void gupx_follow_look(const struct gupx_table *table, unsigned long addr,
		      struct gupx_entry *entry);
void gupx_follow_touch_frame(const struct gupx_table *table, unsigned long addr,
			     bool write);
void gupx_follow_unlock(struct gupx_table *table);
bool gupx_follow_gate(struct mm_struct *mm, unsigned long addr,
		      struct gupx_entry *entry);

#endif /* GUPX_FOLLOW_H */
