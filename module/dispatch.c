// SPDX-License-Identifier: GPL-2.0
/*
 * Entry and exit of every ioctl: check the size of the caller's struct, copy the struct
 * from user space, call the handler, and copy the struct back. Handlers only access the
 * user memory of buffers that the struct points to.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

#include "dispatch.h"

/*
 * Check the size of a struct, and that it has no padding at its end. A change of the
 * layout by accident, or a layout that depends on the compiler, fails the build.
 */
#define CHECK_LAYOUT(type, bytes, last)                 \
	static_assert(sizeof(struct type) == (bytes) && \
		      offsetofend(struct type, last) == (bytes))

CHECK_LAYOUT(gupx_stop, 16, reason);
CHECK_LAYOUT(gupx_info, 112, reserved);
CHECK_LAYOUT(gupx_pin, 80, memlock_asked);
CHECK_LAYOUT(gupx_populate, 56, stop);
CHECK_LAYOUT(gupx_read, 64, stop);
CHECK_LAYOUT(gupx_segment, 32, reason);
CHECK_LAYOUT(gupx_readv, 56, done);
CHECK_LAYOUT(gupx_explain, 64, reserved);
CHECK_LAYOUT(gupx_judgement, 32, flags);
CHECK_LAYOUT(gupx_extent, 40, offset);
CHECK_LAYOUT(gupx_extents, 72, seals);
CHECK_LAYOUT(gupx_unpin, 32, released);
CHECK_LAYOUT(gupx_seal, 16, sealed);

static_assert(sizeof(union gupx_args) <= 256);

/**
 * gupx_dispatch_drop_file() - close a new pin fd that is not installed
 * @call: ioctl in progress, with or without a new pin fd
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
 * gupx_dispatch_check_entry() - check the entry size of a caller's array
 * @entry_size: size of one array entry, as the caller knows it
 * @min_size: size of one array entry in the first published version of the ABI
 *
 * Return: 0 if the size is valid; -EINVAL if it is too small; -E2BIG if it is larger than
 * a page.
 */
int gupx_dispatch_check_entry(u32 entry_size, u32 min_size)
{
	if (entry_size < min_size)
		return -EINVAL;
	return entry_size > PAGE_SIZE ? -E2BIG : 0;
}

/**
 * gupx_dispatch_read_array() - copy entries from the caller's array
 * @buf: address of the array
 * @entry_size: size of one array entry, as the caller knows it, from
 *	gupx_dispatch_check_entry()
 * @to: array for the entries
 * @size: size of one array entry, as this module knows it
 * @nr: number of entries
 *
 * If the caller's entries are shorter than the module's, the missing fields are zeroed.
 *
 * Return: 0; -EFAULT; or -E2BIG if the caller's entries are longer and the rest of an entry is
 * not zero.
 */
int gupx_dispatch_read_array(u64 buf, u32 entry_size, void *to, size_t size,
			     unsigned int nr)
{
	const void __user *from = u64_to_user_ptr(buf);
	unsigned int i;
	int error = 0;

	if (entry_size == size)
		return copy_from_user(to, from, nr * size) ? -EFAULT : 0;
	for (i = 0; !error && i < nr; i++, from += entry_size, to += size)
		error = copy_struct_from_user(to, size, from, entry_size);
	return error;
}

/**
 * gupx_dispatch_copy_array() - copy entries to the caller's array
 * @buf: address of the array
 * @first: index of the first entry
 * @entry_size: size of one array entry, as the caller knows it, from
 *	gupx_dispatch_check_entry()
 * @from: array of entries to copy
 * @size: size of one array entry, as this module knows it
 * @nr: number of entries
 *
 * If the caller's entries are shorter than the module's, each entry is truncated. If the
 * caller's entries are longer, the rest of each entry is zeroed.
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

/*
 * Check that the caller's struct can be written, by writing the words at its ends as they are.
 * The struct is not longer than a page, so it is in the pages of these words.
 */
static bool can_write(const struct gupx_call *call, void __user *user, u32 size)
{
	const size_t last = size - sizeof(u32);
	u32 word;

	memcpy(&word, (const char *)&call->args + last, sizeof(word));
	return !put_user(*(const u32 *)&call->args, (u32 __user *)user) &&
	       !put_user(word, (u32 __user *)(user + last));
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

/**
 * gupx_dispatch() - handle one ioctl
 * @ops: ioctls of the file
 * @nr: number of entries in @ops
 * @file: file that the ioctl was called on
 * @cmd: ioctl number
 * @arg: address of the caller's struct, which begins with its size
 *
 * Return: 0, or an errno of <linux/gupx.h>.
 */
long gupx_dispatch(const struct gupx_op *ops, size_t nr, struct file *file,
		   unsigned int cmd, unsigned long arg)
{
	const struct gupx_op *op = ops;
	void __user *user = (void __user *)arg;
	struct gupx_call call = { .file = file };
	u32 size;
	int error;

	while (op < ops + nr && op->nr != cmd)
		op++;
	if (op == ops + nr)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < op->min_size)
		return -EINVAL;
	/*
	 * Limit the number of bytes that copy_struct_from_user() has to check for zero, like
	 * openat2() does.
	 */
	if (size > PAGE_SIZE)
		return -E2BIG;
	error = copy_struct_from_user(&call.args, op->size, user, size);
	if (error)
		return error;
	/* Before the work, check that the result can be written to the caller's struct. */
	if (!can_write(&call, user, min(size, op->size)))
		return -EFAULT;
	error = op->run(&call);
	/* With ENOBUFS, the struct contains the limit, so copy it to the caller too. */
	if (!error || error == -ENOBUFS)
		error = copy_out(&call, user, min(size, op->size)) ?: error;
	gupx_dispatch_drop_file(&call);
	return error;
}
