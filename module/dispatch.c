// SPDX-License-Identifier: GPL-2.0
/*
 * The way in and out of every ioctl: the struct's size, the copy in, the handler,
 * the copy out. Handlers see kernel memory only, but for buffers of their own.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

#include "dispatch.h"

/* No holes, no padding at the end: the same bytes for every compiler. */
#define CHECK_LAYOUT(type, bytes, last)                 \
	static_assert(sizeof(struct type) == (bytes) && \
		      offsetofend(struct type, last) == (bytes))

CHECK_LAYOUT(gupx_stop, 16, reason);
CHECK_LAYOUT(gupx_info, 88, version);
CHECK_LAYOUT(gupx_pin, 80, memlock_asked);
CHECK_LAYOUT(gupx_populate, 56, stop);
CHECK_LAYOUT(gupx_read, 64, stop);
CHECK_LAYOUT(gupx_explain, 56, done);
CHECK_LAYOUT(gupx_judgement, 32, flags);
CHECK_LAYOUT(gupx_extent, 32, order);
CHECK_LAYOUT(gupx_extents, 56, charged);

static_assert(sizeof(union gupx_args) <= 256);

/**
 * gupx_dispatch_drop_file() - give up a new pin fd that nobody will learn of
 * @call: may have none
 */
void gupx_dispatch_drop_file(struct gupx_call *call)
{
	if (!call->new_file)
		return;
	put_unused_fd(call->new_fd);
	fput(call->new_file);
	call->new_file = NULL;
}

static const struct gupx_op *find_op(const struct gupx_op *ops, size_t nr,
				     unsigned int cmd)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (ops[i].nr == cmd)
			return &ops[i];
	return NULL;
}

static int copy_out(struct gupx_call *call, void __user *user, u32 size)
{
	if (copy_to_user(user, &call->args, size))
		return -EFAULT;
	if (call->new_file) {
		fd_install(call->new_fd, call->new_file);
		call->new_file = NULL;
	}
	return 0;
}

static int run(const struct gupx_op *op, struct gupx_call *call,
	       void __user *user, u32 size)
{
	const int error = op->run(call);

	/* A refusal by the limit tells the limit. */
	if (!error || error == -ENOBUFS)
		return copy_out(call, user, min(size, op->size)) ?: error;
	return error;
}

/**
 * gupx_dispatch() - serve one ioctl
 * @ops: what the file knows
 * @nr: how many
 * @file: that it was made on
 * @cmd: its number
 * @arg: the caller's struct, beginning with its size
 *
 * Return: 0, or what <linux/gupx.h> says.
 */
long gupx_dispatch(const struct gupx_op *ops, size_t nr, struct file *file,
		   unsigned int cmd, unsigned long arg)
{
	const struct gupx_op *op = find_op(ops, nr, cmd);
	void __user *user = (void __user *)arg;
	struct gupx_call call = { .file = file };
	u32 size;
	int error;

	if (!op)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < op->min_size)
		return -EINVAL;
	/* As openat2() has it: a tail to be looked through must end some time. */
	if (size > PAGE_SIZE)
		return -E2BIG;
	error = copy_struct_from_user(&call.args, op->size, user, size);
	if (error)
		return error;
	/* What cannot be answered is not begun. */
	if (copy_to_user(user, &call.args, min(size, op->size)))
		return -EFAULT;
	error = run(op, &call, user, size);
	gupx_dispatch_drop_file(&call);
	return error;
}
