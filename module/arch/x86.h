/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86-64: access to raw page-table entries, and the vsyscall page.
 *
 * PTEs, PMDs and PUDs have the same layout: the frame number starts at bit PAGE_SHIFT, and
 * the bits below and above the frame number are attributes. In huge entries, the lowest
 * bit of the frame number is an attribute (PAT) too.
 */
#ifndef GUPX_ARCH_X86_H
#define GUPX_ARCH_X86_H

#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <asm/cpufeature.h>
#ifdef CONFIG_X86_VSYSCALL_EMULATION
#include <asm/vsyscall.h>
#endif

/**
 * gupx_arch_has_plain_pfn() - check that an entry contains the plain frame number
 * @entry: raw entry that is not empty
 *
 * Under Xen PV, raw entries contain machine frame numbers. In PROT_NONE entries the
 * frame bits are inverted, as a mitigation for L1TF.
 *
 * Return: true if the frame bits are the frame number.
 */
static inline bool gupx_arch_has_plain_pfn(pteval_t entry)
{
	return !cpu_feature_enabled(X86_FEATURE_XENPV) &&
	       (entry & _PAGE_PRESENT);
}

/**
 * gupx_arch_set_accessed() - set the accessed bit of a raw entry
 * @entry: raw entry
 *
 * The CPU may set the accessed bit at any time. So set the accessed bit in two entries
 * before comparing the entries.
 *
 * Return: the entry with the bit set.
 */
static inline pteval_t gupx_arch_set_accessed(pteval_t entry)
{
	return entry | _PAGE_ACCESSED;
}

/**
 * gupx_arch_next_pfn() - step a raw PTE to the next frame
 * @entry: raw PTE with a plain frame number
 *
 * Return: the same entry with the frame number increased by one.
 */
static inline pteval_t gupx_arch_next_pfn(pteval_t entry)
{
	return entry + PAGE_SIZE;
}

/**
 * gupx_arch_match_mask() - get the bits in which an entry has to match a template
 *
 * Return: mask of all bits but the accessed bit, which does not affect any fact.
 */
static inline pteval_t gupx_arch_match_mask(void)
{
	return ~_PAGE_ACCESSED;
}

/**
 * gupx_arch_dirty_bits() - get the bits of an entry that record writes
 *
 * Requests for reading do not depend on these bits.
 *
 * Return: mask of the bits.
 */
static inline pteval_t gupx_arch_dirty_bits(void)
{
#ifdef _PAGE_DIRTY_BITS
	/* The name includes the bit that records a write to a read-only shadow stack. */
	return _PAGE_DIRTY_BITS | _PAGE_SOFT_DIRTY;
#else
	return _PAGE_DIRTY | _PAGE_SOFT_DIRTY;
#endif
}

/**
 * gupx_arch_writable_bit() - get the bit of an entry that allows writing
 *
 * Return: mask of the bit.
 */
static inline pteval_t gupx_arch_writable_bit(void)
{
	return _PAGE_RW;
}

#define gupx_arch_dirty_bits gupx_arch_dirty_bits
#define gupx_arch_writable_bit gupx_arch_writable_bit
#define gupx_arch_is_cached_normally gupx_arch_is_cached_normally

/**
 * gupx_arch_pfn_mask() - get the bits of an entry that are its frame number
 * @shift: PAGE_SHIFT for a PTE, PMD_SHIFT for a PMD leaf
 *
 * Return: mask of the bits.
 */
static inline pteval_t gupx_arch_pfn_mask(unsigned int shift)
{
	return shift == PAGE_SHIFT ? PTE_PFN_MASK : PHYSICAL_PMD_PAGE_MASK;
}

/**
 * gupx_arch_match_value() - get the attributes that other entries have to match
 * @entry: raw entry with a plain frame number
 * @pfn_mask: bits of the frame number, from gupx_arch_pfn_mask()
 *
 * Return: the entry without the frame number and the accessed bit.
 */
static inline pteval_t gupx_arch_match_value(pteval_t entry, pteval_t pfn_mask)
{
	return entry & ~(pfn_mask | _PAGE_ACCESSED);
}

/**
 * gupx_arch_match_pfn() - compare an entry with attributes and get its frame number
 * @entry: raw entry
 * @value: attributes to match, from gupx_arch_match_value()
 * @mask: bits to compare, from gupx_arch_match_mask()
 *
 * The XOR clears the attributes that match, and the rotation moves the frame number to bit
 * 0. The bits above and below the frame number are then above every frame number. If one of
 * them differs, it is set in the result. So the caller can check all these attributes with
 * a single comparison (pfn < end_pfn).
 *
 * Return: the frame number if all attributes match. If an attribute outside the frame bits
 * differs, the result is larger than every frame number. In a huge entry, the lowest frame
 * bits are attributes too. If one of them differs, the result is not aligned to the size of
 * the entry.
 */
static __always_inline unsigned long
gupx_arch_match_pfn(pteval_t entry, pteval_t value, pteval_t mask)
{
	return ror64((entry ^ value) & mask, PAGE_SHIFT);
}

/**
 * gupx_arch_is_user() - check that user space may access a page
 * @pte: present PTE of the page
 *
 * Return: true if the PTE has the user bit.
 */
static inline bool gupx_arch_is_user(pte_t pte)
{
	return pte_flags(pte) & _PAGE_USER;
}

/**
 * gupx_arch_is_pud_dirty() - check the dirty bit of a PUD leaf
 * @pud: leaf
 *
 * Return: true if the PUD is dirty.
 */
static inline bool gupx_arch_is_pud_dirty(pud_t pud)
{
	return pud_dirty(pud);
}

/**
 * gupx_arch_update_pte() - replace a PTE that maps a frame without a struct page
 * @vma: mapping of @addr
 * @addr: address that the PTE maps
 * @ptep: PTE, under its lock
 * @old: value that was read under the same lock
 * @pte: new value; differs from @old in the accessed or dirty bit only
 */
static inline void gupx_arch_update_pte(struct vm_area_struct *vma,
					unsigned long addr, pte_t *ptep,
					pte_t old, pte_t pte)
{
	set_pte_at(vma->vm_mm, addr, ptep, pte);
	update_mmu_cache(vma, addr, ptep);
}

/**
 * gupx_arch_has_cont_hugetlb() - check if several entries may map one hugetlb page
 *
 * Return: true if a hugetlb page may be mapped by several PTEs or PMDs.
 */
static inline bool gupx_arch_has_cont_hugetlb(void)
{
	return false;
}

/**
 * gupx_arch_flush_flag() - get the page flag that gupx_arch_flush_pages() clears
 *
 * Return: mask of the flag; 0 if nothing has to be flushed.
 */
static inline unsigned long gupx_arch_flush_flag(void)
{
	return 0;
}

/**
 * gupx_arch_flush_pages() - counterpart of flush_dcache_page() for pages of a folio
 * @folio: folio of the pages
 * @page: first page that is taken
 * @nr: number of pages
 */
static inline void gupx_arch_flush_pages(struct folio *folio, struct page *page,
					 unsigned long nr)
{
}

/**
 * gupx_arch_flushes_head_only() - check if only the head page of a folio has the flag
 *
 * Return: true if gupx_arch_flush_flag() of the head page holds for the folio.
 */
static inline bool gupx_arch_flushes_head_only(void)
{
	return true;
}

/**
 * gupx_arch_is_gate() - check for the address of the gate page
 * @addr: address to check
 *
 * Return: true if the address is in the vsyscall page.
 */
static inline bool gupx_arch_is_gate(unsigned long addr)
{
#ifdef CONFIG_X86_VSYSCALL_EMULATION
	return (addr & PAGE_MASK) == VSYSCALL_ADDR;
#else
	return false;
#endif
}

/**
 * gupx_arch_is_cached_normally() - check the caching of a page
 * @page: page of memory
 *
 * Drivers may change the caching of pages, for example to write-combining. The kernel records
 * the change in two page flags (set_page_memtype()), and vmf_insert_pfn() maps such a page
 * with the same caching. The name of the second flag depends on the kernel.
 *
 * Return: true if the page is cached (write-back).
 */
static inline bool gupx_arch_is_cached_normally(const struct page *page)
{
	unsigned long changed = BIT(PG_arch_1);

#ifdef CONFIG_ARCH_USES_PG_UNCACHED
	changed |= BIT(PG_uncached);
#endif
#ifdef CONFIG_ARCH_USES_PG_ARCH_2
	changed |= BIT(PG_arch_2);
#endif
	return !(gupx_compat_page_flags(page) & changed);
}

#endif /* GUPX_ARCH_X86_H */
