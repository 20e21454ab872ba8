/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_AUDIT_H
#define GUPX_AUDIT_H

struct gupx_pin;
struct mm_struct;

void gupx_audit_pin(struct mm_struct *mm, const struct gupx_pin *pin);

#endif /* GUPX_AUDIT_H */
