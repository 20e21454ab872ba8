// SPDX-License-Identifier: GPL-2.0
/*
 * The pin set: what stands behind a pin fd. It owns pins, and charges for them,
 * until they are released one by one or the last reference to the fd goes.
 *
 * Lock order: the mmap_lock of who has a window, the set's lock, the list of windows
 * (i_mmap_rwsem), page-table locks. The target's mmap_lock is never held together
 * with the set's: the set allocates under it. No user memory is touched under it
 * either. The set keeps the mm's struct alive (mmgrab), never the memory: pins outlive
 * the target.
 */
#include <linux/fs.h>
#include <linux/gupx.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "pinset.h"
#include "pinset_internal.h"
#include "unpin.h"

/* For those who read about the pins: whose memory it is. */
static void record_target(struct gupx_pinset *set)
{
#ifdef CONFIG_MEMCG
	const struct task_struct *owner;

	rcu_read_lock();
	owner = rcu_dereference(set->mm->owner);
	if (owner) {
		set->pid =
			get_task_pid((struct task_struct *)owner, PIDTYPE_TGID);
		set->start = owner->group_leader->start_boottime;
	}
	rcu_read_unlock();
#endif
}

/**
 * gupx_pinset_create() - create a pin set without pins
 * @mm: of the target; its struct is kept
 * @seals: GUPX_SEAL_*
 *
 * Charges go to the caller's user.
 *
 * Return: the set, to be freed by gupx_pinset_destroy(); NULL: no memory.
 */
struct gupx_pinset *gupx_pinset_create(struct mm_struct *mm, u32 seals)
{
	struct gupx_pinset *set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);

	if (!set)
		return NULL;
	if (gupx_charge_init(&set->charge)) {
		kfree(set);
		return NULL;
	}
	mutex_init(&set->lock);
	address_space_init_once(&set->mapping);
	set->mapping.a_ops = &empty_aops;
	gupx_extent_list_init(&set->list);
	mmgrab(mm);
	set->mm = mm;
	set->seals = seals;
	record_target(set);
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
	gupx_extent_list_release(&set->list);
	atomic64_sub(set->pages - set->zero_pages, &set->mm->pinned_vm);
	gupx_charge_destroy(&set->charge);
	put_pid(set->pid);
	mmdrop(set->mm);
	kfree(set);
}

/**
 * gupx_pinset_attach() - make the windows of a file those of the set
 * @set: of the file
 * @file: not yet known to anybody
 *
 * All anonymous files share one inode; to find the windows of one pin fd, it has a
 * list of its own.
 */
void gupx_pinset_attach(struct gupx_pinset *set, struct file *file)
{
	set->mapping.host = file_inode(file);
	file->f_mapping = &set->mapping;
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
	return set->mm == mm && gupx_pinset_is_own(set);
}

/**
 * gupx_pinset_is_own() - is the caller's user the one who made the set?
 * @set: any
 *
 * Return: whether.
 */
bool gupx_pinset_is_own(const struct gupx_pinset *set)
{
	return set->charge.user == current_user();
}

/**
 * gupx_pinset_user() - get the user who is charged
 * @set: any
 *
 * Return: the user, as long as the set lives.
 */
struct user_struct *gupx_pinset_user(const struct gupx_pinset *set)
{
	return set->charge.user;
}

/**
 * gupx_pinset_lock() - take the set's lock
 * @set: pin set
 *
 * While it is held, no page of the set is released. Killable: a pin fd may be shared
 * with a user who holds the lock for as long as the scheduler or the reclaim of his
 * memory cgroup lets him.
 *
 * Return: 0 or -EINTR.
 */
int gupx_pinset_lock(struct gupx_pinset *set)
{
	return mutex_lock_killable(&set->lock) ? -EINTR : 0;
}

/**
 * gupx_pinset_trylock() - take the set's lock if it is free
 * @set: pin set
 *
 * Return: whether the lock is held.
 */
bool gupx_pinset_trylock(struct gupx_pinset *set)
{
	return mutex_trylock(&set->lock);
}

/**
 * gupx_pinset_unlock() - the end of gupx_pinset_lock()
 * @set: any
 */
void gupx_pinset_unlock(struct gupx_pinset *set)
{
	mutex_unlock(&set->lock);
}

/* What is released counts no longer. */
static void uncount_pages(struct gupx_pinset *set,
			  const struct gupx_unpin_plan *plan)
{
	const struct gupx_extent_block *block;
	u32 i;

	for (i = 0; i < plan->edges; i++)
		gupx_pinset_count(set, gupx_run_flags(plan->edge[i].gone),
				  -(s64)gupx_run_pages(plan->edge[i].gone));
	for (block = plan->gone; block; block = block->next) {
		cond_resched();
		for (i = 0; i < block->nr; i++)
			if (!gupx_run_is_released(block->word[i]))
				gupx_pinset_count(
					set, gupx_run_flags(block->word[i]),
					-(s64)gupx_run_pages(block->word[i]));
	}
	set->extents -= plan->extents;
}

/* Under the set's lock, which also keeps windows from showing the pages again. */
static int unpin_range(struct gupx_pinset *set, struct gupx_unpin_plan *plan)
{
	int error;

	if (set->seals & GUPX_SEAL_UNPIN)
		return -EPERM;
	error = gupx_unpin_prepare(&set->list, plan);
	if (error)
		return error;
	error = gupx_charge_prepare_unpin(&set->charge, plan);
	if (error) {
		gupx_unpin_cancel(plan);
		return error;
	}
	gupx_unpin_commit(&set->list, plan);
	gupx_charge_commit_unpin(&set->charge, plan);
	uncount_pages(set, plan);
	unmap_mapping_range(&set->mapping, plan->index << PAGE_SHIFT,
			    (plan->end - plan->index) << PAGE_SHIFT, 1);
	return 0;
}

/**
 * gupx_pinset_unpin() - release a part of a set
 * @set: of the caller's user
 * @index: of the first page, in the order they were pinned
 * @nr: pages; what is beyond the end, or released, is passed over
 * @released: to be filled: pages that were released
 *
 * Return: 0; -EPERM: the set is sealed against it; -ENOMEM, -ENOBUFS, -EDQUOT, -EINTR: as
 * <linux/gupx.h> says, and nothing was released.
 */
int gupx_pinset_unpin(struct gupx_pinset *set, u64 index, u64 nr, u64 *released)
{
	struct gupx_unpin_plan plan = { .index = index };
	int error = gupx_pinset_lock(set);

	if (error)
		return error;
	plan.end = min(index + nr, set->list.pages);
	if (plan.index < plan.end)
		error = unpin_range(set, &plan);
	else if (set->seals & GUPX_SEAL_UNPIN)
		error = -EPERM;
	gupx_pinset_unlock(set);
	if (error)
		return error;
	*released = plan.pages;
	/* A folio's lock may be waited for: not under ours, which faults take. */
	gupx_unpin_finish(&plan);
	gupx_charge_finish_unpin(&set->charge, &plan);
	return 0;
}

/**
 * gupx_pinset_seal() - rule something out for good
 * @set: any
 * @seals: GUPX_SEAL_* to be added
 *
 * Return: 0; -EBUSY: it is being done right now, or has a window that it rules out;
 * -EINTR.
 */
int gupx_pinset_seal(struct gupx_pinset *set, u32 seals)
{
	int error = gupx_pinset_lock(set);

	if (error)
		return error;
	if ((seals & GUPX_SEAL_WRITE) && atomic_read(&set->writable_windows))
		error = -EBUSY;
	else if ((seals & GUPX_SEAL_PIN) && atomic_read(&set->pinning))
		error = -EBUSY;
	else
		set->seals |= seals;
	gupx_pinset_unlock(set);
	return error;
}

/**
 * gupx_pinset_open_window() - may the set have this window?
 * @set: any
 * @write: it is to be writable
 *
 * Return: 0, and a writable window counts until gupx_pinset_close_window(); -EPERM:
 * sealed, or pins not fit to be held; -EACCES: not all was pinned for writing; -EINTR.
 */
int gupx_pinset_open_window(struct gupx_pinset *set, bool write)
{
	int error = gupx_pinset_lock(set);

	if (error)
		return error;
	if (set->short_pages)
		error = -EPERM;
	else if (write && (set->seals & GUPX_SEAL_WRITE))
		error = -EPERM;
	else if (write && set->write_pages != set->pages)
		error = -EACCES;
	else if (write)
		atomic_inc(&set->writable_windows);
	gupx_pinset_unlock(set);
	return error;
}

/**
 * gupx_pinset_dup_window() - count a part of a writable window that became two
 * @set: has a writable window
 */
void gupx_pinset_dup_window(struct gupx_pinset *set)
{
	atomic_inc(&set->writable_windows);
}

/**
 * gupx_pinset_close_window() - a writable window, or a part of it, is gone
 * @set: of the window
 */
void gupx_pinset_close_window(struct gupx_pinset *set)
{
	atomic_dec(&set->writable_windows);
}

/**
 * gupx_pinset_extents() - describe extents, in the order they were pinned
 * @set: any
 * @joined: as gupx_extent_list_describe() has it
 * @first: index of the first one wanted
 * @out: room for @nr; kernel memory
 * @nr: how many at most
 *
 * Return: how many.
 */
unsigned int gupx_pinset_extents(struct gupx_pinset *set, bool joined,
				 u64 first, struct gupx_extent *out,
				 unsigned int nr)
{
	unsigned int done;

	if (gupx_pinset_lock(set))
		return 0;
	done = gupx_extent_list_describe(&set->list, joined, first, out, NULL,
					 nr);
	gupx_pinset_unlock(set);
	return done;
}

/**
 * gupx_pinset_find() - find the pages from an index on
 * @set: locked
 * @index: pages in the order they were pinned, from 0
 * @found: to be filled: one page of it, or more in a row
 *
 * What is found stays as long as the set is locked.
 *
 * Return: whether there is such a page, or was one.
 */
enum gupx_extent_found gupx_pinset_find(struct gupx_pinset *set, u64 index,
					struct gupx_run *found)
{
	return gupx_extent_list_find(&set->list, index, found);
}

/**
 * gupx_pinset_totals() - get the sums over all extents
 * @set: any
 * @joined: count extents that only memory tells apart as one
 * @totals: to be filled
 *
 * Return: 0 or -EINTR.
 */
int gupx_pinset_totals(struct gupx_pinset *set, bool joined,
		       struct gupx_pinset_totals *totals)
{
	if (gupx_pinset_lock(set))
		return -EINTR;
	*totals = (struct gupx_pinset_totals){
		.extents = joined ? gupx_extent_list_joined(&set->list)
				  : set->extents,
		.pages = set->pages,
		.length = set->list.pages,
		.kernel_pages = set->kernel_pages,
		.write_pages = set->write_pages,
		.short_pages = set->short_pages,
		.charged = set->charge.pages,
		.seals = set->seals,
	};
	gupx_pinset_unlock(set);
	return 0;
}
