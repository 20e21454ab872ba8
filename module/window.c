// SPDX-License-Identifier: GPL-2.0
/*
 * The window: pinned pages mapped into the holder, without a copy.
 *
 * Frames, not pages: vm_insert_page() refuses anonymous pages, so the mapping is
 * VM_PFNMAP and each entry is put in by vmf_insert_pfn() when it is touched. That
 * function BUG()s on a mapping that could copy on write, private and read-only
 * ones included: so only shared mappings, for good.
 *
 * The mapping holds the file, the file the set, the set the pins: no frame goes
 * away under it. What may be written was pinned for writing, and is marked dirty
 * when it is released.
 *
 * What the window passes by: the target's soft-dirty and userfaultfd marks. After
 * exec or MADV_DONTNEED in the target it shows the page that was pinned, not the
 * one that is there now.
 */
#include <linux/mm.h>

#include "pin.h"
#include "pinset.h"
#include "window.h"

/*
 * A mapping is judged by what it may ever do: mprotect() takes VM_WRITE away and gives
 * it back without asking, and opens entries that are there. So where it may be writable,
 * all it shows may be written.
 */
static bool may_be_written(u32 flags)
{
	return (flags & GUPX_RUN_WRITE) && !(flags & GUPX_RUN_ZERO);
}

static vm_fault_t fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct gupx_pinset *set = vma->vm_private_data;
	struct gupx_run found;

	if (!gupx_pinset_find(set, vmf->pgoff, &found))
		return VM_FAULT_SIGBUS;
	if (PageHWPoison(found.page))
		return VM_FAULT_HWPOISON;
	/* The set may have grown since it was mapped. */
	if (found.flags & GUPX_RUN_SHORT)
		return VM_FAULT_SIGBUS;
	if ((vma->vm_flags & VM_MAYWRITE) && !may_be_written(found.flags))
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vma, vmf->address, page_to_pfn(found.page));
}

static const struct vm_operations_struct window_ops = {
	.fault = fault,
};

static int check(struct gupx_pinset *set, const struct vm_area_struct *vma)
{
	struct gupx_pinset_totals totals;

	if (!(vma->vm_flags & VM_MAYSHARE) || is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	gupx_pinset_totals(set, &totals);
	if (totals.short_pages)
		return -EPERM;
	if ((vma->vm_flags & VM_WRITE) && totals.write_pages != totals.pages)
		return -EACCES;
	return 0;
}

/**
 * gupx_window_map() - map a pin set
 * @set: kept by the file that is mapped
 * @vma: the new mapping, not yet seen by anyone
 *
 * Return: 0; -EINVAL: not a shared mapping; -EPERM: executable, or the set has
 * pins not fit to be held; -EACCES: writable, and not all was pinned for writing.
 */
int gupx_window_map(struct gupx_pinset *set, struct vm_area_struct *vma)
{
	vm_flags_t clear = VM_MAYEXEC;
	const int error = check(set, vma);

	if (error)
		return error;
	/* Or mprotect() would grant later what was not asked, nor checked, now. */
	if (!(vma->vm_flags & VM_WRITE))
		clear |= VM_MAYWRITE;
	vm_flags_mod(vma,
		     VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP |
			     VM_DONTCOPY,
		     clear);
	vma->vm_private_data = set;
	vma->vm_ops = &window_ops;
	return 0;
}
