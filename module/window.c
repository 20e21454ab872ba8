// SPDX-License-Identifier: GPL-2.0
/*
 * The window: a mapping of a pin fd. It maps the pinned pages themselves, so that a process
 * that has the pin fd can access the pages without copying them.
 *
 * vm_insert_page() refuses anonymous pages, so the mapping is VM_PFNMAP and its fault
 * handler inserts frame numbers with vmf_insert_pfn(). The handler also maps the pages around
 * the fault. It writes their entries itself, which is much faster. vmf_insert_pfn() BUG()s on
 * copy-on-write mappings, even on read-only private ones, so a window must be a shared
 * mapping.
 *
 * The mapping has a reference on the file, the file owns the set, and the set owns the
 * pins. So no page is freed while a window maps it. UNPIN unmaps pages from all windows
 * before it releases them. Only pages that were pinned for writing can be written through a
 * window; such pages are marked dirty on release.
 *
 * Writes through a window do not set the target's soft-dirty and userfaultfd marks. After
 * exec or MADV_DONTNEED in the target, the window still shows the page that was pinned.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/userfaultfd_k.h>

#include "arch.h"
#include "pinset.h"
#include "run.h"
#include "window.h"

/*
 * Number of pages that a fault maps: an aligned block of this size. The block must not exceed
 * what one page table maps.
 */
#define AROUND_PAGES 64UL

static_assert(AROUND_PAGES <= PTRS_PER_PTE);

/*
 * Check if the mapping may show a page. If mprotect() could make the mapping writable
 * (VM_MAYWRITE), the mapping may only show pages that were pinned for writing. A check of
 * VM_WRITE would not be enough: mprotect() can set VM_WRITE later without calling the
 * module, and then also makes the existing page-table entries writable.
 */
static bool may_show(const struct vm_area_struct *vma, u32 flags)
{
	/*
	 * A window must not show pages with short-term pins. gupx_window_map() refuses a
	 * set with short-term pins, but such a pin may have been added after the mmap().
	 */
	if (flags & GUPX_RUN_SHORT)
		return false;
	if (!(vma->vm_flags & VM_MAYWRITE))
		return true;
	return (flags & GUPX_RUN_WRITE) && !(flags & GUPX_RUN_ZERO);
}

/*
 * Find the page at an index of the pin fd. Set @found to the rest of its run.
 *
 * Return: 0 if the window may show the page, or the result of a fault on the page.
 */
static vm_fault_t find_page(const struct vm_area_struct *vma, u64 index,
			    struct gupx_run *found)
{
	struct gupx_pinset *set = vma->vm_private_data;

	if (gupx_pinset_find(set, index, found) != GUPX_FOUND_PAGE)
		return VM_FAULT_SIGBUS;
	if (!may_show(vma, found->flags))
		return VM_FAULT_SIGBUS;
	return gupx_run_page_is_poisoned(found->flags, found->page)
		       ? VM_FAULT_HWPOISON
		       : 0;
}

/**
 * struct neighbours - pages around a fault
 * @vma: window
 * @run: rest of the run that contains the next page; its @nr is 0 if the run is not known
 */
struct neighbours {
	struct vm_area_struct *vma;
	struct gupx_run run;
};

/*
 * Map a page near a fault. Like the page of the fault, the page is only mapped if the window
 * may show it. Otherwise its entry stays empty, so that an access raises the signal. The
 * entry also stays empty if the kernel may have changed how the page is cached;
 * vmf_insert_pfn() then finds out the type of its memory when the page is accessed.
 */
static int insert_neighbour(pte_t *pte, unsigned long addr, void *data)
{
	struct neighbours *around = data;
	struct vm_area_struct *vma = around->vma;
	struct gupx_run *run = &around->run;
	struct page *page;

	if (!run->nr) {
		if (find_page(vma, linear_page_index(vma, addr), run)) {
			run->nr = 0;
			return 0;
		}
	} else if (gupx_run_page_is_poisoned(run->flags, run->page)) {
		run->nr = 0;
		return 0;
	}
	page = run->page;
	run->nr--;
	if (!(run->flags & GUPX_RUN_ZERO))
		run->page++;
	if (!pte_none(ptep_get(pte)) || is_zone_device_page(page) ||
	    !gupx_arch_is_cached_normally(page))
		return 0;
	set_pte_at(
		vma->vm_mm, addr, pte,
		pte_mkspecial(pfn_pte(page_to_pfn(page), vma->vm_page_prot)));
	return 0;
}

/*
 * Map the pages around a fault, so that the next accesses do not fault. The pages are those
 * of an aligned block, so they are in the page table that the fault has used.
 */
static void insert_neighbours(const struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct neighbours around = { .vma = vma };
	const unsigned long block =
		ALIGN_DOWN(vmf->address, AROUND_PAGES << PAGE_SHIFT);
	const unsigned long start = max(block, vma->vm_start);
	const unsigned long end =
		min(block + (AROUND_PAGES << PAGE_SHIFT), vma->vm_end);

	if (GUPX_ARCH_KNOWS_CACHING && end - start > PAGE_SIZE)
		apply_to_page_range(vma->vm_mm, start, end - start,
				    insert_neighbour, &around);
}

static vm_fault_t insert_pages(struct vm_fault *vmf)
{
	struct gupx_run found;
	vm_fault_t ret = find_page(vmf->vma, vmf->pgoff, &found);

	if (ret)
		return ret;
	/*
	 * Another thread may have mapped a huge page here since this fault began. The set's
	 * lock is held, so this cannot happen later.
	 */
	if (pmd_leaf(READ_ONCE(*vmf->pmd)))
		return VM_FAULT_NOPAGE;
	ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(found.page));
	if (ret == VM_FAULT_NOPAGE)
		insert_neighbours(vmf);
	return ret;
}

/*
 * Take the set's lock in a page fault. If another task holds the set's lock, drop the
 * mmap_lock during the wait, so that other threads of this address space are not blocked.
 * TTM waits for the lock of a buffer in the same way (ttm_bo_vm_reserve()). The fault holds
 * the mmap_lock and not a VMA lock, because vmf_can_call_fault() permits a VMA lock only
 * for mappings with map_pages().
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
	/*
	 * After the mmap_lock is dropped, the mapping may disappear. The reference on the
	 * file keeps the set from being destroyed.
	 */
	file = get_file(vmf->vma->vm_file);
	mmap_read_unlock(vmf->vma->vm_mm);
	if (!gupx_pinset_lock(set))
		gupx_pinset_unlock(set);
	fput(file);
	return VM_FAULT_RETRY;
}

/*
 * Map a huge page by a PMD entry. The window must be able to show each of its pages, and the
 * frames must be contiguous and aligned.
 */
static vm_fault_t insert_huge(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	const unsigned long start = vmf->address & PMD_MASK;
	struct gupx_run found;
	unsigned long i;

	if (!GUPX_ARCH_KNOWS_CACHING || start < vma->vm_start ||
	    vma->vm_end - start < PMD_SIZE)
		return VM_FAULT_FALLBACK;
	if (find_page(vma, linear_page_index(vma, start), &found) ||
	    found.nr < PTRS_PER_PTE || (found.flags & GUPX_RUN_ZERO) ||
	    !IS_ALIGNED(page_to_pfn(found.page), PTRS_PER_PTE))
		return VM_FAULT_FALLBACK;
	for (i = 0; i < PTRS_PER_PTE; i++)
		if (gupx_run_page_is_poisoned(found.flags, found.page + i) ||
		    !gupx_arch_is_cached_normally(found.page + i) ||
		    is_zone_device_page(found.page + i))
			return VM_FAULT_FALLBACK;
	return gupx_compat_insert_huge(vmf, page_to_pfn(found.page));
}

/*
 * Handle a page fault. The set's lock is held, so that UNPIN cannot remove the page from
 * the set and unmap it at the same time.
 */
static vm_fault_t handle_locked(struct vm_fault *vmf,
				vm_fault_t (*insert)(struct vm_fault *vmf))
{
	struct gupx_pinset *set = vmf->vma->vm_private_data;
	vm_fault_t ret;

	/*
	 * If userfaultfd write-protects an empty entry, it stores a marker in the entry.
	 * vmf_insert_pfn() treats the marker as a mapped page, so the fault would repeat
	 * forever. Linux 6.7 lets userfaultfd register any mapping, if it only asks for
	 * WP_ASYNC (vma_can_userfault()). Newer kernels refuse a VM_PFNMAP mapping.
	 */
	if (userfaultfd_wp(vmf->vma))
		return VM_FAULT_SIGBUS;

	ret = lock_set(vmf, set);
	if (ret)
		return ret;
	ret = insert(vmf);
	gupx_pinset_unlock(set);
	return ret;
}

static vm_fault_t handle_fault(struct vm_fault *vmf)
{
	return handle_locked(vmf, insert_pages);
}

static vm_fault_t __maybe_unused handle_huge_fault(struct vm_fault *vmf,
						   unsigned int order)
{
	return order == PMD_SHIFT - PAGE_SHIFT ? handle_locked(vmf, insert_huge)
					       : VM_FAULT_FALLBACK;
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
	GUPX_HUGE_FAULT(handle_huge_fault)
};

/**
 * gupx_window_map() - map a pin set
 * @set: pin set of the mapped file; @vma holds a reference to the file
 * @vma: new mapping that is not visible yet
 *
 * Return: 0 on success; -EINVAL if the mapping is not shared; -EPERM if the mapping is
 * executable, if the set has pins with %GUPX_F_SHORT, or if the mapping is writable and the
 * set is sealed against writing; -EOPNOTSUPP if the kernel checks page tables; -EACCES if the
 * mapping is writable and not every page was pinned for writing; -EINTR if a fatal signal
 * arrived.
 */
int gupx_window_map(struct gupx_pinset *set, struct vm_area_struct *vma)
{
	const bool write = vma->vm_flags & VM_WRITE;
	vm_flags_t clear = VM_MAYEXEC;
	int error;

	if (!(vma->vm_flags & VM_MAYSHARE) || vma_is_cow_mapping(vma))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (!gupx_can_have_windows())
		return -EOPNOTSUPP;
	error = gupx_pinset_open_window(set, write);
	if (error)
		return error;
	/*
	 * Clear VM_MAYWRITE of a read-only mapping. Otherwise mprotect() could later make
	 * the mapping writable without the checks above.
	 */
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
