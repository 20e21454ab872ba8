/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clock that measures the phases of the benchmark. If the VM counts instructions
 * instead of time, each nanosecond stands for one instruction.
 */
#ifndef GUPX_BENCH_ROUND_H
#define GUPX_BENCH_ROUND_H

#include <stdint.h>

enum round { ROUND_NONE, ROUND_TAKE, ROUND_DROP };

/*
 * Measure the cost of reading the clock. Call this function before any target starts.
 */
void round_init(void);
void round_begin(enum round round);
/*
 * Return: the nanoseconds since round_begin(), without the cost of reading the clock.
 */
long round_end(void);

/*
 * From now on, record samples of the kernel between round_begin(@round) and
 * round_end(). This also applies if a target calls these functions.
 */
void round_sample(int rival_fd, enum round round);
/* Print the samples to stdout, one per line. */
void round_print_samples(int rival_fd);

#endif /* GUPX_BENCH_ROUND_H */
