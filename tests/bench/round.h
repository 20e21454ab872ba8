/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock. In a machine that counts instructions for time, what it tells are
 * instructions.
 */
#ifndef GUPX_BENCH_ROUND_H
#define GUPX_BENCH_ROUND_H

#include <stdint.h>

enum round { ROUND_NONE, ROUND_TAKE, ROUND_DROP };

/* Finds out what the clock itself costs. Before targets are started. */
void round_init(void);
void round_begin(enum round round);
/* Nanoseconds since round_begin(), without the clock's own. */
long round_end(void);

/* Samples the kernel in each such lap from now on; in targets, too. */
void round_sample(int rival_fd, enum round round);
/* What was sampled, a line each, to stdout. */
void round_print_samples(int rival_fd);

#endif /* GUPX_BENCH_ROUND_H */
