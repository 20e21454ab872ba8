// SPDX-License-Identifier: GPL-2.0
/*
 * The pin fd: the file that owns a pin set. The last reference to the file releases the
 * pins.
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
#include "fdinfo.h"
#include "pinfd.h"
#include "pinset.h"
#include "read.h"
#include "release.h"
#include "run.h"
#include "stat.h"
#include "window.h"

/*
 * Write the extents to a kernel page and copy them from there, so that no user memory is
 * accessed under the set's lock.
 */
static int copy_extents(struct gupx_pinset *set, struct gupx_extents *extents,
			struct gupx_extent *page, bool show_pfn)
{
	const unsigned int page_nr = PAGE_SIZE / sizeof(*page);
	unsigned int i;

	while (extents->count < extents->capacity) {
		const unsigned int nr = gupx_pinset_extents(
			set, !show_pfn, extents->first + extents->count, page,
			min(page_nr, extents->capacity - extents->count));

		if (!nr)
			break;
		for (i = 0; !show_pfn && i < nr; i++)
			page[i].pfn = GUPX_PFN_HIDDEN;
		if (gupx_dispatch_copy_array(extents->buf, extents->count,
					     extents->entry_size, page,
					     sizeof(*page), nr))
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
	const bool show_pfn = capable(CAP_SYS_ADMIN);
	struct gupx_pinset_totals totals;
	struct gupx_extent *page;
	int error;

	if (extents->flags)
		return -EOPNOTSUPP;
	error = gupx_dispatch_check_entry(
		extents->entry_size, offsetofend(struct gupx_extent, offset));
	if (error)
		return error;
	page = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	extents->count = 0;
	error = copy_extents(set, extents, page, show_pfn);
	kfree(page);
	if (gupx_pinset_totals(set, !show_pfn, &totals))
		return -EINTR;
	extents->total = totals.extents;
	extents->bytes = totals.pages << PAGE_SHIFT;
	extents->charged = totals.charged << PAGE_SHIFT;
	extents->length = totals.length << PAGE_SHIFT;
	extents->seals = totals.seals;
	return error;
}

static int run_unpin(struct gupx_call *call)
{
	struct gupx_unpin *unpin = &call->args.unpin;
	struct gupx_pinset *set = call->file->private_data;
	u64 released = 0;
	int error;

	if (unpin->flags)
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(unpin->offset) || !PAGE_ALIGNED(unpin->len) ||
	    unpin->offset + unpin->len < unpin->offset)
		return -EINVAL;
	if (!gupx_pinset_is_own(set))
		return -EXDEV;
	error = gupx_pinset_unpin(set, unpin->offset >> PAGE_SHIFT,
				  unpin->len >> PAGE_SHIFT, &released);
	unpin->released = released << PAGE_SHIFT;
	return error;
}

static int run_seal(struct gupx_call *call)
{
	struct gupx_seal *seal = &call->args.seal;
	struct gupx_pinset *set = call->file->private_data;
	struct gupx_pinset_totals totals;
	int error;

	if (seal->flags || (seal->seals & ~GUPX_SEALS))
		return -EOPNOTSUPP;
	if (seal->seals && !gupx_pinset_is_own(set))
		return -EXDEV;
	error = gupx_pinset_seal(set, seal->seals);
	if (error)
		return error;
	error = gupx_pinset_totals(set, false, &totals);
	if (!error)
		seal->sealed = totals.seals;
	return error;
}

static const struct gupx_op pinfd_ops[] = {
	GUPX_OP(GUPX_IOC_EXTENTS, gupx_extents, seals, run_extents),
	GUPX_OP(GUPX_IOC_UNPIN, gupx_unpin, released, run_unpin),
	GUPX_OP(GUPX_IOC_SEAL, gupx_seal, sealed, run_seal),
};

static long pinfd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return gupx_dispatch(pinfd_ops, ARRAY_SIZE(pinfd_ops), file, cmd, arg);
}

/* Maximum number of pages to take references on each time that the set's lock is taken. */
#define COPY_BATCH 64

/**
 * struct grabbed - pages to copy, with a reference on each
 * @pages: number of pages
 * @nr: number of runs
 * @word: the runs, packed, in the order of the pin fd
 */
struct grabbed {
	unsigned int pages;
	unsigned int nr;
	u64 word[COPY_BATCH];
};

/*
 * Add the first @nr pages of a run. The runs have the flags of plain references, which
 * gupx_release_runs() drops.
 */
static void grab_run(struct grabbed *grabbed, const struct gupx_run *run,
		     unsigned int nr)
{
	const u32 flags =
		run->flags & (GUPX_RUN_ZERO | GUPX_RUN_LARGE | GUPX_RUN_KERNEL);
	unsigned int i;

	for (i = 0; i < nr; i++)
		get_page(gupx_run_page(run, i));
	grabbed->word[grabbed->nr++] =
		gupx_run_pack(page_to_pfn(run->page), nr, flags);
	grabbed->pages += nr;
}

static void drop_grabbed(const struct grabbed *grabbed)
{
	/* Plain references are not counted. */
	struct gupx_stat_batch stat = { .item = NR_FOLL_PIN_RELEASED };

	gupx_release_runs(grabbed->word, grabbed->nr, &stat);
}

/*
 * Find pages to copy and take a reference on each, so that UNPIN does not free them. Stop
 * before a released page.
 *
 * Return: number of pages; 0 at the end of the pin fd; -ENODATA if the page at @index was
 * released; -EINTR if a fatal signal arrived.
 */
static int grab_pages(struct gupx_pinset *set, u64 index, unsigned int max,
		      struct grabbed *grabbed)
{
	enum gupx_extent_found kind = GUPX_FOUND_PAGE;
	struct gupx_run found;

	grabbed->pages = 0;
	grabbed->nr = 0;
	if (gupx_pinset_lock(set))
		return -EINTR;
	while (grabbed->pages < max) {
		kind = gupx_pinset_find(set, index + grabbed->pages, &found);
		if (kind != GUPX_FOUND_PAGE)
			break;
		grab_run(grabbed, &found, min(found.nr, max - grabbed->pages));
	}
	gupx_pinset_unlock(set);
	if (!grabbed->pages && kind == GUPX_FOUND_RELEASED)
		return -ENODATA;
	return grabbed->pages;
}

/* Get the number of pages at the beginning of a run that are not poisoned. */
static u32 count_healthy(const struct gupx_run *run)
{
	u32 nr = 0;

	while (nr < run->nr &&
	       !gupx_run_page_is_poisoned(run->flags, gupx_run_page(run, nr)))
		nr++;
	return nr;
}

/*
 * Copy pages to the buffer. The copy ends early at a poisoned page, or where the buffer
 * cannot be written.
 *
 * Return: number of bytes copied; -EHWPOISON or -EFAULT if nothing was copied because the
 * first page is poisoned or the buffer cannot be written.
 */
static ssize_t copy_pages(const struct grabbed *grabbed, loff_t pos,
			  struct iov_iter *to)
{
	unsigned long at = round_down(pos, PAGE_SIZE), done = pos;
	unsigned int i;

	for (i = 0; i < grabbed->nr; i++) {
		struct gupx_run run = gupx_run_unpack(at, grabbed->word[i]);
		const u32 nr = run.nr;

		run.nr = count_healthy(&run);
		if (!gupx_read_copy_run(&run, &done, to))
			return done - pos ?: -EFAULT;
		if (run.nr < nr)
			return done - pos ?: -EHWPOISON;
		at += (unsigned long)nr << PAGE_SHIFT;
	}
	return done - pos;
}

/* Get the number of pages from @pos on that the buffer has room for, at most COPY_BATCH. */
static unsigned int count_wanted(loff_t pos, const struct iov_iter *to)
{
	const size_t bytes =
		min_t(size_t, iov_iter_count(to), (COPY_BATCH - 1) * PAGE_SIZE);

	return DIV_ROUND_UP(offset_in_page(pos) + bytes, PAGE_SIZE);
}

/* Handle a read of the pin fd: copy pinned bytes in the order of pinning. */
static ssize_t pinfd_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct gupx_pinset *set = iocb->ki_filp->private_data;
	struct grabbed grabbed;
	ssize_t total = 0, copied = 0;
	int nr = 0;

	while (iov_iter_count(to)) {
		nr = grab_pages(set, iocb->ki_pos >> PAGE_SHIFT,
				count_wanted(iocb->ki_pos, to), &grabbed);
		if (nr <= 0)
			break;
		copied = copy_pages(&grabbed, iocb->ki_pos, to);
		drop_grabbed(&grabbed);
		if (copied <= 0)
			break;
		iocb->ki_pos += copied;
		total += copied;
		if (fatal_signal_pending(current))
			break;
	}
	return total ?: copied ?: nr < 0 ? nr : 0;
}

static int pinfd_mmap(struct file *file, struct vm_area_struct *vma)
{
	return gupx_window_map(file->private_data, vma);
}

static int pinfd_release(struct inode *inode, struct file *file)
{
	gupx_pinset_destroy(file->private_data);
	return 0;
}

static void pinfd_show_fdinfo(struct seq_file *seq, struct file *file)
{
	gupx_fdinfo_show(file->private_data, seq);
}

static const struct file_operations pinfd_fops = {
	.owner = THIS_MODULE,
	.release = pinfd_release,
	.read_iter = pinfd_read_iter,
	.mmap = pinfd_mmap,
	.unlocked_ioctl = pinfd_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = pinfd_show_fdinfo,
	.llseek = noop_llseek,
};

/**
 * gupx_pinfd_create() - create a pin set and its pin fd
 * @call: ioctl in progress; owns the file of the pin fd until the file is installed
 * @mm: mm of the target
 * @read_only: true if the pin fd may never have a writable window
 *
 * Return: the set, or -ENOMEM, -EMFILE, -ENFILE, -ENODEV.
 */
struct gupx_pinset *gupx_pinfd_create(struct gupx_call *call,
				      struct mm_struct *mm, bool read_only)
{
	struct gupx_pinset *set =
		gupx_pinset_create(mm, read_only ? GUPX_SEAL_WRITE : 0);
	struct file *file;
	int fd;

	if (!set)
		return ERR_PTR(-ENOMEM);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		gupx_pinset_destroy(set);
		return ERR_PTR(fd);
	}
	file = gupx_compat_anon_file("[gupx-pins]", &pinfd_fops, set,
				     read_only ? O_RDONLY : O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		gupx_pinset_destroy(set);
		/*
		 * The file cannot be created if the module is being unloaded by force. The
		 * kernel returns ENOENT in this case.
		 */
		return PTR_ERR(file) == -ENOENT ? ERR_PTR(-ENODEV)
						: ERR_CAST(file);
	}
	gupx_pinset_attach(set, file);
	/* Allow pread(), which is not allowed on anonymous files by default. */
	file->f_mode |= FMODE_PREAD;
	call->new_fd = fd;
	call->new_file = file;
	return set;
}

/**
 * gupx_pinfd_set() - get the pin set of a file
 * @file: open file
 *
 * Return: the set, which is valid while the caller holds a reference on the file; NULL if
 * the file is not a pin fd.
 */
struct gupx_pinset *gupx_pinfd_set(struct file *file)
{
	return file->f_op == &pinfd_fops ? file->private_data : NULL;
}
