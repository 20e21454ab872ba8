/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_TARGET_H
#define GUPX_TARGET_H

#include <linux/types.h>

struct mm_struct;

int gupx_target_init(void);
struct mm_struct *gupx_target_get(int fd, bool write);
bool gupx_target_may_be_tagged(unsigned long addr);
int gupx_target_untag(struct mm_struct *mm, unsigned long addr,
		      unsigned long *untagged);
void gupx_target_put(struct mm_struct *mm);

#endif /* GUPX_TARGET_H */
