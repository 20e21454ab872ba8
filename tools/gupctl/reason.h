/* SPDX-License-Identifier: GPL-2.0 */
/* Names and texts for the module's stop reasons, stages and errnos. */
#ifndef GUPX_REASON_H
#define GUPX_REASON_H

#include <linux/gupx.h>

/* Number of known reasons, including "none". */
#define GUPX_REASONS (GUPX_REASON_EXTENTS + 1)

/**
 * struct gupx_reason_info - name and texts of a reason
 * @name: stable name in snake_case, for programs
 * @text: explanation, without a full stop
 * @cure: what to do about it, or NULL
 */
struct gupx_reason_info {
	const char *name;
	const char *text;
	const char *cure;
};

/* Never NULL: values of a newer module are "unknown". */
const struct gupx_reason_info *gupx_reason_get(unsigned int reason);
const char *gupx_reason_stage(unsigned int stage);

/* Return: the name of an errno, such as "EFAULT"; NULL for 0. */
const char *gupx_reason_errno(unsigned int error);

#endif
