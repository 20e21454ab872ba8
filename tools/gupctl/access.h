/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Explain EACCES from /proc/PID/mem. The checks repeat the access checks of the kernel
 * from user space, in the same order. They run only after the kernel has refused
 * access, to find the reason.
 */
#ifndef GUPX_ACCESS_H
#define GUPX_ACCESS_H

#include <stdbool.h>
#include <sys/capability.h>

struct gupx_target;

/* Return: true if gupctl has @capability in its effective set, else false. */
bool gupx_access_has(cap_value_t capability);

/* Print why /proc/PID/mem cannot be opened and how to fix it, then exit. */
__attribute__((noreturn)) void
gupx_access_die(const struct gupx_target *target);

#endif
