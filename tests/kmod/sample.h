/* SPDX-License-Identifier: GPL-2.0 */
/* A sampling profiler, for the benchmark's test-only module. */
#ifndef GUPX_TESTS_SAMPLE_H
#define GUPX_TESTS_SAMPLE_H

struct seq_file;

int sample_init(void);
void sample_fini(void);
/* Begins anew with that many nanoseconds between samples; 0: ends. */
long sample_every(unsigned long ns);
/* A line each: the kernel's symbol+offset/size [module], or user. */
int sample_show(struct seq_file *seq, void *unused);

#endif /* GUPX_TESTS_SAMPLE_H */
