/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PINSET_INTERNAL_H
#define GUPX_PINSET_INTERNAL_H

/* What a pin set is made of: for pinset.c, intake.c and fdinfo.c alone. */

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
 * @lock: protects everything below that is not const
 * @mm: (const) the target, by mmgrab
 * @pid: (const) of the target's process when the set was made; may be NULL
 * @start: (const) when that process began, ns since boot
 * @mapping: of the pin fd's windows
 * @charge: for the pins
 * @list: what is held
 * @extents: runs held
 * @pages: held
 * @kernel_pages: of these, taken by the kernel's engine
 * @write_pages: pinned for writing
 * @short_pages: not fit to be held for long
 * @zero_pages: the zero page
 * @seals: GUPX_SEAL_*
 * @pinning: requests under way that add pins
 * @writable_windows: mappings that may be writable
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
 * gupx_pinset_count() - count pages that are held, or no longer held
 * @set: locked
 * @flags: GUPX_RUN_* of their run
 * @pages: how many; negative: no longer held
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
