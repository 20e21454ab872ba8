// SPDX-License-Identifier: GPL-2.0
/*
 * The page-table walk, a table at a time: lock it, look at its entries, unlock.
 * It tells facts and judges nothing.
 *
 * Why the tables stay while we look, in an attached VMA under mmap_lock for
 * reading: on 6.1 nobody frees a PTE table then. Newer kernels do (khugepaged's
 * collapse of file pages, reclaim of empty tables), under the table's own lock
 * and by RCU. So: RCU, read the PMD once, lock by that copy, and look whether the
 * PMD still says the same. Upper tables go with the VMA only; a shared hugetlb
 * PMD table may be unshared by others, but not under the hugetlb VMA lock.
 *
 * munmap() tears its neighbours down under a lock downgraded to reading, so no
 * look may pass the end of the VMA.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/userfaultfd_k.h>

#include "follow.h"
#include "policy.h"

/* Twin of hugetlb_vma_lock_read(), which is not exported. */
static struct rw_semaphore *huge_lock_of(struct vm_area_struct *vma)
{
#ifdef CONFIG_HUGETLB_PAGE
	struct hugetlb_vma_lock *lock = vma->vm_private_data;

	if (is_vm_hugetlb_page(vma) && (vma->vm_flags & VM_MAYSHARE) && lock)
		return &lock->rw_sema;
#endif
	return NULL;
}

/* Nothing to look at up to the end of this entry: all of it is of one kind. */
static void set_blank(struct gupx_table *table, u32 kind, unsigned long end)
{
	table->kind = kind;
	table->end = min(table->end, end);
}

static unsigned long end_of(unsigned long addr, unsigned long size)
{
	const unsigned long end = (addr | (size - 1)) + 1;

	return end ? end : ULONG_MAX;
}

/*
 * Return: true where the table is locked; false where the PMD changed meanwhile
 * and the caller has to read it again.
 */
static bool lock_pte_table(struct gupx_table *table, pmd_t *pmd, pmd_t seen,
			   unsigned long addr)
{
	spinlock_t *ptl;

	rcu_read_lock();
	if (!pmd_same(seen, READ_ONCE(*pmd)))
		goto unlock_rcu;
	ptl = pte_lockptr(table->vma->vm_mm, &seen);
	spin_lock(ptl);
	if (!pmd_same(seen, READ_ONCE(*pmd)))
		goto unlock_ptl;
	table->pte = pte_offset_kernel(&seen, addr & PMD_MASK);
	table->shift = PAGE_SHIFT;
	table->ptl = ptl;
	set_blank(table, GUPX_E_PAGE, end_of(addr, PMD_SIZE));
	return true;

unlock_ptl:
	spin_unlock(ptl);
unlock_rcu:
	rcu_read_unlock();
	return false;
}

static bool is_pmd_leaf(pmd_t pmd)
{
	return pmd_leaf(pmd) || pmd_devmap(pmd);
}

static bool lock_pmd_leaf(struct gupx_table *table, pmd_t *pmd,
			  unsigned long addr)
{
	spinlock_t *ptl = pmd_lock(table->vma->vm_mm, pmd);
	const pmd_t now = READ_ONCE(*pmd);

	/* A THP that is being split looks present, until its lock is held. */
	if (!pmd_present(now) || !is_pmd_leaf(now)) {
		spin_unlock(ptl);
		return false;
	}
	table->pmd = now;
	table->shift = PMD_SHIFT;
	table->ptl = ptl;
	set_blank(table, GUPX_E_PAGE, end_of(addr, PMD_SIZE));
	return true;
}

static void lock_pmd(struct gupx_table *table, pud_t *pud, unsigned long addr)
{
	pmd_t *pmd = pmd_offset(pud, addr);
	const unsigned long end = end_of(addr, PMD_SIZE);

	for (;;) {
		const pmd_t seen = READ_ONCE(*pmd);

		/* Row E2 counts a migrating PMD as empty; its fault waits. */
		if (pmd_none(seen) || !pmd_present(seen))
			return set_blank(table, GUPX_E_EMPTY, end);
		if (is_pmd_leaf(seen)) {
			if (lock_pmd_leaf(table, pmd, addr))
				return;
		} else if (pmd_bad(seen)) {
			return set_blank(table, GUPX_E_BAD, end);
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
	set_blank(table, GUPX_E_PAGE, end_of(addr, PUD_SIZE));
	return true;
}

static void lock_pud(struct gupx_table *table, p4d_t *p4d, unsigned long addr)
{
	pud_t *pud = pud_offset(p4d, addr);
	const unsigned long end = end_of(addr, PUD_SIZE);

	for (;;) {
		const pud_t seen = READ_ONCE(*pud);

		if (pud_none(seen) || !pud_present(seen))
			return set_blank(table, GUPX_E_EMPTY, end);
		if (!is_pud_leaf(seen)) {
			if (pud_bad(seen))
				return set_blank(table, GUPX_E_BAD, end);
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
		return set_blank(table, GUPX_E_EMPTY, end_of(addr, PGDIR_SIZE));
	if (pgd_bad(*pgd))
		return set_blank(table, GUPX_E_BAD, end_of(addr, PGDIR_SIZE));
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return set_blank(table, GUPX_E_EMPTY, end_of(addr, P4D_SIZE));
	if (p4d_bad(*p4d))
		return set_blank(table, GUPX_E_BAD, end_of(addr, P4D_SIZE));
	lock_pud(table, p4d, addr);
}

/**
 * gupx_follow_lock() - lock the page table that maps an address
 * @table: to be filled
 * @vma: the mapping of @addr, under mmap_lock
 * @addr: where to look
 * @end: of the request; exclusive
 *
 * May sleep before it holds a spinlock. Always ends with gupx_follow_unlock().
 */
void gupx_follow_lock(struct gupx_table *table, struct vm_area_struct *vma,
		      unsigned long addr, unsigned long end)
{
	*table = (struct gupx_table){
		.vma = vma,
		.end = min(end, vma->vm_end),
		.huge_lock = huge_lock_of(vma),
	};
	if (table->huge_lock)
		down_read(table->huge_lock);
	lock_pgd(table, addr);
}

/**
 * gupx_follow_unlock() - let go of everything gupx_follow_lock() took
 * @table: of gupx_follow_lock()
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

/* Without access to hint at, PROT_NONE is the mapping's own (row E3). */
static bool may_hint_numa(struct vm_area_struct *vma)
{
	return vma_is_accessible(vma);
}

/* Tracked by soft-dirty and not marked: a write has to take a fault (E4). */
static bool tracks_soft_dirty(const struct vm_area_struct *vma)
{
	return IS_ENABLED(CONFIG_MEM_SOFT_DIRTY) &&
	       !(vma->vm_flags & VM_SOFTDIRTY);
}

/*
 * Facts of the page itself. @marked carries the exclusive mark: under a leaf of
 * a PMD or PUD the head page, under a PTE the page.
 */
static u32 page_facts(struct page *page, struct page *marked)
{
	struct folio *folio = page_folio(page);
	u32 facts = 0;

	if (folio_test_anon(folio)) {
		facts |= GUPX_E_PAGE_ANON;
		/* Pairs with the barrier where rmap clears the mark. */
		smp_rmb();
		if (PageAnonExclusive(marked))
			facts |= GUPX_E_PAGE_EXCLUSIVE;
	}
	if (folio_ref_count(folio) <= 0)
		facts |= GUPX_E_REFCOUNT_BAD;
	if (gupx_compat_is_p2pdma(page))
		facts |= GUPX_E_P2PDMA;
	return facts;
}

/*
 * Row O4. Twin of folio_is_longterm_pinnable(), which does not link where the
 * kernel has CMA: a zone without any CMA page needs no look at the page block.
 * ZONE_DEVICE pages are left to the kernel whatever they are.
 */
static u32 stay_facts(const struct page *page)
{
	if (is_zone_device_page(page) || page_zonenum(page) == ZONE_MOVABLE ||
	    zone_cma_pages(page_zone(page)))
		return GUPX_E_SHORT_ONLY;
	return 0;
}

/* Twin of vm_normal_page(): is there a struct page behind this entry? */
static u32 pte_kind(const struct vm_area_struct *vma, pte_t pte)
{
	const unsigned long pfn = pte_pfn(pte);

	if (!pte_special(pte))
		return pfn_valid(pfn) ? GUPX_E_PAGE : GUPX_E_BAD;
	if (gupx_compat_finds_pages(vma))
		return GUPX_E_OPAQUE;
	if (is_zero_pfn(pfn))
		return GUPX_E_ZERO;
	if (pte_devmap(pte))
		return GUPX_E_DEVMAP | GUPX_E_NEVER_FORCE;
	if (vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP))
		return GUPX_E_NO_PAGE;
	return GUPX_E_BAD;
}

/* Row E2: would a fault bring more than zeroes? Twin of hugetlb's own look. */
static u32 hole_facts(struct vm_area_struct *vma, unsigned long addr)
{
#ifdef CONFIG_HUGETLB_PAGE
	if (is_vm_hugetlb_page(vma)) {
		struct address_space *mapping = vma->vm_file->f_mapping;

		return xa_load(&mapping->i_pages,
			       gupx_compat_hugetlb_index(vma, addr))
			       ? GUPX_E_FILLED
			       : 0;
	}
#endif
	return vma->vm_ops && vma->vm_ops->fault ? GUPX_E_FILLED : 0;
}

static void look_at_pte(const struct gupx_table *table, unsigned long addr,
			struct gupx_entry *entry)
{
	struct vm_area_struct *vma = table->vma;
	const pte_t pte = ptep_get(table->pte + pte_index(addr));

	entry->nr = 1;
	if (!pte_present(pte)) {
		entry->facts = pte_none(pte)
				       ? GUPX_E_EMPTY | hole_facts(vma, addr)
				       : GUPX_E_ABSENT;
		return;
	}
	entry->facts = pte_kind(vma, pte);
	entry->dirty = pte_dirty(pte);
	if (pte_write(pte))
		entry->facts |= GUPX_E_WRITABLE;
	if (pte_protnone(pte) && may_hint_numa(vma))
		entry->facts |= GUPX_E_PROTNONE;
	if (tracks_soft_dirty(vma) && !pte_soft_dirty(pte))
		entry->facts |= GUPX_E_SOFT_DIRTY_DUE;
	if (userfaultfd_pte_wp(vma, pte))
		entry->facts |= GUPX_E_UFFD_WP;
	switch (entry->facts & GUPX_E_KIND) {
	case GUPX_E_PAGE:
		entry->page = pte_page(pte);
		entry->facts |= page_facts(entry->page, entry->page) |
				stay_facts(entry->page);
		break;
	case GUPX_E_ZERO:
		/* No allocator gave it, so no zone wants it back: no stay_facts. */
		entry->page = pte_page(pte);
		entry->facts |= page_facts(entry->page, entry->page);
		break;
	}
}

/*
 * The huge zero folio is not exported under any name. No page cache holds it and
 * it is not anonymous; a mapped file page has its mapping until it is unmapped.
 */
static bool is_huge_zero(struct folio *folio)
{
	return !folio_test_anon(folio) && !folio_test_hugetlb(folio) &&
	       !READ_ONCE(folio->mapping);
}

/*
 * Linux d82d09e48219 ("mm/huge_memory: mark PMD mappings of the huge zero folio
 * special"), in v6.18: gup takes that one all the same. Others are of VMAs whose
 * driver put them there.
 */
static u32 pmd_kind(const struct vm_area_struct *vma, pmd_t pmd)
{
	if (pmd_devmap(pmd))
		return GUPX_E_DEVMAP | GUPX_E_NEVER_FORCE;
	if (pmd_special(pmd) && vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP))
		return GUPX_E_OPAQUE;
	if (!pfn_valid(pmd_pfn(pmd)))
		return GUPX_E_BAD;
	if (is_huge_zero(page_folio(pmd_page(pmd))))
		return GUPX_E_HUGE_ZERO;
	return pmd_special(pmd) ? GUPX_E_OPAQUE : GUPX_E_PAGE;
}

static void look_at_pmd(const struct gupx_table *table, unsigned long addr,
			struct gupx_entry *entry)
{
	struct vm_area_struct *vma = table->vma;
	const pmd_t pmd = table->pmd;
	const u32 kind = pmd_kind(vma, pmd);
	struct page *head;

	entry->nr = (table->end - addr) >> PAGE_SHIFT;
	entry->facts = kind | GUPX_E_PMD;
	entry->dirty = pmd_dirty(pmd);
	if (pmd_write(pmd))
		entry->facts |= GUPX_E_WRITABLE;
	if (pmd_protnone(pmd) && may_hint_numa(vma))
		entry->facts |= GUPX_E_PROTNONE | hole_facts(vma, addr);
	if (tracks_soft_dirty(vma) && !pmd_soft_dirty(pmd))
		entry->facts |= GUPX_E_SOFT_DIRTY_DUE;
	if (userfaultfd_huge_pmd_wp(vma, pmd))
		entry->facts |= GUPX_E_UFFD_WP;
	if (kind != GUPX_E_PAGE && kind != GUPX_E_HUGE_ZERO)
		return;
	head = pmd_page(pmd);
	entry->page = head + pte_index(addr);
	entry->facts |= page_facts(entry->page, head) | stay_facts(head);
}

static void look_at_pud(const struct gupx_table *table, unsigned long addr,
			struct gupx_entry *entry)
{
	const pud_t pud = table->pud;
	struct page *head;

	entry->nr = (table->end - addr) >> PAGE_SHIFT;
	entry->facts = GUPX_E_NEVER_FORCE;
	entry->dirty = pud_dirty(pud);
	if (pud_write(pud))
		entry->facts |= GUPX_E_WRITABLE;
	if (pud_devmap(pud)) {
		entry->facts |= GUPX_E_DEVMAP;
		return;
	}
	if (!is_vm_hugetlb_page(table->vma) || !pfn_valid(pud_pfn(pud))) {
		entry->facts |= GUPX_E_OPAQUE;
		return;
	}
	head = pud_page(pud);
	entry->page = head + ((addr & ~PUD_MASK) >> PAGE_SHIFT);
	entry->facts |=
		GUPX_E_PAGE | page_facts(entry->page, head) | stay_facts(head);
}

/**
 * gupx_follow_look() - the facts of the entry at an address
 * @table: locked
 * @addr: at least the address it was locked for, below its end
 * @entry: to be filled
 */
void gupx_follow_look(const struct gupx_table *table, unsigned long addr,
		      struct gupx_entry *entry)
{
	*entry = (struct gupx_entry){};
	if (table->kind != GUPX_E_PAGE) {
		entry->facts = table->kind | hole_facts(table->vma, addr);
		entry->nr = (table->end - addr) >> PAGE_SHIFT;
	} else if (table->shift == PAGE_SHIFT) {
		look_at_pte(table, addr, entry);
	} else if (table->shift == PMD_SHIFT) {
		look_at_pmd(table, addr, entry);
	} else {
		look_at_pud(table, addr, entry);
	}
}

/**
 * gupx_follow_touch_frame() - mark an entry without a struct page as used
 * @table: locked, of PTEs
 * @addr: of the entry
 * @write: mark it dirty too
 *
 * Row E6. There is no page to carry the mark, so the entry has to.
 */
void gupx_follow_touch_frame(const struct gupx_table *table, unsigned long addr,
			     bool write)
{
	pte_t *ptep = table->pte + pte_index(addr);
	const pte_t old = ptep_get(ptep);
	pte_t pte = pte_mkyoung(old);

	if (write)
		pte = pte_mkdirty(pte);
	if (pte_same(old, pte))
		return;
	set_pte_at(table->vma->vm_mm, addr, ptep, pte);
	update_mmu_cache(table->vma, addr, ptep);
}

/**
 * gupx_follow_gate() - the facts of the gate page
 * @mm: the target
 * @addr: gupx_vma_is_gate() said yes
 * @entry: to be filled
 *
 * The tables of the gate page are the kernel's own and are never freed; a user
 * entry in them makes the page readable. Twin of get_gate_page().
 *
 * Return: whether there is a page to be read.
 */
bool gupx_follow_gate(struct mm_struct *mm, unsigned long addr,
		      struct gupx_entry *entry)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;
	pte_t pte;

	*entry = (struct gupx_entry){};
	if (pgd_none(*pgd))
		return false;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return false;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud) || pud_leaf(*pud))
		return false;
	pmd = pmd_offset(pud, addr);
	if (!pmd_present(*pmd) || pmd_leaf(*pmd))
		return false;
	pte = ptep_get(pte_offset_kernel(pmd, addr));
	if (!pte_present(pte) || !(pte_flags(pte) & _PAGE_USER) ||
	    !pfn_valid(pte_pfn(pte)))
		return false;
	entry->nr = 1;
	entry->page = pte_page(pte);
	entry->facts = GUPX_E_PAGE | page_facts(entry->page, entry->page);
	return true;
}
