// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <sys/random.h>

#include "prng.h"

uint64_t prng_next(struct prng *prng)
{
	uint64_t z = prng->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

unsigned int prng_pick(struct prng *prng, const unsigned char *weights,
		       size_t nr)
{
	uint64_t sum = 0, at;
	unsigned int i;

	for (i = 0; i < nr; i++)
		sum += weights[i];
	at = prng_below(prng, sum);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

uint64_t prng_fresh_seed(void)
{
	uint32_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		exit(1);
	return seed;
}
