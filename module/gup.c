// SPDX-License-Identifier: GPL-2.0
/*
 * The policy loop. Twin of __get_user_pages() and __get_user_pages_locked() in
 * mm/gup.c, as a cursor that goes a page table at a time:
 *
 *     lock - look the VMA up - judge it - lock a table - judge its entries -
 *     take their pages - unlock - next table
 *                 ^ and where an entry says so: fault it in, look again
 *
 * Rows (L5, V1, E4, O2...) are those of the policy table. Every verdict comes
 * from policy.h; here it is acted on. All sleeping is done with no page-table
 * lock held.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "engine.h"
#include "fault.h"
#include "follow.h"
#include "gup.h"
#include "trace.h"
#include "vma.h"

/* Entries looked at before someone else may have the table's lock. */
#define LOOKS_BETWEEN_BREAKS 32

static void take(struct gupx_cursor *cursor, struct gupx_batch *batch,
		 const struct gupx_entry *entry)
{
	if (batch)
		gupx_pin_take(batch, entry, cursor->addr,
			      gupx_pin_flags(cursor->request));
	gupx_pin_touch(entry, cursor->request & GUPX_R_WRITE);
}

/* Row L7. The gate page is judged by nothing else, and never faulted in. */
static struct gupx_verdict pass_gate(struct gupx_cursor *cursor,
				     struct gupx_batch *batch)
{
	struct gupx_entry entry;
	const bool readable =
		gupx_follow_gate(cursor->mm, cursor->addr, &entry);
	struct gupx_verdict verdict =
		gupx_policy_judge_gate(readable, cursor->request);

	if (verdict.action == GUPX_STOP)
		return verdict;
	verdict = gupx_policy_judge_page(entry.facts, 0, cursor->request);
	if (verdict.action == GUPX_STOP)
		return verdict;
	take(cursor, batch, &entry);
	gupx_pin_settle(batch);
	gupx_cursor_step(cursor, 1);
	return gupx_policy_do(GUPX_SKIP);
}

/*
 * Rows L4 to L8, V1 to V11: the mapping at the cursor, looked up and judged when
 * the cursor comes to it and again whenever the lock was let go of.
 *
 * Return: %GUPX_GO, %GUPX_STOP, or %GUPX_SKIP where the cursor stepped over the
 * gate page.
 */
static struct gupx_verdict find_vma_at(struct gupx_cursor *cursor,
				       struct gupx_batch *batch)
{
	struct gupx_verdict verdict;

	if (cursor->vma && cursor->addr < cursor->vma->vm_end)
		return gupx_policy_do(GUPX_GO);
	cursor->vma = vma_lookup(cursor->mm, cursor->addr);
	if (!cursor->vma) {
		/* Populate knows no gate area: L5 before L7. */
		if (batch && gupx_vma_is_gate(cursor->mm, cursor->addr))
			return pass_gate(cursor, batch);
		return gupx_policy_judge_hole(cursor->request);
	}
	cursor->vma_facts = gupx_vma_facts(cursor->vma);
	verdict = gupx_policy_judge_vma(cursor->vma_facts, cursor->request);
	trace_gupx_vma(cursor, verdict);
	/* An unfit mapping must not be found again by address alone. */
	if (verdict.action == GUPX_STOP)
		cursor->vma = NULL;
	return verdict;
}

/* Row L10, and let a writer who waits for the lock have it. */
static void breathe(struct gupx_cursor *cursor)
{
	if (cursor->lock == GUPX_LOCK_HELD &&
	    mmap_lock_is_contended(cursor->mm))
		gupx_cursor_unlock(cursor);
	cond_resched();
}

static bool wants_break(const struct gupx_table *table, unsigned int looks)
{
	if (!table->ptl || looks % LOOKS_BETWEEN_BREAKS)
		return false;
	return need_resched() || spin_needbreak(table->ptl);
}

/*
 * Judge and take entry after entry, as far as the table goes.
 *
 * Return: the verdict that ended it; %GUPX_GO at the end of the table, of the
 * batch's room, or for a break.
 */
static struct gupx_verdict walk(struct gupx_cursor *cursor,
				struct gupx_batch *batch,
				const struct gupx_table *table)
{
	unsigned int looks = 0;

	while (cursor->addr < table->end) {
		struct gupx_entry entry;
		struct gupx_verdict verdict;

		if (batch && gupx_pin_is_full(batch))
			break;
		gupx_follow_look(table, cursor->addr, &entry);
		verdict = gupx_policy_judge_entry(
			entry.facts, cursor->vma_facts, cursor->request);
		/* Row E6: whoever wanted a page and gets none has touched it, too. */
		if (table->shift == PAGE_SHIFT &&
		    (verdict.action == GUPX_SKIP ||
		     verdict.reason == GUPX_REASON_NO_PAGE))
			gupx_follow_touch_frame(table, cursor->addr,
						cursor->request & GUPX_R_WRITE);
		if (verdict.action == GUPX_GO)
			take(cursor, batch, &entry);
		else if (verdict.action != GUPX_SKIP)
			return verdict;
		gupx_cursor_step(cursor, entry.nr);
		if (wants_break(table, ++looks))
			break;
	}
	return gupx_policy_do(GUPX_GO);
}

static struct gupx_verdict walk_table(struct gupx_cursor *cursor,
				      struct gupx_batch *batch)
{
	const unsigned long from = cursor->addr;
	struct gupx_table table;
	struct gupx_verdict verdict;

	gupx_follow_lock(&table, cursor->vma, cursor->addr, cursor->end);
	verdict = walk(cursor, batch, &table);
	/* The references are taken while the lock still keeps the pages. */
	if (batch)
		gupx_pin_settle(batch);
	gupx_follow_unlock(&table);
	trace_gupx_entries(cursor, from, verdict);
	return verdict;
}

/* How many pages from the cursor on are to be delegated, in this mapping? */
static unsigned long measure_delegated(const struct gupx_cursor *cursor)
{
	unsigned long addr = cursor->addr;
	const unsigned long end = min(cursor->end, cursor->vma->vm_end);
	bool more = true;

	while (more && addr < end) {
		struct gupx_table table;
		struct gupx_entry entry;

		gupx_follow_lock(&table, cursor->vma, addr, end);
		while (more && addr < table.end) {
			gupx_follow_look(&table, addr, &entry);
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

/* Row O4. The table was unlocked since, so the run may have melted away. */
static struct gupx_verdict delegate(struct gupx_cursor *cursor,
				    struct gupx_batch *batch)
{
	const unsigned long nr = measure_delegated(cursor);

	if (!nr)
		return gupx_policy_do(GUPX_LOOK_AGAIN);
	if (!batch) {
		/* Populate of what only the kernel can tell: it is mapped. */
		gupx_cursor_step(cursor, nr);
		return gupx_policy_do(GUPX_GO);
	}
	return gupx_engine_take(cursor, batch, nr);
}

/* Row L2. The mask is the target's, and read under its lock. */
static void untag(struct gupx_cursor *cursor)
{
	const unsigned long start =
		untagged_addr_remote(cursor->mm, cursor->start);

	cursor->addr -= cursor->start - start;
	cursor->end -= cursor->start - start;
	cursor->start = start;
}

/* Rows L9 to L20: the next table, and whatever its entries ask for. */
static struct gupx_verdict step(struct gupx_cursor *cursor,
				struct gupx_batch *batch)
{
	struct gupx_verdict verdict;

	breathe(cursor);
	verdict = gupx_cursor_lock(cursor);
	if (verdict.action == GUPX_STOP)
		return verdict;
	if (cursor->addr == cursor->start)
		untag(cursor);
	verdict = find_vma_at(cursor, batch);
	if (verdict.action != GUPX_GO)
		return verdict;
	if (fatal_signal_pending(current))
		return gupx_policy_stop(GUPX_STAGE_SIGNAL, GUPX_REASON_SIGNAL,
					EINTR);
	verdict = walk_table(cursor, batch);
	if (verdict.action == GUPX_DELEGATE)
		return delegate(cursor, batch);
	if (gupx_policy_wants_fault(verdict))
		return gupx_fault_in(cursor, verdict.action);
	return verdict;
}

/**
 * gupx_gup_fill() - run the loop until the batch is full or the request over
 * @cursor: at what is to be done next; its lock may be held, and may be held
 *	again afterwards
 * @batch: empty; NULL for populate
 *
 * Return: whether there is more to do. Where there is not, cursor->addr and
 * cursor->stop tell how it ended (row L22).
 */
bool gupx_gup_fill(struct gupx_cursor *cursor, struct gupx_batch *batch)
{
	while (!gupx_cursor_is_over(cursor)) {
		struct gupx_verdict verdict;

		if (batch && gupx_pin_is_full(batch))
			break;
		verdict = step(cursor, batch);
		if (verdict.action == GUPX_STOP)
			gupx_cursor_stop(cursor, verdict);
	}
	if (batch)
		gupx_pin_count(batch);
	return !gupx_cursor_is_over(cursor);
}

/**
 * gupx_gup_populate() - fault in everything from the cursor on
 * @cursor: of a request with %GUPX_R_POPULATE
 *
 * Row O7. Takes no references; what was done is where the cursor ends.
 */
void gupx_gup_populate(struct gupx_cursor *cursor)
{
	while (gupx_gup_fill(cursor, NULL))
		;
	gupx_cursor_unlock(cursor);
}
