/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_AUDIT_H
#define GUPX_AUDIT_H

struct gupx_pin;
struct gupx_read;
struct mm_struct;

void gupx_audit_pin(struct mm_struct *mm, const struct gupx_pin *pin);
void gupx_audit_read(struct mm_struct *mm, const struct gupx_read *read);

#endif /* GUPX_AUDIT_H */
