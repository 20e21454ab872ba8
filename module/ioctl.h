/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_IOCTL_H
#define GUPX_IOCTL_H

#include <linux/fs.h>

extern const struct file_operations gupx_ioctl_fops;

#endif /* GUPX_IOCTL_H */
