/* SPDX-License-Identifier: GPL-2.0 */
/* Names and texts for the results of EXPLAIN. */
#ifndef GUPX_OUTCOME_H
#define GUPX_OUTCOME_H

#include <linux/gupx.h>

/* Stable names for programs. Never NULL: "unknown" for values of a newer module. */
const char *gupx_outcome_name(unsigned int outcome);
const char *gupx_outcome_content_name(unsigned int content);

/* Text for people. */
const char *gupx_outcome_content_text(unsigned int content);

/**
 * struct gupx_outcome_phrase - text before and after the object of a sentence
 * @before: text before it, for example "fault"
 * @after: text after it, for example " in"; or ""
 */
struct gupx_outcome_phrase {
	const char *before;
	const char *after;
};

/*
 * Return: the phrase for @outcome of @verb (GUPX_VERB_*). The phrase for a stop does
 * not include the reason.
 */
struct gupx_outcome_phrase gupx_outcome_get_phrase(unsigned int verb,
						   unsigned int outcome);

/* Return: "pin" for GUPX_VERB_PIN and so on; NULL for an unknown verb. */
const char *gupx_outcome_verb_name(unsigned int verb);

#endif
