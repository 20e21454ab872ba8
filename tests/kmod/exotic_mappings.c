// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that no interface of the kernel itself provides. The policy has rules for
 * such mappings, and tests of these rules need the mappings. Only for test VMs: the lab
 * builds this module and never installs it.
 *
 * Each open file has its own pages. A test can change the reference counts of these
 * pages. The module restores the counts before it frees the pages.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page_ref.h>
#include <linux/pgtable.h>
#include <linux/slab.h>

#include "exotic_mappings.h"

/*
 * First page frame that an EXOTIC_FRAMES mapping maps. The frame is above the memory of
 * all test VMs, so it has no struct page. The frame is within the physical address
 * width, so a page table entry can contain it. Nothing accesses memory at the address
 * of the frame.
 */
#define FIRST_FRAME ((1UL << 38) >> PAGE_SHIFT)

/**
 * struct pages - a folio that belongs to an open file
 * @page: first page
 * @order: log2 of the number of pages
 * @added: number of references that the test added
 */
struct pages {
	struct page *page;
	unsigned int order;
	int added;
};

/**
 * struct mappings - state of one open file
 * @small: the page that EXOTIC_SMALL maps
 * @large: the folio that EXOTIC_LARGE and EXOTIC_DOWN map
 */
struct mappings {
	struct pages small;
	struct pages large;
};

static int get_pages(struct pages *pages, unsigned int order)
{
	pages->order = order;
	pages->page = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_COMP, order);
	return pages->page ? 0 : -ENOMEM;
}

static void put_pages(struct pages *pages)
{
	if (!pages->page)
		return;
	page_ref_sub(pages->page, pages->added);
	put_page(pages->page);
}

static int open(struct inode *inode, struct file *file)
{
	struct mappings *mappings = kzalloc(sizeof(*mappings), GFP_KERNEL);

	if (!mappings)
		return -ENOMEM;
	if (get_pages(&mappings->small, 0) ||
	    get_pages(&mappings->large, EXOTIC_LARGE_ORDER)) {
		put_pages(&mappings->small);
		put_pages(&mappings->large);
		kfree(mappings);
		return -ENOMEM;
	}
	file->private_data = mappings;
	return 0;
}

static int release(struct inode *inode, struct file *file)
{
	struct mappings *mappings = file->private_data;

	put_pages(&mappings->small);
	put_pages(&mappings->large);
	kfree(mappings);
	return 0;
}

static vm_fault_t bring_frame(struct vm_fault *vmf)
{
	return vmf_insert_pfn(vmf->vma, vmf->address, FIRST_FRAME + vmf->pgoff);
}

static const struct vm_operations_struct frames_ops = {
	.fault = bring_frame,
};

static const struct vm_operations_struct no_fault_ops = {};

static int insert_pages(struct vm_area_struct *vma, const struct pages *pages,
			bool down)
{
	const unsigned long nr = min(vma_pages(vma), 1UL << pages->order);
	unsigned long i;
	int error = 0;

	vma->vm_ops = &no_fault_ops;
	for (i = 0; i < nr && !error; i++)
		error = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE,
				       pages->page + (down ? nr - 1 - i : i));
	return error;
}

static int mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct mappings *mappings = file->private_data;

	switch (vma->vm_pgoff) {
	case EXOTIC_FRAMES:
		vm_flags_mod(vma, VM_MIXEDMAP, 0);
		vma->vm_ops = &frames_ops;
		return 0;
	case EXOTIC_NO_FAULT:
		vma->vm_ops = &no_fault_ops;
		return 0;
	case EXOTIC_SMALL:
		return insert_pages(vma, &mappings->small, false);
	case EXOTIC_LARGE:
		return insert_pages(vma, &mappings->large, false);
	case EXOTIC_DOWN:
		return insert_pages(vma, &mappings->large, true);
	default:
		return -EINVAL;
	}
}

/*
 * Add @nr to the reference count of a page. Do not check for overflow, because a test
 * may want the count to overflow.
 */
static long add(struct pages *pages, int nr)
{
	page_ref_add(pages->page, nr);
	pages->added = (int)((unsigned int)pages->added + (unsigned int)nr);
	return 0;
}

static pmd_t *pmd_of(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud) || pud_leaf(*pud))
		return NULL;
	pmd = pmd_offset(pud, addr);
	return pmd_none(*pmd) || pmd_leaf(*pmd) ? NULL : pmd;
}

/*
 * Clear the accessed and dirty bits of the PTE for @addr in the calling process. The
 * page table is not freed during this, because mmap_lock is held for writing. Return:
 * the previous bits, or -ENOENT if no page is mapped at @addr.
 */
static long age(struct mm_struct *mm, unsigned long addr)
{
	long marks = -ENOENT;
	spinlock_t *ptl;
	pte_t *ptep;
	pmd_t *pmd;
	pte_t pte;

	mmap_write_lock(mm);
	pmd = pmd_of(mm, addr);
	if (!pmd)
		goto unlock;
	ptl = pte_lockptr(mm, pmd);
	spin_lock(ptl);
	ptep = pte_offset_kernel(pmd, addr);
	pte = READ_ONCE(*ptep);
	if (pte_present(pte)) {
		marks = (pte_young(pte) ? EXOTIC_YOUNG : 0) |
			(pte_dirty(pte) ? EXOTIC_DIRTY : 0);
		/* set_pte_at() of arm64 calls functions that are not exported. */
		set_pte(ptep, pte_mkold(pte_mkclean(pte)));
	}
	spin_unlock(ptl);
unlock:
	mmap_write_unlock(mm);
	return marks;
}

/*
 * Hold mmap_lock for writing, as a slow exec or munmap() in the calling process would.
 */
static long hold(struct mm_struct *mm, unsigned int ms)
{
	mmap_write_lock(mm);
	msleep_interruptible(ms);
	mmap_write_unlock(mm);
	return 0;
}

static long control(struct file *file, unsigned int command,
		    unsigned long argument)
{
	struct mappings *mappings = file->private_data;

	switch (command) {
	case EXOTIC_ADD_SMALL:
		return add(&mappings->small, argument);
	case EXOTIC_ADD_LARGE:
		return add(&mappings->large, argument);
	case EXOTIC_COUNT_SMALL:
		return page_ref_count(mappings->small.page);
	case EXOTIC_COUNT_LARGE:
		return page_ref_count(mappings->large.page);
	case EXOTIC_AGE:
		return age(current->mm, argument);
	case EXOTIC_HOLD:
		return hold(current->mm, argument);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = open,
	.release = release,
	.mmap = mmap,
	.unlocked_ioctl = control,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gupx-exotic-mappings",
	.fops = &operations,
};

module_misc_device(device);

MODULE_DESCRIPTION("Memory that no stock mapping offers, for tests only");
MODULE_LICENSE("GPL");
