/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_DISPATCH_H
#define GUPX_DISPATCH_H

#include <linux/gupx.h>
#include <linux/types.h>

struct file;

union gupx_args {
	struct gupx_info info;
	struct gupx_pin pin;
	struct gupx_populate populate;
	struct gupx_read read;
	struct gupx_explain explain;
	struct gupx_extents extents;
	struct gupx_unpin unpin;
	struct gupx_seal seal;
};

/**
 * struct gupx_call - one ioctl on its way
 * @file: that the ioctl was made on
 * @args: copied in; copied out where the handler answers
 * @new_fd: a descriptor reserved for @new_file, installed only once the answer
 *	has reached the caller
 * @new_file: the new pin fd, or NULL
 */
struct gupx_call {
	struct file *file;
	union gupx_args args;
	int new_fd;
	struct file *new_file;
};

/**
 * struct gupx_op - one ioctl
 * @nr: its number
 * @size: of its struct, as this module knows it
 * @min_size: of its struct, as it was first published
 * @run: called with the struct copied in. Where it returns 0 or -ENOBUFS, the
 *	struct is copied out.
 */
struct gupx_op {
	unsigned int nr;
	u32 size;
	u32 min_size;
	int (*run)(struct gupx_call *call);
};

#define GUPX_OP(name, type, last, function)                                    \
	{                                                                      \
		.nr = (name), .size = sizeof(struct type),                     \
		.min_size = offsetofend(struct type, last), .run = (function), \
	}

long gupx_dispatch(const struct gupx_op *ops, size_t nr, struct file *file,
		   unsigned int cmd, unsigned long arg);
void gupx_dispatch_drop_file(struct gupx_call *call);
int gupx_dispatch_check_entry(u32 entry_size, u32 least);
int gupx_dispatch_copy_array(u64 buf, u64 first, u32 entry_size,
			     const void *from, size_t size, unsigned int nr);

#endif /* GUPX_DISPATCH_H */
