/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_WINDOW_H
#define GUPX_WINDOW_H

struct gupx_pinset;
struct vm_area_struct;

int gupx_window_map(struct gupx_pinset *set, struct vm_area_struct *vma);

#endif /* GUPX_WINDOW_H */
