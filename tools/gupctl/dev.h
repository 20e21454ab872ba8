/* SPDX-License-Identifier: GPL-2.0 */
/* Access to /dev/gupx. Explain the errnos of its ioctls (see linux/gupx.h). */
#ifndef GUPX_DEV_H
#define GUPX_DEV_H

#include <linux/gupx.h>

struct gupx_target;

/**
 * struct gupx_dev - open device
 * @fd: file descriptor of /dev/gupx
 * @info: result of GUPX_IOC_INFO; gupx_dev_open() has checked that info.abi is GUPX_ABI
 */
struct gupx_dev {
	int fd;
	struct gupx_info info;
};

/*
 * Open the device and query the module. On failure, print the cause and how to fix it,
 * and exit.
 */
void gupx_dev_open(struct gupx_dev *dev);

/* Exit with an error unless the module has the ABI that gupctl was built for. */
void gupx_dev_check_abi(const struct gupx_info *info);

/*
 * Return: a text that says whether to upgrade the module or gupctl. NULL if @abi is the
 * ABI that gupctl was built for.
 */
const char *gupx_dev_cure_abi(__u32 abi);

void gupx_dev_close(struct gupx_dev *dev);

/* Call ioctl(). Return: 0 or -errno. */
int gupx_dev_call(int fd, unsigned long request, void *arg);

/**
 * struct gupx_dev_context - details of a failed ioctl, for the error message
 * @verb: command: "pin", "populate", "read", "explain" or "map"
 * @flags: GUPX_F_* flags of the request
 * @limit: RLIMIT_MEMLOCK in bytes, as the module returned it
 * @used: bytes that were already charged to the user, as the module returned them
 * @asked: bytes that the whole request still had to pin before the failed ioctl; the
 *	error message prints them as "more requested"
 */
struct gupx_dev_context {
	const char *verb;
	__u32 flags;
	__u64 limit;
	__u64 used;
	__u64 asked;
};

/*
 * Exit with an error if the module does not support one of @flags for @verb. Also exit
 * if a module parameter does not allow the request, or if a capability is missing.
 */
void gupx_dev_check_flags(const struct gupx_dev *dev, const char *verb,
			  __u32 flags);

/* Report an error that explains the errno of an ioctl. Does not exit. */
void gupx_dev_report(int error, const struct gupx_dev_context *context,
		     const struct gupx_target *target);

/* Report that the request exceeds RLIMIT_MEMLOCK. Does not exit. */
void gupx_dev_report_memlock(const struct gupx_dev_context *context);

#endif
