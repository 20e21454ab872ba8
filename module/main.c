// SPDX-License-Identifier: GPL-2.0
/*
 * gupx: the get_user_pages policy, run on the memory of other processes.
 *
 * This file contains module init and exit. Good files to start reading with are ioctl.c
 * (the ABI), target.c (the target's mm), gup.c (the loop), pinset.c (ownership of pins)
 * and selfcheck.c (checks of the running kernel).
 */
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "ioctl.h"
#include "longterm.h"
#include "selfcheck.h"
#include "target.h"
#include "version.h"

#ifdef GUPX_TESTS
/* Address bits that gupx_compat_mask_tag() removes, for tests. */
unsigned long gupx_tag_mask;
module_param_named(tag_mask, gupx_tag_mask, ulong, 0644);
#endif

static struct miscdevice gupx_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gupx",
	.fops = &gupx_ioctl_fops,
	/*
	 * Only root can open the device, unless a udev rule makes it accessible to a group.
	 */
	.mode = 0600,
};

static int __init gupx_init(void)
{
	int error = gupx_target_init();

	if (error)
		return error;
	gupx_longterm_init();
	error = gupx_selfcheck_run();
	if (error)
		return error;
	return misc_register(&gupx_misc);
}

static void __exit gupx_exit(void)
{
	misc_deregister(&gupx_misc);
}

module_init(gupx_init);
module_exit(gupx_exit);

MODULE_DESCRIPTION("get_user_pages on the memory of another process");
MODULE_AUTHOR("The gupx developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(GUPX_VERSION);
