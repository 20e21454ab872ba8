/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that a seed repeats: Sebastiano Vigna's splitmix64.
 */
#ifndef GUPX_TESTS_PRNG_H
#define GUPX_TESTS_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct prng - a pseudo-random number generator
 * @state: its seed at first; the same seed gives the same numbers
 */
struct prng {
	uint64_t state;
};

uint64_t prng_next(struct prng *prng);

/* A number from 0 to @limit - 1. */
static inline uint64_t prng_below(struct prng *prng, uint64_t limit)
{
	return prng_next(prng) % limit;
}

static inline bool prng_chance(struct prng *prng, unsigned int percent)
{
	return prng_below(prng, 100) < percent;
}

/* An index of @weights, each as probable as its weight says. */
unsigned int prng_pick(struct prng *prng, const unsigned char *weights,
		       size_t nr);

/* A seed that no earlier run used, short enough to be typed. */
uint64_t prng_fresh_seed(void);

#endif /* GUPX_TESTS_PRNG_H */
