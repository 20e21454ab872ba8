/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_INTAKE_H
#define GUPX_INTAKE_H

#include <linux/types.h>

struct gupx_cursor;
struct gupx_pinset;

int gupx_intake_pin(struct gupx_pinset *set, struct gupx_cursor *cursor,
		    bool engine_kernel);

#endif /* GUPX_INTAKE_H */
