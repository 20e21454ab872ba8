// SPDX-License-Identifier: GPL-2.0
/*
 * The pin set that belongs to a pin fd. The set owns pins, and the user is charged for
 * them, until UNPIN releases the pins or the last reference to the pin fd is dropped.
 *
 * Lock order: the mmap_lock of a process with a window, the set's lock, i_mmap_rwsem of
 * the windows, page-table locks. The loop drops the target's mmap_lock before it takes
 * the set's lock, because memory is allocated under the set's lock. No user memory is
 * accessed under the set's lock.
 *
 * The set holds a reference on the mm_struct (mmgrab()), but not on the address space. So
 * the target may exit while its pages are pinned.
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

/* Record the process that owns the target's mm; fdinfo shows the process. */
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
 * gupx_pinset_create() - create an empty pin set
 * @mm: mm of the target; the set takes a reference with mmgrab()
 * @seals: GUPX_SEAL_* that the set begins with
 *
 * The caller's user is charged for the pins of the set.
 *
 * Return: the set, to be freed by gupx_pinset_destroy(); NULL if there is no memory.
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
 * gupx_pinset_destroy() - release all pins, uncharge them and free the set
 * @set: pin set that has no other user
 *
 * The function cannot fail and does not allocate memory. It may sleep.
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
 * gupx_pinset_attach() - give a pin fd a struct address_space of its own
 * @set: pin set of the file
 * @file: new file that is not installed yet
 *
 * On older kernels, all anonymous files share one inode and its i_mmap tree. The pin fd
 * needs its own i_mmap tree, so that the set can find the windows of this pin fd only.
 */
void gupx_pinset_attach(struct gupx_pinset *set, struct file *file)
{
	set->mapping.host = file_inode(file);
	file->f_mapping = &set->mapping;
}

/**
 * gupx_pinset_fits() - check if the caller may add pins of a target
 * @set: pin set of the caller's pin fd
 * @mm: mm of the target
 *
 * A set holds the pins of one address space, charged to one user. Without this check, a
 * user who received a pin fd from another user could pin pages at the other user's charge.
 *
 * Return: true if the caller may add pins of the target.
 */
bool gupx_pinset_fits(const struct gupx_pinset *set, const struct mm_struct *mm)
{
	return set->mm == mm && gupx_pinset_is_own(set);
}

/**
 * gupx_pinset_is_own() - check if the caller's user created the set
 * @set: pin set
 *
 * Return: true if the caller's user created the set.
 */
bool gupx_pinset_is_own(const struct gupx_pinset *set)
{
	return set->charge.cred->user == current_user();
}

/**
 * gupx_pinset_user() - get the user who is charged
 * @set: pin set
 *
 * Return: the user, which is valid as long as the set exists.
 */
struct user_struct *gupx_pinset_user(const struct gupx_pinset *set)
{
	return set->charge.cred->user;
}

/**
 * gupx_pinset_lock() - take the set's lock, so that no page of the set is released
 * @set: pin set
 *
 * A fatal signal ends the wait for the lock. Several users may share a pin fd, and a task
 * of another user may hold the lock for a long time.
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
 * Return: true if the lock was free and is now held.
 */
bool gupx_pinset_trylock(struct gupx_pinset *set)
{
	return mutex_trylock(&set->lock);
}

/**
 * gupx_pinset_unlock() - drop the set's lock
 * @set: pin set, locked
 */
void gupx_pinset_unlock(struct gupx_pinset *set)
{
	mutex_unlock(&set->lock);
}

/* Remove the released pages from the set's counts. */
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

/*
 * Release a range of pages. The set's lock is held, so no window maps the pages again
 * after they are unmapped here.
 */
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
 * gupx_pinset_unpin() - release part of a set
 * @set: pin set; the user account that made it is that of the caller
 * @index: index of the first page, in the order of pinning
 * @nr: number of pages; released pages and indexes past the end are skipped
 * @released: set to the number of pages that were released
 *
 * Return: 0 on success; -EPERM if the set is sealed against UNPIN; -ENOMEM, -ENOBUFS,
 * -EDQUOT or -EINTR as described at struct gupx_unpin. On error, nothing was released.
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
	/*
	 * Release the pages without the set's lock: the release may wait for a folio lock,
	 * and page faults in windows would wait for the set's lock meanwhile.
	 */
	gupx_unpin_finish(&plan);
	gupx_charge_finish_unpin(&set->charge, &plan);
	return 0;
}

/**
 * gupx_pinset_seal() - forbid operations on the set permanently
 * @set: pin set
 * @seals: GUPX_SEAL_* to add
 *
 * Return: 0 on success; -EBUSY if @seals contains %GUPX_SEAL_PIN and a PIN is running, or
 * @seals contains %GUPX_SEAL_WRITE and the set has a writable window; -EINTR if a fatal
 * signal arrived.
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
 * gupx_pinset_open_window() - check if a set may have a new window
 * @set: pin set
 * @write: true if the window is writable
 *
 * If the window is writable, it is also counted until gupx_pinset_close_window() is called.
 *
 * Return: 0 if the set may have the window; -EPERM if the set has pins with
 * %GUPX_F_SHORT, or if the window is writable and the set is sealed against writing;
 * -EACCES if the window is writable and not every page was pinned for writing; -EINTR if
 * a fatal signal arrived.
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
 * gupx_pinset_dup_window() - count one more mapping when a writable window is split or
 *	moved
 * @set: pin set with a writable window
 */
void gupx_pinset_dup_window(struct gupx_pinset *set)
{
	atomic_inc(&set->writable_windows);
}

/**
 * gupx_pinset_close_window() - decrement the count of writable windows
 * @set: pin set with a writable window
 */
void gupx_pinset_close_window(struct gupx_pinset *set)
{
	atomic_dec(&set->writable_windows);
}

/**
 * gupx_pinset_extents() - describe extents, in the order of pinning
 * @set: pin set
 * @joined: true to describe adjacent runs that differ only in their physical address as one
 *	extent
 * @first: index of the first extent to describe
 * @out: array for @nr extents, in kernel memory
 * @nr: maximum number of extents
 *
 * Return: number of extents.
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
 * gupx_pinset_find() - find the run that contains a page
 * @set: pin set, locked; the run stays valid until the set is unlocked
 * @index: index of the page, in the order of pinning
 * @found: set to the rest of the run, beginning with this page
 *
 * Return: %GUPX_FOUND_PAGE, %GUPX_FOUND_RELEASED or %GUPX_FOUND_END.
 */
enum gupx_extent_found gupx_pinset_find(struct gupx_pinset *set, u64 index,
					struct gupx_run *found)
{
	return gupx_extent_list_find(&set->list, index, found);
}

/**
 * gupx_pinset_totals() - get the page counts, the number of extents and the seals of a set
 * @set: pin set
 * @joined: true to count adjacent runs that differ only in their physical address as one
 *	extent
 * @totals: filled in
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
