/* SPDX-License-Identifier: GPL-2.0 */
/*
 * This file handles all differences between kernels. It is included before each source
 * file. The rest of the module is written for the newest kernel. compat.sh determines the
 * GUPX_HAVE_* macros and cites the upstream commits.
 *
 * If the module cannot emulate a feature of newer kernels, a gupx_can_...() function
 * returns whether the kernel has the feature. The code uses these functions in plain C
 * conditions.
 */
#ifndef GUPX_COMPAT_H
#define GUPX_COMPAT_H

#include <linux/anon_inodes.h>
#include <linux/mm.h>
#include <linux/hugetlb.h>
#include <linux/memremap.h>
#include <linux/page_table_check.h>
#include <linux/sched/coredump.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <linux/swapops.h>
/* userfaultfd_k.h includes it only with CONFIG_USERFAULTFD. */
#include <linux/userfaultfd.h>
#include <linux/userfaultfd_k.h>
#if GUPX_HAVE_LEAF_ENTRIES
#include <linux/leafops.h>
#endif
#ifdef CONFIG_X86_64
#include <asm/mmu.h>
#endif

/* Define each FOLL_* flag that this kernel does not have as 0, which has no effect. */
#if GUPX_HAVE_FOLL_INTERRUPTIBLE
#define GUPX_FOLL_INTERRUPTIBLE FOLL_INTERRUPTIBLE
#else
#define GUPX_FOLL_INTERRUPTIBLE 0
#endif

#if GUPX_HAVE_FOLL_HONOR_NUMA_FAULT
#define GUPX_FOLL_HONOR_NUMA FOLL_HONOR_NUMA_FAULT
#else
#define GUPX_FOLL_HONOR_NUMA 0
#endif

static inline long gupx_compat_pin_remote(struct mm_struct *mm,
					  unsigned long addr, unsigned long nr,
					  unsigned int foll,
					  struct page **pages, int *locked)
{
#if GUPX_HAVE_REMOTE_WITHOUT_VMAS
	return pin_user_pages_remote(mm, addr, nr, foll, pages, locked);
#else
	/*
	 * On this kernel, pin_user_pages_remote() refuses FOLL_LONGTERM if @locked is not
	 * NULL.
	 */
	return pin_user_pages_remote(mm, addr, nr, foll, pages, NULL,
				     foll & FOLL_LONGTERM ? NULL : locked);
#endif
}

static inline long gupx_compat_get_remote(struct mm_struct *mm,
					  unsigned long addr, unsigned long nr,
					  unsigned int foll,
					  struct page **pages, int *locked)
{
#if GUPX_HAVE_REMOTE_WITHOUT_VMAS
	return get_user_pages_remote(mm, addr, nr, foll, pages, locked);
#else
	return get_user_pages_remote(mm, addr, nr, foll, pages, NULL, locked);
#endif
}

/* Row E8z: check if this kernel leaves pins of the zero page uncounted. */
static inline bool gupx_can_skip_zero_page(void)
{
	return GUPX_HAVE_UNCOUNTED_ZERO_PAGE;
}

/* Row E7 (b): check if UNSHARE faults work on file pages. */
static inline bool gupx_can_unshare_file(void)
{
	return GUPX_HAVE_UNSHARE_FILE;
}

/* Row O4: check if the kernel's engine migrates hugetlb pages for long-term pins. */
static inline bool gupx_can_migrate_hugetlb(void)
{
	return GUPX_HAVE_MIGRATE_HUGETLB;
}

/*
 * Row O1 (mm_set_has_pinned_flag()). Test the bit before setting it: the bit is never
 * cleared, and an unnecessary write would take the cache line from other CPUs.
 */
static inline void gupx_compat_mark_pinned(struct mm_struct *mm)
{
#if GUPX_HAVE_MM_FLAGS_BITMAP
	if (!mm_flags_test(MMF_HAS_PINNED, mm))
		mm_flags_set(MMF_HAS_PINNED, mm);
#else
	if (!test_bit(MMF_HAS_PINNED, &mm->flags))
		set_bit(MMF_HAS_PINNED, &mm->flags);
#endif
}

#if !GUPX_HAVE_DEVMAP
static inline bool pte_devmap(pte_t pte)
{
	return false;
}

static inline bool pmd_devmap(pmd_t pmd)
{
	return false;
}

static inline bool pud_devmap(pud_t pud)
{
	return false;
}
#endif

#if !GUPX_HAVE_PMD_SPECIAL
static inline bool pmd_special(pmd_t pmd)
{
	return false;
}
#endif

/*
 * A kernel with page_table_check=on counts the entries that map each page, and stops with
 * BUG() if an anonymous page has two and one is writable: Linux df4e817b7108 ("mm: page table
 * check"), in v5.17. It counts the PMD entries of a window. Some kernels do not count its PTEs
 * ("mm/page_table_check: do not track special PFN-mapped PTEs"), but no probe can find out
 * which, because that commit changes no header.
 */
static inline bool gupx_can_have_windows(void)
{
#ifdef CONFIG_PAGE_TABLE_CHECK
	return static_branch_likely(&page_table_check_disabled);
#else
	return true;
#endif
}

/*
 * A window maps a huge page by a PMD entry only if such an entry is marked as special. Without
 * the mark, get_user_pages_fast() would take references on the pages of the window. The mark
 * was added by Linux 3c8e44c9b369 ("mm: mark special bits for huge pfn mappings when inject"),
 * in v6.12.
 */
#if GUPX_HAVE_PMD_SPECIAL && defined(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)
#if GUPX_HAVE_PFN_T
#include <linux/pfn_t.h>
#endif

#define GUPX_HUGE_FAULT(handler) .huge_fault = (handler),

static inline vm_fault_t gupx_compat_insert_huge(struct vm_fault *vmf,
						 unsigned long pfn)
{
#if GUPX_HAVE_PFN_T
	return vmf_insert_pfn_pmd(vmf, pfn_to_pfn_t(pfn),
				  vmf->flags & FAULT_FLAG_WRITE);
#else
	return vmf_insert_pfn_pmd(vmf, pfn, vmf->flags & FAULT_FLAG_WRITE);
#endif
}
#else
#define GUPX_HUGE_FAULT(handler)

static inline vm_fault_t gupx_compat_insert_huge(struct vm_fault *vmf,
						 unsigned long pfn)
{
	return VM_FAULT_FALLBACK;
}
#endif

#if !GUPX_HAVE_VM_FLAGS_MOD
static inline void vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set,
				vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

#if !GUPX_HAVE_VMA_IS_COW
static inline bool vma_is_cow_mapping(const struct vm_area_struct *vma)
{
	return is_cow_mapping(vma->vm_flags);
}
#endif

#if !GUPX_HAVE_UFFD_RWP
static inline bool userfaultfd_rwp(struct vm_area_struct *vma)
{
	return false;
}

/* The self-check compiles with these, but does not use them: see gupx_can_trap_access(). */
#define UFFD_FEATURE_RWP 0
#define UFFDIO_REGISTER_MODE_RWP 0
#define UFFDIO_RWPROTECT_MODE_RWP 0
#define UFFDIO_RWPROTECT 0
struct uffdio_rwprotect {
	struct uffdio_range range;
	__u64 mode;
};
#endif

/* Row E3b: userfaultfd can trap each access to a page. */
static inline bool gupx_can_trap_access(void)
{
	return GUPX_HAVE_UFFD_RWP;
}

/*
 * Row V1: check if a mapping is [vvar], so that it can be refused like a mapping with
 * VM_IO. The page faults of [vvar] return SIGBUS if the caller is not the target. On older
 * kernels, [vvar] has VM_IO and VM_PFNMAP; Linux 7.3 only sets VM_MIXEDMAP, so check the
 * name.
 */
static inline bool gupx_compat_is_vvar(struct vm_area_struct *vma)
{
	const char *name;

	if (!(vma->vm_flags & VM_MIXEDMAP) || vma->vm_file || !vma->vm_ops ||
	    !vma->vm_ops->name)
		return false;
	name = vma->vm_ops->name(vma);
	return name && !strcmp(name, "[vvar]");
}

/* Return: true if @pte, which is not present, is the marker of a guard region. */
static inline bool gupx_compat_is_guard(pte_t pte)
{
#if !GUPX_HAVE_GUARD_REGIONS
	return false;
#elif GUPX_HAVE_LEAF_ENTRIES
	return softleaf_is_guard_marker(softleaf_from_pte(pte));
#else
	return is_guard_swp_entry(pte_to_swp_entry(pte));
#endif
}

/* Read all flags of a page at once. The flags include the node and the zone of the page. */
static inline unsigned long gupx_compat_page_flags(const struct page *page)
{
#if GUPX_HAVE_MEMDESC_FLAGS
	return READ_ONCE(page->flags.f);
#else
	return READ_ONCE(page->flags);
#endif
}

/* Page flag of idle page tracking. An access to a page clears this flag. */
#ifdef CONFIG_PAGE_IDLE_FLAG
#define GUPX_PG_IDLE BIT(PG_idle)
#else
#define GUPX_PG_IDLE 0UL
#endif

/* Row O4: mask of the migrate type in the bits of a pageblock. */
#if GUPX_HAVE_ISOLATION_BIT
#define GUPX_MIGRATETYPE_MASK \
	(BIT(PB_migrate_0) | BIT(PB_migrate_1) | BIT(PB_migrate_2))
#else
#define GUPX_MIGRATETYPE_MASK MIGRATETYPE_MASK
#endif

/* Row O4: check if a pageblock is isolated. @bits are its migrate type bits. */
static inline bool gupx_compat_is_isolated(unsigned long bits)
{
#if !defined(CONFIG_MEMORY_ISOLATION)
	return false;
#elif GUPX_HAVE_ISOLATION_BIT
	return bits & BIT(PB_migrate_isolate);
#else
	return (bits & GUPX_MIGRATETYPE_MASK) == MIGRATE_ISOLATE;
#endif
}

/* Return: number of isolated pageblocks of a zone. */
static inline unsigned long gupx_compat_count_isolated(const struct zone *zone)
{
#ifdef CONFIG_MEMORY_ISOLATION
	return READ_ONCE(zone->nr_isolate_pageblock);
#else
	return 0;
#endif
}

/* Row E8p: only kernels with FOLL_PCI_P2PDMA refuse peer-to-peer pages. */
static inline bool gupx_compat_is_p2pdma(const struct page *page)
{
	return GUPX_HAVE_FOLL_PCI_P2PDMA && is_pci_p2pdma_page(page);
}

/*
 * Check if the driver of the VMA has a function that finds the pages of special entries.
 * One such driver is gntdev of Xen. The module cannot find these pages itself, so it
 * delegates such entries to the kernel's engine.
 */
static inline bool gupx_compat_finds_pages(const struct vm_area_struct *vma)
{
#if GUPX_HAVE_FIND_SPECIAL_PAGE
	return vma->vm_ops && vma->vm_ops->find_special_page;
#elif defined(CONFIG_FIND_NORMAL_PAGE)
	return vma->vm_ops && vma->vm_ops->find_normal_page;
#else
	return false;
#endif
}

#ifdef CONFIG_HUGETLB_PAGE
/* Return: index of a hugetlb page in its file's page cache. */
static inline pgoff_t gupx_compat_hugetlb_index(struct vm_area_struct *vma,
						unsigned long addr)
{
	const pgoff_t index =
		((addr - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff;
	const unsigned int order = huge_page_order(hstate_vma(vma));

	return GUPX_HAVE_HUGETLB_CACHE_IN_PAGES ? index : index >> order;
}
#endif

/* Row L7: check if this mm has a vsyscall page, on kernels that emulate vsyscall. */
static inline bool gupx_compat_has_vsyscall(struct mm_struct *mm)
{
#ifndef CONFIG_X86_VSYSCALL_EMULATION
	return false;
#elif GUPX_HAVE_MM_CONTEXT_BITS
	return test_bit(MM_CONTEXT_HAS_VSYSCALL, &mm->context.flags);
#else
	return mm->context.flags & MM_CONTEXT_HAS_VSYSCALL;
#endif
}

/*
 * untagged_addr_remote() was added by Linux 428e106ae1ad ("mm: Introduce
 * untagged_addr_remote()"), in v6.4. Older kernels do not support address tags on x86.
 */
#ifndef untagged_addr_remote
#define untagged_addr_remote(mm, addr) untagged_addr(addr)
#endif

/* Row L2: check if this kernel supports address tags. */
static inline bool gupx_can_tag_addresses(void)
{
	return !IS_ENABLED(CONFIG_X86) || IS_ENABLED(CONFIG_ADDRESS_MASKING);
}

/*
 * The machines that run the tests of row L2 do not support address tags. So the tests set
 * the bits of gupx_tag_mask in addresses, and gupx_target_untag() removes these bits as if
 * they were a tag. Installed modules do not contain this code.
 */
#ifdef GUPX_TESTS
extern unsigned long gupx_tag_mask;
#else
#define gupx_tag_mask 0UL
#endif

static inline unsigned long gupx_compat_mask_tag(unsigned long addr)
{
	return addr & ~gupx_tag_mask;
}

/*
 * Linux "fs: Rename anon_inode_getfile_secure() and anon_inode_getfd_secure()", in v6.7,
 * added anon_inode_create_getfile(). That function creates a separate inode for the file,
 * and security modules can label the inode. Older kernels export only
 * anon_inode_getfd_secure(). This module cannot use that function, because the function
 * installs the descriptor at once, when no page is pinned yet.
 */
static inline struct file *
gupx_compat_anon_file(const char *name, const struct file_operations *fops,
		      void *data, int flags)
{
#if GUPX_HAVE_ANON_INODE_CREATE
	return anon_inode_create_getfile(name, fops, data, flags, NULL);
#else
	return anon_inode_getfile(name, fops, data, flags);
#endif
}

/* Make a file of shared memory without a name in any file system. */
static inline struct file *gupx_compat_shmem_file(const char *name, loff_t size)
{
#if GUPX_HAVE_SHMEM_VMA_FLAGS
	return shmem_file_setup(name, size, EMPTY_VMA_FLAGS);
#else
	return shmem_file_setup(name, size, VM_NONE);
#endif
}

/* Check if the tests of gupx have run on this version of Linux. compat.mk has the list. */
static inline bool gupx_is_tested_kernel(void)
{
	return GUPX_TESTED_KERNEL;
}

/*
 * VM_SHADOW_STACK was added by Linux 54007f818206 ("mm: Introduce VM_SHADOW_STACK for
 * shadow stack memory").
 */
#ifndef VM_SHADOW_STACK
#define VM_SHADOW_STACK VM_NONE
#endif

#endif /* GUPX_COMPAT_H */
