// SPDX-License-Identifier: GPL-2.0
/*
 * PIN: pins on their way into a set, batch by batch. Each is charged before it is the
 * set's; what cannot be charged is given back. The target's mmap_lock is not held when a
 * batch is added, for that allocates.
 */
#include <linux/gupx.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>

#include "engine.h"
#include "gup.h"
#include "intake.h"
#include "pin.h"
#include "set.h"

static struct gupx_verdict stop_at_extents(void)
{
	return gupx_policy_stop(GUPX_STAGE_ACCOUNT, GUPX_REASON_EXTENTS,
				EDQUOT);
}

/**
 * struct intake - a request that adds pins to a set
 * @precharge: what was charged ahead for it
 * @label: what its runs have in common
 * @room: memory of the present batch; becomes the set's where it can
 */
struct intake {
	struct gupx_precharge precharge;
	struct gupx_chunks_label label;
	struct gupx_chunk *room;
};

/* Return: %GUPX_GO, or why the run was not added. */
static struct gupx_verdict add_run(struct gupx_pinset *set,
				   const struct gupx_cursor *cursor, u64 word,
				   unsigned long addr, struct intake *intake)
{
	const unsigned long ahead = (cursor->end - addr) >> PAGE_SHIFT;
	const struct gupx_run run = gupx_run_unpack(addr, word);
	int error;

	/* Room first: what was charged can then be kept. */
	if (gupx_chunks_reserve(&set->chunks, addr, 1, ahead, &intake->label))
		return gupx_policy_no_memory();
	if (!gupx_charge_extents(&set->charge, 1))
		return stop_at_extents();
	error = gupx_charge_run(&set->charge, &intake->precharge, &run);
	if (error) {
		gupx_charge_drop_extents(&set->charge, 1);
		return error == -ENOMEM
			       ? gupx_policy_no_memory()
			       : gupx_policy_stop(GUPX_STAGE_ACCOUNT,
						  GUPX_REASON_MEMLOCK, ENOBUFS);
	}
	gupx_chunks_count_joined(&set->chunks, addr, &word, 1, run.nr);
	gupx_chunks_add(&set->chunks, &word, 1, run.nr);
	set->extents++;
	gupx_set_count(set, run.flags, run.nr);
	return gupx_policy_do(GUPX_GO);
}

/* The memory that a batch's runs are in becomes the set's: no run is copied. */
static bool keep_room(struct gupx_pinset *set, const struct gupx_batch *batch,
		      unsigned long pages, struct intake *intake)
{
	struct gupx_chunk *chunk = intake->room;

	chunk->addr = batch->addr;
	chunk->born = intake->label.born;
	chunk->charged = intake->label.charged;
	chunk->pages = pages;
	chunk->nr = batch->nr;
	if (gupx_chunks_append(&set->chunks, chunk))
		return false;
	intake->room = NULL;
	return true;
}

/* Return: false where memory is short. */
static bool keep_batch(struct gupx_pinset *set, const struct gupx_batch *batch,
		       unsigned long pages, struct intake *intake)
{
	if (!gupx_chunks_has_room(&set->chunks, batch->addr, batch->nr,
				  &intake->label))
		return keep_room(set, batch, pages, intake);
	gupx_chunks_add(&set->chunks, batch->word, batch->nr, pages);
	return true;
}

/*
 * A batch that costs what it has pages, and was charged for ahead: in one go.
 *
 * Return: whether it was added; if not, it has to be looked at run by run.
 */
static bool add_uniform(struct gupx_pinset *set, const struct gupx_batch *batch,
			struct intake *intake)
{
	const unsigned long pages = (batch->end - batch->addr) >> PAGE_SHIFT;
	unsigned long extents;

	if (!batch->nr || !batch->uniform ||
	    (!intake->precharge.exempt && intake->precharge.pages < pages))
		return false;
	extents = gupx_charge_extents(&set->charge, batch->nr);
	if (extents < batch->nr)
		goto drop;
	gupx_chunks_count_joined(&set->chunks, batch->addr, batch->word,
				 batch->nr, pages);
	if (!keep_batch(set, batch, pages, intake)) {
		set->chunks.counts_joined = false;
		goto drop;
	}
	set->extents += batch->nr;
	gupx_set_count(set, batch->flags, pages);
	return gupx_charge_pages(&set->charge, &intake->precharge, pages);

drop:
	gupx_charge_drop_extents(&set->charge, extents);
	return false;
}

/* Return: how many runs of the batch the set has now, from the first one on. */
static unsigned int add_runs(struct gupx_pinset *set,
			     struct gupx_cursor *cursor,
			     const struct gupx_batch *batch,
			     struct intake *intake)
{
	unsigned long addr = batch->addr;
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		const u64 word = batch->word[i];
		const struct gupx_verdict verdict =
			add_run(set, cursor, word, addr, intake);

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
 * Move the batch into the set. A run that cannot be added is given back with all
 * after it, and the request ends before it. The batch's memory may become the set's,
 * and is no longer the intake's then. Allocates, so the target's lock is not held.
 */
static void add_batch(struct gupx_pinset *set, struct gupx_cursor *cursor,
		      struct gupx_batch *batch, struct intake *intake)
{
	unsigned int added = batch->nr;

	gupx_cursor_unlock(cursor);
	mutex_lock(&set->lock);
	if (!add_uniform(set, batch, intake))
		added = add_runs(set, cursor, batch, intake);
	mutex_unlock(&set->lock);
	gupx_pin_release_batch(batch, added);
}

/*
 * Memory for the runs of a batch that may become a chunk as it is. No larger than
 * the request needs: a kernel that clears memory does so each time.
 *
 * Return: false where memory is short; the request ends here.
 */
static bool make_room(struct intake *intake, struct gupx_batch *batch,
		      struct gupx_cursor *cursor)
{
	const unsigned long pages = (cursor->end - cursor->addr) >> PAGE_SHIFT;

	if (!intake->room)
		intake->room = gupx_chunks_alloc(min(pages, GUPX_CHUNKS_WORDS));
	if (intake->room)
		gupx_pin_batch_lend(batch, intake->room->word,
				    intake->room->capacity);
	else
		gupx_cursor_stop(cursor, gupx_policy_no_memory());
	return intake->room;
}

/* A seal that rules new pins out waits for nobody: it is refused while we are here. */
static int begin_pinning(struct gupx_pinset *set)
{
	int error = 0;

	mutex_lock(&set->lock);
	if (set->seals & GUPX_SEAL_PIN)
		error = -EPERM;
	else
		set->pinning++;
	mutex_unlock(&set->lock);
	return error;
}

static void end_pinning(struct gupx_pinset *set)
{
	mutex_lock(&set->lock);
	gupx_chunks_trim(&set->chunks);
	set->pinning--;
	mutex_unlock(&set->lock);
}

static void pin_all(struct gupx_pinset *set, struct gupx_cursor *cursor,
		    struct intake *intake, bool engine_kernel)
{
	bool (*fill)(struct gupx_cursor * cursor, struct gupx_batch * batch) =
		engine_kernel ? gupx_engine_fill : gupx_gup_fill;
	struct gupx_batch batch;
	unsigned int scope;
	bool more = true;

	/* Row O1: before the first reference, or fork() would share a pinned page. */
	gupx_compat_mark_pinned(cursor->mm);
	/* New pages shall come from where they may stay: no migration then. */
	scope = memalloc_pin_save();
	while (more && make_room(intake, &batch, cursor)) {
		more = fill(cursor, &batch);
		add_batch(set, cursor, &batch, intake);
		gupx_pin_batch_fini(&batch);
		more = more && !gupx_cursor_is_over(cursor);
	}
	memalloc_pin_restore(scope);
	gupx_cursor_fini(cursor);
	gupx_chunks_free(intake->room);
}

/**
 * gupx_intake_pin() - pin a range and own the pins
 * @set: fits the cursor's target
 * @cursor: of a request with %GUPX_R_PIN, nothing done yet, lock not held
 * @engine_kernel: let the kernel's engine do it
 *
 * The whole range is charged first and what was not pinned is given back, so that
 * a limit is met before any work is done.
 *
 * Return: 0, and the cursor tells the rest; -ENOBUFS: RLIMIT_MEMLOCK; -EPERM: the set
 * is sealed.
 */
int gupx_intake_pin(struct gupx_pinset *set, struct gupx_cursor *cursor,
		    bool engine_kernel)
{
	struct intake intake = { .label.born = ktime_get_boottime_seconds() };
	int error = begin_pinning(set);

	if (error)
		return error;
	if (gupx_charge_ahead(&set->charge, &intake.precharge,
			      (cursor->end - cursor->start) >> PAGE_SHIFT)) {
		intake.label.charged = !intake.precharge.exempt;
		pin_all(set, cursor, &intake, engine_kernel);
		gupx_charge_return(&set->charge, &intake.precharge);
	} else {
		error = -ENOBUFS;
	}
	end_pinning(set);
	return error;
}
