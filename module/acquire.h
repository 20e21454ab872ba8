/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_ACQUIRE_H
#define GUPX_ACQUIRE_H

#include <linux/types.h>

struct gupx_cursor;
struct gupx_pinset;

int gupx_acquire_pins(struct gupx_pinset *set, struct gupx_cursor *cursor);

#endif /* GUPX_ACQUIRE_H */
