/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_GUP_H
#define GUPX_GUP_H

#include "cursor.h"
#include "batch.h"

bool gupx_gup_fill(struct gupx_cursor *cursor, struct gupx_batch *batch);

#endif /* GUPX_GUP_H */
