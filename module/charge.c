// SPDX-License-Identifier: GPL-2.0
/*
 * Charge a pin set to its user: pages against RLIMIT_MEMLOCK, and extents against the
 * module parameter max_extents.
 *
 * A page that is pinned several times is charged several times, so the charge limits the
 * number of references on a page. A large folio cannot be freed, swapped or moved while any
 * part of it is pinned. So the whole folio is charged as soon as any part of it is pinned.
 *
 * Two data structures have a charge of their own, because the charge for the pinned pages
 * does not cover their memory: a run of the zero page, and the record of a folio of which
 * only parts are pinned.
 *
 * A caller with CAP_IPC_LOCK is not charged for pages, like in io_uring and iommufd. The
 * extents of such a caller are counted anyway.
 */
#include <linux/bits.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "account.h"
#include "charge.h"
#include "run.h"
#include "unpin.h"

/*
 * Minimum number of pages to charge for a folio that has a record. The record may need an
 * xarray node of 585 bytes, and the run may need a block of 64 bytes. With this minimum,
 * the memory for the record and the run is at most 2 percent of the charge.
 */
#define RECORD_MIN_PAGES 9UL

/*
 * Get the number of pages to charge for a run of the zero page. If the kernel counts pins
 * of the zero page, each page of the run is charged. Otherwise one page is charged, for
 * the memory that stores the run.
 */
static unsigned long get_zero_run_cost(unsigned long pages)
{
	return gupx_can_skip_zero_page() ? 1 : pages;
}

/*
 * A record stores two numbers for a folio, in one xarray value. The upper bits are the
 * number of pages of the folio that are held by runs. The lower bits are the number of
 * pages that are charged in addition to the pages held.
 */
#define EXTRA_BITS 28

static_assert(GUPX_RUN_NR_BITS + 1 < EXTRA_BITS);

static unsigned long get_record_held(const void *record)
{
	return xa_to_value(record) >> EXTRA_BITS;
}

static unsigned long get_record_extra(const void *record)
{
	return xa_to_value(record) & (BIT(EXTRA_BITS) - 1);
}

/**
 * gupx_charge_init() - start charging the caller's user
 * @charge: charge to initialize
 *
 * Call gupx_charge_destroy() to undo this.
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_charge_init(struct gupx_charge *charge)
{
	*charge = (struct gupx_charge){
		.quota = gupx_account_get_quota(current_user()->uid),
	};
	if (!charge->quota)
		return -ENOMEM;
	charge->cred = get_current_cred();
	xa_init_flags(&charge->folios, XA_FLAGS_ACCOUNT);
	return 0;
}

/**
 * gupx_charge_destroy() - uncharge everything that is still charged
 * @charge: charge from gupx_charge_init()
 */
void gupx_charge_destroy(struct gupx_charge *charge)
{
	xa_destroy(&charge->folios);
	gupx_account_uncharge(charge->cred->user, charge->pages);
	gupx_account_sub_extents(charge->quota, charge->extents);
	gupx_account_put_quota(charge->quota);
	put_cred(charge->cred);
}

/**
 * gupx_charge_precharge() - charge all pages of a request before the first page is pinned
 * @charge: charge of the pin set
 * @precharge: precharge to initialize
 * @pages: number of pages of the request
 *
 * Return: true if the pages are charged or the caller is exempt; false if RLIMIT_MEMLOCK is
 * too low. If the result is false, nothing is charged.
 */
bool gupx_charge_precharge(const struct gupx_charge *charge,
			   struct gupx_precharge *precharge,
			   unsigned long pages)
{
	*precharge = (struct gupx_precharge){
		.exempt = gupx_account_is_exempt(),
	};
	if (precharge->exempt)
		return true;
	precharge->pages = pages;
	return gupx_account_charge(charge->cred->user, pages);
}

/**
 * gupx_charge_return_precharge() - uncharge the unused pages of a precharge
 * @charge: charge of the pin set
 * @precharge: precharge of the request; has no pages afterwards
 */
void gupx_charge_return_precharge(const struct gupx_charge *charge,
				  struct gupx_precharge *precharge)
{
	gupx_account_uncharge(charge->cred->user, precharge->pages);
	precharge->pages = 0;
}

/**
 * gupx_charge_pages() - charge a number of pages
 * @charge: charge of the pin set
 * @precharge: precharge of the request; the function uses up the precharge before it
 *	charges more pages
 * @pages: number of pages; may exceed the precharge because of large folios
 *
 * Return: true if the pages are charged or the caller is exempt; false if RLIMIT_MEMLOCK is
 * too low.
 */
bool gupx_charge_pages(struct gupx_charge *charge,
		       struct gupx_precharge *precharge, unsigned long pages)
{
	const unsigned long have = min(precharge->pages, pages);

	if (precharge->exempt)
		return true;
	if (pages > have &&
	    !gupx_account_charge(charge->cred->user, pages - have))
		return false;
	precharge->pages -= have;
	charge->pages += pages;
	return true;
}

/*
 * Remove pages from the charge of the pin set. gupx_charge_finish_unpin() uncharges the
 * user after the pages are released.
 */
static void uncharge_pages(struct gupx_charge *charge,
			   struct gupx_unpin_plan *plan, unsigned long pages)
{
	charge->pages -= pages;
	plan->uncharged += pages;
}

static int store_record(struct gupx_charge *charge, struct folio *folio,
			unsigned long held, unsigned long extra)
{
	return xa_err(xa_store(&charge->folios, folio_pfn(folio),
			       xa_mk_value(held << EXTRA_BITS | extra),
			       GFP_KERNEL_ACCOUNT | __GFP_NOWARN));
}

/*
 * Get the number of pages to charge if a part of a folio is pinned and the folio has no
 * record yet. The charge covers the whole folio and the new record.
 */
static unsigned long get_first_part_cost(struct folio *folio)
{
	return max_t(unsigned long, folio_nr_pages(folio), RECORD_MIN_PAGES);
}

static int charge_folio_part(struct gupx_charge *charge,
			     struct gupx_precharge *precharge,
			     struct folio *folio, unsigned long nr)
{
	const void *record = xa_load(&charge->folios, folio_pfn(folio));
	unsigned long held = nr, extra, cost = nr;

	if (record) {
		held += get_record_held(record);
		extra = get_record_extra(record);
	} else {
		cost = get_first_part_cost(folio);
		extra = cost - nr;
	}
	if (!gupx_charge_pages(charge, precharge, cost))
		return -ENOBUFS;
	if (!store_record(charge, folio, held, extra))
		return 0;
	charge->pages -= cost;
	precharge->pages += cost;
	return -ENOMEM;
}

/**
 * gupx_charge_run() - charge a run
 * @charge: charge of the pin set
 * @precharge: precharge of the request
 * @run: run that is pinned
 *
 * Return: 0 on success; -ENOBUFS if RLIMIT_MEMLOCK is too low; -ENOMEM if there is no
 * memory.
 */
int gupx_charge_run(struct gupx_charge *charge,
		    struct gupx_precharge *precharge,
		    const struct gupx_run *run)
{
	unsigned long cost = run->nr;

	if (precharge->exempt)
		return 0;
	if (run->flags & GUPX_RUN_ZERO) {
		cost = get_zero_run_cost(run->nr);
	} else if (run->flags & GUPX_RUN_LARGE) {
		struct folio *folio = page_folio(run->page);

		if (run->nr < folio_nr_pages(folio))
			return charge_folio_part(charge, precharge, folio,
						 run->nr);
	}
	return gupx_charge_pages(charge, precharge, cost) ? 0 : -ENOBUFS;
}

/**
 * gupx_charge_extents() - add extents to the extent count of the user
 * @charge: charge of the pin set
 * @nr: number of extents to add
 *
 * Return: number of extents that were counted. It is @nr, or less if the user's limit is
 * reached.
 */
unsigned long gupx_charge_extents(struct gupx_charge *charge, unsigned long nr)
{
	nr = gupx_account_add_extents(charge->quota, nr);
	charge->extents += nr;
	return nr;
}

/**
 * gupx_charge_drop_extents() - subtract extents from the extent count of the user
 * @charge: charge of the pin set
 * @nr: number of extents, at most what gupx_charge_extents() counted
 */
void gupx_charge_drop_extents(struct gupx_charge *charge, unsigned long nr)
{
	gupx_account_sub_extents(charge->quota, nr);
	charge->extents -= nr;
}

static struct folio *get_run_folio(u64 word)
{
	return page_folio(pfn_to_page(gupx_run_pfn(word)));
}

static bool is_whole_folio(u64 word)
{
	return gupx_run_pages(word) == folio_nr_pages(get_run_folio(word));
}

/*
 * Check if the folio of a run needs a record after a part of the run is released. A run
 * that contains the whole folio is charged without a record. After the release, this run
 * holds only a part of the folio, and the charge for parts is kept in a record.
 */
static bool needs_record(const struct gupx_unpin_edge *edge)
{
	return edge->charged && (gupx_run_flags(edge->word) & GUPX_RUN_LARGE) &&
	       is_whole_folio(edge->word);
}

/*
 * Get the number of pages to charge for the record of a folio, in addition to the pages of
 * the folio.
 */
static unsigned long get_record_cost(struct folio *folio)
{
	return get_first_part_cost(folio) - folio_nr_pages(folio);
}

/*
 * Get the number of pages to charge when a part of a run is released, because the release
 * may need memory. If a run of the zero page is split in two, the second run is charged. If
 * a run that contains a whole folio keeps only a part of it, the record of the folio is
 * charged. This charge is made even if the folio already has a record;
 * record_remaining_part() then undoes it.
 */
static unsigned long get_edge_cost(const struct gupx_unpin_edge *edge)
{
	if (!edge->charged)
		return 0;
	if (gupx_run_flags(edge->word) & GUPX_RUN_ZERO)
		return edge->pieces == 2 && gupx_can_skip_zero_page();
	return needs_record(edge) ? get_record_cost(get_run_folio(edge->word))
				  : 0;
}

/* Reserve an xarray entry for each record that gupx_charge_commit_unpin() may store. */
static bool reserve_records(struct gupx_charge *charge,
			    const struct gupx_unpin_plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->edges; i++)
		if (needs_record(&plan->edge[i]) &&
		    xa_reserve(&charge->folios,
			       folio_pfn(get_run_folio(plan->edge[i].word)),
			       GFP_KERNEL_ACCOUNT | __GFP_NOWARN))
			return false;
	return true;
}

/* Undo reserve_records(). Keep the xarray entries that already contained a record. */
static void release_records(struct gupx_charge *charge,
			    const struct gupx_unpin_plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->edges; i++)
		if (needs_record(&plan->edge[i]))
			xa_release(
				&charge->folios,
				folio_pfn(get_run_folio(plan->edge[i].word)));
}

/**
 * gupx_charge_prepare_unpin() - reserve memory and charges for a release of pages
 * @charge: charge of the pin set
 * @plan: plan from gupx_unpin_prepare()
 *
 * After success, gupx_charge_commit_unpin() cannot fail.
 *
 * Return: 0 on success; -ENOMEM if there is no memory; -ENOBUFS if RLIMIT_MEMLOCK is too
 * low to charge for the memory that the split of runs needs; -EDQUOT if a run would be
 * split in two and the user already has the maximum number of extents.
 */
int gupx_charge_prepare_unpin(struct gupx_charge *charge,
			      const struct gupx_unpin_plan *plan)
{
	/*
	 * Only a release from the middle of a run adds an extent, because it splits the run
	 * in two. The range then lies within this run, so at most one extent is added.
	 */
	const unsigned long extents =
		plan->edges == 1 && plan->edge[0].pieces == 2;
	unsigned long cost = 0;
	unsigned int i;
	int error;

	for (i = 0; i < plan->edges; i++)
		cost += get_edge_cost(&plan->edge[i]);
	error = reserve_records(charge, plan) ? 0 : -ENOMEM;
	if (!error &&
	    gupx_account_add_extents(charge->quota, extents) < extents)
		error = -EDQUOT;
	if (!error && cost && !gupx_account_charge(charge->cred->user, cost)) {
		gupx_account_sub_extents(charge->quota, extents);
		error = -ENOBUFS;
	}
	if (error)
		release_records(charge, plan);
	else
		charge->pages += cost;
	return error;
}

/*
 * Uncharge @nr pages of a folio that has a record. While any page of the folio is still
 * pinned, the charge must not drop below get_first_part_cost(). So some of the @nr pages
 * may stay charged; the record counts them. They are uncharged when the last page of the
 * folio is released.
 */
static void uncharge_folio_part(struct gupx_charge *charge,
				struct gupx_unpin_plan *plan,
				struct folio *folio, unsigned long nr)
{
	const void *record = xa_load(&charge->folios, folio_pfn(folio));
	unsigned long held, extra, kept;

	if (WARN_ON_ONCE(!record))
		return;
	held = get_record_held(record) - nr;
	extra = get_record_extra(record);
	if (!held) {
		xa_erase(&charge->folios, folio_pfn(folio));
		uncharge_pages(charge, plan, nr + extra);
		return;
	}
	kept = get_first_part_cost(folio);
	kept = min(nr, kept - min(kept, held + extra));
	store_record(charge, folio, held, extra + kept);
	uncharge_pages(charge, plan, nr - kept);
}

static void uncharge_run(struct gupx_charge *charge,
			 struct gupx_unpin_plan *plan, u64 word)
{
	const u32 flags = gupx_run_flags(word);

	if (gupx_run_is_released(word))
		return;
	if (flags & GUPX_RUN_ZERO)
		uncharge_pages(charge, plan,
			       get_zero_run_cost(gupx_run_pages(word)));
	else if ((flags & GUPX_RUN_LARGE) && !is_whole_folio(word))
		uncharge_folio_part(charge, plan, get_run_folio(word),
				    gupx_run_pages(word));
	else
		uncharge_pages(charge, plan, gupx_run_pages(word));
}

/*
 * Update the record of a folio when @gone pages of a run that contains the whole folio are
 * released. The whole folio stays charged.
 */
static void record_remaining_part(struct gupx_charge *charge,
				  struct gupx_unpin_plan *plan,
				  struct folio *folio, unsigned long gone)
{
	const void *record = xa_load(&charge->folios, folio_pfn(folio));
	const unsigned long held = folio_nr_pages(folio) - gone;
	const unsigned long cost = get_record_cost(folio);

	if (record) {
		/*
		 * The folio already had a record, which was charged when it was stored.
		 * get_edge_cost() has charged for a record again, so undo this second
		 * charge.
		 */
		store_record(charge, folio, get_record_held(record) + held,
			     get_record_extra(record));
		uncharge_pages(charge, plan, gone + cost);
	} else {
		store_record(charge, folio, held, gone + cost);
	}
}

static void uncharge_edge(struct gupx_charge *charge,
			  struct gupx_unpin_plan *plan,
			  const struct gupx_unpin_edge *edge)
{
	const u32 flags = gupx_run_flags(edge->word);
	const unsigned long gone = gupx_run_pages(edge->gone);

	if (!edge->charged)
		return;
	if (flags & GUPX_RUN_ZERO) {
		if (!gupx_can_skip_zero_page())
			uncharge_pages(charge, plan, gone);
		return;
	}
	if (!(flags & GUPX_RUN_LARGE))
		uncharge_pages(charge, plan, gone);
	else if (is_whole_folio(edge->word))
		record_remaining_part(charge, plan, get_run_folio(edge->word),
				      gone);
	else
		uncharge_folio_part(charge, plan, get_run_folio(edge->word),
				    gone);
}

/**
 * gupx_charge_commit_unpin() - remove the pages of a plan from the charge of the set
 * @charge: charge that gupx_charge_prepare_unpin() has prepared for the plan
 * @plan: committed plan whose pages are not released yet
 *
 * The user stays charged until gupx_charge_finish_unpin().
 */
void gupx_charge_commit_unpin(struct gupx_charge *charge,
			      struct gupx_unpin_plan *plan)
{
	const struct gupx_extent_block *block;
	unsigned int i;

	for (i = 0; i < plan->edges; i++)
		uncharge_edge(charge, plan, &plan->edge[i]);
	for (block = plan->gone; block; block = block->next) {
		for (i = 0; block->charged && i < block->nr; i++)
			uncharge_run(charge, plan, block->word[i]);
		cond_resched();
	}
	charge->extents -= plan->extents;
}

/**
 * gupx_charge_finish_unpin() - uncharge the user after the pages are released
 * @charge: charge of the pin set; the caller holds a reference on the set but not its lock
 * @plan: plan after gupx_unpin_finish()
 *
 * Call this function only after the pages are released. Otherwise the user could pin more
 * pages than the limit allows while a release is in progress.
 */
void gupx_charge_finish_unpin(const struct gupx_charge *charge,
			      const struct gupx_unpin_plan *plan)
{
	gupx_account_uncharge(charge->cred->user, plan->uncharged);
	if (plan->extents > 0)
		gupx_account_sub_extents(charge->quota, plan->extents);
}
