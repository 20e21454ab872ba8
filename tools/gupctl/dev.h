/* SPDX-License-Identifier: GPL-2.0 */
/* /dev/gupx: opening it, asking it, and what its errnos mean (uapi contract). */
#ifndef GUPX_DEV_H
#define GUPX_DEV_H

#include <linux/gupx.h>

struct gupx_target;

/**
 * struct gupx_dev - the open device
 * @fd: of the node
 * @info: what the module says of itself; its abi is ours
 */
struct gupx_dev {
	int fd;
	struct gupx_info info;
};

/* Exits with one line that names the cure where there is no such module. */
void gupx_dev_open(struct gupx_dev *dev);

/* Exits in the same way where a module and this program would misunderstand. */
void gupx_dev_check_abi(const struct gupx_info *info);

/* Which of the two to upgrade; NULL: they speak the same. */
const char *gupx_dev_cure_abi(__u32 abi);

void gupx_dev_close(struct gupx_dev *dev);

/* ioctl(): 0 or -errno. */
int gupx_dev_call(int fd, unsigned long request, void *arg);

/**
 * struct gupx_dev_context - what was asked when the module refused
 * @verb: "pin", "populate", "read"
 * @flags: GUPX_F_*
 * @limit: RLIMIT_MEMLOCK, bytes; what the module answered to an ENOBUFS
 * @used: bytes charged to the user before
 * @asked: bytes wanted in all, not by one request
 */
struct gupx_dev_context {
	const char *verb;
	__u32 flags;
	__u64 limit;
	__u64 used;
	__u64 asked;
};

/*
 * Flags that this module does not take for this verb, or that its parameters or
 * the caller's capabilities forbid: exits with one line that names the cure.
 */
void gupx_dev_check_flags(const struct gupx_dev *dev, const char *verb,
			  __u32 flags);

/* Says what an ioctl's errno means. Sets the error, does not exit. */
void gupx_dev_report(int error, const struct gupx_dev_context *context,
		     const struct gupx_target *target);

/* Says what RLIMIT_MEMLOCK allows. Sets the error, does not exit. */
void gupx_dev_report_memlock(const struct gupx_dev_context *context);

#endif
