/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_READ_H
#define GUPX_READ_H

#include "cursor.h"

/*
 * Maximum amount of memory, in bytes, to hold references on at a time. While a slow or
 * stopped caller is in the middle of a copy, this memory cannot be freed.
 */
#define GUPX_READ_WINDOW (4UL << 20)

struct gupx_run;
struct iov_iter;

int gupx_read_copy(struct gupx_cursor *cursor, unsigned long addr,
		   struct iov_iter *to);
bool gupx_read_copy_run(const struct gupx_run *run, unsigned long *addr,
			struct iov_iter *to);

#endif /* GUPX_READ_H */
