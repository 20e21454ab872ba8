/* SPDX-License-Identifier: GPL-2.0 */
/* Names and texts for the results of EXPLAIN. */
#ifndef GUPX_OUTCOME_H
#define GUPX_OUTCOME_H

#include <linux/gupx.h>

/*
 * Return: the name of an enum gupx_outcome or enum gupx_content. Programs can rely on
 * these names, because the names do not change between versions. The result is never
 * NULL. It is "unknown" for a value that this version of gupctl does not know.
 */
const char *gupx_outcome_name(unsigned int outcome);
const char *gupx_outcome_content_name(unsigned int content);

/* Return: the text that describes @content (enum gupx_content) to the user. */
const char *gupx_outcome_content_text(unsigned int content);

/**
 * struct gupx_outcome_phrase - text before and after the object of a sentence
 * @before: text before the object, for example "fault"
 * @after: text after the object, for example " in"; "" if there is none
 */
struct gupx_outcome_phrase {
	const char *before;
	const char *after;
};

/*
 * Return: the phrase that describes @outcome for @verb (GUPX_VERB_*). If @outcome is
 * GUPX_OUTCOME_STOP, the phrase does not include the reason for the stop.
 */
struct gupx_outcome_phrase gupx_outcome_get_phrase(unsigned int verb,
						   unsigned int outcome);

/*
 * Return: the name of a verb, for example "pin" for GUPX_VERB_PIN. NULL if the verb is
 * unknown.
 */
const char *gupx_outcome_verb_name(unsigned int verb);

/* Return: the verb with this name, GUPX_VERB_*; -1 if there is none. */
int gupx_outcome_find_verb(const char *name);

#endif
