// SPDX-License-Identifier: GPL-2.0
/*
 * Look up the target's mm from an open file of /proc/PID/mem.
 *
 * The kernel's check of access to another process is mm_access(), which checks credentials,
 * dumpable, Yama, user namespaces and LSMs. It is not exported. But the open() of
 * /proc/PID/mem runs this check and stores the mm in the file's private_data. So callers
 * pass such a file to the module.
 *
 * The process that opened the file may use it without another check, like in read() and
 * write(). Any other process may have received the file from a process with more rights
 * (by SCM_RIGHTS, fork(), or a change of credentials), so the kernel's check runs again
 * for that process. For read(), the kernel does not repeat the check, but a pin lasts
 * longer than a read().
 *
 * private_data is an internal field of procfs. gupx_target_init() opens a file whose mm is
 * known, and the module does not load if private_data is not this mm.
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

/*
 * File operations of /proc/PID/mem. They are part of vmlinux, so no reference on a module
 * is needed.
 */
static const struct file_operations *mem_fops;

/**
 * gupx_target_init() - get the file operations of /proc/PID/mem
 *
 * Return: 0 on success; -ENODEV if private_data is not the mm on this kernel; or the error
 * of opening /proc/self/mem.
 */
int __init gupx_target_init(void)
{
	struct file *file = filp_open("/proc/self/mem", O_RDONLY, 0);
	int error = 0;

	if (IS_ERR(file)) {
		pr_err("gupx: cannot open /proc/self/mem: error %ld; mount /proc, then load the module again\n",
		       PTR_ERR(file));
		return PTR_ERR(file);
	}
	if (!current->mm || file->private_data != current->mm ||
	    file_inode(file)->i_sb->s_magic != PROC_SUPER_MAGIC) {
		pr_err("gupx: unsupported kernel: /proc/self/mem does not hold its mm in private_data; not loading, update gupx\n");
		error = -ENODEV;
	} else {
		mem_fops = file->f_op;
	}
	fput(file);
	return error;
}

/*
 * Convert an error of the kernel's access check. Errors that do not deny access, such as
 * ENOMEM, stay the same. All other errors become EACCES.
 */
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
 * Check if the caller may open this file now. The inode of the file identifies the
 * process, so the caller's PID namespace does not matter. If the target is in exec, the
 * function waits until the exec ends or a fatal signal arrives, so the caller must not
 * hold locks.
 */
static int check_caller(const struct file *file, bool write)
{
	struct file *reopened = dentry_open(
		&file->f_path, write ? O_RDWR : O_RDONLY, current_cred());
	int error = 0;

	if (IS_ERR(reopened))
		return map_refusal(PTR_ERR(reopened));
	/*
	 * The process has another mm than when the file was opened, because of exec; or, on
	 * Linux 6.1, it no longer has an mm.
	 */
	if (reopened->private_data != file->private_data)
		error = -ESRCH;
	fput(reopened);
	return error;
}

static struct mm_struct *get_target_mm(struct file *file, bool write)
{
	struct mm_struct *mm;
	int error = 0;

	if (file->f_op != mem_fops)
		return ERR_PTR(-EMEDIUMTYPE);
	if (!(file->f_mode & FMODE_READ))
		return ERR_PTR(-EACCES);
	if (write && !(file->f_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	/*
	 * A cred struct does not change while it is in use. A change of credentials
	 * installs a new struct, and fork() copies the struct for the child. So if the
	 * file has the caller's cred struct, this process opened the file and its
	 * credentials have not changed since.
	 */
	if (file->f_cred != current_cred())
		error = check_caller(file, write);
	if (error)
		return ERR_PTR(error);
	/*
	 * On Linux 6.1, a file of /proc/PID/mem has no mm if the process is a kernel
	 * thread.
	 */
	mm = file->private_data;
	if (!mm || !mmget_not_zero(mm))
		return ERR_PTR(-ESRCH);
	return mm;
}

/**
 * gupx_target_get() - get the mm of the process whose /proc/PID/mem is open
 * @fd: file descriptor of the caller
 * @write: true if the request writes
 *
 * The caller has to drop the reference with gupx_target_put().
 *
 * Return: the mm with a user reference; or -EBADF, -EMEDIUMTYPE, -EACCES, -ESRCH, -EINTR,
 * -ENOMEM or -ENFILE as described in <linux/gupx.h>.
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
 * gupx_target_may_be_tagged() - check if an address may contain tag bits
 * @addr: address from the caller
 *
 * Tag bits are above all addresses below DEFAULT_MAP_WINDOW.
 *
 * Return: true if gupx_target_untag() has to read the target's mask.
 */
bool gupx_target_may_be_tagged(unsigned long addr)
{
	return gupx_can_tag_addresses() && addr >= DEFAULT_MAP_WINDOW;
}

/**
 * gupx_target_untag() - remove the target's tag bits from an address
 * @mm: mm from gupx_target_get()
 * @addr: address from the caller
 * @untagged: set to the address without its tag
 *
 * Row L2 (untagged_addr_remote()). Call this function before the address is used. Each mm
 * has its own mask of the tag bits, and the mmap_lock has to be held to read the mask.
 *
 * Return: 0 or -EINTR.
 */
int gupx_target_untag(struct mm_struct *mm, unsigned long addr,
		      unsigned long *untagged)
{
	*untagged = gupx_compat_mask_tag(addr);
	if (!gupx_target_may_be_tagged(addr))
		return 0;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	*untagged = untagged_addr_remote(mm, *untagged);
	mmap_read_unlock(mm);
	return 0;
}

/**
 * gupx_target_put() - drop the user reference on the mm
 * @mm: mm from gupx_target_get()
 *
 * If this was the last reference, exit_mmap() runs, so the caller must not hold locks.
 */
void gupx_target_put(struct mm_struct *mm)
{
	might_sleep();
	mmput(mm);
}
