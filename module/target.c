// SPDX-License-Identifier: GPL-2.0
/*
 * Whose memory: an open file of /proc/PID/mem names one address space.
 *
 * The kernel's own check of who may look into whom (mm_access(): credentials,
 * dumpable, Yama, user namespaces, LSMs) is not exported. But opening
 * /proc/PID/mem runs it, and leaves the mm in the file's private_data. So we
 * take that file. Who opened it may use it, as for read() and write(). To anybody
 * else it may have come from somebody who may do more (SCM_RIGHTS, fork, a change
 * of credentials): for them the kernel has to check anew. A read through a passed
 * file is over with the read; a pin lasts.
 *
 * This leans on the layout of a file that is not ours. gupx_target_init() opens
 * one whose answer it knows and refuses to load where the answer differs.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mmap_lock.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "target.h"

/* Lives in vmlinux, so it needs no module reference. */
static const struct file_operations *mem_fops;

/**
 * gupx_target_init() - learn what an open /proc/PID/mem looks like
 *
 * Return: 0; -ENODEV where this kernel's file does not hold the mm; or why
 * /proc/self/mem could not be opened.
 */
int __init gupx_target_init(void)
{
	struct file *file = filp_open("/proc/self/mem", O_RDONLY, 0);
	int error = 0;

	if (IS_ERR(file)) {
		pr_err("gupx: cannot open /proc/self/mem (%ld): is /proc mounted?\n",
		       PTR_ERR(file));
		return PTR_ERR(file);
	}
	if (!current->mm || file->private_data != current->mm ||
	    file_inode(file)->i_sb->s_magic != PROC_SUPER_MAGIC) {
		pr_err("gupx: /proc/self/mem does not hold its mm where this gupx looks for it; not loading\n");
		error = -ENODEV;
	} else {
		mem_fops = file->f_op;
	}
	fput(file);
	return error;
}

/* A refusal has one name, whichever of the kernel's checks it comes from. */
static int map_refusal(long error)
{
	switch (error) {
	case -ESRCH:
	case -EINTR:
	case -ENOMEM:
	case -ENFILE:
		return error;
	}
	return -EACCES;
}

/*
 * Credentials are replaced, never changed, and copied by fork(): the same object
 * means that this very process opened the file, with the rights it still has.
 */
static bool is_opener(const struct file *file)
{
	return file->f_cred == current_cred();
}

/*
 * May the caller open this file, as things are now? Not a matter of names: the
 * inode knows its process, whatever pid namespace the caller lives in. Waits,
 * killable, for an exec of the target; so no lock may be held.
 */
static int check_caller(const struct file *file, bool write)
{
	struct file *again = dentry_open(
		&file->f_path, write ? O_RDWR : O_RDONLY, current_cred());
	int error = 0;

	if (IS_ERR(again))
		return map_refusal(PTR_ERR(again));
	/* Since then the process has got another address space, or (6.1) none. */
	if (again->private_data != file->private_data)
		error = -ESRCH;
	fput(again);
	return error;
}

static struct mm_struct *get_target_mm(struct file *file, bool write)
{
	struct mm_struct *mm;
	int error;

	if (file->f_op != mem_fops)
		return ERR_PTR(-EMEDIUMTYPE);
	if (!(file->f_mode & FMODE_READ))
		return ERR_PTR(-EACCES);
	if (write && !(file->f_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	error = is_opener(file) ? 0 : check_caller(file, write);
	if (error)
		return ERR_PTR(error);
	/* On 6.1 the file of a kernel thread has none. */
	mm = file->private_data;
	if (!mm || !mmget_not_zero(mm))
		return ERR_PTR(-ESRCH);
	return mm;
}

/**
 * gupx_target_get() - the address space behind an open /proc/PID/mem
 * @fd: the caller's file descriptor
 * @write: the request writes
 *
 * Return: the mm, with a user reference that ends with gupx_target_put(); or
 * -EBADF, -EMEDIUMTYPE, -EACCES, -ESRCH, -EINTR, -ENOMEM, -ENFILE, as
 * <linux/gupx.h> says.
 */
struct mm_struct *gupx_target_get(int fd, bool write)
{
	struct file *file = fget(fd);
	struct mm_struct *mm;

	if (!file)
		return ERR_PTR(-EBADF);
	mm = get_target_mm(file, write);
	fput(file);
	return mm;
}

/**
 * gupx_target_untag() - remove the tag that the target may put into an address
 * @mm: of gupx_target_get()
 * @addr: as the caller gave it
 * @plain: to be filled: without a tag
 *
 * Row L2: untagged_addr_remote(). Once, before anything goes by the address. The mask
 * is the target's, and read under its lock, where there is a mask.
 *
 * Return: 0 or -EINTR.
 */
int gupx_target_untag(struct mm_struct *mm, unsigned long addr,
		      unsigned long *plain)
{
	*plain = gupx_compat_mask_tag(addr);
	if (!gupx_can_tag_addresses())
		return 0;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	*plain = untagged_addr_remote(mm, *plain);
	mmap_read_unlock(mm);
	return 0;
}

/**
 * gupx_target_put() - give the user reference back
 * @mm: from gupx_target_get()
 *
 * May run the whole of exit_mmap(): no lock may be held.
 */
void gupx_target_put(struct mm_struct *mm)
{
	might_sleep();
	mmput(mm);
}
