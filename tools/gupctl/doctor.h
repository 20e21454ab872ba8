/* SPDX-License-Identifier: GPL-2.0 */
/* What the facts mean: a finding for each check, and what to do about it. */
#ifndef GUPX_DOCTOR_H
#define GUPX_DOCTOR_H

#include "facts.h"

/**
 * enum gupx_doctor_state - how a check came out
 * @GUPX_DOCTOR_OK: as it should be
 * @GUPX_DOCTOR_NOTE: it works, but for what the finding says
 * @GUPX_DOCTOR_BAD: gupx does not work here, or not for this caller
 * @GUPX_DOCTOR_UNKNOWN: another finding is in the way
 */
enum gupx_doctor_state {
	GUPX_DOCTOR_OK,
	GUPX_DOCTOR_NOTE,
	GUPX_DOCTOR_BAD,
	GUPX_DOCTOR_UNKNOWN,
};

/**
 * struct gupx_doctor_finding - what one check found
 * @check: its name
 * @text: to be freed
 * @cure: to be freed; NULL: nothing is to be done
 */
struct gupx_doctor_finding {
	const char *check;
	enum gupx_doctor_state state;
	char *text;
	char *cure;
};

#define GUPX_DOCTOR_CHECKS 11

/* In the order in which cures are to be tried. */
void gupx_doctor_judge(const struct gupx_facts *facts,
		       struct gupx_doctor_finding finding[GUPX_DOCTOR_CHECKS]);

void gupx_doctor_free(struct gupx_doctor_finding finding[GUPX_DOCTOR_CHECKS]);

#endif
