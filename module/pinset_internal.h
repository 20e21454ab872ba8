/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PINSET_INTERNAL_H
#define GUPX_PINSET_INTERNAL_H

/* The struct of a pin set. Only pinset.c, acquire.c and fdinfo.c may use its fields. */

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>

#include "charge.h"
#include "extent_list.h"
#include "run.h"

struct pid;

/**
 * struct gupx_pinset - pins and the charge for them
 * @lock: protects all fields below, except the fields marked (const) and
 *	@writable_windows
 * @mm: (const) the target's mm, with a reference from mmgrab()
 * @pid: (const) the process that owned @mm when the set was created; may be NULL
 * @start: (const) start time of that process, in ns since boot
 * @mapping: struct address_space of the pin fd, used to find the windows of the pin fd
 * @charge: charge for the pins
 * @list: the pins
 * @extents: number of runs held
 * @pages: number of pages held
 * @kernel_pages: number of pages held that the kernel's own get_user_pages pinned
 * @write_pages: number of pages pinned for writing
 * @short_pages: number of pages pinned with %GUPX_F_SHORT
 * @zero_pages: number of pages held that are the zero page
 * @seals: GUPX_SEAL_*
 * @pinning: number of requests that are adding pins
 * @writable_windows: number of mappings that may be writable
 */
struct gupx_pinset {
	struct mutex lock;
	struct mm_struct *mm;
	struct pid *pid;
	u64 start;
	struct address_space mapping;
	struct gupx_charge charge;
	struct gupx_extent_list list;
	u64 extents;
	u64 pages;
	u64 kernel_pages;
	u64 write_pages;
	u64 short_pages;
	u64 zero_pages;
	u32 seals;
	atomic_t pinning;
	atomic_t writable_windows;
};

/**
 * gupx_pinset_count() - update the page counts of a set
 * @set: pin set, locked
 * @flags: GUPX_RUN_* of the run that contains the pages
 * @pages: number of pages added; negative for pages released
 */
static inline void gupx_pinset_count(struct gupx_pinset *set, u32 flags,
				     s64 pages)
{
	set->pages += pages;
	if (flags & GUPX_RUN_KERNEL)
		set->kernel_pages += pages;
	if (flags & GUPX_RUN_WRITE)
		set->write_pages += pages;
	if (flags & GUPX_RUN_SHORT)
		set->short_pages += pages;
	if (flags & GUPX_RUN_ZERO)
		set->zero_pages += pages;
	else
		atomic64_add(pages, &set->mm->pinned_vm);
}

#endif /* GUPX_PINSET_INTERNAL_H */
