/* SPDX-License-Identifier: GPL-2.0 */
/* Names of request flags, and random sets of request flags. */
#ifndef GUPX_TESTS_FLAGS_H
#define GUPX_TESTS_FLAGS_H

#include <stdint.h>

#include "prng.h"

/* Return: the flags that GUPX_VERB_* @verb accepts; 0 if the verb is unknown. */
uint32_t flags_of_verb(uint32_t verb);

/*
 * Return: a random subset of @allowed. It may contain flags that contradict each other,
 * such as SHORT and ENGINE_KERNEL.
 */
uint32_t flags_draw(struct prng *prng, uint32_t allowed);

/* Return: the name of the flag without its prefix, or "?" if it is unknown. */
const char *flags_name(uint32_t flag);
/* Return: the flag with this name; 0 if there is none. */
uint32_t flags_parse(const char *name);

#endif /* GUPX_TESTS_FLAGS_H */
