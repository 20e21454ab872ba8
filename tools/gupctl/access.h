/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Explain EACCES from /proc/PID/mem. The checks repeat the kernel's access checks
 * from user space, in the same order. They explain a refusal; they never cause one.
 */
#ifndef GUPX_ACCESS_H
#define GUPX_ACCESS_H

#include <stdbool.h>
#include <sys/capability.h>

struct gupx_target;

/* Check whether @capability is in the effective set. */
bool gupx_access_has(cap_value_t capability);

/* Print why /proc/PID/mem cannot be opened and how to fix it, then exit. */
__attribute__((noreturn)) void
gupx_access_die(const struct gupx_target *target);

#endif
