/* SPDX-License-Identifier: GPL-2.0 */
/* Stable names and plain meanings of what the module answers. */
#ifndef GUPX_REASON_H
#define GUPX_REASON_H

#include <linux/gupx.h>

/* Reasons that this program knows, "none" included. */
#define GUPX_REASONS (GUPX_REASON_EXTENTS + 1)

/**
 * struct gupx_reason_info - one reason in words
 * @name: stable, snake_case: for programs
 * @text: what is true of the address, as a sentence without its full stop
 * @cure: what to do about it; NULL where nothing can be done
 */
struct gupx_reason_info {
	const char *name;
	const char *text;
	const char *cure;
};

/* Never NULL: a newer module may know reasons that this program does not. */
const struct gupx_reason_info *gupx_reason_get(unsigned int reason);
const char *gupx_reason_stage(unsigned int stage);

/* "EFAULT"; NULL where there is no error. */
const char *gupx_reason_errno(unsigned int error);

#endif
