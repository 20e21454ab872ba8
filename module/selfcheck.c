// SPDX-License-Identifier: GPL-2.0
/*
 * Self-check at load time: pin one page with our loop and with the kernel's own
 * get_user_pages(), and compare the results.
 *
 * The module may compile for a kernel whose internals are not as gupx expects. For
 * example, the layout of a page-table entry, the bias of a pin, or a lock may differ. So
 * the process that loads the module maps a page, and both engines pin and unpin this
 * page. If their results differ, the module does not load.
 */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "cursor.h"
#include "engine.h"
#include "gup.h"
#include "batch.h"
#include "selfcheck.h"

/*
 * The self-check writes this value to its page. The page that is pinned has to contain the
 * value.
 */
#define MARK 0x6775707867757078UL

static void __init take_page(struct gupx_batch *batch, unsigned long addr,
			     gupx_fill_fn fill)
{
	struct gupx_cursor cursor;
	unsigned int scope;

	gupx_cursor_init(&cursor, current->mm, addr, PAGE_SIZE,
			 GUPX_R_PIN | GUPX_R_WRITE | GUPX_R_LONGTERM, fill);
	scope = memalloc_pin_save();
	while (cursor.fill(&cursor, batch) && !batch->nr)
		;
	memalloc_pin_restore(scope);
	gupx_cursor_unlock(&cursor);
	gupx_cursor_fini(&cursor);
}

static bool __init has_one_page(const struct gupx_batch *batch)
{
	return batch->nr == 1 && gupx_run_pages(batch->word[0]) == 1;
}

static struct page *__init get_first_page(const struct gupx_batch *batch)
{
	return pfn_to_page(gupx_run_pfn(batch->word[0]));
}

static bool __init holds_mark(struct page *page)
{
	const unsigned long *word = kmap_local_page(page);
	const bool held = *word == MARK;

	kunmap_local(word);
	return held;
}

/*
 * A pin counts as 1024 references, so a few other references that exist for a short time
 * do not affect the result.
 */
static bool __init is_pinned(struct page *page)
{
	return folio_maybe_dma_pinned(page_folio(page));
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
					  unsigned long addr)
{
	const char *difference = NULL;
	struct page *page;

	take_page(ours, addr, gupx_gup_fill);
	if (!has_one_page(ours))
		return "gupx cannot pin a page that its loader has just mapped";
	page = get_first_page(ours);
	if (gupx_run_flags(ours->word[0]) & GUPX_RUN_KERNEL) {
		gupx_batch_release(ours, 0);
		return "gupx leaves an ordinary page to the kernel's engine";
	}
	/*
	 * Keep a reference, because the page is checked again after both pins are released.
	 */
	get_page(page);
	if (!holds_mark(page) || !is_pinned(page))
		difference =
			"what gupx pins is not the page that its loader sees";
	take_page(theirs, addr, gupx_engine_fill);
	if (!difference && !has_one_page(theirs))
		difference = "the kernel does not pin a page that gupx pins";
	if (!difference && get_first_page(theirs) != page)
		difference = "the kernel pins another page than gupx does";
	gupx_batch_release(ours, 0);
	if (!difference && !is_pinned(page))
		difference = "gupx gives more back than it has taken";
	gupx_batch_release(theirs, 0);
	if (!difference && is_pinned(page))
		difference = "gupx does not give back what it has taken";
	put_page(page);
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
	int left;

	left = copy_to_user((void __user *)addr, &mark, sizeof(mark));
	memalloc_pin_restore(scope);
	return left;
}

/*
 * Write to the page at @addr, then compare how the two engines pin this page.
 *
 * Return: NULL if the results are the same, the difference as text, or an ERR_PTR().
 */
static const char *__init compare_at(unsigned long addr)
{
	struct gupx_batch ours, theirs;
	const char *difference;

	if (write_mark(addr))
		return ERR_PTR(-EFAULT);
	if (gupx_batch_init(&ours, 1))
		return ERR_PTR(-ENOMEM);
	if (gupx_batch_init(&theirs, 1)) {
		gupx_batch_fini(&ours);
		return ERR_PTR(-ENOMEM);
	}
	difference = compare_engines(&ours, &theirs, addr);
	gupx_batch_fini(&theirs);
	gupx_batch_fini(&ours);
	return difference;
}

/**
 * gupx_selfcheck_run() - pin one page with both engines and compare the results
 *
 * The check uses the address space of the process that loads the module. gupx_target_init()
 * has already checked that this process has an address space. If the check fails, the
 * reason is logged.
 *
 * Return: 0 if the results are the same; -ENODEV if they differ; another error if they
 * could not be compared.
 */
int __init gupx_selfcheck_run(void)
{
	const unsigned long addr =
		vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, 0);
	const char *difference;

	if (IS_ERR_VALUE(addr)) {
		difference = ERR_PTR(addr);
	} else {
		difference = compare_at(addr);
		vm_munmap(addr, PAGE_SIZE);
	}
	if (IS_ERR(difference)) {
		pr_err("gupx: no page of memory to check itself with (%ld); not loading\n",
		       PTR_ERR(difference));
		return PTR_ERR(difference);
	}
	if (difference) {
		pr_err("gupx: self-check: %s; not loading\n", difference);
		return -ENODEV;
	}
	return 0;
}
