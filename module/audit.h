/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_AUDIT_H
#define GUPX_AUDIT_H

#include <linux/types.h>

struct gupx_pin;
struct mm_struct;

void gupx_audit_pin(struct mm_struct *mm, const struct gupx_pin *pin);
void gupx_audit_read(struct mm_struct *mm, u32 flags, u64 addr, u64 len);

#endif /* GUPX_AUDIT_H */
