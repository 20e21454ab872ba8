/* SPDX-License-Identifier: GPL-2.0 */
/* Rules of <linux/gupx.h> about the reasons for which a request stops early. */
#ifndef GUPX_TESTS_CONTRACT_H
#define GUPX_TESTS_CONTRACT_H

#include <stdbool.h>

/* Larger than every enum gupx_reason, for arrays that are indexed by reason. */
#define CONTRACT_REASONS 64

/* Return: the name of the reason as gupctl prints it, or "?" if it is unknown. */
const char *contract_reason_name(unsigned int reason);

/*
 * Return: true if a request may stop with this reason, stage and errno in the lab's VM,
 * else false.
 */
bool contract_allows_stop(unsigned int reason, unsigned int stage,
			  unsigned int error);

#endif /* GUPX_TESTS_CONTRACT_H */
