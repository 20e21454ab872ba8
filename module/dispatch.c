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
CHECK_LAYOUT(gupx_info, 104, extents_used);
CHECK_LAYOUT(gupx_pin, 80, memlock_asked);
CHECK_LAYOUT(gupx_populate, 56, stop);
CHECK_LAYOUT(gupx_read, 64, stop);
CHECK_LAYOUT(gupx_explain, 64, reserved);
CHECK_LAYOUT(gupx_judgement, 32, flags);
CHECK_LAYOUT(gupx_extent, 40, offset);
CHECK_LAYOUT(gupx_extents, 72, seals);
CHECK_LAYOUT(gupx_unpin, 32, released);
CHECK_LAYOUT(gupx_seal, 16, sealed);

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

/**
 * gupx_dispatch_check_entry() - can an array of such entries be filled?
 * @entry_size: of an entry, as the caller knows it
 * @least: of an entry, as it was first published
 *
 * Return: 0; -EINVAL: too small; -E2BIG: longer than a page.
 */
int gupx_dispatch_check_entry(u32 entry_size, u32 least)
{
	if (entry_size < least)
		return -EINVAL;
	return entry_size > PAGE_SIZE ? -E2BIG : 0;
}

/**
 * gupx_dispatch_copy_array() - copy entries to the caller's array
 * @buf: address of the array
 * @first: index of the first entry
 * @entry_size: of an entry, as the caller knows it: at least as it was first published
 * @from: the entries
 * @size: of an entry, as this module knows it
 * @nr: how many
 *
 * Of shorter entries the caller gets the head, of longer ones the tail is zero.
 *
 * Return: 0 or -EFAULT.
 */
int gupx_dispatch_copy_array(u64 buf, u64 first, u32 entry_size,
			     const void *from, size_t size, unsigned int nr)
{
	void __user *to = u64_to_user_ptr(buf + first * entry_size);
	const size_t known = min_t(size_t, entry_size, size);
	unsigned int i;

	if (entry_size == size)
		return copy_to_user(to, from, nr * size) ? -EFAULT : 0;
	for (i = 0; i < nr; i++, to += entry_size, from += size)
		if (copy_to_user(to, from, known) ||
		    clear_user(to + known, entry_size - known))
			return -EFAULT;
	return 0;
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

static int run_op(const struct gupx_op *op, struct gupx_call *call,
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
	error = run_op(op, &call, user, size);
	gupx_dispatch_drop_file(&call);
	return error;
}
