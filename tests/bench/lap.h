/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock. In a machine that counts instructions for time, what it tells are
 * instructions.
 */
#ifndef GUPX_BENCH_LAP_H
#define GUPX_BENCH_LAP_H

#include <stdint.h>

enum lap { LAP_NONE, LAP_TAKE, LAP_DROP };

/* Finds out what the clock itself costs. Before targets are started. */
void lap_init(void);
void lap_begin(enum lap lap);
/* Nanoseconds since lap_begin(), without the clock's own. */
long lap_end(void);

/* Samples the kernel in each such lap from now on; in targets, too. */
void lap_sample(int rival_fd, enum lap lap);
/* What was sampled, a line each, to stdout. */
void lap_print_samples(int rival_fd);

#endif /* GUPX_BENCH_LAP_H */
