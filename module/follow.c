// SPDX-License-Identifier: GPL-2.0
/*
 * The page-table walk, one table at a time: find the table, lock it, unlock it.
 * entry.c reads the entries.
 *
 * The caller holds mmap_lock for reading, and the VMA is attached. On Linux 6.1, the
 * mmap_lock keeps PTE tables from being freed. Newer kernels may free a PTE table although
 * the mmap_lock is held for reading: khugepaged does so when it collapses file pages, and
 * the kernel reclaims empty tables. In both cases, the kernel holds the lock of the table
 * and frees the table only after an RCU grace period. So the walk reads the PMD once under
 * RCU, locks the table that this copy of the PMD points to, and checks that the PMD still
 * has the same value.
 *
 * Tables above the PTE tables are only freed with the VMA. Another task may unshare a
 * shared hugetlb PMD table, but not while the hugetlb VMA lock is held.
 *
 * munmap() frees the tables of its range while it holds the mmap_lock only for reading
 * (downgraded), so the walk must not pass the end of the VMA.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>

#include "arch.h"
#include "follow.h"
#include "policy.h"

/* Get the lock that hugetlb_vma_lock_read() takes. That function is not exported. */
static struct rw_semaphore *get_huge_lock(struct vm_area_struct *vma)
{
#ifdef CONFIG_HUGETLB_PAGE
	struct hugetlb_vma_lock *lock = vma->vm_private_data;

	if (is_vm_hugetlb_page(vma) && (vma->vm_flags & VM_MAYSHARE) && lock)
		return &lock->rw_sema;
#endif
	return NULL;
}

/*
 * If a hugetlb page is mapped by several entries, its lock depends on the kernel: before
 * Linux 5f75cfbd6bb0 ("mm/hugetlb: fix hugetlb vs. core-mm PT locking"), in v6.11, it is
 * mm->page_table_lock.
 */
static bool has_huge_ptl(struct vm_area_struct *vma)
{
	return gupx_arch_has_cont_hugetlb() && is_vm_hugetlb_page(vma);
}

static spinlock_t *get_huge_ptl(struct vm_area_struct *vma, void *entry)
{
	return huge_pte_lockptr(hstate_vma(vma), vma->vm_mm, entry);
}

static spinlock_t *get_pte_ptl(struct vm_area_struct *vma, pmd_t *pmd,
			       unsigned long addr)
{
	if (has_huge_ptl(vma))
		return get_huge_ptl(vma, pte_offset_kernel(pmd, addr));
	return pte_lockptr(vma->vm_mm, pmd);
}

static spinlock_t *get_pmd_ptl(struct vm_area_struct *vma, pmd_t *pmd)
{
	if (has_huge_ptl(vma))
		return get_huge_ptl(vma, pmd);
	return pmd_lockptr(vma->vm_mm, pmd);
}

/* Set the kind of a table, and limit its range to @end. */
static void set_uniform_table(struct gupx_table *table, u32 kind,
			      unsigned long end)
{
	table->kind = kind;
	table->end = min(table->end, end);
}

/*
 * Lock the PTE table that the PMD @seen points to.
 *
 * Return: true if the table is locked; false if the PMD has changed and the caller has to
 * read the PMD again.
 */
static bool lock_pte_table(struct gupx_table *table, pmd_t *pmd, pmd_t seen,
			   unsigned long addr)
{
	spinlock_t *ptl;

	rcu_read_lock();
	if (!pmd_same(seen, READ_ONCE(*pmd)))
		goto unlock_rcu;
	ptl = get_pte_ptl(table->vma, &seen, addr);
	spin_lock(ptl);
	if (!pmd_same(seen, READ_ONCE(*pmd)))
		goto unlock_ptl;
	table->pte = pte_offset_kernel(&seen, addr & PMD_MASK);
	table->shift = PAGE_SHIFT;
	table->ptl = ptl;
	set_uniform_table(table, GUPX_E_PAGE,
			  gupx_follow_entry_end(addr, PMD_SIZE));
	return true;

unlock_ptl:
	spin_unlock(ptl);
unlock_rcu:
	rcu_read_unlock();
	return false;
}

/*
 * Lock the PMD table that contains @pmd. The lock covers the whole table. So the caller can
 * read @pmd and also the PMDs after it, up to the first PMD that is not a leaf (see
 * gupx_entry_read()).
 *
 * Return: true if the table is locked; false if the PMD is no longer a leaf and the caller
 * has to read the PMD again.
 */
static bool lock_pmd_leaves(struct gupx_table *table, pmd_t *pmd,
			    unsigned long addr)
{
	spinlock_t *ptl = get_pmd_ptl(table->vma, pmd);

	spin_lock(ptl);
	/*
	 * A PMD looks present while its huge page is being split. So check under the lock
	 * that the PMD is still a leaf.
	 */
	if (!gupx_follow_is_leaf(READ_ONCE(*pmd))) {
		spin_unlock(ptl);
		return false;
	}
	table->pmd = pmd - pmd_index(addr);
	table->shift = PMD_SHIFT;
	table->ptl = ptl;
	set_uniform_table(table, GUPX_E_PAGE,
			  gupx_follow_entry_end(addr, PUD_SIZE));
	return true;
}

/*
 * Get the end of the consecutive empty PMDs from @pmd on, at most the end of the PMD table or
 * of the range of @table. The PMD table is not freed, but another task may fill a PMD at any
 * time: its range then counts as empty, as if it was filled a moment later.
 */
static unsigned long get_empty_end(const struct gupx_table *table,
				   const pmd_t *pmd, unsigned long addr)
{
	const unsigned long end =
		min(table->end, gupx_follow_entry_end(addr, PUD_SIZE));

	do {
		addr = gupx_follow_entry_end(addr, PMD_SIZE);
		pmd++;
	} while (addr < end && pmd_none(READ_ONCE(*pmd)));
	return addr;
}

static void lock_pmd(struct gupx_table *table, pud_t *pud, unsigned long addr)
{
	pmd_t *pmd = pmd_offset(pud, addr);
	const unsigned long end = gupx_follow_entry_end(addr, PMD_SIZE);

	for (;;) {
		const pmd_t seen = READ_ONCE(*pmd);

		if (pmd_none(seen))
			return set_uniform_table(table, GUPX_E_EMPTY,
						 get_empty_end(table, pmd,
							       addr));
		/*
		 * A PMD migration entry counts as empty, so the loop faults, and the fault
		 * waits for the migration.
		 */
		if (!pmd_present(seen))
			return set_uniform_table(table, GUPX_E_EMPTY, end);
		if (gupx_follow_is_leaf(seen)) {
			if (lock_pmd_leaves(table, pmd, addr))
				return;
		} else if (pmd_bad(seen)) {
			return set_uniform_table(table, GUPX_E_BAD, end);
		} else if (lock_pte_table(table, pmd, seen, addr)) {
			return;
		}
		cpu_relax();
	}
}

static bool is_pud_leaf(pud_t pud)
{
	return pud_leaf(pud) || pud_devmap(pud);
}

static bool lock_pud_leaf(struct gupx_table *table, pud_t *pud,
			  unsigned long addr)
{
	spinlock_t *ptl = pud_lock(table->vma->vm_mm, pud);
	const pud_t now = READ_ONCE(*pud);

	if (!pud_present(now) || !is_pud_leaf(now)) {
		spin_unlock(ptl);
		return false;
	}
	table->pud = now;
	table->shift = PUD_SHIFT;
	table->ptl = ptl;
	set_uniform_table(table, GUPX_E_PAGE,
			  gupx_follow_entry_end(addr, PUD_SIZE));
	return true;
}

static void lock_pud(struct gupx_table *table, p4d_t *p4d, unsigned long addr)
{
	pud_t *pud = pud_offset(p4d, addr);
	const unsigned long end = gupx_follow_entry_end(addr, PUD_SIZE);

	for (;;) {
		const pud_t seen = READ_ONCE(*pud);

		if (pud_none(seen) || !pud_present(seen))
			return set_uniform_table(table, GUPX_E_EMPTY, end);
		if (!is_pud_leaf(seen)) {
			if (pud_bad(seen))
				return set_uniform_table(table, GUPX_E_BAD,
							 end);
			return lock_pmd(table, pud, addr);
		}
		if (lock_pud_leaf(table, pud, addr))
			return;
		cpu_relax();
	}
}

static void lock_pgd(struct gupx_table *table, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(table->vma->vm_mm, addr);
	p4d_t *p4d;

	if (pgd_none(*pgd))
		return set_uniform_table(table, GUPX_E_EMPTY,
					 gupx_follow_entry_end(addr,
							       PGDIR_SIZE));
	if (pgd_bad(*pgd))
		return set_uniform_table(table, GUPX_E_BAD,
					 gupx_follow_entry_end(addr,
							       PGDIR_SIZE));
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return set_uniform_table(table, GUPX_E_EMPTY,
					 gupx_follow_entry_end(addr, P4D_SIZE));
	if (p4d_bad(*p4d))
		return set_uniform_table(table, GUPX_E_BAD,
					 gupx_follow_entry_end(addr, P4D_SIZE));
	lock_pud(table, p4d, addr);
}

/**
 * gupx_follow_lock() - lock the page table that maps an address
 * @table: table to fill
 * @vma: mapping of @addr, under mmap_lock
 * @addr: address to look up
 * @end: end of the request; exclusive
 *
 * The function may sleep before it takes a spinlock. Call gupx_follow_unlock()
 * afterwards, even if there was no table to lock.
 */
void gupx_follow_lock(struct gupx_table *table, struct vm_area_struct *vma,
		      unsigned long addr, unsigned long end)
{
	*table = (struct gupx_table){
		.vma = vma,
		.end = min(end, vma->vm_end),
		.huge_lock = get_huge_lock(vma),
	};
	if (table->huge_lock)
		down_read(table->huge_lock);
	lock_pgd(table, addr);
}

/**
 * gupx_follow_unlock() - drop the locks that gupx_follow_lock() took
 * @table: table that gupx_follow_lock() filled
 */
void gupx_follow_unlock(struct gupx_table *table)
{
	if (table->ptl) {
		spin_unlock(table->ptl);
		if (table->shift == PAGE_SHIFT)
			rcu_read_unlock();
	}
	if (table->huge_lock)
		up_read(table->huge_lock);
}
