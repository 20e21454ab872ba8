// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own get_user_pages(), called through its exported functions. It has
 * two uses:
 *
 * - requests with GUPX_F_ENGINE_KERNEL, so that users can compare the results of our own
 *   loop with the kernel's;
 * - runs of pages that our loop cannot pin (GUPX_DELEGATE), for example because only the
 *   kernel can migrate a page that is not long-term pinnable.
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
 * Maximum number of pages in one call: as many as a page table maps. Tasks that want to
 * take the target's mmap_lock for writing have to wait until the call returns.
 */
#define CALL_MAX 512UL

/*
 * If the memory cgroup is at its limit, the allocation fails. The caller gets an error in
 * this case, so nothing has to be logged.
 */
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

	/*
	 * SHORT is not in this table, because no FOLL_ flag corresponds to it. A PIN with
	 * SHORT is a PIN without FOLL_LONGTERM.
	 */
	static_assert(ARRAY_SIZE(map) ==
			      HWEIGHT32((GUPX_R_ASKED & ~GUPX_R_SHORT) |
					GUPX_R_LONGTERM),
		      "new GUPX_F_ flag: add its FOLL_ flag to the map");
	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (request & map[i].request)
			foll |= map[i].foll;
	return foll;
}

static long call_kernel(const struct gupx_cursor *cursor, unsigned long nr,
			u32 more_flags, struct page **pages, int *locked)
{
	const unsigned int foll = get_foll_flags(cursor->request | more_flags);

	if (cursor->request & GUPX_R_PIN)
		return gupx_compat_pin_remote(cursor->mm, cursor->addr, nr,
					      foll, pages, locked);
	return gupx_compat_get_remote(cursor->mm, cursor->addr, nr, foll, pages,
				      locked);
}

/*
 * Make a verdict from the kernel's return value, which does not include a reason.
 * Row O6: Linux 6.1 may return 0 where later kernels return -EFAULT.
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

/*
 * Check if the machine has CMA or ZONE_MOVABLE memory. The kernel migrates pages out of
 * this memory before a long-term pin.
 */
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
 * Check whether the pages of a mapping may be passed to the kernel's
 * pin_user_pages_remote() for a long-term pin. Older kernels do not make the checks of rows
 * V3 (fsdax) and V6 (dirty tracking), so these checks are made here. Some kernels WARN
 * about hugetlb pages that they cannot migrate. On these kernels, the function refuses
 * hugetlb mappings if the machine has movable memory, because a page fault may allocate a
 * page that has to be migrated.
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
 * Reduce @nr so that the range ends before the first mapping that judge_kernel_vma()
 * refuses.
 *
 * Return: %GUPX_GO, or the verdict that refuses the first page.
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
 * Call the kernel once and step the cursor over the pages that the call has processed. If
 * the call processed fewer pages than requested, the next call returns the error that ended
 * this call.
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

	/* Populate needs no page array. */
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
 * gupx_engine_fill() - process the next pages of a request with the kernel's engine
 * @cursor: position of the request
 * @batch: empty batch for the pages; NULL for populate
 *
 * This is the counterpart of gupx_gup_fill(). For populate, the function calls
 * get_user_pages_remote() without a page array, because the kernel does not export a
 * populate function for other processes. So populate does not return the errnos of rows
 * L5 and L6; for example, it returns -EFAULT at an address without a mapping.
 *
 * Return: true if there may be more to do.
 */
bool gupx_engine_fill(struct gupx_cursor *cursor, struct gupx_batch *batch)
{
	struct gupx_verdict verdict = take_kernel_span(cursor, batch);

	if (verdict.action == GUPX_STOP)
		gupx_cursor_stop(cursor, verdict);
	/*
	 * Drop the mmap_lock. The next call does not rely on it, because it looks up the
	 * VMA again.
	 */
	gupx_cursor_unlock(cursor);
	return !gupx_cursor_is_over(cursor);
}

/**
 * gupx_engine_alloc() - allocate the page array for gupx_engine_take()
 *
 * Do not call this with the target's mmap_lock held: the allocation may reclaim
 * memory, and writers would wait for it.
 *
 * Return: array to free with kfree(), or NULL.
 */
struct page **gupx_engine_alloc(void)
{
	return kmalloc_array(CALL_MAX, sizeof(struct page *), PAGES_GFP);
}

/**
 * gupx_engine_take() - let the kernel pin a run of pages that our loop may not pin
 * @cursor: cursor at the run, with the mmap_lock held; the lock stays held
 * @batch: batch for the pages, without pending references
 * @nr: number of pages in the run
 * @pages: array from gupx_engine_alloc()
 *
 * Row O4 (not long-term pinnable): the kernel migrates the pages. The kernel is called
 * once for the whole run, because on Linux 6.1 each long-term call drains the LRU caches
 * of all CPUs. The folios of the run must not be pinned by gupx, because their migration
 * would fail.
 *
 * The kernel is called in a way that does not drop the lock and does not fault pages in,
 * because a fault would sleep while the lock is held. The pages were present when they
 * were judged, so a fault is rarely needed.
 *
 * Return: %GUPX_GO if at least one page was pinned or a reference on it was taken;
 * %GUPX_LOOK_AGAIN if the first page was unmapped since it was judged; else %GUPX_STOP.
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
	/*
	 * If a migration fails, the kernel returns ENOMEM or EBUSY. It returns other errors
	 * before the migration begins, for example if a fault is needed or a signal
	 * arrived.
	 */
	if ((ret == -ENOMEM || ret == -EBUSY) &&
	    (cursor->request & GUPX_R_LONGTERM))
		return gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_MIGRATE,
					-ret);
	if ((ret == 0 || ret == -EFAULT) && !(cursor->request & GUPX_R_NOFAULT))
		return gupx_policy_do(GUPX_LOOK_AGAIN);
	return make_stop(cursor, ret);
}
