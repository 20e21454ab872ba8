/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PINSET_H
#define GUPX_PINSET_H

#include <linux/mm_types.h>

#include "cursor.h"

struct gupx_extent;
struct gupx_pinset;
struct gupx_run;
struct seq_file;
struct user_struct;

/**
 * struct gupx_pinset_totals - what a pin set holds, in numbers
 * @extents: runs
 * @pages: pages
 * @kernel_pages: of these, taken by the kernel's engine
 * @write_pages: pinned for writing; never the zero page
 * @short_pages: not fit to be held for long
 * @charged: pages charged to the user
 */
struct gupx_pinset_totals {
	u64 extents;
	u64 pages;
	u64 kernel_pages;
	u64 write_pages;
	u64 short_pages;
	u64 charged;
};

struct gupx_pinset *gupx_pinset_create(struct mm_struct *mm);
void gupx_pinset_destroy(struct gupx_pinset *set);
bool gupx_pinset_fits(const struct gupx_pinset *set,
		      const struct mm_struct *mm);
struct user_struct *gupx_pinset_user(const struct gupx_pinset *set);
int gupx_pinset_pin(struct gupx_pinset *set, struct gupx_cursor *cursor,
		    bool engine_kernel);
unsigned int gupx_pinset_extents(struct gupx_pinset *set, u64 first,
				 struct gupx_extent *out, unsigned int nr);
bool gupx_pinset_find(struct gupx_pinset *set, u64 index,
		      struct gupx_run *found);
void gupx_pinset_totals(struct gupx_pinset *set,
			struct gupx_pinset_totals *totals);
void gupx_pinset_show(struct gupx_pinset *set, struct seq_file *seq);

#endif /* GUPX_PINSET_H */
