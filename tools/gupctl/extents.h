/* SPDX-License-Identifier: GPL-2.0 */
/* What a pin fd holds, summed up and listed. */
#ifndef GUPX_EXTENTS_H
#define GUPX_EXTENTS_H

#include <stdbool.h>

#include <linux/types.h>

/* Asks @pin_fd and says what it holds; 0 or -errno. @bytes: [out] held. */
int gupx_extents_report(int pin_fd, __u64 page_size, bool list, __u64 *bytes);

#endif
