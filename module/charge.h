/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_CHARGE_H
#define GUPX_CHARGE_H

#include <linux/types.h>
#include <linux/xarray.h>

struct cred;
struct gupx_quota;
struct gupx_run;
struct gupx_unpin_plan;

/**
 * struct gupx_charge - charges of a pin set
 * @cred: credentials of the user who is charged. They hold the user: free_uid() is not
 *	exported on all kernels
 * @quota: extent quota of that user
 * @pages: number of pages charged now
 * @extents: number of extents that this pin set has added to @quota
 * @folios: records of large folios of which only parts are pinned, although the whole folio
 *	is charged. The index is the frame number of the head page. The value contains the
 *	number of pages held by runs, and the number of pages that are charged but not held.
 *
 * The owner of the struct serializes access to it.
 */
struct gupx_charge {
	const struct cred *cred;
	struct gupx_quota *quota;
	u64 pages;
	u64 extents;
	struct xarray folios;
};

/**
 * struct gupx_precharge - pages charged in advance, for pins to use
 * @exempt: true if the caller has CAP_IPC_LOCK, so that nothing is charged
 * @pages: number of pages that are charged but not used yet
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
