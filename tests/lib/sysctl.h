/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Read and write numbers in files of /proc and /sys. Each test must restore the
 * settings that it changes.
 */
#ifndef GUPX_TESTS_SYSCTL_H
#define GUPX_TESTS_SYSCTL_H

#include <stdbool.h>

/* Returns the number in the file, or -1 if the file does not exist or has no number. */
long sysctl_get(const char *path);
/*
 * Returns true on success. Returns false if the file does not exist or the kernel
 * rejects @value.
 */
bool sysctl_set(const char *path, long value);

/*
 * Increase the pool of 2 MiB huge pages until @nr huge pages are free. Returns true on
 * success, else false.
 */
bool sysctl_reserve_huge(long nr);

#endif /* GUPX_TESTS_SYSCTL_H */
