/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_ACCOUNT_H
#define GUPX_ACCOUNT_H

#include <linux/types.h>

struct user_struct;

u64 gupx_account_limit(void);
u64 gupx_account_used(const struct user_struct *user);
bool gupx_account_charge(struct user_struct *user, unsigned long pages);
void gupx_account_uncharge(struct user_struct *user, unsigned long pages);

#endif /* GUPX_ACCOUNT_H */
