/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_VMA_H
#define GUPX_VMA_H

#include <linux/types.h>

struct mm_struct;
struct vm_area_struct;

u32 gupx_vma_facts(struct vm_area_struct *vma);
bool gupx_vma_is_gate(struct mm_struct *mm, unsigned long addr);

#endif /* GUPX_VMA_H */
