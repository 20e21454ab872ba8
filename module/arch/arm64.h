/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arm64: access to raw page-table entries. arch/x86.h documents the functions.
 *
 * PTEs, PMDs and PUDs have the same layout: the frame number starts at bit PAGE_SHIFT, and
 * the bits below and above the frame number are attributes. With 52-bit physical addresses
 * (LPA, LPA2), some low attribute bits are the high bits of the frame number instead.
 *
 * Attributes of an entry, as far as they matter here:
 *
 * - Contiguous bit: it is set in a block of entries that map consecutive pages (16 entries,
 *   with base pages of 4 KiB). No fact depends on it, but it is compared like all other bits.
 *   The entries of a block either all have it or all lack it, so this costs at most one more
 *   look by the slow path per block.
 * - Accessed flag: the CPU may set it at any time, in only one of the entries of a contiguous
 *   block. It is ignored.
 * - Dirty state: DBM means that the entry is writable. The CPU clears RDONLY at the first
 *   write, in only one of the entries of a contiguous block. Both bits are compared. An entry
 *   that looks clean although its block is dirty only causes the page to be marked dirty
 *   again, which is harmless.
 */
#ifndef GUPX_ARCH_ARM64_H
#define GUPX_ARCH_ARM64_H

#include <linux/bitops.h>
#include <linux/cacheflush.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

static inline pteval_t gupx_arch_pfn_mask(unsigned int shift)
{
	return PTE_ADDR_LOW & ~((pteval_t)BIT_ULL(shift) - 1);
}

/*
 * The frame numbers of PROT_NONE entries are plain. A frame number with bits that are stored
 * among the attributes is not plain. pte_pfn() knows which layout this machine uses, so
 * compare with it. Another entry that matches the attributes of a plain entry has no such
 * bits either, so it is plain too.
 */
static inline bool gupx_arch_has_plain_pfn(pteval_t entry)
{
	return pte_pfn(__pte(entry)) == (entry & PTE_ADDR_LOW) >> PAGE_SHIFT;
}

static inline pteval_t gupx_arch_set_accessed(pteval_t entry)
{
	return entry | PTE_AF;
}

static inline pteval_t gupx_arch_next_pfn(pteval_t entry)
{
	return entry + PAGE_SIZE;
}

static inline pteval_t gupx_arch_match_mask(void)
{
	return ~PTE_AF;
}

static inline pteval_t gupx_arch_match_value(pteval_t entry, pteval_t pfn_mask)
{
	return entry & ~(pfn_mask | PTE_AF);
}

static __always_inline unsigned long
gupx_arch_match_pfn(pteval_t entry, pteval_t value, pteval_t mask)
{
	return ror64((entry ^ value) & mask, PAGE_SHIFT);
}

static inline bool gupx_arch_is_user(pte_t pte)
{
	return pte_val(pte) & PTE_USER;
}

static inline bool gupx_arch_is_pud_dirty(pud_t pud)
{
	return pte_dirty(pud_pte(pud));
}

/*
 * set_pte_at() would call functions that are not exported. They synchronize the instruction
 * cache and the memory tags of the page, but this entry has no page. The CPU may set the
 * accessed flag or clear RDONLY meanwhile. If so, do nothing: then the target has just
 * accessed the memory itself.
 */
static inline void gupx_arch_update_pte(struct vm_area_struct *vma,
					unsigned long addr, pte_t *ptep,
					pte_t old, pte_t pte)
{
	cmpxchg_relaxed(&pte_val(*ptep), pte_val(old), pte_val(pte));
}

/*
 * A hugetlb page may be mapped by several PTEs or PMDs with the contiguous bit. The mark that
 * it is exclusive is on the head page, and its lock is not that of the table on all kernels.
 */
static inline bool gupx_arch_has_cont_hugetlb(void)
{
	return IS_ENABLED(CONFIG_HUGETLB_PAGE);
}

/*
 * Row L21 (flush_dcache_page()): PG_dcache_clean says that the instruction cache has been
 * synchronized with the page. The holder of the page may write to it, so clear the flag. If
 * the page is then mapped executable again, the kernel synchronizes the cache again.
 */
static inline unsigned long gupx_arch_flush_flag(void)
{
	return BIT(PG_dcache_clean);
}

/* Without a flush_dcache_folio() of its own, arm64 keeps a flag for each page. */
static inline void gupx_arch_flush_pages(struct folio *folio, struct page *page,
					 unsigned long nr)
{
#ifdef flush_dcache_folio
	flush_dcache_folio(folio);
#else
	if (folio_test_hugetlb(folio))
		flush_dcache_page(&folio->page);
	else
		while (nr--)
			flush_dcache_page(page++);
#endif
}

/*
 * Older kernels keep the flag for each page of a large folio. Since Linux "arm64: Implement
 * the new page table range API", in v6.6, only the head page has it, and the architecture has
 * its own flush_dcache_folio().
 */
static inline bool gupx_arch_flushes_head_only(void)
{
#ifdef flush_dcache_folio
	return true;
#else
	return false;
#endif
}

static inline bool gupx_arch_is_gate(unsigned long addr)
{
	return false;
}

#endif /* GUPX_ARCH_ARM64_H */
