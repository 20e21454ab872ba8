/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_ACCOUNT_H
#define GUPX_ACCOUNT_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct gupx_quota;
struct user_struct;

struct gupx_quota *gupx_account_get_quota(kuid_t uid);
void gupx_account_put_quota(struct gupx_quota *quota);
unsigned long gupx_account_add_extents(struct gupx_quota *quota,
				       unsigned long nr);
void gupx_account_sub_extents(struct gupx_quota *quota, unsigned long nr);
u64 gupx_account_max_extents(void);
u64 gupx_account_used_extents(kuid_t uid);
bool gupx_account_is_exempt(void);
u64 gupx_account_limit(void);
u64 gupx_account_used(const struct user_struct *user);
bool gupx_account_charge(struct user_struct *user, unsigned long pages);
void gupx_account_uncharge(struct user_struct *user, unsigned long pages);

#endif /* GUPX_ACCOUNT_H */
