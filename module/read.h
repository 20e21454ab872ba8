/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_READ_H
#define GUPX_READ_H

#include "cursor.h"

struct gupx_run;
struct iov_iter;

int gupx_read_copy(struct gupx_cursor *cursor, unsigned long addr,
		   struct iov_iter *to);
bool gupx_read_copy_run(const struct gupx_run *run, unsigned long *addr,
			struct iov_iter *to);

#endif /* GUPX_READ_H */
