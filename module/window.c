// SPDX-License-Identifier: GPL-2.0
/*
 * The window: a mapping of pinned pages in the process that has the pin fd, without a
 * copy.
 *
 * vm_insert_page() refuses anonymous pages, so the mapping is VM_PFNMAP and its fault
 * handler inserts frame numbers with vmf_insert_pfn(). That function BUG()s on
 * copy-on-write mappings, even on read-only private ones, so a window must be a shared
 * mapping.
 *
 * The mapping holds the file, the file holds the set, and the set holds the pins. So no
 * frame is freed while it is mapped; UNPIN zaps the mapping first. Pages that can be
 * written through a window were pinned for writing, and are marked dirty on release.
 *
 * Writes through a window do not set the target's soft-dirty and userfaultfd marks. After
 * exec or MADV_DONTNEED in the target, the window shows the page that was pinned, not the
 * new one.
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
 * Check if the mapping may show the page. VM_MAYWRITE decides, not VM_WRITE: mprotect()
 * removes VM_WRITE and restores it without a callback, and makes existing entries
 * writable. So a mapping that may become writable only shows pages pinned for writing.
 */
static bool may_show(const struct vm_area_struct *vma, u32 flags)
{
	/* A PIN may have added short pins after the mmap(). */
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
 * Take the set's lock in a fault. While another task holds it, drop the mmap_lock, so that
 * a slow holder does not block other threads of this address space. TTM waits for a
 * buffer's lock in the same way (ttm_bo_vm_reserve()). The fault holds the mmap_lock and
 * not a VMA lock, because vmf_can_call_fault() requires map_pages() for the latter.
 *
 * Return: 0 with the lock held, or the result of the fault.
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
	/* Without the mmap_lock, only the file keeps the set. */
	file = get_file(vmf->vma->vm_file);
	mmap_read_unlock(vmf->vma->vm_mm);
	if (!gupx_pinset_lock(set))
		gupx_pinset_unlock(set);
	fput(file);
	return VM_FAULT_RETRY;
}

/* The set's lock excludes UNPIN, which takes the page out of the set and zaps the entry. */
static vm_fault_t handle_fault(struct vm_fault *vmf)
{
	struct gupx_pinset *set = vmf->vma->vm_private_data;
	vm_fault_t ret;

	/*
	 * An entry that userfaultfd write-protects while it is empty holds a marker.
	 * vmf_insert_pfn() treats the marker as a mapped page, so the fault would repeat
	 * forever. No known kernel registers a VM_PFNMAP mapping (vma_can_userfault()).
	 */
	if (userfaultfd_wp(vmf->vma))
		return VM_FAULT_SIGBUS;

	ret = lock_set(vmf, set);
	if (ret)
		return ret;
	ret = insert_page(vmf, set);
	gupx_pinset_unlock(set);
	return ret;
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
 * @set: pin set; the mapped file keeps it alive
 * @vma: new mapping that is not visible yet
 *
 * Return: 0; -EINVAL: the mapping is not shared; -EPERM: the mapping is executable, or the
 * set is sealed against it or has short pins; -EACCES: the mapping is writable, and not
 * every page was pinned for writing; -EINTR.
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
	error = gupx_pinset_open_window(set, write);
	if (error)
		return error;
	/* Otherwise mprotect() could make it writable later, without these checks. */
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
