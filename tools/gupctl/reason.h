/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names and texts for the stages and errnos of the module, and for its reasons to stop.
 */
#ifndef GUPX_REASON_H
#define GUPX_REASON_H

#include <linux/gupx.h>

/* Number of reasons that gupctl knows, including "none". */
#define GUPX_REASONS (GUPX_REASON_GUARD + 1)

/**
 * struct gupx_reason_info - name and texts of a reason
 * @name: name in snake_case, for programs; does not change between versions
 * @text: explanation, without a full stop
 * @cure: what the user can do about the reason, or NULL
 */
struct gupx_reason_info {
	const char *name;
	const char *text;
	const char *cure;
};

/*
 * Return: the name and texts of a reason, never NULL. The name is "unknown" if this
 * version of gupctl does not know the reason.
 */
const struct gupx_reason_info *gupx_reason_get(unsigned int reason);

/*
 * Return: the name of a stage, never NULL. It is "unknown" if this version of gupctl
 * does not know the stage.
 */
const char *gupx_reason_stage(unsigned int stage);

/* Return: the name of an errno, such as "EFAULT". NULL if @error is 0. */
const char *gupx_reason_errno(unsigned int error);

#endif
