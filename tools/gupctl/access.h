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

/*
 * Return: true if gupctl runs in the initial user namespace. In a child namespace, its
 * capabilities do not count for the module, nor for processes outside of the namespace.
 */
bool gupx_access_is_host(void);

/* Return: true if the module accepts @capability of gupctl, else false. */
bool gupx_access_has_on_host(cap_value_t capability);

/* Report why /proc/PID/mem cannot be opened and how to fix it. Does not exit. */
void gupx_access_report(const struct gupx_target *target);

#endif
