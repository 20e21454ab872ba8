// SPDX-License-Identifier: GPL-2.0
/*
 * The pin set: what stands behind a pin fd. It owns pins, and charges for them,
 * until the last reference to the fd goes.
 *
 * Lock order: the target's mmap_lock, then the set's. No user memory is touched
 * under either. The set keeps the mm's struct alive (mmgrab), never the memory:
 * pins outlive the target.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/user.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "account.h"
#include "chunks.h"
#include "engine.h"
#include "gup.h"
#include "pin.h"
#include "pinset.h"

/**
 * struct gupx_pinset - pins and the charge for them
 * @lock: protects everything below that is not const
 * @mm: (const) the target, by mmgrab
 * @user: (const) who is charged
 * @chunks: what is held
 * @folios: head frame numbers of large folios that are held in parts, and so
 *	charged already
 * @extents: runs held
 * @charged: pages charged to the user
 * @pages_by_flags: pages held, by GUPX_RUN_* of their runs
 */
struct gupx_pinset {
	struct mutex lock;
	struct mm_struct *mm;
	struct user_struct *user;
	struct gupx_chunks chunks;
	struct xarray folios;
	u64 extents;
	u64 charged;
	u64 pages_by_flags[BIT(GUPX_RUN_FLAG_BITS)];
};

/**
 * gupx_pinset_create() - a pin set without pins
 * @mm: of the target; its struct is kept
 *
 * Charges will go to the caller's user.
 *
 * Return: the set, to be freed by gupx_pinset_destroy(); NULL: no memory.
 */
struct gupx_pinset *gupx_pinset_create(struct mm_struct *mm)
{
	struct gupx_pinset *set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);

	if (!set)
		return NULL;
	mutex_init(&set->lock);
	gupx_chunks_init(&set->chunks);
	xa_init_flags(&set->folios, XA_FLAGS_ACCOUNT);
	mmgrab(mm);
	set->mm = mm;
	set->user = get_uid(current_user());
	return set;
}

/**
 * gupx_pinset_destroy() - give all pins and their charge back
 * @set: nobody else has it any more
 *
 * Cannot fail, allocates nothing. May sleep.
 */
void gupx_pinset_destroy(struct gupx_pinset *set)
{
	gupx_chunks_release(&set->chunks);
	xa_destroy(&set->folios);
	gupx_account_uncharge(set->user, set->charged);
	free_uid(set->user);
	mmdrop(set->mm);
	kfree(set);
}

/**
 * gupx_pinset_fits() - may the caller add pins of this target?
 * @set: of the caller's pin fd
 * @mm: the target
 *
 * One set, one address space; and one user, or a passed fd would let one user's
 * pins be charged to another.
 *
 * Return: whether.
 */
bool gupx_pinset_fits(const struct gupx_pinset *set, const struct mm_struct *mm)
{
	return set->mm == mm && set->user == current_user();
}

/**
 * gupx_pinset_user() - who is charged
 * @set: any
 *
 * Return: the user, as long as the set lives.
 */
struct user_struct *gupx_pinset_user(const struct gupx_pinset *set)
{
	return set->user;
}

/*
 * What a run costs: a folio that is held at all is held whole. Parts of a large
 * folio are charged with the first of them; @whole tells the caller to note it.
 */
static unsigned long cost_of(struct gupx_pinset *set,
			     const struct gupx_run *run, struct folio **whole)
{
	struct folio *folio;

	*whole = NULL;
	if (run->flags & GUPX_RUN_ZERO)
		return 0;
	if (!(run->flags & GUPX_RUN_LARGE))
		return run->nr;
	folio = page_folio(run->page);
	if (run->nr == folio_nr_pages(folio))
		return run->nr;
	if (xa_load(&set->folios, folio_pfn(folio)))
		return 0;
	*whole = folio;
	return folio_nr_pages(folio);
}

/**
 * struct purse - a charge taken ahead of the pins that will use it up
 * @user: who was charged
 * @pages: not used up yet
 */
struct purse {
	struct user_struct *user;
	unsigned long pages;
};

/* Large folios may cost more than the range that was charged ahead. */
static bool pay(struct purse *purse, unsigned long cost)
{
	const unsigned long have = min(purse->pages, cost);

	if (cost > have && !gupx_account_charge(purse->user, cost - have))
		return false;
	purse->pages -= have;
	return true;
}

static void refund(struct purse *purse, unsigned long cost)
{
	purse->pages += cost;
}

static struct gupx_verdict charge_run(struct gupx_pinset *set,
				      const struct gupx_run *run,
				      struct purse *purse)
{
	struct folio *whole;
	const unsigned long cost = cost_of(set, run, &whole);

	if (!pay(purse, cost))
		return gupx_policy_stop(GUPX_STAGE_ACCOUNT, GUPX_REASON_MEMLOCK,
					ENOBUFS);
	if (whole && xa_err(xa_store(&set->folios, folio_pfn(whole),
				     xa_mk_value(1), GFP_KERNEL_ACCOUNT))) {
		refund(purse, cost);
		return gupx_policy_no_memory();
	}
	set->charged += cost;
	return gupx_policy_do(GUPX_GO);
}

static void count_owned(struct gupx_pinset *set, u32 flags, u64 runs, u64 pages)
{
	set->extents += runs;
	set->pages_by_flags[flags] += pages;
}

static struct gupx_verdict own_run(struct gupx_pinset *set,
				   const struct gupx_cursor *cursor, u64 word,
				   unsigned long addr, struct purse *purse)
{
	const unsigned long ahead = (cursor->end - addr) >> PAGE_SHIFT;
	const struct gupx_run run = gupx_run_unpack(addr, word);
	struct gupx_verdict verdict;

	/* Room first: what was charged can then be kept. */
	if (gupx_chunks_reserve(&set->chunks, addr, 1, ahead))
		return gupx_policy_no_memory();
	verdict = charge_run(set, &run, purse);
	if (verdict.action == GUPX_STOP)
		return verdict;
	gupx_chunks_add(&set->chunks, &word, 1, run.nr);
	count_owned(set, run.flags, 1, run.nr);
	return verdict;
}

/* The memory that a batch's runs are in becomes the set's: no run is copied. */
static bool keep_room(struct gupx_pinset *set, const struct gupx_batch *batch,
		      unsigned long pages, struct gupx_chunk **room)
{
	struct gupx_chunk *chunk = *room;

	chunk->addr = batch->addr;
	chunk->pages = pages;
	chunk->nr = batch->nr;
	if (gupx_chunks_append(&set->chunks, chunk))
		return false;
	*room = NULL;
	return true;
}

/*
 * Return: whether all runs of the batch are in the set now; if not, memory is short
 * or the kernel's engine took more of them than a chunk holds.
 */
static bool keep_batch(struct gupx_pinset *set,
		       const struct gupx_cursor *cursor,
		       const struct gupx_batch *batch, unsigned long pages,
		       struct gupx_chunk **room)
{
	const unsigned long ahead = (cursor->end - batch->addr) >> PAGE_SHIFT;

	/* The kernel's engine may have needed other memory for it. */
	if (batch->word == (*room)->word &&
	    !gupx_chunks_has_room(&set->chunks, batch->addr, batch->nr))
		return keep_room(set, batch, pages, room);
	if (batch->nr > GUPX_CHUNKS_WORDS ||
	    gupx_chunks_reserve(&set->chunks, batch->addr, batch->nr, ahead))
		return false;
	gupx_chunks_add(&set->chunks, batch->word, batch->nr, pages);
	return true;
}

/*
 * A batch that costs what it has pages, and was charged for ahead: in one go.
 *
 * Return: whether; if not, it has to be looked at run by run.
 */
static bool own_uniform(struct gupx_pinset *set,
			const struct gupx_cursor *cursor,
			const struct gupx_batch *batch, struct purse *purse,
			struct gupx_chunk **room)
{
	const unsigned long pages = (batch->end - batch->addr) >> PAGE_SHIFT;

	if (!batch->nr || !batch->uniform || purse->pages < pages ||
	    !keep_batch(set, cursor, batch, pages, room))
		return false;
	count_owned(set, batch->flags, batch->nr, pages);
	purse->pages -= pages;
	set->charged += pages;
	return true;
}

/* Return: how many runs of the batch the set owns now, from the first one on. */
static unsigned int own_runs(struct gupx_pinset *set,
			     struct gupx_cursor *cursor,
			     const struct gupx_batch *batch,
			     struct purse *purse)
{
	unsigned long addr = batch->addr;
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		const u64 word = batch->word[i];
		const struct gupx_verdict verdict =
			own_run(set, cursor, word, addr, purse);

		if (verdict.action == GUPX_STOP) {
			cursor->addr = addr;
			gupx_cursor_stop(cursor, verdict);
			break;
		}
		addr += gupx_run_pages(word) << PAGE_SHIFT;
	}
	return i;
}

/*
 * Move the batch into the set. A run that cannot be owned is given back with all
 * after it, and the request ends before it. The batch's memory, @room, may become
 * the set's, and is NULL then.
 */
static void own_batch(struct gupx_pinset *set, struct gupx_cursor *cursor,
		      struct gupx_batch *batch, struct purse *purse,
		      struct gupx_chunk **room)
{
	unsigned int owned = batch->nr;

	mutex_lock(&set->lock);
	if (!own_uniform(set, cursor, batch, purse, room))
		owned = own_runs(set, cursor, batch, purse);
	mutex_unlock(&set->lock);
	if (owned < batch->nr)
		gupx_cursor_unlock(cursor);
	gupx_pin_release_batch(batch, owned);
}

/*
 * Memory for the runs of a batch that may become a chunk as it is. No larger than
 * the request needs: a kernel that clears memory does so each time.
 *
 * Return: it, empty; NULL: no memory, and the request ends here.
 */
static struct gupx_chunk *lend_room(struct gupx_batch *batch,
				    struct gupx_cursor *cursor)
{
	struct gupx_chunk *room =
		gupx_chunks_alloc((cursor->end - cursor->addr) >> PAGE_SHIFT);

	if (room)
		gupx_pin_batch_lend(batch, room->word, room->capacity);
	else
		gupx_cursor_stop(cursor, gupx_policy_no_memory());
	return room;
}

/**
 * gupx_pinset_pin() - pin a range and own the pins
 * @set: fits the cursor's target
 * @cursor: of a request with %GUPX_R_PIN, nothing done yet, lock not held
 * @engine_kernel: let the kernel's engine do it
 *
 * The whole range is charged first and what was not pinned is given back, so that
 * a limit is met before any work is done.
 *
 * Return: 0, and the cursor tells the rest; -ENOBUFS: RLIMIT_MEMLOCK; -ENOMEM.
 */
int gupx_pinset_pin(struct gupx_pinset *set, struct gupx_cursor *cursor,
		    bool engine_kernel)
{
	bool (*fill)(struct gupx_cursor * cursor, struct gupx_batch * batch) =
		engine_kernel ? gupx_engine_fill : gupx_gup_fill;
	struct purse purse = {
		.user = set->user,
		.pages = (cursor->end - cursor->start) >> PAGE_SHIFT,
	};
	struct gupx_batch batch;
	struct gupx_chunk *room;
	unsigned int scope;
	bool more;

	if (!gupx_account_charge(purse.user, purse.pages))
		return -ENOBUFS;
	room = lend_room(&batch, cursor);
	if (!room) {
		gupx_account_uncharge(purse.user, purse.pages);
		return -ENOMEM;
	}
	/* Row O1: before the first reference, or fork() would share a pinned page. */
	gupx_compat_mark_pinned(cursor->mm);
	/* New pages shall come from where they may stay: no migration then. */
	scope = memalloc_pin_save();
	do {
		more = fill(cursor, &batch);
		own_batch(set, cursor, &batch, &purse, &room);
		more = more && !gupx_cursor_is_over(cursor);
		if (more && !room)
			room = lend_room(&batch, cursor);
	} while (more && room);
	memalloc_pin_restore(scope);
	gupx_cursor_unlock(cursor);
	gupx_pin_batch_fini(&batch);
	gupx_chunks_free(room);
	gupx_account_uncharge(purse.user, purse.pages);
	return 0;
}

/**
 * gupx_pinset_extents() - describe extents, in the order they were pinned
 * @set: any
 * @first: index of the first one wanted
 * @out: room for @nr; kernel memory
 * @nr: how many at most
 *
 * Return: how many.
 */
unsigned int gupx_pinset_extents(struct gupx_pinset *set, u64 first,
				 struct gupx_extent *out, unsigned int nr)
{
	unsigned int done;

	mutex_lock(&set->lock);
	done = gupx_chunks_describe(&set->chunks, first, out, nr);
	mutex_unlock(&set->lock);
	return done;
}

/**
 * gupx_pinset_find() - the pages from an index on
 * @set: any
 * @index: pages in the order they were pinned, from 0
 * @found: to be filled: one page of it, or more in a row
 *
 * What is found stays as long as the set: nothing is released before.
 *
 * Return: whether there is such a page.
 */
bool gupx_pinset_find(struct gupx_pinset *set, u64 index,
		      struct gupx_run *found)
{
	bool is_there;

	mutex_lock(&set->lock);
	is_there = gupx_chunks_find(&set->chunks, index, found);
	mutex_unlock(&set->lock);
	return is_there;
}

static u64 pages_with(const struct gupx_pinset *set, u32 flag)
{
	u64 pages = 0;
	u32 flags;

	for (flags = 0; flags < ARRAY_SIZE(set->pages_by_flags); flags++)
		if (flags & flag)
			pages += set->pages_by_flags[flags];
	return pages;
}

/**
 * gupx_pinset_totals() - the sums over all extents
 * @set: any
 * @totals: to be filled
 */
void gupx_pinset_totals(struct gupx_pinset *set,
			struct gupx_pinset_totals *totals)
{
	mutex_lock(&set->lock);
	*totals = (struct gupx_pinset_totals){
		.extents = set->extents,
		.pages = set->chunks.pages,
		.kernel_pages = pages_with(set, GUPX_RUN_KERNEL),
		.write_pages = pages_with(set, GUPX_RUN_WRITE),
		.short_pages = pages_with(set, GUPX_RUN_SHORT),
		.charged = set->charged,
	};
	mutex_unlock(&set->lock);
}

/**
 * gupx_pinset_show() - the numbers for /proc/PID/fdinfo
 * @set: any
 * @seq: to be written to
 */
void gupx_pinset_show(struct gupx_pinset *set, struct seq_file *seq)
{
	struct gupx_pinset_totals totals;

	gupx_pinset_totals(set, &totals);
	seq_printf(seq, "gupx-extents:\t%llu\n", totals.extents);
	seq_printf(seq, "gupx-pinned:\t%llu kB\n",
		   totals.pages << (PAGE_SHIFT - 10));
	seq_printf(seq, "gupx-pinned-write:\t%llu kB\n",
		   totals.write_pages << (PAGE_SHIFT - 10));
	seq_printf(seq, "gupx-pinned-by-kernel:\t%llu kB\n",
		   totals.kernel_pages << (PAGE_SHIFT - 10));
	seq_printf(seq, "gupx-pinned-short:\t%llu kB\n",
		   totals.short_pages << (PAGE_SHIFT - 10));
	seq_printf(seq, "gupx-charged:\t%llu kB\n",
		   totals.charged << (PAGE_SHIFT - 10));
}
