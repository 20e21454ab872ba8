// SPDX-License-Identifier: GPL-2.0
/*
 * Make pin_user_pages_remote() misbehave, to test that gupx refuses to load on a kernel
 * whose pin_user_pages_remote() misbehaves. A kretprobe runs code before and after this
 * function. Only for test VMs: the lab builds this module and never installs it.
 */
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page_ref.h>
#include <linux/sched.h>

static char *how = "";
module_param(how, charp, 0444);
MODULE_PARM_DESC(
	how,
	"elsewhere: pins another page; not: none; twice; unprotected: for reading");

/*
 * Page that this module pinned a second time. The second pin is released when the
 * module is unloaded.
 */
static struct page *pinned_twice;

/* Get the register of an argument, counted from 0, to change the argument. */
static unsigned long *get_argument(struct pt_regs *regs, unsigned int index)
{
#ifdef CONFIG_ARM64
	return (unsigned long *)&regs->regs[index];
#else
	unsigned long *const registers[] = { &regs->di, &regs->si, &regs->dx,
					     &regs->cx, &regs->r8 };

	return registers[index];
#endif
}

/*
 * Called on entry to pin_user_pages_remote(). Its second argument is the address, its fourth
 * is the flags, and its fifth is the array of pages.
 */
static int before(struct kretprobe_instance *call, struct pt_regs *regs)
{
	unsigned long *addr = get_argument(regs, 1);
	unsigned long *foll = get_argument(regs, 3);

	*(struct page ***)call->data = (struct page **)*get_argument(regs, 4);
	if (!strcmp(how, "elsewhere"))
		*addr = current->mm->start_stack & PAGE_MASK;
	if (!strcmp(how, "not"))
		*addr = 0;
	/* Only the specimens of userfaultfd are pinned without faults. */
	if (!strcmp(how, "unprotected") && *foll & FOLL_NOFAULT)
		*foll &= ~(unsigned long)FOLL_WRITE;
	return 0;
}

static int behind(struct kretprobe_instance *call, struct pt_regs *regs)
{
	struct page **pages = *(struct page ***)call->data;

	if (strcmp(how, "twice") || regs_return_value(regs) != 1 || !pages ||
	    pinned_twice)
		return 0;
	pinned_twice = pages[0];
	page_ref_add(pinned_twice, GUP_PIN_COUNTING_BIAS);
	return 0;
}

static struct kretprobe probe = {
	.kp.symbol_name = "pin_user_pages_remote",
	.entry_handler = before,
	.handler = behind,
	.data_size = sizeof(struct page **),
};

static int __init fake_gup_init(void)
{
	return register_kretprobe(&probe);
}

static void __exit fake_gup_exit(void)
{
	unregister_kretprobe(&probe);
	if (!pinned_twice)
		return;
	/*
	 * Remove the second pin, which consists of GUP_PIN_COUNTING_BIAS references.
	 * Drop the last of them with put_page(): the page may have no other reference,
	 * and put_page() then frees it.
	 */
	page_ref_sub(pinned_twice, GUP_PIN_COUNTING_BIAS - 1);
	put_page(pinned_twice);
}

module_init(fake_gup_init);
module_exit(fake_gup_exit);

MODULE_DESCRIPTION("a kernel that pins otherwise, for gupx's tests");
MODULE_LICENSE("GPL");
