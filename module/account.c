// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned memory is charged to the user, in user_struct.locked_vm, as io_uring and
 * iommufd do: all three share one RLIMIT_MEMLOCK. By user, not by process or mm,
 * so that fork(), dup() and SCM_RIGHTS do not dodge it.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

#include "account.h"

/**
 * gupx_account_limit() - what the caller may have pinned
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
 * gupx_account_used() - what is charged to a user now
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
 * gupx_account_uncharge() - give a charge back
 * @user: the one that was charged
 * @pages: no more than were charged
 */
void gupx_account_uncharge(struct user_struct *user, unsigned long pages)
{
	WARN_ON_ONCE(atomic_long_sub_return(pages, &user->locked_vm) < 0);
}
