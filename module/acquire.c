// SPDX-License-Identifier: GPL-2.0
/*
 * PIN: pin pages in batches and move each batch into a pin set. A batch is charged before
 * it is added to the set; runs that cannot be charged are released. Adding a batch to the
 * set allocates memory, so the target's mmap_lock is dropped before a batch is added.
 */
#include <linux/gupx.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>

#include "acquire.h"
#include "batch.h"
#include "cursor.h"
#include "pinset.h"
#include "pinset_internal.h"

/**
 * struct acquire - a request that adds pins to a set
 * @precharge: pages that are charged in advance
 * @origin: common properties of the request's runs
 * @buffer: block that stores the runs of the current batch; becomes a block of the set if
 *	the runs are not copied to a block that the set already has
 */
struct acquire {
	struct gupx_precharge precharge;
	struct gupx_extent_origin origin;
	struct gupx_extent_block *buffer;
};

/*
 * Charge a run and add the run to the set.
 *
 * Return: %GUPX_GO, or the verdict that ends the request.
 */
static struct gupx_verdict commit_run(struct gupx_pinset *set,
				      const struct gupx_cursor *cursor,
				      u64 word, unsigned long addr,
				      struct acquire *acquire)
{
	const unsigned long ahead = (cursor->end - addr) >> PAGE_SHIFT;
	const struct gupx_run run = gupx_run_unpack(addr, word);
	int error;

	/*
	 * Make room in the extent list before the charge, so that nothing can fail after
	 * it.
	 */
	if (!gupx_extent_list_has_room(&set->list, addr, 1, &acquire->origin) &&
	    gupx_extent_list_grow(&set->list, addr, ahead, &acquire->origin))
		return gupx_policy_no_memory();
	if (!gupx_charge_extents(&set->charge, 1))
		return gupx_policy_stop(GUPX_STAGE_ACCOUNT, GUPX_REASON_EXTENTS,
					EDQUOT);
	error = gupx_charge_run(&set->charge, &acquire->precharge, &run);
	if (error) {
		gupx_charge_drop_extents(&set->charge, 1);
		return error == -ENOMEM
			       ? gupx_policy_no_memory()
			       : gupx_policy_stop(GUPX_STAGE_ACCOUNT,
						  GUPX_REASON_MEMLOCK, ENOBUFS);
	}
	gupx_extent_list_count_joined(&set->list, addr, &word, 1, run.nr);
	gupx_extent_list_add(&set->list, &word, 1, run.nr);
	set->extents++;
	gupx_pinset_count(set, run.flags, run.nr);
	return gupx_policy_do(GUPX_GO);
}

/*
 * Add the runs of a batch to the set. Copy the runs to the last block of the set if they
 * fit there. Otherwise append the block that stores the runs, so that nothing is copied.
 *
 * Return: false if there is no memory.
 */
static bool append_batch(struct gupx_pinset *set,
			 const struct gupx_batch *batch, unsigned long pages,
			 struct acquire *acquire)
{
	struct gupx_extent_block *block = acquire->buffer;

	if (gupx_extent_list_has_room(&set->list, batch->addr, batch->nr,
				      &acquire->origin)) {
		gupx_extent_list_add(&set->list, batch->word, batch->nr, pages);
		return true;
	}
	block->addr = batch->addr;
	block->pin_time = acquire->origin.pin_time;
	block->charged = acquire->origin.charged;
	block->pages = pages;
	block->nr = batch->nr;
	if (gupx_extent_list_append(&set->list, block))
		return false;
	acquire->buffer = NULL;
	return true;
}

/*
 * Fast path: add all runs of a batch at once. This is possible if the runs consist of whole
 * folios and have the same flags, because the charge is then the number of pages. The
 * precharge has to cover these pages, unless the caller is exempt.
 *
 * Return: true if the batch was added; false if commit_runs() has to add one run at a time.
 */
static bool commit_uniform_batch(struct gupx_pinset *set,
				 const struct gupx_batch *batch,
				 struct acquire *acquire)
{
	const unsigned long pages = (batch->end - batch->addr) >> PAGE_SHIFT;
	unsigned long extents;

	if (!batch->uniform ||
	    (!acquire->precharge.exempt && acquire->precharge.pages < pages))
		return false;
	extents = gupx_charge_extents(&set->charge, batch->nr);
	if (extents < batch->nr)
		goto drop;
	gupx_extent_list_count_joined(&set->list, batch->addr, batch->word,
				      batch->nr, pages);
	if (!append_batch(set, batch, pages, acquire)) {
		set->list.joined_valid = false;
		goto drop;
	}
	set->extents += batch->nr;
	gupx_pinset_count(set, batch->flags, pages);
	return gupx_charge_pages(&set->charge, &acquire->precharge, pages);

drop:
	gupx_charge_drop_extents(&set->charge, extents);
	return false;
}

/*
 * Add the runs of a batch in order, up to the first run that cannot be added.
 *
 * Return: number of runs added.
 */
static unsigned int commit_runs(struct gupx_pinset *set,
				struct gupx_cursor *cursor,
				const struct gupx_batch *batch,
				struct acquire *acquire)
{
	unsigned long addr = batch->addr;
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		const u64 word = batch->word[i];
		const struct gupx_verdict verdict =
			commit_run(set, cursor, word, addr, acquire);

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
 * Move the batch into the set. If a run cannot be added, the request ends before that run,
 * and that run and all later runs are released. Drop the target's mmap_lock first, because
 * adding runs allocates memory.
 */
static void commit_batch(struct gupx_pinset *set, struct gupx_cursor *cursor,
			 struct gupx_batch *batch, struct acquire *acquire)
{
	unsigned int added = batch->nr;

	gupx_cursor_unlock(cursor);
	if (!batch->nr)
		return;
	if (gupx_pinset_lock(set)) {
		cursor->addr = batch->addr;
		gupx_cursor_stop(cursor, gupx_policy_signal());
		gupx_batch_release(batch, 0);
		return;
	}
	if (!commit_uniform_batch(set, batch, acquire))
		added = commit_runs(set, cursor, batch, acquire);
	gupx_pinset_unlock(set);
	gupx_batch_release(batch, added);
}

/*
 * Get a block to store the runs of a batch. The set can take over this block, so that the
 * runs do not have to be copied. Some kernels clear memory on allocation. So the block is
 * not larger than the rest of the request needs.
 *
 * Return: true if there is a block. If there is no memory, the function stops the request
 * and returns false.
 */
static bool get_buffer(struct acquire *acquire, struct gupx_batch *batch,
		       struct gupx_cursor *cursor)
{
	const unsigned long pages = (cursor->end - cursor->addr) >> PAGE_SHIFT;

	if (!acquire->buffer)
		acquire->buffer = gupx_extent_block_alloc(
			min(pages, GUPX_EXTENT_BLOCK_WORDS));
	if (acquire->buffer)
		gupx_batch_use_buffer(batch, acquire->buffer->word,
				      acquire->buffer->capacity);
	else
		gupx_cursor_stop(cursor, gupx_policy_no_memory());
	return acquire->buffer;
}

/*
 * Count this PIN as running, unless the set is sealed against new pins. Adding
 * GUPX_SEAL_PIN fails with EBUSY while a PIN is running; it does not wait for the PIN.
 */
static int begin_pinning(struct gupx_pinset *set)
{
	int error = gupx_pinset_lock(set);

	if (error)
		return error;
	if (set->seals & GUPX_SEAL_PIN)
		error = -EPERM;
	else
		atomic_inc(&set->pinning);
	gupx_pinset_unlock(set);
	return error;
}

static void pin_batches(struct gupx_pinset *set, struct gupx_cursor *cursor,
			struct acquire *acquire)
{
	struct gupx_batch batch;
	unsigned int scope;
	bool more = true;

	/*
	 * Row O1 (mm_set_has_pinned_flag()): set the flag before the first page is pinned.
	 * Otherwise fork() could share a pinned page with the child.
	 */
	gupx_compat_mark_pinned(cursor->mm);
	/*
	 * Make page faults allocate pages outside ZONE_MOVABLE and CMA. Pages in this
	 * memory would have to be migrated before a long-term pin.
	 */
	scope = memalloc_pin_save();
	while (more && get_buffer(acquire, &batch, cursor)) {
		more = cursor->fill(cursor, &batch);
		commit_batch(set, cursor, &batch, acquire);
		gupx_batch_fini(&batch);
		more = more && !gupx_cursor_is_over(cursor);
	}
	memalloc_pin_restore(scope);
	gupx_cursor_fini(cursor);
	gupx_extent_block_free(acquire->buffer);
}

/**
 * gupx_acquire_pins() - pin a range of the target into a set
 * @set: pin set of the cursor's target
 * @cursor: new cursor of a request with %GUPX_R_PIN; the mmap_lock is not held
 *
 * The whole range is charged before the first page is pinned, so that a request over the
 * limit fails before any work is done. The unused rest of this charge is returned at the
 * end.
 *
 * Return: 0 if the request ran, and the cursor contains its result; -ENOBUFS if
 * RLIMIT_MEMLOCK is too low; -EPERM if the set is sealed against new pins; -EINTR if a
 * fatal signal arrived.
 */
int gupx_acquire_pins(struct gupx_pinset *set, struct gupx_cursor *cursor)
{
	struct acquire acquire = { .origin.pin_time =
					   ktime_get_boottime_seconds() };
	int error = begin_pinning(set);

	if (error)
		return error;
	if (gupx_charge_precharge(&set->charge, &acquire.precharge,
				  (cursor->end - cursor->start) >>
					  PAGE_SHIFT)) {
		acquire.origin.charged = !acquire.precharge.exempt;
		pin_batches(set, cursor, &acquire);
		gupx_charge_return_precharge(&set->charge, &acquire.precharge);
	} else {
		error = -ENOBUFS;
	}
	/*
	 * If a fatal signal arrived, gupx_pinset_lock() fails and the last block keeps its
	 * unused memory. gupx_extent_list_append() frees that memory when it appends the
	 * next block.
	 */
	if (!gupx_pinset_lock(set)) {
		gupx_extent_list_trim(&set->list);
		gupx_pinset_unlock(set);
	}
	atomic_dec(&set->pinning);
	return error;
}
