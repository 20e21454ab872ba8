/* SPDX-License-Identifier: GPL-2.0 */
/* What a request would do, for people and for programs. */
#ifndef GUPX_FORETELL_H
#define GUPX_FORETELL_H

#include "runs.h"
#include "work.h"

/**
 * struct gupx_foretell - what there is to tell
 * @work: what was asked
 * @verb: GUPX_VERB_*
 * @runs: the answer; text folds it
 */
struct gupx_foretell {
	const struct gupx_work *work;
	unsigned int verb;
	struct gupx_runs *runs;
};

/* Return: the exit status; refused where something would stop. */
int gupx_foretell_report(const struct gupx_foretell *foretell);

#endif
