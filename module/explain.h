/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_EXPLAIN_H
#define GUPX_EXPLAIN_H

#include "cursor.h"

struct gupx_judgement;

unsigned int gupx_explain_fill(struct gupx_cursor *cursor,
			       struct gupx_judgement *out, unsigned int nr);

#endif /* GUPX_EXPLAIN_H */
