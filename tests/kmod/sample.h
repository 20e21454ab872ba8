/* SPDX-License-Identifier: GPL-2.0 */
/* Sampling profiler for the benchmark's test-only module. */
#ifndef GUPX_TESTS_SAMPLE_H
#define GUPX_TESTS_SAMPLE_H

struct seq_file;

int sample_init(void);
void sample_fini(void);
/* Start sampling, with @ns nanoseconds between samples, or stop if @ns is 0. */
long sample_every(unsigned long ns);
/* Print one line per sample: "symbol+offset/size [module]", or "user". */
int sample_show(struct seq_file *seq, void *unused);

#endif /* GUPX_TESTS_SAMPLE_H */
