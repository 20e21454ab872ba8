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
	struct gupx_readv readv;
	struct gupx_explain explain;
	struct gupx_extents extents;
	struct gupx_unpin unpin;
	struct gupx_seal seal;
};

/**
 * struct gupx_call - one ioctl in progress
 * @file: file that the ioctl was called on
 * @args: copy of the caller's struct; copied back to the caller after the handler has run
 * @new_fd: descriptor reserved for @new_file, installed after the copy to the caller
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
 * @nr: ioctl number
 * @size: size of the ioctl's struct, as this module knows it
 * @min_size: size of the ioctl's struct in the first published version of the ABI
 * @run: handler, called with a copy of the caller's struct. If the handler returns 0 or
 *	-ENOBUFS, the struct is copied back to the caller.
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
int gupx_dispatch_check_entry(u32 entry_size, u32 min_size);
int gupx_dispatch_read_array(u64 buf, u32 entry_size, void *to, size_t size,
			     unsigned int nr);
int gupx_dispatch_copy_array(u64 buf, u64 first, u32 entry_size,
			     const void *from, size_t size, unsigned int nr);

#endif /* GUPX_DISPATCH_H */
