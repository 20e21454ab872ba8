// SPDX-License-Identifier: GPL-2.0
/*
 * Read the facts of page-table entries for policy.h to judge. The caller holds the
 * lock of the table, except for the gate page.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pgtable.h>
#include <linux/userfaultfd_k.h>

#include "arch.h"
#include "entry.h"
#include "longterm.h"
#include "policy.h"

/*
 * Maximum number of PTEs of a large folio to read as one entry. The walk cannot stop for
 * other tasks between these PTEs.
 */
#define FOLIO_PTES_MAX 64UL

/*
 * Row E3 (NUMA hinting): in a mapping without access rights, a PROT_NONE entry is not a
 * NUMA hinting entry.
 */
static bool may_hint_numa(struct vm_area_struct *vma)
{
	return vma_is_accessible(vma);
}

/* Counterpart of vma_soft_dirty_enabled(). */
static bool tracks_soft_dirty(const struct vm_area_struct *vma)
{
	return IS_ENABLED(CONFIG_MEM_SOFT_DIRTY) &&
	       !(vma->vm_flags & VM_SOFTDIRTY);
}

/* Check if a folio is a hugetlb page that may be mapped by several entries. */
static bool is_cont_hugetlb(struct folio *folio)
{
	return gupx_arch_has_cont_hugetlb() && folio_test_hugetlb(folio);
}

/*
 * Get the page that carries the PageAnonExclusive flag. @first is the first page of the
 * folio that the entry maps: the head page under a PMD or PUD leaf, the page itself under
 * a PTE. For hugetlb this is always the head page.
 */
static struct page *get_marked_page(struct folio *folio, struct page *first)
{
	return is_cont_hugetlb(folio) ? &folio->page : first;
}

static bool is_exclusive(struct folio *folio, struct page *first)
{
	return folio_test_anon(folio) &&
	       PageAnonExclusive(get_marked_page(folio, first));
}

/*
 * Get the facts that follow from the page and not from its entry. @first is the first page
 * that the entry maps.
 */
static u32 get_page_facts(struct folio *folio, struct page *first)
{
	u32 facts = 0;

	if (folio_test_anon(folio))
		facts |= GUPX_E_PAGE_ANON;
	if (is_exclusive(folio, first))
		facts |= GUPX_E_PAGE_EXCLUSIVE;
	if (folio_ref_count(folio) <= 0)
		facts |= GUPX_E_REFCOUNT_BAD;
	return facts;
}

static void set_entry_page(struct gupx_entry *entry, struct page *page)
{
	entry->page = page;
	entry->folio = page_folio(page);
}

/*
 * Set the page of a PMD or PUD leaf, and the facts that follow from it. @head is the first
 * page that the leaf maps.
 */
static void set_leaf_entry_page(struct gupx_entry *entry, struct page *page,
				struct page *head)
{
	set_entry_page(entry, page);
	entry->facts |=
		get_page_facts(entry->folio, head) | gupx_longterm_facts(head);
}

/* Counterpart of vm_normal_page(): get the kind of a present PTE. */
static u32 get_pte_kind(const struct vm_area_struct *vma, pte_t pte)
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

/*
 * Row E2 (FOLL_DUMP): check whether a fault may bring in data that is not zero. The
 * hugetlb part is the counterpart of hugetlbfs_pagecache_present().
 */
static u32 get_hole_facts(struct vm_area_struct *vma, unsigned long addr)
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

/*
 * Get the end of the range for which get_hole_facts() returns the same value. For hugetlb,
 * this is the end of the huge page.
 */
static unsigned long get_hole_end(const struct gupx_table *table,
				  unsigned long addr)
{
	unsigned long size;

	if (!is_vm_hugetlb_page(table->vma))
		return table->end;
	size = huge_page_size(hstate_vma(table->vma));
	return min(table->end, gupx_follow_entry_end(addr, size));
}

/* Get the facts that follow from a present PTE and its mapping. */
static u32 get_pte_facts(struct vm_area_struct *vma, pte_t pte)
{
	u32 facts = get_pte_kind(vma, pte);

	if (pte_write(pte))
		facts |= GUPX_E_WRITABLE;
	if (pte_protnone(pte) && may_hint_numa(vma))
		facts |= GUPX_E_PROTNONE;
	if (tracks_soft_dirty(vma) && !pte_soft_dirty(pte))
		facts |= GUPX_E_SOFT_DIRTY_DUE;
	if (userfaultfd_pte_wp(vma, pte))
		facts |= GUPX_E_UFFD_WP;
	return facts;
}

/*
 * Starting at @addr, count the consecutive PTEs that map consecutive pages of one folio and
 * have the same attributes, except for the accessed bit.
 */
static unsigned long count_folio_ptes(const struct gupx_table *table,
				      unsigned long addr,
				      const struct gupx_entry *entry)
{
	const unsigned long left = (table->end - addr) >> PAGE_SHIFT;
	const unsigned long in_folio =
		folio_nr_pages(entry->folio) -
		folio_page_idx(entry->folio, entry->page);
	const unsigned long max = min3(left, in_folio, FOLIO_PTES_MAX);
	const bool exclusive = entry->facts & GUPX_E_PAGE_EXCLUSIVE;
	pte_t *ptep = table->pte + pte_index(addr);
	pteval_t expected = gupx_arch_set_accessed(pte_val(ptep_get(ptep)));
	unsigned long nr;

	/* In an entry with inverted frame bits, adding one does not give the next frame. */
	if (!gupx_arch_has_plain_pfn(expected))
		return 1;

	for (nr = 1; nr < max; nr++) {
		expected = gupx_arch_next_pfn(expected);
		if (gupx_arch_set_accessed(pte_val(ptep_get(++ptep))) !=
			    expected ||
		    is_exclusive(entry->folio, entry->page + nr) != exclusive)
			break;
	}
	return nr;
}

static void read_pte(const struct gupx_table *table, unsigned long addr,
		     struct gupx_entry *entry)
{
	struct vm_area_struct *vma = table->vma;
	const pte_t pte = ptep_get(table->pte + pte_index(addr));

	entry->nr = 1;
	if (!pte_present(pte)) {
		if (pte_none(pte))
			entry->facts = GUPX_E_EMPTY | get_hole_facts(vma, addr);
		else
			entry->facts = gupx_compat_is_guard(pte)
					       ? GUPX_E_GUARD
					       : GUPX_E_ABSENT;
		return;
	}
	entry->facts = get_pte_facts(vma, pte);
	entry->dirty = pte_dirty(pte);
	switch (entry->facts & GUPX_E_KIND) {
	case GUPX_E_PAGE:
		set_entry_page(entry, pte_page(pte));
		entry->facts |= gupx_longterm_facts(entry->page);
		break;
	case GUPX_E_ZERO:
		/* The zero page never has to be migrated, so its zone does not matter. */
		set_entry_page(entry, pte_page(pte));
		break;
	default:
		return;
	}
	entry->facts |= get_page_facts(entry->folio, entry->page);
	/* Adjacent ZONE_DEVICE pages may be of different kinds, so judge each page. */
	if (folio_test_large(entry->folio) && !is_zone_device_page(entry->page))
		entry->nr = count_folio_ptes(table, addr, entry);
}

/*
 * The kernel does not export the huge zero folio, so identify it by its properties: it
 * is not anonymous and its mapping is NULL. The mapping of a file folio is set as long
 * as a page table maps the folio.
 */
static bool is_huge_zero(struct folio *folio)
{
	return !folio_test_anon(folio) && !folio_test_hugetlb(folio) &&
	       !READ_ONCE(folio->mapping);
}

/*
 * Since Linux d82d09e48219 ("mm/huge_memory: mark PMD mappings of the huge zero
 * folio special") in v6.18, the PMD of the huge zero folio is special, but the kernel's
 * get_user_pages still accepts it. All other special PMDs are installed by drivers.
 */
static u32 get_pmd_kind(const struct vm_area_struct *vma, pmd_t pmd)
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

static void read_pmd(const struct gupx_table *table, unsigned long addr,
		     struct gupx_entry *entry)
{
	const unsigned long end =
		min(table->end, gupx_follow_entry_end(addr, PMD_SIZE));
	const pmd_t pmd = READ_ONCE(table->pmd[pmd_index(addr)]);
	struct vm_area_struct *vma = table->vma;
	struct page *head;
	u32 kind;

	if (!gupx_follow_is_leaf(pmd))
		return;
	entry->nr = (end - addr) >> PAGE_SHIFT;
	kind = get_pmd_kind(vma, pmd);
	entry->facts = kind | GUPX_E_PMD;
	entry->dirty = pmd_dirty(pmd);
	if (pmd_write(pmd))
		entry->facts |= GUPX_E_WRITABLE;
	if (pmd_protnone(pmd) && may_hint_numa(vma))
		entry->facts |= GUPX_E_PROTNONE | get_hole_facts(vma, addr);
	if (tracks_soft_dirty(vma) && !pmd_soft_dirty(pmd))
		entry->facts |= GUPX_E_SOFT_DIRTY_DUE;
	if (userfaultfd_huge_pmd_wp(vma, pmd))
		entry->facts |= GUPX_E_UFFD_WP;
	if (kind != GUPX_E_PAGE && kind != GUPX_E_HUGE_ZERO)
		return;
	head = pmd_page(pmd);
	set_leaf_entry_page(entry, head + pte_index(addr), head);
}

static void read_pud(const struct gupx_table *table, unsigned long addr,
		     struct gupx_entry *entry)
{
	const pud_t pud = table->pud;
	struct page *head;

	entry->nr = (table->end - addr) >> PAGE_SHIFT;
	entry->facts = GUPX_E_NEVER_FORCE;
	entry->dirty = gupx_arch_is_pud_dirty(pud);
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
	entry->facts |= GUPX_E_PAGE;
	set_leaf_entry_page(entry, head + ((addr & ~PUD_MASK) >> PAGE_SHIFT),
			    head);
}

/**
 * gupx_entry_read() - read the facts of the entry at an address
 * @table: locked page table
 * @addr: address that the entry maps; not below the address passed to gupx_follow_lock()
 * @entry: entry to fill
 */
void gupx_entry_read(const struct gupx_table *table, unsigned long addr,
		     struct gupx_entry *entry)
{
	*entry = (struct gupx_entry){};
	if (table->kind != GUPX_E_PAGE) {
		entry->facts = table->kind | get_hole_facts(table->vma, addr);
		entry->nr = (get_hole_end(table, addr) - addr) >> PAGE_SHIFT;
	} else if (table->shift == PAGE_SHIFT) {
		read_pte(table, addr, entry);
	} else if (table->shift == PMD_SHIFT) {
		read_pmd(table, addr, entry);
	} else {
		read_pud(table, addr, entry);
	}
}

/**
 * gupx_entry_count_none() - count consecutive empty PTEs
 * @table: locked page table
 * @addr: address of the first entry
 *
 * Return: number of empty PTEs from @addr on; 0 if the table is no PTE table.
 */
unsigned long gupx_entry_count_none(const struct gupx_table *table,
				    unsigned long addr)
{
	const unsigned long end = (table->end - addr) >> PAGE_SHIFT;
	unsigned long nr = 0;
	pte_t *ptep;

	if (table->kind != GUPX_E_PAGE || table->shift != PAGE_SHIFT)
		return 0;
	ptep = table->pte + pte_index(addr);
	while (nr < end && pte_none(ptep_get(ptep + nr)))
		nr++;
	return nr;
}

/*
 * Check if the verdict on a PTE of an anonymous mapping is GUPX_FAULT, as far as the PTE alone
 * shows it. With DUMP, the request stops at an empty PTE (row E2). With FORCE, a write may
 * accept a PTE that is not writable (row E4). A fault in a page that userfaultfd has
 * write-protected would wait for another process.
 */
static bool needs_fault(struct vm_area_struct *vma, pte_t pte, u32 request)
{
	if (pte_none(pte))
		return !(request & GUPX_R_DUMP);
	return (request & GUPX_R_WRITE) && !(request & GUPX_R_FORCE) &&
	       pte_present(pte) && !pte_write(pte) && !pte_special(pte) &&
	       !pte_protnone(pte) && !userfaultfd_pte_wp(vma, pte);
}

/**
 * gupx_entry_count_absent() - count consecutive PTEs that need a page fault
 * @table: locked page table
 * @addr: address of the first entry
 * @max: limit of the count
 * @request: flags of the request, GUPX_R_*
 *
 * Return: number of PTEs from @addr on; 0 for file mappings, because a fault in a file
 * mapping also maps the pages around the address (fault-around).
 */
unsigned long gupx_entry_count_absent(const struct gupx_table *table,
				      unsigned long addr, unsigned long max,
				      u32 request)
{
	const unsigned long end = min((table->end - addr) >> PAGE_SHIFT, max);
	unsigned long nr = 0;
	pte_t *ptep;

	if (table->kind != GUPX_E_PAGE || table->shift != PAGE_SHIFT ||
	    !vma_is_anonymous(table->vma))
		return 0;
	ptep = table->pte + pte_index(addr);
	while (nr < end &&
	       needs_fault(table->vma, ptep_get(ptep + nr), request))
		nr++;
	return nr;
}

/**
 * gupx_entry_mark_accessed() - set the accessed bit of a PTE
 * @table: locked PTE table
 * @addr: address that the entry maps
 * @write: true to set the dirty bit too
 *
 * Row E6 (follow_pfn_pte()): if a PTE maps a frame without a struct page, there is no page
 * to mark accessed, so mark the PTE.
 */
void gupx_entry_mark_accessed(const struct gupx_table *table,
			      unsigned long addr, bool write)
{
	pte_t *ptep = table->pte + pte_index(addr);
	const pte_t old = ptep_get(ptep);
	pte_t pte = pte_mkyoung(old);

	if (write)
		pte = pte_mkdirty(pte);
	if (pte_same(old, pte))
		return;
	gupx_arch_update_pte(table->vma, addr, ptep, old, pte);
}

/**
 * gupx_entry_read_gate() - read the facts of the gate page
 * @mm: address space of the target
 * @addr: address in the gate page (see gupx_vma_is_gate())
 * @entry: entry to fill
 *
 * This is the counterpart of get_gate_page(). It does not take a lock, because the page
 * tables of the gate page belong to the kernel and are never freed. The page is
 * readable if its PTE is present and has the user bit.
 *
 * Return: true if the page is readable.
 */
bool gupx_entry_read_gate(struct mm_struct *mm, unsigned long addr,
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
	if (!pte_present(pte) || !gupx_arch_is_user(pte) ||
	    !pfn_valid(pte_pfn(pte)))
		return false;
	entry->nr = 1;
	set_entry_page(entry, pte_page(pte));
	entry->facts = GUPX_E_PAGE | get_page_facts(entry->folio, entry->page);
	return true;
}
