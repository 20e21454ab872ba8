// SPDX-License-Identifier: GPL-2.0
/*
 * What is counted by user. By user, not by process or mm, so that fork(), dup() and
 * SCM_RIGHTS do not dodge it.
 *
 * Pinned memory: in user_struct.locked_vm, as io_uring and iommufd do. All three share
 * one RLIMIT_MEMLOCK.
 *
 * Extents: a cap on the kernel memory that pins take. They are counted here, since
 * no counter of the kernel fits.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "account.h"

/* 64 GiB of 4 KiB pages, each of them alone. */
static unsigned long max_extents = 1UL << 24;
module_param(max_extents, ulong, 0644);
MODULE_PARM_DESC(max_extents,
		 "extents that one user may hold (default 16777216)");

/**
 * struct gupx_quota - extents of one user
 * @node: in quotas
 * @uid: the user
 * @sets: pin sets that count here; under quotas_lock
 * @extents: held by all of them
 */
struct gupx_quota {
	struct hlist_node node;
	kuid_t uid;
	unsigned long sets;
	atomic_long_t extents;
};

static DEFINE_HASHTABLE(quotas, 6);
static DEFINE_MUTEX(quotas_lock);

static struct gupx_quota *find_quota(kuid_t uid)
{
	struct gupx_quota *quota;

	hash_for_each_possible(quotas, quota, node, __kuid_val(uid))
		if (uid_eq(quota->uid, uid))
			return quota;
	return NULL;
}

/**
 * gupx_account_get_quota() - get the extent count of a user
 * @uid: the user
 *
 * Return: it, to be put by gupx_account_put_quota(); NULL: no memory.
 */
struct gupx_quota *gupx_account_get_quota(kuid_t uid)
{
	/*
	 * Allocate before taking the lock, which all users share: reclaim in the
	 * caller's memory cgroup must not make others wait.
	 */
	struct gupx_quota *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	struct gupx_quota *quota;

	if (!new)
		return NULL;
	mutex_lock(&quotas_lock);
	quota = find_quota(uid);
	if (!quota) {
		new->uid = uid;
		hash_add(quotas, &new->node, __kuid_val(uid));
		swap(quota, new);
	}
	quota->sets++;
	mutex_unlock(&quotas_lock);
	kfree(new);
	return quota;
}

/**
 * gupx_account_put_quota() - put the extent count of a user
 * @quota: of gupx_account_get_quota()
 */
void gupx_account_put_quota(struct gupx_quota *quota)
{
	mutex_lock(&quotas_lock);
	if (!--quota->sets) {
		WARN_ON_ONCE(atomic_long_read(&quota->extents));
		hash_del(&quota->node);
		kfree(quota);
	}
	mutex_unlock(&quotas_lock);
}

/**
 * gupx_account_add_extents() - count extents, as far as the user may have them
 * @quota: of the user
 * @nr: how many
 *
 * Return: how many were counted: @nr, or fewer.
 */
unsigned long gupx_account_add_extents(struct gupx_quota *quota,
				       unsigned long nr)
{
	const unsigned long most =
		min(READ_ONCE(max_extents), (unsigned long)LONG_MAX);
	long old = atomic_long_read(&quota->extents);
	unsigned long some;

	do {
		some = old < most ? min(nr, most - old) : 0;
	} while (some &&
		 !atomic_long_try_cmpxchg(&quota->extents, &old, old + some));
	return some;
}

/**
 * gupx_account_sub_extents() - no longer count extents
 * @quota: of the user
 * @nr: no more than were counted
 */
void gupx_account_sub_extents(struct gupx_quota *quota, unsigned long nr)
{
	WARN_ON_ONCE(atomic_long_sub_return(nr, &quota->extents) < 0);
}

/**
 * gupx_account_max_extents() - how many extents may a user have?
 *
 * Return: how many.
 */
u64 gupx_account_max_extents(void)
{
	return READ_ONCE(max_extents);
}

/**
 * gupx_account_used_extents() - how many extents does a user have now?
 * @uid: the user
 *
 * Return: how many.
 */
u64 gupx_account_used_extents(kuid_t uid)
{
	const struct gupx_quota *quota;
	u64 used;

	mutex_lock(&quotas_lock);
	quota = find_quota(uid);
	used = quota ? atomic_long_read(&quota->extents) : 0;
	mutex_unlock(&quotas_lock);
	return used;
}

/**
 * gupx_account_is_exempt() - is the caller not charged for what is pinned?
 *
 * Return: whether. What was charged to others of that user stays within their reach.
 */
bool gupx_account_is_exempt(void)
{
	return capable(CAP_IPC_LOCK);
}

/**
 * gupx_account_limit() - how much may the caller have pinned?
 *
 * Return: bytes; all ones: no limit, or CAP_IPC_LOCK.
 */
u64 gupx_account_limit(void)
{
	const unsigned long limit = rlimit(RLIMIT_MEMLOCK);

	if (limit == RLIM_INFINITY || capable(CAP_IPC_LOCK))
		return U64_MAX;
	return limit;
}

/**
 * gupx_account_used() - how much is charged to a user now?
 * @user: any
 *
 * Return: bytes; ours and other drivers'.
 */
u64 gupx_account_used(const struct user_struct *user)
{
	return (u64)atomic_long_read(&user->locked_vm) << PAGE_SHIFT;
}

/**
 * gupx_account_charge() - charge pages to a user, within the caller's limit
 * @user: to be charged
 * @pages: how many
 *
 * Return: whether they were charged: all or none.
 */
bool gupx_account_charge(struct user_struct *user, unsigned long pages)
{
	const u64 limit = gupx_account_limit();
	long old = atomic_long_read(&user->locked_vm);

	do {
		if (limit != U64_MAX && (pages > limit >> PAGE_SHIFT ||
					 old + pages > limit >> PAGE_SHIFT))
			return false;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old, old + pages));
	return true;
}

/**
 * gupx_account_uncharge() - uncharge pages
 * @user: the one that was charged
 * @pages: no more than were charged
 */
void gupx_account_uncharge(struct user_struct *user, unsigned long pages)
{
	WARN_ON_ONCE(atomic_long_sub_return(pages, &user->locked_vm) < 0);
}
