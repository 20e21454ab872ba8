/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may: the kernel says EACCES, these say why. Guesses from outside, in the
 * order the kernel judges in: they explain a refusal, they never decide one.
 */
#ifndef GUPX_ACCESS_H
#define GUPX_ACCESS_H

#include <stdbool.h>
#include <sys/capability.h>

struct gupx_target;

/* Effective now? */
bool gupx_access_has(cap_value_t capability);

/* Says why /proc/PID/mem may not be opened, names the cure, exits. */
__attribute__((noreturn)) void
gupx_access_die(const struct gupx_target *target);

#endif
