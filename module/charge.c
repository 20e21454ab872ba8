// SPDX-License-Identifier: GPL-2.0
/*
 * What a pin set costs its user: pages of RLIMIT_MEMLOCK, and extents.
 *
 * Each pin pays for its own pages, so that references on a page are as many as were
 * paid for. A large folio is not freed, swapped or moved while any part of it is
 * pinned, so its first part pays for all of it. And what takes kernel memory but
 * holds no page pays for that memory: a run of the zero page, and the note that a
 * folio was charged.
 *
 * A holder of CAP_IPC_LOCK is not charged, as by io_uring and iommufd. The extents
 * are counted all the same.
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
 * A note may cost a node of the xarray, 585 bytes, and its run a chunk of 64: with
 * this many pages paid, that is 2 percent, whatever the size of the folio.
 */
#define RECORD_MIN_PAGES 9UL

/*
 * What a run of the zero page costs: its memory, or, where the kernel counts pins of that
 * page, each of its references.
 */
static unsigned long get_zero_run_cost(unsigned long pages)
{
	return gupx_can_skip_zero_page() ? 1 : pages;
}

/* In the value of a note: pages held by runs, above pages charged beyond them. */
#define EXTRA_BITS 28

static void *make_record(unsigned long held, unsigned long extra)
{
	BUILD_BUG_ON(GUPX_RUN_NR_BITS >= EXTRA_BITS);
	return xa_mk_value(held << EXTRA_BITS | extra);
}

static unsigned long get_record_held(const void *record)
{
	return xa_to_value(record) >> EXTRA_BITS;
}

static unsigned long get_record_extra(const void *record)
{
	return xa_to_value(record) & (BIT(EXTRA_BITS) - 1);
}

/**
 * gupx_charge_init() - charge the caller's user from now on
 * @charge: to be filled
 *
 * Return: 0, to be ended by gupx_charge_destroy(); or -ENOMEM.
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
 * gupx_charge_destroy() - uncharge all that is still charged
 * @charge: of gupx_charge_init()
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
 * @charge: any
 * @precharge: to be filled
 * @pages: of the request
 *
 * Return: false where the limit is too low; nothing is charged then.
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
 * gupx_charge_return_precharge() - uncharge what was charged ahead and not used up
 * @charge: any
 * @precharge: ends empty
 */
void gupx_charge_return_precharge(const struct gupx_charge *charge,
				  struct gupx_precharge *precharge)
{
	gupx_account_uncharge(charge->user, precharge->pages);
	precharge->pages = 0;
}

/**
 * gupx_charge_pages() - charge pages that cost what they are
 * @charge: any
 * @precharge: of the request; large folios may cost more than it has
 * @pages: how many
 *
 * Return: false where the limit is too low.
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
			       make_record(held, extra),
			       GFP_KERNEL_ACCOUNT | __GFP_NOWARN));
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
 * @charge: any
 * @precharge: of the request
 * @run: held
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
 * @charge: any
 * @nr: how many more
 *
 * Return: how many of them he may have: @nr, or fewer.
 */
unsigned long gupx_charge_extents(struct gupx_charge *charge, unsigned long nr)
{
	nr = gupx_account_add_extents(charge->quota, nr);
	charge->extents += nr;
	return nr;
}

/**
 * gupx_charge_drop_extents() - no longer count extents of the user
 * @charge: any
 * @nr: of gupx_charge_extents()
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

/* Does it come to have a note of its folio when a part of it is released? */
static bool needs_record(const struct gupx_unpin_edge *edge)
{
	return edge->charged && (gupx_run_flags(edge->word) & GUPX_RUN_LARGE) &&
	       is_whole_folio(edge->word);
}

/* What the note of a folio costs, beyond the folio. */
static unsigned long get_record_cost(struct folio *folio)
{
	const unsigned long nr = folio_nr_pages(folio);

	return nr < RECORD_MIN_PAGES ? RECORD_MIN_PAGES - nr : 0;
}

/*
 * What a run costs more when a part of it is released: a run of the zero page that
 * becomes two pays for the second one, a small folio for its note. Two runs of one folio
 * have one note; each pays for it all the same, and gets it back with the last part.
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

static unsigned long sum_edge_costs(const struct gupx_unpin_plan *plan)
{
	unsigned long cost = 0;
	unsigned int i;

	for (i = 0; i < plan->edges; i++)
		cost += get_edge_cost(&plan->edge[i]);
	return cost;
}

/*
 * Only a release from the middle of one run adds to the extents: that run becomes two.
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
 * gupx_charge_prepare_unpin() - do what may fail when pages are uncharged
 * @charge: charge of the pin set
 * @plan: prepared
 *
 * Return: 0, for gupx_charge_commit_unpin(); -ENOMEM; -ENOBUFS: the limit is too low
 * for what has to be remembered of the parts that stay; -EDQUOT: a run becomes two,
 * and the user may have no more extents.
 */
int gupx_charge_prepare_unpin(struct gupx_charge *charge,
			      const struct gupx_unpin_plan *plan)
{
	const unsigned long cost = sum_edge_costs(plan);
	const unsigned long extents = count_new_extents(plan);
	int error;

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

/* Pages of a folio that is held in parts. The last ones take the rest along. */
static void uncharge_folio_part(struct gupx_charge *charge,
				struct gupx_unpin_plan *plan,
				struct folio *folio, unsigned long nr)
{
	const void *record = xa_load(&charge->folios, folio_pfn(folio));
	unsigned long held, extra;

	if (WARN_ON_ONCE(!record))
		return;
	held = get_record_held(record) - nr;
	extra = get_record_extra(record);
	if (held) {
		store_record(charge, folio, held, extra);
		uncharge_pages(charge, plan, nr);
	} else {
		xa_erase(&charge->folios, folio_pfn(folio));
		uncharge_pages(charge, plan, nr + extra);
	}
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

/* What stays of a whole folio is a part of it, with the charge for all of it. */
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
 * gupx_charge_commit_unpin() - take pages that leave the set off its charge
 * @charge: prepared
 * @plan: committed, its pages still held
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
 * gupx_charge_finish_unpin() - uncharge the user
 * @charge: of the set, which its owner keeps; no lock is needed
 * @plan: finished: its pages are released
 *
 * Not earlier: otherwise a user could pin more with each release that is under way.
 */
void gupx_charge_finish_unpin(const struct gupx_charge *charge,
			      const struct gupx_unpin_plan *plan)
{
	gupx_account_uncharge(charge->user, plan->uncharged);
	if (plan->extents > 0)
		gupx_account_sub_extents(charge->quota, plan->extents);
}
