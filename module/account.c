// SPDX-License-Identifier: GPL-2.0
/*
 * This file enforces two limits for each user: one on pinned memory and one on extents. If
 * a limit applied to each process or mm instead, a user could evade it with fork(), dup()
 * or SCM_RIGHTS.
 *
 * Pinned memory is counted in user_struct.locked_vm, like in io_uring and iommufd. So the
 * limit RLIMIT_MEMLOCK applies to the sum of the memory that gupx, io_uring and iommufd
 * have pinned.
 *
 * The limit on extents bounds the kernel memory that is used to store pins. The kernel
 * does not have a suitable counter, so extents are counted here.
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

/* The default is enough for 64 GiB of 4 KiB pages that are not contiguous. */
static unsigned long max_extents = 1UL << 24;
module_param(max_extents, ulong, 0644);
MODULE_PARM_DESC(
	max_extents,
	"Maximum number of extents that one user may hold (default 16777216)");

/**
 * struct gupx_quota - extent count of one user
 * @node: link in the hash table "quotas"
 * @uid: the user
 * @sets: number of pin sets that use this count; protected by quotas_lock
 * @extents: number of extents that all these pin sets hold
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
 * gupx_account_get_quota() - take a reference on the extent count of a user
 * @uid: the user
 *
 * Call gupx_account_put_quota() to drop the reference.
 *
 * Return: the count; NULL if there is no memory.
 */
struct gupx_quota *gupx_account_get_quota(kuid_t uid)
{
	/*
	 * All users share the lock, so allocate memory before taking the lock. Otherwise
	 * other users would have to wait while the kernel reclaims memory in the memory
	 * cgroup of the caller.
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
 * gupx_account_put_quota() - drop a reference on the extent count of a user
 * @quota: count from gupx_account_get_quota()
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
 * gupx_account_add_extents() - add extents to the extent count of a user, up to the limit
 * @quota: extent count of the user
 * @nr: number of extents
 *
 * Return: number of extents that were counted. It is @nr, or less if the limit is reached.
 */
unsigned long gupx_account_add_extents(struct gupx_quota *quota,
				       unsigned long nr)
{
	const unsigned long limit =
		min(READ_ONCE(max_extents), (unsigned long)LONG_MAX);
	long old = atomic_long_read(&quota->extents);
	unsigned long added;

	do {
		added = old < limit ? min(nr, limit - old) : 0;
	} while (added &&
		 !atomic_long_try_cmpxchg(&quota->extents, &old, old + added));
	return added;
}

/**
 * gupx_account_sub_extents() - subtract extents from the extent count of a user
 * @quota: extent count of the user
 * @nr: number of extents, at most as many as are counted
 */
void gupx_account_sub_extents(struct gupx_quota *quota, unsigned long nr)
{
	WARN_ON_ONCE(atomic_long_sub_return(nr, &quota->extents) < 0);
}

/**
 * gupx_account_max_extents() - get the limit on extents for each user
 *
 * Return: number of extents.
 */
u64 gupx_account_max_extents(void)
{
	return READ_ONCE(max_extents);
}

/**
 * gupx_account_used_extents() - get the number of extents that a user holds
 * @uid: the user
 *
 * Return: number of extents.
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
 * gupx_account_is_exempt() - check if the caller is exempt from the charge for pins
 *
 * Pins of an exempt caller do not reduce the memory that other processes of the same user
 * may pin.
 *
 * Return: true if the caller has CAP_IPC_LOCK.
 */
bool gupx_account_is_exempt(void)
{
	return capable(CAP_IPC_LOCK);
}

/**
 * gupx_account_limit() - get the caller's limit on pinned memory
 *
 * Return: bytes; U64_MAX if there is no limit or the caller has CAP_IPC_LOCK.
 */
u64 gupx_account_limit(void)
{
	const unsigned long limit = rlimit(RLIMIT_MEMLOCK);

	if (limit == RLIM_INFINITY || capable(CAP_IPC_LOCK))
		return U64_MAX;
	return limit;
}

/**
 * gupx_account_used() - get the pinned memory that is charged to a user
 * @user: the user
 *
 * Return: number of bytes that this module and other drivers have charged.
 */
u64 gupx_account_used(const struct user_struct *user)
{
	return (u64)atomic_long_read(&user->locked_vm) << PAGE_SHIFT;
}

/**
 * gupx_account_charge() - charge pages to a user, within the caller's limit
 * @user: user to charge
 * @pages: number of pages
 *
 * Return: true if all pages were charged; false if none were.
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
 * @user: user who was charged
 * @pages: number of pages, at most as many as are charged
 */
void gupx_account_uncharge(struct user_struct *user, unsigned long pages)
{
	WARN_ON_ONCE(atomic_long_sub_return(pages, &user->locked_vm) < 0);
}
