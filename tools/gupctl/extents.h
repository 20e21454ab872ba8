/* SPDX-License-Identifier: GPL-2.0 */
/* Report the pages that a pin fd holds. */
#ifndef GUPX_EXTENTS_H
#define GUPX_EXTENTS_H

#include <stdbool.h>

#include <linux/types.h>

/*
 * Print the extents of @pin_fd, and store the number of pinned bytes in @bytes.
 * Return: 0 or -errno.
 */
int gupx_extents_report(int pin_fd, __u64 page_size, bool list, __u64 *bytes);

#endif
