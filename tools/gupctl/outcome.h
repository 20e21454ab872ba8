/* SPDX-License-Identifier: GPL-2.0 */
/* Stable names and plain words for what EXPLAIN answers. */
#ifndef GUPX_OUTCOME_H
#define GUPX_OUTCOME_H

#include <linux/gupx.h>

/* For programs. Never NULL: a newer module's are "unknown". */
const char *gupx_outcome_name(unsigned int outcome);
const char *gupx_outcome_content_name(unsigned int content);

/* What is there, for people. */
const char *gupx_outcome_content_text(unsigned int content);

/**
 * struct gupx_outcome_phrase - what a request would do with something
 * @before: stands before it: "fault"
 * @after: stands behind it: " in", or ""
 */
struct gupx_outcome_phrase {
	const char *before;
	const char *after;
};

/* @verb: GUPX_VERB_*. Of a stop it says nothing: its reason does. */
struct gupx_outcome_phrase gupx_outcome_get_phrase(unsigned int verb,
						   unsigned int outcome);

/* "pin" for GUPX_VERB_PIN; NULL: there is no such verb. */
const char *gupx_outcome_verb_name(unsigned int verb);

#endif
