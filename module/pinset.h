/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PINSET_H
#define GUPX_PINSET_H

#include <linux/mm_types.h>

#include "extent_list.h"

struct file;
struct gupx_extent;
struct gupx_pinset;
struct gupx_run;
struct user_struct;

/**
 * struct gupx_pinset_totals - page counts, number of extents and seals of a pin set
 * @extents: number of extents, see @joined of gupx_pinset_totals()
 * @pages: number of pages held
 * @length: number of pages held plus number of pages released
 * @kernel_pages: number of pages held that the kernel's own get_user_pages pinned
 * @write_pages: number of pages pinned for writing; the zero page is never among them
 * @short_pages: number of pages pinned with %GUPX_F_SHORT
 * @charged: number of pages charged to the user
 * @seals: GUPX_SEAL_*
 */
struct gupx_pinset_totals {
	u64 extents;
	u64 pages;
	u64 length;
	u64 kernel_pages;
	u64 write_pages;
	u64 short_pages;
	u64 charged;
	u32 seals;
};

struct gupx_pinset *gupx_pinset_create(struct mm_struct *mm, u32 seals);
void gupx_pinset_destroy(struct gupx_pinset *set);
void gupx_pinset_attach(struct gupx_pinset *set, struct file *file);
bool gupx_pinset_fits(const struct gupx_pinset *set,
		      const struct mm_struct *mm);
bool gupx_pinset_is_own(const struct gupx_pinset *set);
struct user_struct *gupx_pinset_user(const struct gupx_pinset *set);
int gupx_pinset_unpin(struct gupx_pinset *set, u64 index, u64 nr,
		      u64 *released);
int gupx_pinset_seal(struct gupx_pinset *set, u32 seals);
int gupx_pinset_open_window(struct gupx_pinset *set, bool write);
void gupx_pinset_dup_window(struct gupx_pinset *set);
void gupx_pinset_close_window(struct gupx_pinset *set);
int gupx_pinset_lock(struct gupx_pinset *set);
bool gupx_pinset_trylock(struct gupx_pinset *set);
void gupx_pinset_unlock(struct gupx_pinset *set);
unsigned int gupx_pinset_extents(struct gupx_pinset *set, bool joined,
				 u64 first, struct gupx_extent *out,
				 unsigned int nr);
enum gupx_extent_found gupx_pinset_find(struct gupx_pinset *set, u64 index,
					struct gupx_run *found);
int gupx_pinset_totals(struct gupx_pinset *set, bool joined,
		       struct gupx_pinset_totals *totals);

#endif /* GUPX_PINSET_H */
