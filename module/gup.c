// SPDX-License-Identifier: GPL-2.0
/*
 * The policy loop, the counterpart of __get_user_pages() and
 * __get_user_pages_locked() in mm/gup.c. It works on one page table at a time:
 *
 *     1. take the mmap_lock, look up the VMA and judge it
 *     2. lock a page table and judge its entries
 *     3. take references on the pages of accepted entries (or pin them)
 *     4. unlock the page table
 *     5. if an entry needs a page fault, fault in the page and retry; otherwise
 *        continue with the next table
 *
 * The row ids in comments (L5, V1, E4, O2...) are those of module/POLICY.md. The
 * functions in policy.h make the verdicts, and this file carries them out. The code
 * here never sleeps while a page-table lock is held.
 */
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "engine.h"
#include "entry.h"
#include "fault.h"
#include "follow.h"
#include "gup.h"
#include "template.h"
#include "trace.h"
#include "vma.h"

/*
 * Row L7: judge the gate page and take a reference on it (or pin it). The gate page
 * does not have a VMA and never needs a page fault.
 */
static struct gupx_verdict take_gate_page(struct gupx_cursor *cursor,
					  struct gupx_batch *batch)
{
	struct gupx_entry entry;
	const bool readable =
		gupx_entry_read_gate(cursor->mm, cursor->addr, &entry);
	struct gupx_verdict verdict =
		gupx_policy_judge_gate(readable, cursor->request);

	if (verdict.action == GUPX_STOP)
		return verdict;
	verdict = gupx_policy_judge_page(entry.facts, 0, cursor->request);
	if (verdict.action == GUPX_STOP)
		return verdict;
	gupx_batch_take(batch, &entry, cursor->addr,
			gupx_batch_run_flags(cursor->request));
	gupx_batch_mark_accessed(&entry, false);
	gupx_batch_flush_refs(batch);
	gupx_cursor_step(cursor, 1);
	return gupx_policy_do(GUPX_SKIP);
}

/*
 * Look up and judge the VMA at the cursor. Do nothing if the cursor is in a VMA that was
 * already judged and the mmap_lock was not dropped since. Rows L4 to L8 (lookup) and V1 to
 * V11 (check_vma_flags()).
 *
 * Return: %GUPX_GO, %GUPX_STOP, or %GUPX_SKIP if the cursor was at the gate page and the
 * gate page was accepted.
 */
static struct gupx_verdict find_vma_at(struct gupx_cursor *cursor,
				       struct gupx_batch *batch)
{
	struct gupx_verdict verdict;

	if (cursor->vma && cursor->addr < cursor->vma->vm_end)
		return gupx_policy_do(GUPX_GO);
	gupx_template_clear(&cursor->template);
	cursor->vma = vma_lookup(cursor->mm, cursor->addr);
	if (!cursor->vma) {
		/*
		 * Row L5: populate fails at an address without a VMA, even in the gate
		 * page.
		 */
		if (batch && gupx_vma_is_gate(cursor->mm, cursor->addr))
			return take_gate_page(cursor, batch);
		return gupx_policy_judge_hole(cursor->request);
	}
	cursor->vma_facts = gupx_vma_facts(cursor->vma);
	verdict = gupx_policy_judge_vma(cursor->vma_facts, cursor->request);
	trace_gupx_vma(cursor, verdict);
	/*
	 * Do not keep a refused VMA in cursor->vma, because a VMA in cursor->vma is not
	 * judged again.
	 */
	if (verdict.action == GUPX_STOP)
		cursor->vma = NULL;
	return verdict;
}

/* Check if another task waits for the CPU or for the page-table lock. */
static bool should_drop_ptl(const struct gupx_table *table)
{
	return table->ptl && (need_resched() || spin_needbreak(table->ptl));
}

/*
 * Check if the walk steps over an entry that was not accepted. Row E6 (follow_pfn_pte()):
 * if the entry maps a frame without a struct page, mark the entry accessed, even if the
 * request then stops with -EEXIST.
 *
 * Return: true if the walk continues after the entry.
 */
static bool skip_entry(const struct gupx_table *table, unsigned long addr,
		       struct gupx_verdict verdict, u32 request)
{
	const bool skip = verdict.action == GUPX_SKIP;

	if (table->shift == PAGE_SHIFT &&
	    (skip || verdict.reason == GUPX_REASON_NO_PAGE))
		gupx_entry_mark_accessed(table, addr, request & GUPX_R_WRITE);
	return skip;
}

static void take_entry(struct gupx_cursor *cursor, struct gupx_batch *batch,
		       unsigned long addr, const struct gupx_entry *entry)
{
	if (batch)
		gupx_batch_take(batch, entry, addr,
				gupx_batch_run_flags(cursor->request));
	gupx_batch_mark_accessed(entry, cursor->request & GUPX_R_WRITE);
}

/*
 * Get the end of the range for which a template is useful. A PTE table may contain the
 * entries of the next VMAs too, see enter_next_vma().
 */
static unsigned long get_template_end(const struct gupx_cursor *cursor,
				      const struct gupx_table *table)
{
	if (table->shift != PAGE_SHIFT)
		return table->end;
	return min(cursor->end, gupx_follow_entry_end(cursor->addr, PMD_SIZE));
}

/*
 * Accept entries from @addr on that match the template.
 *
 * Return: number of pages accepted.
 */
static unsigned long try_template(struct gupx_template *template,
				  const struct gupx_table *table,
				  unsigned long addr, struct gupx_batch *batch,
				  u32 flags)
{
	if (template->shift != table->shift)
		return 0;
	if (!batch)
		return gupx_template_touch(template, table, addr);
	if (!batch->nr)
		return gupx_template_take_first(template, table, addr, batch,
						flags);
	return gupx_template_take(template, table, addr, batch, flags);
}

/*
 * Judge the entries of one VMA in one table, and add the pages of accepted entries to the batch.
 *
 * Return: the verdict on the entry that ended the walk. %GUPX_GO means that no entry ended
 * the walk: the table ends, the batch is full, or another task waits for the CPU or for the
 * page-table lock.
 */
static struct gupx_verdict walk_entries(struct gupx_cursor *cursor,
					struct gupx_batch *batch,
					const struct gupx_table *table)
{
	struct gupx_template *template = &cursor->template;
	const u32 request = cursor->request,
		  flags = gupx_batch_run_flags(request);
	struct gupx_verdict verdict = gupx_policy_do(GUPX_GO);
	const unsigned long template_end = get_template_end(cursor, table);
	unsigned long addr = cursor->addr;

	while (addr < table->end && gupx_batch_has_room(batch, addr)) {
		unsigned long nr = 0;
		struct gupx_entry entry;

		/* Fast path: accept entries that match the last accepted entry. */
		if (template->mask)
			nr = try_template(template, table, addr, batch, flags);
		addr += nr << PAGE_SHIFT;
		if (nr) {
			if (should_drop_ptl(table))
				break;
			continue;
		}
		gupx_entry_read(table, addr, &entry);
		if (!entry.nr)
			break;
		verdict = gupx_policy_judge_entry(entry.facts,
						  cursor->vma_facts, request);
		if (verdict.action == GUPX_GO) {
			take_entry(cursor, batch, addr, &entry);
			/*
			 * If the page at @addr was just faulted in, the next pages are
			 * probably absent, so a template would not match them.
			 */
			if (addr != cursor->faulted &&
			    (cursor->keeps_template ||
			     addr + (entry.nr << PAGE_SHIFT) < template_end))
				gupx_template_set(template, table, addr, &entry,
						  request);
		} else if (!skip_entry(table, addr, verdict, request)) {
			break;
		}
		addr += entry.nr << PAGE_SHIFT;
		verdict = gupx_policy_do(GUPX_GO);
		if (should_drop_ptl(table))
			break;
	}
	/* Do not step by 0 pages: each step clears cursor->fault_tried. */
	if (addr != cursor->addr)
		gupx_cursor_step(cursor, (addr - cursor->addr) >> PAGE_SHIFT);
	return verdict;
}

/* VM_* flags that affect no fact of an entry. */
#define IDLE_VM_FLAGS                                               \
	(VM_DONTDUMP | VM_DONTCOPY | VM_WIPEONFORK | VM_RAND_READ | \
	 VM_SEQ_READ | VM_MERGEABLE)

/*
 * If the walk has reached the end of a VMA but not of the page table, continue in the next
 * VMA. The page table stays locked, which saves a walk of the page tables for each VMA. The
 * VMA is judged as usual. If it is refused, the next step of the loop judges it again.
 *
 * The VMA is attached while the mmap_lock is held, so its part of the table is not freed.
 *
 * Return: true if the cursor and the table are in the next VMA.
 */
static bool enter_next_vma(struct gupx_cursor *cursor, struct gupx_table *table)
{
	const unsigned long addr = cursor->addr;
	struct vm_area_struct *next;
	struct gupx_verdict verdict;
	u32 facts;

	if (addr != cursor->vma->vm_end || addr >= cursor->end ||
	    IS_ALIGNED(addr, PMD_SIZE) || table->kind != GUPX_E_PAGE ||
	    table->shift != PAGE_SHIFT || should_drop_ptl(table))
		return false;
	next = vma_lookup(cursor->mm, addr);
	if (!next || is_vm_hugetlb_page(next) ||
	    is_vm_hugetlb_page(cursor->vma))
		return false;
	facts = gupx_vma_facts(next);
	verdict = gupx_policy_judge_vma(facts, cursor->request);
	if (verdict.action != GUPX_GO)
		return false;
	if (facts != cursor->vma_facts ||
	    ((next->vm_flags ^ cursor->vma->vm_flags) & ~IDLE_VM_FLAGS))
		gupx_template_clear(&cursor->template);
	cursor->vma = next;
	cursor->vma_facts = facts;
	trace_gupx_vma(cursor, verdict);
	gupx_follow_move(table, next, addr, cursor->end);
	return true;
}

/* Maximum number of entries to fault in before the table is walked again. */
#define FAULT_AHEAD_MAX 16UL

static struct gupx_verdict walk_table(struct gupx_cursor *cursor,
				      struct gupx_batch *batch)
{
	const unsigned long from = cursor->addr;
	struct gupx_table table;
	struct gupx_verdict verdict;

	if (!cursor->keeps_template)
		gupx_template_clear(&cursor->template);
	gupx_follow_lock(&table, cursor->vma, cursor->addr, cursor->end);
	do {
		verdict = walk_entries(cursor, batch, &table);
	} while (verdict.action == GUPX_GO &&
		 gupx_batch_has_room(batch, cursor->addr) &&
		 enter_next_vma(cursor, &table));
	if (verdict.action == GUPX_FAULT)
		cursor->absent = gupx_entry_count_absent(
			&table, cursor->addr, FAULT_AHEAD_MAX, cursor->request);
	/*
	 * Take the pending references before the page table is unlocked. Until the
	 * references are taken, only the page-table lock keeps the pages from being freed.
	 */
	if (batch)
		gupx_batch_flush_refs(batch);
	gupx_follow_unlock(&table);
	trace_gupx_entries(cursor, from, verdict);
	return verdict;
}

/*
 * Maximum number of pages to delegate at a time. The kernel may migrate delegated pages
 * with the mmap_lock held, so the limit bounds the time for which writers of the mmap_lock
 * wait. gupx_engine_take() handles at most this many pages in one call.
 */
#define DELEGATED_MAX 512UL

/*
 * Count the consecutive pages of this VMA, from the cursor on, that have to be left to
 * the kernel's engine.
 */
static unsigned long measure_delegated(const struct gupx_cursor *cursor)
{
	unsigned long addr = cursor->addr;
	const unsigned long end =
		min3(cursor->end, cursor->vma->vm_end,
		     cursor->addr + (DELEGATED_MAX << PAGE_SHIFT));
	bool more = true;

	while (more && addr < end) {
		struct gupx_table table;
		struct gupx_entry entry;

		gupx_follow_lock(&table, cursor->vma, addr, end);
		while (more && addr < table.end) {
			gupx_entry_read(&table, addr, &entry);
			if (!entry.nr)
				break;
			more = gupx_policy_judge_entry(entry.facts,
						       cursor->vma_facts,
						       cursor->request)
				       .action == GUPX_DELEGATE;
			if (more)
				addr += entry.nr << PAGE_SHIFT;
		}
		gupx_follow_unlock(&table);
		cond_resched();
	}
	return (addr - cursor->addr) >> PAGE_SHIFT;
}

/*
 * Maximum number of consecutive attempts to delegate a run. An attempt fails if the target
 * unmaps the pages after they were judged and before the kernel's engine is called. Without
 * this limit, a target that constantly moves its pages could keep the caller in the loop.
 */
#define DELEGATE_TRIES 32U

/*
 * Row O4 (not long-term pinnable): let the kernel's engine pin the run at the cursor. The
 * page table was unlocked after its entries were judged, so judge the entries again first.
 * Allocate the page array once for each request, with no lock held.
 */
static struct gupx_verdict delegate_span(struct gupx_cursor *cursor,
					 struct gupx_batch *batch)
{
	struct gupx_verdict verdict = gupx_policy_do(GUPX_LOOK_AGAIN);
	unsigned long nr;

	if (batch && !cursor->pages) {
		gupx_cursor_unlock(cursor);
		cursor->pages = gupx_engine_alloc();
		return cursor->pages ? verdict : gupx_policy_no_memory();
	}
	nr = measure_delegated(cursor);
	if (nr && !batch) {
		/* The pages are present, so populate has nothing to do for them. */
		gupx_cursor_step(cursor, nr);
		return gupx_policy_do(GUPX_GO);
	}
	if (nr)
		verdict = gupx_engine_take(cursor, batch, nr, cursor->pages);
	if (verdict.action != GUPX_LOOK_AGAIN)
		cursor->nr_moved = 0;
	else if (++cursor->nr_moved > DELEGATE_TRIES)
		verdict = gupx_policy_stop(GUPX_STAGE_GRAB, GUPX_REASON_MIGRATE,
					   EBUSY);
	return verdict;
}

/*
 * Get the end of the entries that still need a page fault after the fault at @addr. That fault
 * may have filled in several entries, if the kernel allocated a large folio.
 */
static unsigned long get_absent_end(const struct gupx_cursor *cursor,
				    unsigned long addr, unsigned long end)
{
	struct gupx_table table;

	addr += PAGE_SIZE;
	if (addr >= end)
		return end;
	gupx_follow_lock(&table, cursor->vma, addr, end);
	end = addr + (gupx_entry_count_absent(&table, addr, FAULT_AHEAD_MAX,
					      cursor->request)
		      << PAGE_SHIFT);
	gupx_follow_unlock(&table);
	return end;
}

/*
 * Rows L11 to L15 (faultin_page()): fault in the page at the cursor and the pages of
 * the entries after it that need a fault too. If a fault on one of the following pages fails,
 * the error is not reported here: the loop faults that page again when the cursor reaches
 * it.
 */
static struct gupx_verdict fault_in_span(struct gupx_cursor *cursor,
					 enum gupx_action action)
{
	unsigned long addr = cursor->addr, end = addr;
	struct gupx_verdict verdict = gupx_fault_in(cursor, addr, action);

	if (action == GUPX_FAULT && verdict.action == GUPX_LOOK_AGAIN)
		end = get_absent_end(cursor, addr,
				     addr + (cursor->absent << PAGE_SHIFT));
	while (verdict.action == GUPX_LOOK_AGAIN && (addr += PAGE_SIZE) < end) {
		if (fatal_signal_pending(current) ||
		    mmap_lock_is_contended(cursor->mm))
			break;
		cond_resched();
		verdict = gupx_fault_in(cursor, addr, action);
		if (verdict.action == GUPX_STOP)
			return gupx_policy_do(GUPX_LOOK_AGAIN);
	}
	return verdict;
}

/*
 * Rows L9 to L20: walk the next page table. Then fault in or delegate pages if the verdict
 * requires it.
 */
static struct gupx_verdict walk_next_table(struct gupx_cursor *cursor,
					   struct gupx_batch *batch)
{
	struct gupx_verdict verdict;

	/*
	 * Row L10: drop the mmap_lock if another task waits to take it for writing, and
	 * yield the CPU if another task needs it.
	 */
	if (cursor->lock == GUPX_LOCK_HELD &&
	    mmap_lock_is_contended(cursor->mm))
		gupx_cursor_unlock(cursor);
	cond_resched();
	verdict = gupx_cursor_lock(cursor);
	if (verdict.action == GUPX_STOP)
		return verdict;
	verdict = find_vma_at(cursor, batch);
	if (verdict.action != GUPX_GO)
		return verdict;
	if (fatal_signal_pending(current))
		return gupx_policy_signal();
	verdict = walk_table(cursor, batch);
	if (verdict.action == GUPX_DELEGATE)
		return delegate_span(cursor, batch);
	if (gupx_policy_wants_fault(verdict))
		return fault_in_span(cursor, verdict.action);
	return verdict;
}

/**
 * gupx_gup_fill() - walk page tables until the batch is full or the request ends
 * @cursor: position of the request; mmap_lock may be held on entry and on return
 * @batch: empty batch for the pages; NULL for populate
 *
 * Row O7: populate does not take references on pages.
 *
 * Return: true if there is more to do. If false, cursor->addr is the end of the pages
 * that are done. If an error ended the request, cursor->stop contains it (row L22).
 */
bool gupx_gup_fill(struct gupx_cursor *cursor, struct gupx_batch *batch)
{
	while (!gupx_cursor_is_over(cursor)) {
		struct gupx_verdict verdict;

		if (!gupx_batch_has_room(batch, cursor->addr))
			break;
		verdict = walk_next_table(cursor, batch);
		if (verdict.action == GUPX_STOP)
			gupx_cursor_stop(cursor, verdict);
	}
	return !gupx_cursor_is_over(cursor);
}
