// SPDX-License-Identifier: GPL-2.0
/*
 * Self-check at load time: pin pages with our loop and with the kernel's own
 * get_user_pages(), and compare the results.
 *
 * The module may compile for a kernel whose internals are not as gupx expects. For
 * example, the layout of a page-table entry, the bias of a pin, or a lock may differ, or
 * the kernel may have a new reason to refuse a page. So the process that loads the module
 * maps memory of several kinds, and both engines pin and unpin the first page of each. If
 * their results differ for any kind, the module does not load.
 */
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gupx.h>
#include <linux/highmem.h>
#include <linux/huge_mm.h>
#include <linux/major.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd.h>
#include <linux/utsname.h>

#include "cursor.h"
#include "engine.h"
#include "gup.h"
#include "batch.h"
#include "selfcheck.h"

/*
 * The self-check writes this value to some pages. The page that is pinned has to contain
 * the value.
 */
#define MARK 0x6775707867757078UL

/**
 * struct specimen - a kind of memory on which both engines have to agree
 * @name: name for the log
 * @prot: protection of the mapping, PROT_*
 * @len: length of the mapping, in bytes
 * @request: additional flags of the requests, GUPX_R_*
 * @mark: value that the page contains after @prepare
 * @prepare: make the page at the address what @name says. Return 0, or 1 if this machine
 *	has no such memory, or a negative errno. NULL if nothing has to be done.
 * @file: the mapping is private and of a file that contains %MARK
 * @plain: our loop has to pin the page itself, without the kernel's engine
 *
 * Each page is pinned for reading, then for writing.
 */
struct specimen {
	const char *name;
	unsigned long prot;
	unsigned long len;
	u32 request;
	unsigned long mark;
	int (*prepare)(unsigned long addr);
	bool file;
	bool plain;
};

/* The result of one engine at an address. The batch of the engine holds the page. */
struct outcome {
	struct page *page;
	u32 flags;
	int error;
};

static struct outcome __init take_page(struct gupx_batch *batch,
				       unsigned long addr, u32 request,
				       gupx_fill_fn fill)
{
	struct gupx_cursor cursor;
	struct outcome outcome = {};
	unsigned int scope;

	gupx_cursor_init(&cursor, current->mm, addr, PAGE_SIZE, request, fill);
	scope = memalloc_pin_save();
	while (cursor.fill(&cursor, batch) && !batch->nr)
		;
	memalloc_pin_restore(scope);
	gupx_cursor_unlock(&cursor);
	gupx_cursor_fini(&cursor);
	if (batch->nr == 1 && gupx_run_pages(batch->word[0]) == 1) {
		outcome.page = pfn_to_page(gupx_run_pfn(batch->word[0]));
		outcome.flags = gupx_run_flags(batch->word[0]);
	}
	outcome.error = cursor.stop.error;
	return outcome;
}

static bool __init holds_mark(struct page *page, unsigned long mark)
{
	const unsigned long *word = kmap_local_page(page);
	const bool held = *word == mark;

	kunmap_local(word);
	return held;
}

/*
 * A pin counts as 1024 references, so a few other references that exist for a short time
 * do not affect the result. Pins of the zero page may not be counted (row E8z), and other
 * tasks may pin the zero page.
 */
static bool __init is_pinned(const struct outcome *outcome, bool expected)
{
	if (outcome->flags & GUPX_RUN_ZERO)
		return expected;
	return folio_maybe_dma_pinned(page_folio(outcome->page));
}

/*
 * Compare what the kernel does with what our loop has done. Our pin still exists.
 *
 * Return: NULL if the results are the same, else the difference as text.
 */
static const char *__init compare_outcomes(const struct outcome *ours,
					   const struct outcome *theirs)
{
	if (ours->page && !theirs->page)
		return "the kernel does not pin a page that gupx pins";
	if (!ours->page && theirs->page)
		return "the kernel pins a page that gupx refuses";
	if (ours->page != theirs->page)
		return "the kernel pins another page than gupx does";
	if (!ours->page && ours->error != theirs->error)
		return "the kernel refuses a page with another error than gupx does";
	return NULL;
}

/*
 * Pin the page with both engines and compare the results. Our loop pins the page first, so
 * that it cannot depend on work that the kernel's engine has done, such as a migration. Our
 * pin is also released first. If our release drops too many references, the page no longer
 * looks pinned, although the kernel's pin still exists, and the check fails.
 *
 * Return: NULL if the results are the same, else the difference as text.
 */
static const char *__init compare_engines(struct gupx_batch *ours,
					  struct gupx_batch *theirs,
					  unsigned long addr,
					  const struct specimen *specimen,
					  u32 request)
{
	struct outcome mine, kernels;
	const char *difference = NULL;

	mine = take_page(ours, addr, request, gupx_gup_fill);
	if (specimen->plain && !mine.page)
		return "gupx cannot pin a page that its loader has just mapped";
	if (specimen->plain && mine.flags & GUPX_RUN_KERNEL)
		difference =
			"gupx leaves an ordinary page to the kernel's engine";
	/*
	 * Keep a reference, because the page is checked again after both pins are released.
	 */
	if (mine.page)
		get_page(mine.page);
	if (mine.page &&
	    (!holds_mark(mine.page, specimen->mark) || !is_pinned(&mine, true)))
		difference =
			"what gupx pins is not the page that its loader sees";
	kernels = take_page(theirs, addr, request, gupx_engine_fill);
	if (!difference)
		difference = compare_outcomes(&mine, &kernels);
	gupx_batch_release(ours, 0);
	if (!difference && mine.page && !is_pinned(&mine, true))
		difference = "gupx gives more back than it has taken";
	gupx_batch_release(theirs, 0);
	if (!difference && mine.page && is_pinned(&mine, false))
		difference = "gupx does not give back what it has taken";
	if (mine.page)
		put_page(mine.page);
	return difference;
}

/*
 * Write MARK to the page, which faults it in. memalloc_pin_save() makes the kernel allocate
 * a page that is long-term pinnable. Our loop pins only such pages and leaves all others to
 * the kernel's engine.
 */
static int __init write_mark(unsigned long addr)
{
	const unsigned int scope = memalloc_pin_save();
	const unsigned long mark = MARK;
	unsigned long left;

	left = copy_to_user((void __user *)addr, &mark, sizeof(mark));
	memalloc_pin_restore(scope);
	return left ? -EFAULT : 0;
}

/* Read the page, which faults in the zero page or the page of the file. */
static int __init read_page(unsigned long addr)
{
	unsigned long word;

	return copy_from_user(&word, (void __user *)addr, sizeof(word))
		       ? -EFAULT
		       : 0;
}

/* Get a plain reference on a page from the kernel's engine. Return: the page, or NULL. */
static struct page *__init get_kernels_page(unsigned long addr,
					    unsigned int foll)
{
	const unsigned int scope = memalloc_pin_save();
	struct page *page;
	int locked = 1;
	long got = 0;

	if (!mmap_read_lock_killable(current->mm)) {
		got = gupx_compat_get_remote(current->mm, addr, 1, foll, &page,
					     &locked);
		if (locked)
			mmap_read_unlock(current->mm);
	}
	memalloc_pin_restore(scope);
	return got == 1 ? page : NULL;
}

/*
 * Make the page what fork() leaves when the child is gone: mapped once, read-only and not
 * exclusive, so that a pin for reading has to unshare it. A forced write to a read-only
 * mapping gives an anonymous page that the page table maps read-only.
 */
static int __init share_page(unsigned long addr)
{
	struct page *page = get_kernels_page(addr, FOLL_WRITE | FOLL_FORCE);

	if (!page)
		return 1;
	if (PageAnon(page))
		ClearPageAnonExclusive(page);
	put_page(page);
	return 0;
}

/* Fault in a huge page. Without huge pages, the address has a page of the usual size. */
static int __init fill_huge_page(unsigned long addr)
{
	struct vm_area_struct *vma;
	struct page *page;
	bool huge;
	int error;

	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	vma = find_vma(current->mm, addr);
	/* A mapping that was merged with one of the loader is longer. */
	if (vma && vma->vm_start <= addr && vma->vm_end > addr &&
	    vma->vm_end - vma->vm_start == 2 * PMD_SIZE)
		vm_flags_mod(vma, VM_HUGEPAGE, VM_NOHUGEPAGE);
	mmap_write_unlock(current->mm);
	error = write_mark(addr);
	if (error)
		return error;
	page = get_kernels_page(addr, 0);
	if (!page)
		return 1;
	huge = folio_test_large(page_folio(page));
	put_page(page);
	return huge ? 0 : 1;
}

/* The userfaultfd of the specimen that is checked now; else NULL. */
static struct file *uffd __initdata;

static int __init open_uffd(void)
{
	struct file *device = filp_open("/dev/userfaultfd",
					O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);
	long fd = -ENODEV;

	if (IS_ERR(device))
		return PTR_ERR(device);
	if (S_ISCHR(file_inode(device)->i_mode) &&
	    imajor(file_inode(device)) == MISC_MAJOR &&
	    device->f_op->unlocked_ioctl)
		fd = device->f_op->unlocked_ioctl(device, USERFAULTFD_IOC_NEW,
						  O_CLOEXEC | O_NONBLOCK);
	filp_close(device, NULL);
	if (fd < 0)
		return fd;
	uffd = fget(fd);
	/* If the device is another one, @fd may be a file that the loader has opened. */
	if (!uffd || !uffd->f_op->unlocked_ioctl ||
	    strcmp(file_dentry(uffd)->d_name.name, "[userfaultfd]"))
		return -EBADF;
	close_fd(fd);
	return 0;
}

/* Call the userfaultfd. Its argument has to be in user memory: copy it to @scratch. */
static long __init call_uffd(unsigned int command, unsigned long scratch,
			     const void *argument, size_t size)
{
	if (copy_to_user((void __user *)scratch, argument, size))
		return -EFAULT;
	return uffd->f_op->unlocked_ioctl(uffd, command, scratch);
}

/* Register the page at @addr. The page after it serves for the arguments. */
static long __init register_uffd(unsigned long addr, u64 features, u64 mode)
{
	const struct uffdio_api api = { .api = UFFD_API, .features = features };
	const struct uffdio_register range = {
		.range = { .start = addr, .len = PAGE_SIZE },
		.mode = mode,
	};
	const unsigned long scratch = addr + PAGE_SIZE;
	long error = write_mark(addr);

	if (!error)
		error = open_uffd();
	if (!error)
		error = call_uffd(UFFDIO_API, scratch, &api, sizeof(api));
	if (!error)
		error = call_uffd(UFFDIO_REGISTER, scratch, &range,
				  sizeof(range));
	return error;
}

/* Row E3: with userfaultfd's write protection, a pin for writing needs a fault. */
static int __init protect_from_writes(unsigned long addr)
{
	const struct uffdio_writeprotect protect = {
		.range = { .start = addr, .len = PAGE_SIZE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	return register_uffd(addr, 0, UFFDIO_REGISTER_MODE_WP) ||
	       call_uffd(UFFDIO_WRITEPROTECT, addr + PAGE_SIZE, &protect,
			 sizeof(protect));
}

/* Row E3b: with read-write protection, each pin needs a fault. */
static int __init protect_from_access(unsigned long addr)
{
	const struct uffdio_rwprotect protect = {
		.range = { .start = addr, .len = PAGE_SIZE },
		.mode = UFFDIO_RWPROTECT_MODE_RWP,
	};

	return register_uffd(addr, UFFD_FEATURE_RWP,
			     UFFDIO_REGISTER_MODE_RWP) ||
	       call_uffd(UFFDIO_RWPROTECT, addr + PAGE_SIZE, &protect,
			 sizeof(protect));
}

/* The last one needs gupx_can_trap_access(). */
static const struct specimen specimens[] __initconst = {
	{
		.name = "anonymous memory",
		.prot = PROT_READ | PROT_WRITE,
		.len = PAGE_SIZE,
		.mark = MARK,
		.prepare = write_mark,
		.plain = true,
	},
	{
		.name = "memory shared by a fork",
		.prot = PROT_READ,
		.len = PAGE_SIZE,
		.prepare = share_page,
	},
	{
		.name = "inaccessible memory",
		.prot = PROT_NONE,
		.len = PAGE_SIZE,
	},
	{
		.name = "the zero page",
		.prot = PROT_READ | PROT_WRITE,
		.len = PAGE_SIZE,
		.prepare = read_page,
	},
	{
		.name = "a private mapping of a file",
		.prot = PROT_READ | PROT_WRITE,
		.len = PAGE_SIZE,
		.mark = MARK,
		.prepare = read_page,
		.file = true,
	},
	{
		.name = "a huge page",
		.prot = PROT_READ | PROT_WRITE,
		.len = 2 * PMD_SIZE,
		.mark = MARK,
		.prepare = fill_huge_page,
	},
	{
		.name = "memory that userfaultfd protects from writes",
		.prot = PROT_READ | PROT_WRITE,
		.len = 2 * PAGE_SIZE,
		.request = GUPX_R_NOFAULT,
		.mark = MARK,
		.prepare = protect_from_writes,
	},
	{
		.name = "memory that userfaultfd protects from access",
		.prot = PROT_READ | PROT_WRITE,
		.len = 2 * PAGE_SIZE,
		.request = GUPX_R_NOFAULT,
		.mark = MARK,
		.prepare = protect_from_access,
	},
};

/* Return: a file of one page that contains MARK, or an ERR_PTR(). */
static struct file *__init make_file(void)
{
	struct file *file =
		gupx_compat_shmem_file("gupx self-check", PAGE_SIZE);
	const unsigned long mark = MARK;
	loff_t offset = 0;
	ssize_t written;

	if (IS_ERR(file))
		return file;
	written = kernel_write(file, &mark, sizeof(mark), &offset);
	if (written == sizeof(mark))
		return file;
	fput(file);
	return ERR_PTR(written < 0 ? written : -EIO);
}

/* Return: address of the mapping, or a negative errno. */
static unsigned long __init map_specimen(const struct specimen *specimen)
{
	struct file *file = specimen->file ? make_file() : NULL;
	unsigned long addr;
	unsigned int scope;

	if (IS_ERR(file))
		return PTR_ERR(file);
	/* After mlockall(), vm_mmap() faults pages in. */
	scope = memalloc_pin_save();
	addr = vm_mmap(file, 0, specimen->len, specimen->prot,
		       MAP_PRIVATE | (file ? 0 : MAP_ANONYMOUS), 0);
	memalloc_pin_restore(scope);
	if (file)
		fput(file);
	return addr;
}

/*
 * Pin the page at @addr for reading, then for writing.
 *
 * Return: NULL if the results are the same, the difference as text, or an ERR_PTR().
 */
static const char *__init compare_at(unsigned long addr,
				     const struct specimen *specimen)
{
	const u32 request = GUPX_R_PIN | GUPX_R_LONGTERM | specimen->request;
	struct gupx_batch ours, theirs;
	const char *difference;

	if (gupx_batch_init(&ours, 1))
		return ERR_PTR(-ENOMEM);
	if (gupx_batch_init(&theirs, 1)) {
		gupx_batch_fini(&ours);
		return ERR_PTR(-ENOMEM);
	}
	difference = compare_engines(&ours, &theirs, addr, specimen, request);
	if (!difference)
		difference = compare_engines(&ours, &theirs, addr, specimen,
					     request | GUPX_R_WRITE);
	gupx_batch_fini(&theirs);
	gupx_batch_fini(&ours);
	return difference;
}

/*
 * Map a specimen, compare the engines on it, and unmap it. @nr_missing counts the
 * specimens that this machine does not have.
 *
 * Return: as for compare_at().
 */
static const char *__init check_specimen(const struct specimen *specimen,
					 unsigned int *nr_missing)
{
	const unsigned long start = map_specimen(specimen);
	const unsigned long addr =
		specimen->len > PMD_SIZE ? ALIGN(start, PMD_SIZE) : start;
	const char *difference = NULL;
	int error;

	/* A limit of the loader or a security module may forbid the mapping. */
	if (IS_ERR_VALUE(start) && !specimen->plain) {
		++*nr_missing;
		return NULL;
	}
	if (IS_ERR_VALUE(start))
		return ERR_PTR(start);
	error = specimen->prepare ? specimen->prepare(addr) : 0;
	if (error < 0)
		difference = ERR_PTR(error);
	else if (error)
		++*nr_missing;
	else
		difference = compare_at(addr, specimen);
	vm_munmap(start, specimen->len);
	if (uffd)
		fput(uffd);
	uffd = NULL;
	if (fatal_signal_pending(current))
		return ERR_PTR(-EINTR);
	return difference;
}

#ifdef GUPX_TESTS
static bool pretend_untested;
module_param(pretend_untested, bool, 0444);
#else
#define pretend_untested false
#endif

/**
 * gupx_selfcheck_kernel() - tell what is known of the running kernel
 *
 * The tests of gupx do not run on every kernel. On the others, only the self-check shows that
 * both engines agree.
 *
 * Return: GUPX_KERNEL_* for struct gupx_info.
 */
u32 gupx_selfcheck_kernel(void)
{
	return gupx_is_tested_kernel() && !pretend_untested
		       ? 0
		       : GUPX_KERNEL_UNTESTED;
}

/**
 * gupx_selfcheck_run() - pin pages of several kinds with both engines and compare
 *
 * The check uses the address space of the process that loads the module. gupx_target_init()
 * has already checked that this process has an address space. If the check fails, the
 * reason is logged. On a kernel on which gupx is not tested, success is logged too.
 *
 * Return: 0 if the results are the same; -ENODEV if they differ; another error if they
 * could not be compared.
 */
int __init gupx_selfcheck_run(void)
{
	const unsigned int nr =
		ARRAY_SIZE(specimens) - (gupx_can_trap_access() ? 0 : 1);
	const char *difference = NULL;
	unsigned int nr_missing = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		difference = check_specimen(&specimens[i], &nr_missing);
		if (difference)
			break;
	}
	if (IS_ERR(difference)) {
		pr_err("gupx: no page of memory to check itself with (%ld); not loading\n",
		       PTR_ERR(difference));
		return PTR_ERR(difference);
	}
	if (difference) {
		pr_err("gupx: self-check on %s: %s; not loading\n",
		       specimens[i].name, difference);
		return -ENODEV;
	}
	if (gupx_selfcheck_kernel() & GUPX_KERNEL_UNTESTED)
		pr_info("gupx: not tested on Linux %s, but its self-check passed on %u of %u kinds of memory\n",
			init_utsname()->release, nr - nr_missing, nr);
	return 0;
}
