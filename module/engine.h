/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_ENGINE_H
#define GUPX_ENGINE_H

#include "cursor.h"
#include "batch.h"

bool gupx_engine_fill(struct gupx_cursor *cursor, struct gupx_batch *batch);
struct page **gupx_engine_alloc(void);
struct gupx_verdict gupx_engine_take(struct gupx_cursor *cursor,
				     struct gupx_batch *batch, unsigned long nr,
				     struct page **pages);

#endif /* GUPX_ENGINE_H */
