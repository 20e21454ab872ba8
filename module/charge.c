// SPDX-License-Identifier: GPL-2.0
/*
 * Charge a pin set to its user: pages against RLIMIT_MEMLOCK, and extents.
 *
 * Each pin is charged for its own pages, so the charge limits the number of references
 * on a page. A large folio cannot be freed, swapped or moved while any part of it is
 * pinned, so its first part is charged for the whole folio. Memory for bookkeeping is
 * charged if no page pays for it: a run of the zero page, and the record of a folio that
 * is held in parts.
 *
 * A caller with CAP_IPC_LOCK is not charged for pages, like in io_uring and iommufd. Its
 * extents are counted anyway.
 */
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/user.h>

#include "account.h"
#include "charge.h"
#include "run.h"
#include "unpin.h"

/*
 * A folio record may cost an xarray node of 585 bytes, and its run a block of 64 bytes.
 * With at least this many pages charged, that is 2 percent for any folio size.
 */
#define RECORD_MIN_PAGES 9UL

/*
 * A run of the zero page is charged for its bookkeeping memory, or for each reference if
 * the kernel counts pins of the zero page.
 */
static unsigned long get_zero_run_cost(unsigned long pages)
{
	return gupx_can_skip_zero_page() ? 1 : pages;
}

/* A record's value: the pages held by runs, above the pages charged beyond those. */
#define EXTRA_BITS 28

static_assert(GUPX_RUN_NR_BITS < EXTRA_BITS);

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
 * Return: 0, undone by gupx_charge_destroy(); -ENOMEM.
 */
int gupx_charge_init(struct gupx_charge *charge)
{
	*charge = (struct gupx_charge){
		.quota = gupx_account_get_quota(current_user()->uid),
	};
	if (!charge->quota)
		return -ENOMEM;
	charge->user = get_uid(current_user());
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
	gupx_account_uncharge(charge->user, charge->pages);
	gupx_account_sub_extents(charge->quota, charge->extents);
	gupx_account_put_quota(charge->quota);
	free_uid(charge->user);
}

/**
 * gupx_charge_precharge() - charge a whole request before any of its work is done
 * @charge: charge of the pin set
 * @precharge: precharge to initialize
 * @pages: number of pages of the request
 *
 * Return: false if the limit is too low; nothing is charged then.
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
	return gupx_account_charge(charge->user, pages);
}

/**
 * gupx_charge_return_precharge() - uncharge the unused rest of a precharge
 * @charge: charge of the pin set
 * @precharge: precharge of the request; empty afterwards
 */
void gupx_charge_return_precharge(const struct gupx_charge *charge,
				  struct gupx_precharge *precharge)
{
	gupx_account_uncharge(charge->user, precharge->pages);
	precharge->pages = 0;
}

/**
 * gupx_charge_pages() - charge pages at one page each
 * @charge: charge of the pin set
 * @precharge: precharge of the request, used first
 * @pages: number of pages; may exceed the precharge because of large folios
 *
 * Return: false if the limit is too low.
 */
bool gupx_charge_pages(struct gupx_charge *charge,
		       struct gupx_precharge *precharge, unsigned long pages)
{
	const unsigned long have = min(precharge->pages, pages);

	if (precharge->exempt)
		return true;
	if (pages > have && !gupx_account_charge(charge->user, pages - have))
		return false;
	precharge->pages -= have;
	charge->pages += pages;
	return true;
}

/* The user is uncharged when the pages are released: gupx_charge_finish_unpin(). */
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

/* The first part of a folio pays for all of it, and for its record. */
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
		cost = max_t(unsigned long, folio_nr_pages(folio),
			     RECORD_MIN_PAGES);
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
 * Return: 0; -ENOBUFS: the limit is too low; -ENOMEM.
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
 * gupx_charge_extents() - count extents of the user
 * @charge: charge of the pin set
 * @nr: number of extents to add
 *
 * Return: number of extents that were counted: @nr, or fewer at the user's limit.
 */
unsigned long gupx_charge_extents(struct gupx_charge *charge, unsigned long nr)
{
	nr = gupx_account_add_extents(charge->quota, nr);
	charge->extents += nr;
	return nr;
}

/**
 * gupx_charge_drop_extents() - uncount extents of the user
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

/* Check if the folio of a run needs a record once part of the run is released. */
static bool needs_record(const struct gupx_unpin_edge *edge)
{
	return edge->charged && (gupx_run_flags(edge->word) & GUPX_RUN_LARGE) &&
	       is_whole_folio(edge->word);
}

/* Return: number of pages that a record costs on top of its folio. */
static unsigned long get_record_cost(struct folio *folio)
{
	const unsigned long nr = folio_nr_pages(folio);

	return nr < RECORD_MIN_PAGES ? RECORD_MIN_PAGES - nr : 0;
}

/*
 * Return: number of pages that a run costs more once part of it is released. If a run of
 * the zero page is split in two, the second run is charged. A small folio is charged for
 * its record. Two runs of one folio share a record; both are charged for it, and the last
 * part to be released returns the charge.
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

/*
 * An UNPIN only adds an extent if it splits one run in two, and then releases no other.
 */
static unsigned long count_new_extents(const struct gupx_unpin_plan *plan)
{
	return plan->edges == 1 && plan->edge[0].pieces == 2;
}

/* Reserve an entry for each record that gupx_charge_commit_unpin() may store. */
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

/* An entry that holds a record stays. */
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
 * @plan: prepared plan
 *
 * Return: 0, for gupx_charge_commit_unpin(); -ENOMEM; -ENOBUFS: the limit is too low to
 * charge the bookkeeping of runs that are split; -EDQUOT: a run is split, and the user
 * may have no more extents.
 */
int gupx_charge_prepare_unpin(struct gupx_charge *charge,
			      const struct gupx_unpin_plan *plan)
{
	const unsigned long extents = count_new_extents(plan);
	unsigned long cost = 0;
	unsigned int i;
	int error;

	for (i = 0; i < plan->edges; i++)
		cost += get_edge_cost(&plan->edge[i]);
	error = reserve_records(charge, plan) ? 0 : -ENOMEM;
	if (!error &&
	    gupx_account_add_extents(charge->quota, extents) < extents)
		error = -EDQUOT;
	if (!error && cost && !gupx_account_charge(charge->user, cost)) {
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
 * Uncharge pages of a folio that is held in parts. The parts that stay pay for the whole
 * folio; the last part returns the extra.
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

/* Record the rest of a whole folio as a part of it. The charge stays that of the whole. */
static void record_remaining_part(struct gupx_charge *charge,
				  struct gupx_unpin_plan *plan,
				  struct folio *folio, unsigned long gone)
{
	const void *record = xa_load(&charge->folios, folio_pfn(folio));
	const unsigned long held = folio_nr_pages(folio) - gone;
	const unsigned long cost = get_record_cost(folio);

	if (record) {
		store_record(charge, folio, get_record_held(record) + held,
			     get_record_extra(record) + cost);
		uncharge_pages(charge, plan, gone);
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
 * gupx_charge_commit_unpin() - take the pages that leave the set off its charge
 * @charge: charge that is prepared for the plan
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
 * @charge: charge of a set that the caller keeps alive; needs no lock
 * @plan: finished plan
 *
 * An earlier uncharge would let a user pin more with each release that is under way.
 */
void gupx_charge_finish_unpin(const struct gupx_charge *charge,
			      const struct gupx_unpin_plan *plan)
{
	gupx_account_uncharge(charge->user, plan->uncharged);
	if (plan->extents > 0)
		gupx_account_sub_extents(charge->quota, plan->extents);
}
