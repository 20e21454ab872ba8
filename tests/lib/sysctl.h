/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine's own settings, in /proc and /sys: numbers in files. Who turns one
 * turns it back.
 */
#ifndef GUPX_TESTS_SYSCTL_H
#define GUPX_TESTS_SYSCTL_H

#include <stdbool.h>

/* -1: there is no such file, or no number in it. */
long sysctl_get(const char *path);
/* False: this kernel has no such knob, or it does not turn so far. */
bool sysctl_set(const char *path, long value);

/* Of the 2 MiB pool at least @nr pages are free, or could be made so. */
bool sysctl_reserve_huge(long nr);

#endif /* GUPX_TESTS_SYSCTL_H */
