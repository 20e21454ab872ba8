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
#include "vma.h"

/*
 * Pages asked for in one call, as many as a page table maps: so long a writer waits for
 * the target's mmap_lock.
 */
#define CALL_MAX 512UL

/* In a full memory cgroup there is none: the caller is told, the log need not be. */
#define PAGES_GFP (GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

static unsigned int get_foll_flags(u32 request)
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

static long call_kernel(const struct gupx_cursor *cursor, unsigned long nr,
			u32 more, struct page **pages, int *locked)
{
	const unsigned int foll = get_foll_flags(cursor->request | more);

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
static struct gupx_verdict make_stop(const struct gupx_cursor *cursor, long ret)
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
 * May the kernel be asked for pages of this mapping, to be held for long? Rows V3 and
 * V6 are younger than some kernels. And one that WARNs of hugetlb pages it cannot move
 * is not asked where it might meet one: which page a fault brings, nobody knows
 * beforehand.
 */
static struct gupx_verdict judge_kernel_vma(struct vm_area_struct *vma,
					    u32 request)
{
	const u32 facts = gupx_vma_facts(vma);
	const struct gupx_verdict verdict =
		gupx_policy_judge_vma(facts, request);

	if (verdict.action == GUPX_STOP &&
	    (verdict.reason == GUPX_REASON_FSDAX ||
	     verdict.reason == GUPX_REASON_DIRTY_TRACKING))
		return verdict;
	if (is_vm_hugetlb_page(vma) && !gupx_can_migrate_hugetlb() &&
	    has_movable_memory())
		return gupx_policy_stop(GUPX_STAGE_ENGINE,
					GUPX_REASON_UNSUPPORTED, EOPNOTSUPP);
	return gupx_policy_do(GUPX_GO);
}

/*
 * How many pages from the cursor on may the kernel be asked for?
 *
 * Return: %GUPX_GO, @nr may be less now; or why not even for the first one.
 */
static struct gupx_verdict judge_kernel_range(const struct gupx_cursor *cursor,
					      unsigned long *nr)
{
	const unsigned long end = cursor->addr + (*nr << PAGE_SHIFT);
	struct gupx_verdict verdict = gupx_policy_do(GUPX_GO);
	struct vm_area_struct *vma;

	if (!(cursor->request & GUPX_R_LONGTERM))
		return verdict;
	for (vma = find_vma(cursor->mm, cursor->addr);
	     vma && vma->vm_start < end;
	     vma = find_vma(cursor->mm, vma->vm_end)) {
		verdict = judge_kernel_vma(vma, cursor->request);
		if (verdict.action == GUPX_GO)
			continue;
		if (vma->vm_start <= cursor->addr)
			return verdict;
		*nr = (vma->vm_start - cursor->addr) >> PAGE_SHIFT;
		break;
	}
	return gupx_policy_do(GUPX_GO);
}

/*
 * One call. The cursor steps over what was done; where that is less than asked,
 * asking again tells why.
 */
static struct gupx_verdict call_once(struct gupx_cursor *cursor,
				     struct gupx_batch *batch,
				     struct page **pages, unsigned long nr)
{
	struct gupx_verdict verdict = judge_kernel_range(cursor, &nr);
	int locked = 1;
	long ret;

	if (verdict.action == GUPX_STOP)
		return verdict;
	ret = call_kernel(cursor, nr, 0, pages, &locked);
	if (!locked) {
		cursor->lock = GUPX_LOCK_NONE;
		cursor->vma = NULL;
	}
	if (ret <= 0)
		return make_stop(cursor, ret);
	if (pages)
		gupx_batch_add_kernel_pages(
			batch, pages, ret, cursor->addr,
			gupx_batch_run_flags(cursor->request));
	gupx_cursor_step(cursor, ret);
	return gupx_policy_do(GUPX_GO);
}

static struct gupx_verdict take_kernel_span(struct gupx_cursor *cursor,
					    struct gupx_batch *batch)
{
	unsigned long nr =
		min((cursor->end - cursor->addr) >> PAGE_SHIFT, CALL_MAX);
	struct page **pages = NULL;
	struct gupx_verdict verdict;

	/* Populate wants no pages. */
	if (batch) {
		nr = min_t(unsigned long, nr, gupx_batch_room(batch));
		pages = kmalloc_array(nr, sizeof(*pages), PAGES_GFP);
		if (!pages)
			return gupx_policy_no_memory();
	}
	verdict = gupx_cursor_lock(cursor);
	if (verdict.action == GUPX_GO)
		verdict = call_once(cursor, batch, pages, nr);
	kfree(pages);
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
	struct gupx_verdict verdict = take_kernel_span(cursor, batch);

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
 * gupx_engine_alloc() - allocate what gupx_engine_take() needs
 *
 * Not under the target's lock, where nothing of ours is allocated.
 *
 * Return: an array, to be freed by kfree(); NULL: no memory.
 */
struct page **gupx_engine_alloc(void)
{
	return kmalloc_array(CALL_MAX, sizeof(struct page *), PAGES_GFP);
}

/**
 * gupx_engine_take() - have the kernel take a run that our loop may not
 * @cursor: at the run, lock held; it is still held afterwards
 * @batch: settled; takes what the kernel took
 * @nr: pages of the run
 * @pages: of gupx_engine_alloc()
 *
 * Row O4. One call for the whole run, with a lock that it may not drop: on 6.1
 * each long-term call drains the LRU caches of all CPUs. None of the run's folios
 * may carry a pin of ours, or the migration fails. The pages were there a moment ago,
 * so it need not fault, and may not: it would wait under the lock.
 *
 * Return: %GUPX_GO; %GUPX_LOOK_AGAIN where a page was no longer there; or %GUPX_STOP.
 * With nothing of the run taken but for %GUPX_GO.
 */
struct gupx_verdict gupx_engine_take(struct gupx_cursor *cursor,
				     struct gupx_batch *batch, unsigned long nr,
				     struct page **pages)
{
	long ret;

	nr = min3(nr, CALL_MAX, (unsigned long)gupx_batch_room(batch));
	ret = call_kernel(cursor, nr, GUPX_R_NOFAULT, pages, NULL);
	if (ret > 0) {
		gupx_batch_add_kernel_pages(
			batch, pages, ret, cursor->addr,
			gupx_batch_run_flags(cursor->request));
		gupx_cursor_step(cursor, ret);
		return gupx_policy_do(GUPX_GO);
	}
	/* With other errnos it did not come to moving: NOFAULT, a signal. */
	if ((ret == -ENOMEM || ret == -EBUSY) &&
	    (cursor->request & GUPX_R_LONGTERM))
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_MIGRATE,
					-ret);
	if ((ret == 0 || ret == -EFAULT) && !(cursor->request & GUPX_R_NOFAULT))
		return gupx_policy_do(GUPX_LOOK_AGAIN);
	return make_stop(cursor, ret);
}
