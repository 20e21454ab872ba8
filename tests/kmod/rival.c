// SPDX-License-Identifier: GPL-2.0
/*
 * Run functions of the kernel itself and measure their time inside the kernel. The
 * benchmark compares gupx with these functions. Only for test VMs: the lab builds this
 * module and never installs it.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "rival.h"
#include "sample.h"

/*
 * Return the cost of reading the clock: the shortest time between two reads that follow
 * each other directly.
 */
static u64 clock_cost(void)
{
	u64 least = U64_MAX;
	int i;

	for (i = 0; i < 8; i++) {
		const u64 start = ktime_get_ns();

		least = min(least, ktime_get_ns() - start);
	}
	return least;
}

static u64 since(u64 start)
{
	return ktime_get_ns() - start - clock_cost();
}

static unsigned int gup_flags(const struct rival *rival)
{
	return (rival->flags & RIVAL_WRITE ? FOLL_WRITE : 0) |
	       (rival->flags & RIVAL_LONGTERM ? FOLL_LONGTERM : 0);
}

static long take_fast(struct rival *rival, unsigned long nr,
		      struct page **pages)
{
	const u64 start = ktime_get_ns();
	const long taken =
		pin_user_pages_fast(rival->addr, nr, gup_flags(rival), pages);

	rival->take_ns = since(start);
	return taken;
}

static struct mm_struct *mm_of(pid_t nr)
{
	struct pid *pid = find_get_pid(nr);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	struct mm_struct *mm = NULL;

	if (task) {
		mm = get_task_mm(task);
		put_task_struct(task);
	}
	put_pid(pid);
	return mm;
}

static long take_remote(struct rival *rival, unsigned long nr,
			struct page **pages)
{
	struct mm_struct *mm = mm_of(rival->pid);
	int locked = 1;
	long taken;
	u64 start;

	if (!mm)
		return -ESRCH;
	start = ktime_get_ns();
	mmap_read_lock(mm);
	taken = gupx_compat_pin_remote(mm, rival->addr, nr, gup_flags(rival),
				       pages, &locked);
	if (locked)
		mmap_read_unlock(mm);
	rival->take_ns = since(start);
	mmput(mm);
	return taken;
}

typedef long take_fn(struct rival *rival, unsigned long nr,
		     struct page **pages);

static long take_and_drop(struct rival *rival, take_fn *take)
{
	const unsigned long nr = rival->len >> PAGE_SHIFT;
	struct page **pages;
	long taken;
	u64 start;

	if (!nr || nr > INT_MAX)
		return -EINVAL;
	pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	taken = take(rival, nr, pages);
	if (taken > 0) {
		start = ktime_get_ns();
		unpin_user_pages(pages, taken);
		rival->drop_ns = since(start);
		rival->pages = taken;
	}
	kvfree(pages);
	return min(taken, 0L);
}

static long copy(struct rival *rival)
{
	const unsigned long page = get_zeroed_page(GFP_KERNEL);
	unsigned long left = 0;
	u64 at, start;

	if (!page)
		return -ENOMEM;
	start = ktime_get_ns();
	for (at = 0; at < rival->len && !left; at += PAGE_SIZE)
		left = copy_to_user(u64_to_user_ptr(rival->addr + at),
				    (void *)page, PAGE_SIZE);
	rival->take_ns = since(start);
	rival->pages = at >> PAGE_SHIFT;
	free_page(page);
	return left ? -EFAULT : 0;
}

static long race(unsigned int command, struct rival *rival)
{
	switch (command) {
	case RIVAL_REMOTE:
		return take_and_drop(rival, take_remote);
	case RIVAL_FAST:
		return take_and_drop(rival, take_fast);
	case RIVAL_COPY:
		return copy(rival);
	default:
		return -ENOTTY;
	}
}

static long control(struct file *file, unsigned int command,
		    unsigned long argument)
{
	void __user *user = (void __user *)argument;
	struct rival rival;
	long error;

	if (command == RIVAL_SAMPLE)
		return sample_every(argument);
	if (copy_from_user(&rival, user, sizeof(rival)))
		return -EFAULT;
	error = race(command, &rival);
	if (error)
		return error;
	return copy_to_user(user, &rival, sizeof(rival)) ? -EFAULT : 0;
}

static int open(struct inode *inode, struct file *file)
{
	/* Clear private_data, which misc_open() has set. single_open() expects NULL. */
	file->private_data = NULL;
	return single_open(file, sample_show, NULL);
}

static int release(struct inode *inode, struct file *file)
{
	return single_release(inode, file);
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = open,
	.release = release,
	.read = seq_read,
	.llseek = seq_lseek,
	.unlocked_ioctl = control,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gupx-rival",
	.fops = &operations,
};

static int __init rival_init(void)
{
	int error = sample_init();

	if (error)
		return error;
	error = misc_register(&device);
	if (error)
		sample_fini();
	return error;
}

static void __exit rival_exit(void)
{
	misc_deregister(&device);
	sample_fini();
}

module_init(rival_init);
module_exit(rival_exit);

MODULE_DESCRIPTION("The kernel's own functions, timed, for benchmarks only");
MODULE_LICENSE("GPL");
