// SPDX-License-Identifier: GPL-2.0
/*
 * Audit records of what an administrator may want to know of later: pins that override
 * protections or are not fit to be held, and those of another user's process.
 */
#include <linux/audit.h>
#include <linux/cred.h>
#include <linux/gupx.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "audit.h"

/**
 * struct owner - the process whose memory it is
 * @pid: as the initial namespace has it; 0: not known
 * @uid: its user
 */
struct owner {
	pid_t pid;
	kuid_t uid;
};

static struct owner owner_of(struct mm_struct *mm)
{
	struct owner owner = { .uid = INVALID_UID };
#ifdef CONFIG_MEMCG
	const struct task_struct *task;

	rcu_read_lock();
	task = rcu_dereference(mm->owner);
	if (task) {
		owner.pid = task->tgid;
		owner.uid = task_uid(task);
	}
	rcu_read_unlock();
#endif
	return owner;
}

/**
 * gupx_audit_pin() - record a PIN that is out of the ordinary
 * @mm: the target
 * @pin: permitted, not yet done
 */
void gupx_audit_pin(struct mm_struct *mm, const struct gupx_pin *pin)
{
	const bool special = pin->flags & (GUPX_F_FORCE | GUPX_F_SHORT);
	struct audit_buffer *buffer;
	struct owner owner;

	if (audit_enabled == AUDIT_OFF)
		return;
	owner = owner_of(mm);
	if (!special && uid_eq(owner.uid, current_uid()))
		return;
	buffer = audit_log_start(audit_context(), GFP_KERNEL,
				 AUDIT_KERNEL_OTHER);
	if (!buffer)
		return;
	audit_log_format(
		buffer,
		"op=gupx-pin flags=%#x addr=%#llx len=%#llx opid=%d ouid=%u",
		pin->flags, pin->addr, pin->len, owner.pid,
		from_kuid(&init_user_ns, owner.uid));
	audit_log_task_info(buffer);
	audit_log_end(buffer);
}
