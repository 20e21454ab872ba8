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
 * away under it, but by UNPIN, which zaps the mapping first. What may be written was
 * pinned for writing, and is marked dirty when it is released.
 *
 * What the window passes by: the target's soft-dirty and userfaultfd marks. After
 * exec or MADV_DONTNEED in the target it shows the page that was pinned, not the
 * one that is there now.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/userfaultfd_k.h>

#include "pinset.h"
#include "run.h"
#include "window.h"

/*
 * May the mapping show the page? A mapping is judged by what it may ever do: mprotect()
 * takes VM_WRITE away and gives it back without asking, and opens entries that are
 * there. So where it may be writable, all it shows may be written.
 */
static bool may_show(const struct vm_area_struct *vma, u32 flags)
{
	/* The set may have grown since it was mapped. */
	if (flags & GUPX_RUN_SHORT)
		return false;
	if (!(vma->vm_flags & VM_MAYWRITE))
		return true;
	return (flags & GUPX_RUN_WRITE) && !(flags & GUPX_RUN_ZERO);
}

static vm_fault_t insert_page(struct vm_fault *vmf, struct gupx_pinset *set)
{
	struct vm_area_struct *vma = vmf->vma;
	struct gupx_run found;

	if (gupx_pinset_find(set, vmf->pgoff, &found) != GUPX_FOUND_PAGE)
		return VM_FAULT_SIGBUS;
	if (!may_show(vma, found.flags))
		return VM_FAULT_SIGBUS;
	if (gupx_run_page_is_poisoned(found.page))
		return VM_FAULT_HWPOISON;
	return vmf_insert_pfn(vma, vmf->address, page_to_pfn(found.page));
}

/*
 * Take the set's lock. As long as it is not free, the mmap_lock is dropped, so that a
 * holder who is slow does not keep other threads from the address space. TTM waits for
 * a buffer's lock in the same way. The mmap_lock is held, not a lock of the VMA alone:
 * vmf_can_call_fault() requires map_pages() for the latter.
 *
 * Return: 0, lock held; or the answer to the fault.
 */
static vm_fault_t lock_set(struct vm_fault *vmf, struct gupx_pinset *set)
{
	struct file *file;

	if (gupx_pinset_trylock(set))
		return 0;
	if (!fault_flag_allow_retry_first(vmf->flags))
		return gupx_pinset_lock(set) ? VM_FAULT_SIGBUS : 0;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	/* The mapping, and with it the set, may go without the mmap_lock. */
	file = get_file(vmf->vma->vm_file);
	mmap_read_unlock(vmf->vma->vm_mm);
	if (!gupx_pinset_lock(set))
		gupx_pinset_unlock(set);
	fput(file);
	return VM_FAULT_RETRY;
}

/* Under the set's lock: who releases the page zaps the entry afterwards. */
static vm_fault_t handle_fault(struct vm_fault *vmf)
{
	struct gupx_pinset *set = vmf->vma->vm_private_data;
	vm_fault_t answer;

	/*
	 * Linux "userfaultfd: UFFD_FEATURE_WP_ASYNC", in v6.7, protects any
	 * mapping. It leaves a marker in an empty entry, which vmf_insert_pfn()
	 * takes for a page: the fault would be taken for ever.
	 */
	if (userfaultfd_wp(vmf->vma))
		return VM_FAULT_SIGBUS;

	answer = lock_set(vmf, set);
	if (answer)
		return answer;
	answer = insert_page(vmf, set);
	gupx_pinset_unlock(set);
	return answer;
}

static void open_window(struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_MAYWRITE)
		gupx_pinset_dup_window(vma->vm_private_data);
}

static void close_window(struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_MAYWRITE)
		gupx_pinset_close_window(vma->vm_private_data);
}

static const struct vm_operations_struct window_ops = {
	.open = open_window,
	.close = close_window,
	.fault = handle_fault,
};

/**
 * gupx_window_map() - map a pin set
 * @set: kept by the file that is mapped
 * @vma: the new mapping, not yet seen by anyone
 *
 * Return: 0; -ENODEV: this kernel checks page tables; -EINVAL: not a shared mapping; -EPERM: executable, or the set is sealed
 * against it or has pins not fit to be held; -EACCES: writable, and not all was pinned
 * for writing.
 */
int gupx_window_map(struct gupx_pinset *set, struct vm_area_struct *vma)
{
	const bool write = vma->vm_flags & VM_WRITE;
	vm_flags_t clear = VM_MAYEXEC;
	int error;

	if (!(vma->vm_flags & VM_MAYSHARE) || is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (gupx_compat_checks_tables())
		return -ENODEV;
	error = gupx_pinset_open_window(set, write);
	if (error)
		return error;
	/* Or mprotect() would grant later what was not asked, nor checked, now. */
	if (!write)
		clear |= VM_MAYWRITE;
	vm_flags_mod(vma,
		     VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP |
			     VM_DONTCOPY,
		     clear);
	vma->vm_private_data = set;
	vma->vm_ops = &window_ops;
	return 0;
}
