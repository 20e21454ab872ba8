/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_CHARGE_H
#define GUPX_CHARGE_H

#include <linux/types.h>
#include <linux/xarray.h>

struct gupx_quota;
struct gupx_run;
struct gupx_unpin_plan;
struct user_struct;

/**
 * struct gupx_charge - what a pin set costs its user
 * @user: who is charged
 * @quota: of that user: extents
 * @pages: charged now
 * @extents: counted in @quota now
 * @folios: head frame numbers of large folios that were charged whole with their
 *	first part; the value says how much is still held
 *
 * Its owner has the lock.
 */
struct gupx_charge {
	struct user_struct *user;
	struct gupx_quota *quota;
	u64 pages;
	u64 extents;
	struct xarray folios;
};

/**
 * struct gupx_precharge - pages charged ahead of the pins that will use them up
 * @exempt: the caller has CAP_IPC_LOCK: nothing is charged
 * @pages: charged and not used up
 */
struct gupx_precharge {
	bool exempt;
	unsigned long pages;
};

int gupx_charge_init(struct gupx_charge *charge);
void gupx_charge_destroy(struct gupx_charge *charge);
bool gupx_charge_precharge(const struct gupx_charge *charge,
			   struct gupx_precharge *precharge,
			   unsigned long pages);
void gupx_charge_return_precharge(const struct gupx_charge *charge,
				  struct gupx_precharge *precharge);
bool gupx_charge_pages(struct gupx_charge *charge,
		       struct gupx_precharge *precharge, unsigned long pages);
int gupx_charge_run(struct gupx_charge *charge,
		    struct gupx_precharge *precharge,
		    const struct gupx_run *run);
unsigned long gupx_charge_extents(struct gupx_charge *charge, unsigned long nr);
void gupx_charge_drop_extents(struct gupx_charge *charge, unsigned long nr);
int gupx_charge_prepare_unpin(struct gupx_charge *charge,
			      const struct gupx_unpin_plan *plan);
void gupx_charge_commit_unpin(struct gupx_charge *charge,
			      struct gupx_unpin_plan *plan);
void gupx_charge_finish_unpin(const struct gupx_charge *charge,
			      const struct gupx_unpin_plan *plan);

#endif /* GUPX_CHARGE_H */
