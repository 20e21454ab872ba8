// SPDX-License-Identifier: GPL-2.0
/*
 * Write audit records for requests with FORCE, which overrides protections, for pins with
 * SHORT, and for pins of another user's process.
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
 * struct mm_owner - the process that owns an mm
 * @pid: PID in the initial namespace; 0 if unknown
 * @uid: user of the process
 */
struct mm_owner {
	pid_t pid;
	kuid_t uid;
};

static struct mm_owner get_mm_owner(struct mm_struct *mm)
{
	struct mm_owner target = { .uid = INVALID_UID };
#ifdef CONFIG_MEMCG
	const struct task_struct *task;

	rcu_read_lock();
	task = rcu_dereference(mm->owner);
	if (task) {
		target.pid = task->tgid;
		target.uid = task_uid(task);
	}
	rcu_read_unlock();
#endif
	return target;
}

/*
 * Log a request. @done points to the number of bytes done; NULL if the request has not
 * begun.
 */
static void log_request(const char *verb, const struct mm_owner *target,
			u32 flags, u64 addr, u64 len, const __u64 *done)
{
	struct audit_buffer *buffer = audit_log_start(
		audit_context(), GFP_KERNEL, AUDIT_KERNEL_OTHER);

	if (!buffer)
		return;
	audit_log_format(buffer, "op=gupx-%s flags=%#x addr=%#llx len=%#llx",
			 verb, flags, addr, len);
	if (done)
		audit_log_format(buffer, " done=%#llx", *done);
	audit_log_format(buffer, " opid=%d ouid=%u", target->pid,
			 from_kuid(&init_user_ns, target->uid));
	audit_log_task_info(buffer);
	audit_log_end(buffer);
}

/**
 * gupx_audit_pin() - log a PIN that has FORCE or SHORT set or that pins memory of another
 *	user's process
 * @mm: mm of the target
 * @pin: finished request
 */
void gupx_audit_pin(struct mm_struct *mm, const struct gupx_pin *pin)
{
	const bool special = pin->flags & (GUPX_F_FORCE | GUPX_F_SHORT);
	struct mm_owner target;

	if (audit_enabled == AUDIT_OFF)
		return;
	target = get_mm_owner(mm);
	if (special || !uid_eq(target.uid, current_uid()))
		log_request("pin", &target, pin->flags, pin->addr, pin->len,
			    &pin->done);
}

/**
 * gupx_audit_read() - log a READ, or one segment of a READV, that has FORCE set
 * @mm: mm of the target
 * @flags: flags of the request, which has passed all checks; nothing is copied yet
 * @addr: address to read
 * @len: length in bytes
 */
void gupx_audit_read(struct mm_struct *mm, u32 flags, u64 addr, u64 len)
{
	struct mm_owner target;

	if (audit_enabled == AUDIT_OFF || !(flags & GUPX_F_FORCE))
		return;
	target = get_mm_owner(mm);
	log_request("read", &target, flags, addr, len, NULL);
}
