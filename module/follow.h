/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_FOLLOW_H
#define GUPX_FOLLOW_H

#include <linux/minmax.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>

/**
 * struct gupx_table - one locked page table, or what stands in for one
 * @vma: the mapping it belongs to
 * @end: up to here the table speaks, and no further than the mapping and the
 *	request go; exclusive
 * @kind: GUPX_E_EMPTY, _ABSENT or _BAD of everything up to @end; GUPX_E_PAGE
 *	where entries have to be looked at
 * @shift: log2 of the bytes that one entry maps: PAGE, PMD or PUD_SHIFT
 * @pte: PAGE_SHIFT: the first entry of the table
 * @pmd: PMD_SHIFT: the same
 * @pud: PUD_SHIFT: the one entry, read under the lock
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
		pmd_t *pmd;
		pud_t pud;
	};
	spinlock_t *ptl;
	struct rw_semaphore *huge_lock;
};

void gupx_follow_lock(struct gupx_table *table, struct vm_area_struct *vma,
		      unsigned long addr, unsigned long end);
void gupx_follow_unlock(struct gupx_table *table);

/* Does this entry map a huge page, rather than a table? */
static inline bool gupx_follow_is_leaf(pmd_t pmd)
{
	return pmd_present(pmd) && (pmd_leaf(pmd) || pmd_devmap(pmd));
}

/* The end of what an entry of that size maps. */
static inline unsigned long gupx_follow_entry_end(unsigned long addr,
						  unsigned long size)
{
	const unsigned long end = (addr | (size - 1)) + 1;

	return end ? end : ULONG_MAX;
}

#endif /* GUPX_FOLLOW_H */
