/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_FAULT_H
#define GUPX_FAULT_H

#include "cursor.h"

struct gupx_verdict gupx_fault_in(struct gupx_cursor *cursor,
				  unsigned long addr, enum gupx_action action);

#endif /* GUPX_FAULT_H */
