/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_FOLLOW_H
#define GUPX_FOLLOW_H

#include <linux/minmax.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>

/**
 * struct gupx_table - a locked page table, or a range for which there is no table
 * @vma: mapping that the table belongs to
 * @end: end of the addresses to process with this table: the table, the mapping or the
 *	request ends here; exclusive
 * @kind: GUPX_E_PAGE if there is a table and its entries have to be read; otherwise
 *	GUPX_E_EMPTY or GUPX_E_BAD, which then holds for the whole range
 * @shift: log2 of the bytes that one entry maps: PAGE_SHIFT, PMD_SHIFT or PUD_SHIFT
 * @pte: first entry of a PTE table
 * @pmd: first entry of a PMD table
 * @pud: copy of a PUD leaf, read under the lock
 * @ptl: page-table lock that is held, or NULL
 * @huge_lock: hugetlb lock of @vma that is held, or NULL
 *
 * Lock order: mmap_lock, @huge_lock, @ptl. While a PTE table is locked, the caller is
 * also in an RCU read-side critical section. Do not sleep until gupx_follow_unlock().
 */
struct gupx_table {
	struct vm_area_struct *vma;
	unsigned long end;
	u32 kind;
	unsigned int shift;
	union {
		pte_t *pte;
		pmd_t *pmd;
		pud_t pud;
	};
	spinlock_t *ptl;
	struct rw_semaphore *huge_lock;
};

void gupx_follow_lock(struct gupx_table *table, struct vm_area_struct *vma,
		      unsigned long addr, unsigned long end);
void gupx_follow_unlock(struct gupx_table *table);

/* Check whether a PMD maps a huge page rather than a table. */
static inline bool gupx_follow_is_leaf(pmd_t pmd)
{
	return pmd_present(pmd) && (pmd_leaf(pmd) || pmd_devmap(pmd));
}

/* Get the end of the range that an entry of @size bytes maps. */
static inline unsigned long gupx_follow_entry_end(unsigned long addr,
						  unsigned long size)
{
	const unsigned long end = (addr | (size - 1)) + 1;

	return end ? end : ULONG_MAX;
}

/**
 * gupx_follow_move() - continue with a locked PTE table in another mapping
 * @table: locked PTE table
 * @vma: mapping of @addr, under mmap_lock
 * @addr: address that an entry of the table maps
 * @end: end of the request; exclusive
 */
static inline void gupx_follow_move(struct gupx_table *table,
				    struct vm_area_struct *vma,
				    unsigned long addr, unsigned long end)
{
	table->vma = vma;
	table->end =
		min3(end, vma->vm_end, gupx_follow_entry_end(addr, PMD_SIZE));
}

#endif /* GUPX_FOLLOW_H */
