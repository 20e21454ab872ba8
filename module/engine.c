// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own get_user_pages, through its exported names. Two uses:
 *
 * - a request that asks for it (GUPX_F_ENGINE_KERNEL): the yardstick;
 * - a run of pages that only the kernel can take (GUPX_DELEGATE): it alone can
 *   migrate a page that must not be held for long where it is.
 */
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "engine.h"

/* Pages asked for in one call: bounds the array of page pointers to 512 KiB. */
#define CALL_MAX 65536UL

/* In a full memory cgroup there is none: the caller is told, the log need not be. */
#define PAGES_GFP (GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

static unsigned int foll_of(u32 request)
{
	static const struct {
		u32 request;
		unsigned int foll;
	} map[] = {
		{ GUPX_R_WRITE, FOLL_WRITE },
		{ GUPX_R_FORCE, FOLL_FORCE },
		{ GUPX_R_NOFAULT, FOLL_NOFAULT },
		{ GUPX_R_NOWAIT, FOLL_NOWAIT },
		{ GUPX_R_ANON, FOLL_ANON },
		{ GUPX_R_DUMP, FOLL_DUMP },
		{ GUPX_R_HWPOISON, FOLL_HWPOISON },
		{ GUPX_R_INTERRUPTIBLE, GUPX_FOLL_INTERRUPTIBLE },
		{ GUPX_R_HONOR_NUMA, GUPX_FOLL_HONOR_NUMA },
		{ GUPX_R_LONGTERM, FOLL_LONGTERM },
	};
	unsigned int foll = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (request & map[i].request)
			foll |= map[i].foll;
	return foll;
}

static long call(const struct gupx_cursor *cursor, unsigned long nr,
		 struct page **pages, int *locked)
{
	const unsigned int foll = foll_of(cursor->request);

	if (cursor->request & GUPX_R_PIN)
		return gupx_compat_pin_remote(cursor->mm, cursor->addr, nr,
					      foll, pages, locked);
	return gupx_compat_get_remote(cursor->mm, cursor->addr, nr, foll, pages,
				      locked);
}

/*
 * The errno is the kernel's; why it came to it, the kernel does not say. Row O6:
 * 6.1 may answer 0 where later kernels answer -EFAULT.
 */
static struct gupx_verdict stop_of(const struct gupx_cursor *cursor, long ret)
{
	if (ret < 0)
		return gupx_policy_stop(GUPX_STAGE_ENGINE,
					GUPX_REASON_KERNEL_ENGINE, -ret);
	if (cursor->request & GUPX_R_NOWAIT)
		return gupx_policy_stop(GUPX_STAGE_ENGINE,
					GUPX_REASON_WOULD_WAIT, 0);
	return gupx_policy_stop(GUPX_STAGE_ENGINE, GUPX_REASON_NO_PROGRESS,
				EFAULT);
}

/* Is there memory at all that the kernel would have to move pages out of? */
static bool has_movable_memory(void)
{
	int node;

	for_each_online_node(node) {
		struct zone *zone = NODE_DATA(node)->node_zones;
		struct zone *end = zone + MAX_NR_ZONES;

		for (; zone < end; zone++)
			if (populated_zone(zone) &&
			    (zone_idx(zone) == ZONE_MOVABLE ||
			     zone_cma_pages(zone)))
				return true;
	}
	return false;
}

/*
 * How many pages from the cursor on the kernel may be asked for. One that WARNs
 * of hugetlb pages it cannot move is asked for none where it might meet one:
 * which page a fault brings, nobody knows beforehand.
 */
static unsigned long askable(const struct gupx_cursor *cursor, unsigned long nr)
{
	const unsigned long end = cursor->addr + (nr << PAGE_SHIFT);
	struct vm_area_struct *vma;

	if (!(cursor->request & GUPX_R_LONGTERM) ||
	    gupx_can_migrate_hugetlb() || !has_movable_memory())
		return nr;
	for (vma = find_vma(cursor->mm, cursor->addr);
	     vma && vma->vm_start < end;
	     vma = find_vma(cursor->mm, vma->vm_end))
		if (is_vm_hugetlb_page(vma))
			return vma->vm_start <= cursor->addr
				       ? 0
				       : (vma->vm_start - cursor->addr) >>
						 PAGE_SHIFT;
	return nr;
}

/*
 * One call. The cursor steps over what was done; where that is less than asked,
 * asking again tells why.
 */
static struct gupx_verdict call_once(struct gupx_cursor *cursor,
				     struct gupx_batch *batch,
				     struct page **pages, unsigned long nr)
{
	int locked = 1;
	long ret;

	nr = askable(cursor, nr);
	if (!nr)
		return gupx_policy_stop(GUPX_STAGE_ENGINE,
					GUPX_REASON_UNSUPPORTED, EOPNOTSUPP);
	ret = call(cursor, nr, pages, &locked);
	if (!locked) {
		cursor->lock = GUPX_LOCK_NONE;
		cursor->vma = NULL;
	}
	if (ret <= 0)
		return stop_of(cursor, ret);
	if (pages)
		gupx_pin_adopt(batch, pages, ret, cursor->addr,
			       gupx_pin_flags(cursor->request));
	gupx_cursor_step(cursor, ret);
	return gupx_policy_do(GUPX_GO);
}

static struct gupx_verdict take_stretch(struct gupx_cursor *cursor,
					struct gupx_batch *batch)
{
	const unsigned long nr =
		min((cursor->end - cursor->addr) >> PAGE_SHIFT, CALL_MAX);
	struct page **pages = NULL;
	struct gupx_verdict verdict;

	/* Populate wants no pages. */
	if (batch) {
		pages = kvmalloc_array(nr, sizeof(*pages), PAGES_GFP);
		if (!pages || gupx_pin_batch_grow(batch, nr)) {
			kvfree(pages);
			return gupx_policy_no_memory();
		}
	}
	verdict = gupx_cursor_lock(cursor);
	if (verdict.action == GUPX_GO)
		verdict = call_once(cursor, batch, pages, nr);
	kvfree(pages);
	return verdict;
}

/**
 * gupx_engine_fill() - the kernel's twin of gupx_gup_fill()
 * @cursor: at what is to be done next
 * @batch: empty; NULL for populate
 *
 * Return: whether there may be more to do.
 */
bool gupx_engine_fill(struct gupx_cursor *cursor, struct gupx_batch *batch)
{
	struct gupx_verdict verdict = take_stretch(cursor, batch);

	if (verdict.action == GUPX_STOP)
		gupx_cursor_stop(cursor, verdict);
	/* Its lock need not outlive the call: nothing of the VMA is kept. */
	gupx_cursor_unlock(cursor);
	return !gupx_cursor_is_over(cursor);
}

/**
 * gupx_engine_populate() - the kernel's twin of gupx_gup_populate()
 * @cursor: of a request with %GUPX_R_POPULATE
 *
 * get_user_pages_remote() without pages. It has no populate of its own for other
 * processes, so rows L5 and L6 are not its: a hole is EFAULT.
 */
void gupx_engine_populate(struct gupx_cursor *cursor)
{
	/* A request of nothing is over before it begins. */
	while (!gupx_cursor_is_over(cursor))
		gupx_engine_fill(cursor, NULL);
}

/**
 * gupx_engine_take() - have the kernel take a run that our loop may not
 * @cursor: at the run, lock held; it is still held afterwards
 * @batch: settled; takes what the kernel took
 * @nr: pages of the run
 *
 * Row O4. One call for the whole run, with a lock that it may not drop: on 6.1
 * each long-term call drains the LRU caches of all CPUs. None of the run's folios
 * may carry a pin of ours, or the migration fails.
 *
 * Return: %GUPX_GO, or %GUPX_STOP with nothing of the run taken.
 */
struct gupx_verdict gupx_engine_take(struct gupx_cursor *cursor,
				     struct gupx_batch *batch, unsigned long nr)
{
	struct page **pages;
	long ret;

	nr = min(nr, CALL_MAX);
	pages = kvmalloc_array(nr, sizeof(*pages), PAGES_GFP);
	if (!pages || gupx_pin_batch_grow(batch, nr)) {
		kvfree(pages);
		return gupx_policy_no_memory();
	}
	ret = call(cursor, nr, pages, NULL);
	if (ret > 0) {
		gupx_pin_adopt(batch, pages, ret, cursor->addr,
			       gupx_pin_flags(cursor->request));
		gupx_cursor_step(cursor, ret);
	}
	kvfree(pages);
	if (ret > 0)
		return gupx_policy_do(GUPX_GO);
	/* With other errnos it did not come to moving: NOFAULT, a signal. */
	if ((ret == -ENOMEM || ret == -EBUSY) &&
	    (cursor->request & GUPX_R_LONGTERM))
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_MIGRATE,
					-ret);
	return stop_of(cursor, ret);
}
