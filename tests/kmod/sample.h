/* SPDX-License-Identifier: GPL-2.0 */
/* Sampling profiler of the module rival, which is only for tests. */
#ifndef GUPX_TESTS_SAMPLE_H
#define GUPX_TESTS_SAMPLE_H

struct seq_file;

int sample_init(void);
void sample_fini(void);
/*
 * Start sampling, with @ns nanoseconds between two samples. If @ns is 0, stop sampling.
 */
long sample_every(unsigned long ns);
/* Print one line per sample: "symbol+offset/size [module]", or "user". */
int sample_show(struct seq_file *seq, void *unused);

#endif /* GUPX_TESTS_SAMPLE_H */
