// SPDX-License-Identifier: GPL-2.0
/*
 * The pin fd: a pin set as a file. The pins go with its last reference.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "dispatch.h"
#include "pin.h"
#include "pinfd.h"
#include "pinset.h"
#include "window.h"

static void hide_frames(struct gupx_extent *extent, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		extent[i].pfn = GUPX_PFN_HIDDEN;
}

/* Through a page of ours: no user memory is touched under the set's lock. */
static int copy_extents(struct gupx_pinset *set, struct gupx_extents *extents,
			struct gupx_extent *page)
{
	const unsigned int page_nr = PAGE_SIZE / sizeof(*page);
	struct gupx_extent __user *to = u64_to_user_ptr(extents->buf);
	const bool shown = capable(CAP_SYS_ADMIN);

	while (extents->count < extents->capacity) {
		const unsigned int nr = gupx_pinset_extents(
			set, extents->first + extents->count, page,
			min(page_nr, extents->capacity - extents->count));

		if (!nr)
			break;
		if (!shown)
			hide_frames(page, nr);
		if (copy_to_user(to + extents->count, page, nr * sizeof(*page)))
			return -EFAULT;
		extents->count += nr;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int run_extents(struct gupx_call *call)
{
	struct gupx_extents *extents = &call->args.extents;
	struct gupx_pinset *set = call->file->private_data;
	struct gupx_pinset_totals totals;
	struct gupx_extent *page;
	int error;

	if (extents->flags)
		return -EOPNOTSUPP;
	page = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	extents->count = 0;
	error = copy_extents(set, extents, page);
	kfree(page);
	gupx_pinset_totals(set, &totals);
	extents->total = totals.extents;
	extents->bytes = totals.pages << PAGE_SHIFT;
	extents->charged = totals.charged << PAGE_SHIFT;
	return error;
}

static const struct gupx_op pin_ops[] = {
	GUPX_OP(GUPX_IOC_EXTENTS, gupx_extents, charged, run_extents),
};

static long pin_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return gupx_dispatch(pin_ops, ARRAY_SIZE(pin_ops), file, cmd, arg);
}

/* Return: bytes copied; less than asked where the caller's buffer ends early. */
static size_t copy_pages(const struct gupx_run *found, loff_t pos,
			 struct iov_iter *to)
{
	struct page *page = found->page;
	unsigned long nr = found->nr;
	size_t copied = 0;

	for (; nr && iov_iter_count(to) && !PageHWPoison(page); nr--) {
		const size_t offset = offset_in_page(pos + copied);
		const size_t want = min(PAGE_SIZE - offset, iov_iter_count(to));
		const size_t done = copy_page_to_iter(page, offset, want, to);

		copied += done;
		if (done < want)
			break;
		if (!(found->flags & GUPX_RUN_ZERO))
			page++;
		cond_resched();
	}
	return copied;
}

/* The pinned bytes, in the order they were pinned. */
static ssize_t pin_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct gupx_pinset *set = iocb->ki_filp->private_data;
	struct gupx_run found;
	ssize_t total = 0;

	while (iov_iter_count(to) &&
	       gupx_pinset_find(set, iocb->ki_pos >> PAGE_SHIFT, &found)) {
		const size_t copied = copy_pages(&found, iocb->ki_pos, to);

		if (!copied && !total)
			return PageHWPoison(found.page) ? -EHWPOISON : -EFAULT;
		iocb->ki_pos += copied;
		total += copied;
		if (!copied || fatal_signal_pending(current))
			break;
	}
	return total;
}

static int pin_mmap(struct file *file, struct vm_area_struct *vma)
{
	return gupx_window_map(file->private_data, vma);
}

static int pin_release(struct inode *inode, struct file *file)
{
	gupx_pinset_destroy(file->private_data);
	return 0;
}

static void pin_show_fdinfo(struct seq_file *seq, struct file *file)
{
	gupx_pinset_show(file->private_data, seq);
}

static const struct file_operations pin_fops = {
	.owner = THIS_MODULE,
	.release = pin_release,
	.read_iter = pin_read,
	.mmap = pin_mmap,
	.unlocked_ioctl = pin_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = pin_show_fdinfo,
	.llseek = noop_llseek,
};

/**
 * gupx_pinfd_create() - a new pin set, and the pin fd that will own it
 * @call: takes the file, which is not yet the caller's
 * @mm: the target
 *
 * Return: the set, or -ENOMEM, -EMFILE, -ENFILE.
 */
struct gupx_pinset *gupx_pinfd_create(struct gupx_call *call,
				      struct mm_struct *mm)
{
	struct gupx_pinset *set = gupx_pinset_create(mm);
	struct file *file;
	int fd;

	if (!set)
		return ERR_PTR(-ENOMEM);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		gupx_pinset_destroy(set);
		return ERR_PTR(fd);
	}
	file = anon_inode_getfile("[gupx-pins]", &pin_fops, set, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		gupx_pinset_destroy(set);
		return ERR_CAST(file);
	}
	/* An anonymous file is a stream, unless it says that it has positions. */
	file->f_mode |= FMODE_PREAD;
	call->new_fd = fd;
	call->new_file = file;
	return set;
}

/**
 * gupx_pinfd_set() - the pin set behind a file
 * @file: any
 *
 * Return: the set, as long as the file is held; NULL where it is no pin fd.
 */
struct gupx_pinset *gupx_pinfd_set(struct file *file)
{
	return file->f_op == &pin_fops ? file->private_data : NULL;
}
