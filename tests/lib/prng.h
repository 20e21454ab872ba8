/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A seeded pseudo-random number generator: Sebastiano Vigna's splitmix64.
 */
#ifndef GUPX_TESTS_PRNG_H
#define GUPX_TESTS_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct prng - a pseudo-random number generator
 * @state: internal state; set this to the seed before the first use
 */
struct prng {
	uint64_t state;
};

uint64_t prng_next(struct prng *prng);

/* Returns a random number from 0 to @limit - 1. */
static inline uint64_t prng_below(struct prng *prng, uint64_t limit)
{
	return prng_next(prng) % limit;
}

static inline bool prng_chance(struct prng *prng, unsigned int percent)
{
	return prng_below(prng, 100) < percent;
}

/*
 * Returns a random index of @weights. The probability of an index is proportional to
 * its weight.
 */
unsigned int prng_pick(struct prng *prng, const unsigned char *weights,
		       size_t nr);

/* Returns a new random seed. It has 32 bits, so that it is short enough to type. */
uint64_t prng_fresh_seed(void);

#endif /* GUPX_TESTS_PRNG_H */
