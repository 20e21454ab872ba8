/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PINFD_H
#define GUPX_PINFD_H

#include <linux/types.h>

struct file;
struct gupx_call;
struct gupx_pinset;
struct mm_struct;

struct gupx_pinset *gupx_pinfd_create(struct gupx_call *call,
				      struct mm_struct *mm, bool read_only);
struct gupx_pinset *gupx_pinfd_set(struct file *file);

#endif /* GUPX_PINFD_H */
