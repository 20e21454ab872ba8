/* SPDX-License-Identifier: GPL-2.0 */
/* Check facts about the machine. Describe each problem and how to fix it. */
#ifndef GUPX_DOCTOR_H
#define GUPX_DOCTOR_H

#include "facts.h"

/**
 * enum gupx_doctor_state - result of a check
 * @GUPX_DOCTOR_OK: no problem
 * @GUPX_DOCTOR_NOTE: gupx works, with the limitation that the finding names
 * @GUPX_DOCTOR_BAD: gupx does not work, or does not work for this caller
 * @GUPX_DOCTOR_UNKNOWN: the check is not possible because of another finding
 */
enum gupx_doctor_state {
	GUPX_DOCTOR_OK,
	GUPX_DOCTOR_NOTE,
	GUPX_DOCTOR_BAD,
	GUPX_DOCTOR_UNKNOWN,
};

/**
 * struct gupx_doctor_finding - result of one check, with its explanation
 * @check: name of the check
 * @state: result of the check
 * @text: explanation of the result; gupx_doctor_free() frees it
 * @cure: how to fix the problem, or NULL; gupx_doctor_free() frees it
 */
struct gupx_doctor_finding {
	const char *check;
	enum gupx_doctor_state state;
	char *text;
	char *cure;
};

#define GUPX_DOCTOR_CHECKS 12

/*
 * Run all checks. The findings are in the order in which the user should fix the
 * problems.
 */
void gupx_doctor_judge(const struct gupx_facts *facts,
		       struct gupx_doctor_finding finding[GUPX_DOCTOR_CHECKS]);

void gupx_doctor_free(struct gupx_doctor_finding finding[GUPX_DOCTOR_CHECKS]);

#endif
