// SPDX-License-Identifier: GPL-2.0
/*
 * Judge a range without changing anything. EXPLAIN uses the same facts and the same
 * policy as the loop, but it does not fault in pages, take references or mark pages
 * accessed. It continues after an address where a request would stop, so that one call
 * reports all such addresses.
 */
#include <linux/gupx.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "entry.h"
#include "explain.h"
#include "follow.h"
#include "template.h"
#include "vma.h"

static enum gupx_outcome get_outcome(struct gupx_verdict verdict)
{
	switch (verdict.action) {
	case GUPX_GO:
		return GUPX_OUTCOME_TAKE;
	case GUPX_SKIP:
		return GUPX_OUTCOME_SKIP;
	case GUPX_FAULT:
		return GUPX_OUTCOME_FAULT;
	case GUPX_UNSHARE:
	case GUPX_BREAK_COW:
		return GUPX_OUTCOME_UNSHARE;
	case GUPX_DELEGATE:
		return GUPX_OUTCOME_MIGRATE;
	}
	return GUPX_OUTCOME_STOP;
}

static enum gupx_content get_content(u32 facts)
{
	switch (facts & GUPX_E_KIND) {
	case GUPX_E_EMPTY:
		return GUPX_CONTENT_EMPTY;
	case GUPX_E_ABSENT:
		return GUPX_CONTENT_ABSENT;
	case GUPX_E_GUARD:
		return GUPX_CONTENT_GUARD;
	case GUPX_E_PAGE:
		return facts & GUPX_E_PAGE_ANON ? GUPX_CONTENT_ANON
						: GUPX_CONTENT_FILE;
	case GUPX_E_ZERO:
	case GUPX_E_HUGE_ZERO:
		return GUPX_CONTENT_ZERO;
	case GUPX_E_NO_PAGE:
		return GUPX_CONTENT_FRAME;
	case GUPX_E_DEVMAP:
	case GUPX_E_OPAQUE:
		return GUPX_CONTENT_DEVICE;
	}
	return GUPX_CONTENT_BAD;
}

static struct gupx_judgement make_judgement(struct gupx_verdict verdict,
					    enum gupx_content content)
{
	return (struct gupx_judgement){
		.error = verdict.error,
		.stage = verdict.stage,
		.reason = verdict.reason,
		.outcome = get_outcome(verdict),
		.content = content,
	};
}

static struct gupx_judgement judge_entry(const struct gupx_cursor *cursor,
					 const struct gupx_table *table,
					 const struct gupx_entry *entry)
{
	const u32 facts = entry->facts;
	struct gupx_judgement judgement =
		make_judgement(gupx_policy_judge_entry(facts, cursor->vma_facts,
						       cursor->request),
			       get_content(facts));

	if (table->kind == GUPX_E_PAGE)
		judgement.shift = table->shift;
	if (facts & GUPX_E_WRITABLE)
		judgement.flags |= GUPX_JUDGED_WRITABLE;
	if (facts & GUPX_E_PAGE_EXCLUSIVE)
		judgement.flags |= GUPX_JUDGED_EXCLUSIVE;
	return judgement;
}

/* Compare all fields of two judgements except the address and the length. */
static bool is_same_judgement(const struct gupx_judgement *a,
			      const struct gupx_judgement *b)
{
	return memcmp(&a->error, &b->error,
		      sizeof(*a) - offsetof(struct gupx_judgement, error)) == 0;
}

/*
 * Add a judgement of the range from the cursor to @end, and step the cursor to @end. If the
 * previous judgement differs only in its range, extend the range of the previous judgement
 * instead.
 *
 * Return: true if the judgement was added; false if @out has no room for it. The cursor
 * only moves if the judgement was added.
 */
static bool add_judgement(struct gupx_cursor *cursor,
			  struct gupx_judgement *out, unsigned int nr,
			  unsigned int *used, unsigned long end,
			  struct gupx_judgement judgement)
{
	const unsigned long len = end - cursor->addr;

	if (*used && is_same_judgement(&out[*used - 1], &judgement)) {
		out[*used - 1].len += len;
	} else if (*used < nr) {
		judgement.addr = cursor->addr;
		judgement.len = len;
		out[(*used)++] = judgement;
	} else {
		return false;
	}
	cursor->addr = end;
	return true;
}

/* Judge the hole at the cursor, up to the next VMA or the end of the request. */
static struct gupx_judgement judge_hole(const struct gupx_cursor *cursor,
					unsigned long *end)
{
	const struct vm_area_struct *next = find_vma(cursor->mm, cursor->addr);
	struct gupx_entry entry;

	*end = next ? min(cursor->end, next->vm_start) : cursor->end;
	if ((cursor->request & GUPX_R_POPULATE) ||
	    !gupx_vma_is_gate(cursor->mm, cursor->addr))
		return make_judgement(gupx_policy_judge_hole(cursor->request),
				      GUPX_CONTENT_HOLE);
	*end = cursor->addr + PAGE_SIZE;
	return make_judgement(
		gupx_policy_judge_gate(
			gupx_entry_read_gate(cursor->mm, cursor->addr, &entry),
			cursor->request),
		GUPX_CONTENT_GATE);
}

/*
 * Count the entries from @addr on that have the same facts as @entry, which is before them.
 * Entries that map a page are compared as for a pin for writing. Such a request depends on
 * more bits than the others, so all fields of the judgements are the same.
 */
static unsigned long count_same(const struct gupx_table *table,
				const struct gupx_entry *entry,
				unsigned long entry_addr, unsigned long addr,
				u32 request)
{
	struct gupx_template template;

	/*
	 * In hugetlb memory, an empty entry stands for a page or for none, depending on the
	 * page cache. A page whose reference count is bad matches pages whose count is good.
	 */
	if (is_vm_hugetlb_page(table->vma) ||
	    (entry->facts & GUPX_E_REFCOUNT_BAD))
		return 0;
	if ((entry->facts & GUPX_E_KIND) == GUPX_E_EMPTY)
		return gupx_entry_count_none(table, addr);
	gupx_template_clear(&template);
	gupx_template_set(&template, table, entry_addr, entry,
			  request | GUPX_R_PIN | GUPX_R_WRITE);
	return gupx_template_count(&template, table, addr);
}

static bool judge_table(struct gupx_cursor *cursor, struct gupx_judgement *out,
			unsigned int nr, unsigned int *used)
{
	struct gupx_table table;
	bool room = true;

	gupx_follow_lock(&table, cursor->vma, cursor->addr, cursor->end);
	while (cursor->addr < table.end) {
		const unsigned long addr = cursor->addr;
		struct gupx_entry entry;
		unsigned long same;

		gupx_entry_read(&table, addr, &entry);
		if (!entry.nr)
			break;
		room = add_judgement(cursor, out, nr, used,
				     addr + (entry.nr << PAGE_SHIFT),
				     judge_entry(cursor, &table, &entry));
		if (!room || cursor->addr >= table.end)
			break;
		same = count_same(&table, &entry, addr, cursor->addr,
				  cursor->request)
		       << PAGE_SHIFT;
		out[*used - 1].len += same;
		cursor->addr += same;
		/* A table entry that covers terabytes has many steps of a huge page. */
		if (need_resched() || fatal_signal_pending(current))
			break;
	}
	gupx_follow_unlock(&table);
	return room;
}

static bool judge_vma(struct gupx_cursor *cursor, struct gupx_judgement *out,
		      unsigned int nr, unsigned int *used)
{
	struct gupx_verdict verdict;

	cursor->vma_facts = gupx_vma_facts(cursor->vma);
	verdict = gupx_policy_judge_vma(cursor->vma_facts, cursor->request);
	if (verdict.action == GUPX_STOP)
		return add_judgement(cursor, out, nr, used,
				     min(cursor->end, cursor->vma->vm_end),
				     make_judgement(verdict,
						    GUPX_CONTENT_UNSEEN));
	return judge_table(cursor, out, nr, used);
}

/*
 * Judge the entries of the next page table. If the request may not access the VMA at the
 * cursor, add one judgement for the whole VMA. If there is no VMA at the cursor, add one
 * judgement for the range up to the next VMA.
 *
 * Return: true if @out had room for all judgements, else false.
 */
static bool judge_next(struct gupx_cursor *cursor, struct gupx_judgement *out,
		       unsigned int nr, unsigned int *used)
{
	unsigned long end;
	struct gupx_judgement judgement;

	/* A VMA that the cursor has not left was judged before. */
	if (cursor->vma && cursor->addr < cursor->vma->vm_end)
		return judge_table(cursor, out, nr, used);
	cursor->vma = vma_lookup(cursor->mm, cursor->addr);
	if (cursor->vma)
		return judge_vma(cursor, out, nr, used);
	judgement = judge_hole(cursor, &end);
	return add_judgement(cursor, out, nr, used, end, judgement);
}

/**
 * gupx_explain_fill() - judge a range from the cursor on
 * @cursor: cursor; the target's mmap_lock is not held on entry and on return
 * @out: array for the judgements, in kernel memory
 * @nr: size of the array, at least one
 *
 * Afterwards, the cursor is at the first page that was not judged. If a signal interrupts
 * the wait for the mmap_lock, the function sets cursor->stop. A fatal signal at any other
 * time ends the call, but the function does not set cursor->stop.
 *
 * Return: number of judgements written.
 */
unsigned int gupx_explain_fill(struct gupx_cursor *cursor,
			       struct gupx_judgement *out, unsigned int nr)
{
	unsigned int used = 0;
	bool room = true;

	while (room && cursor->addr < cursor->end &&
	       !fatal_signal_pending(current)) {
		const struct gupx_verdict verdict = gupx_cursor_lock(cursor);

		if (verdict.action == GUPX_STOP) {
			gupx_cursor_stop(cursor, verdict);
			break;
		}
		room = judge_next(cursor, out, nr, &used);
		if (mmap_lock_is_contended(cursor->mm))
			gupx_cursor_unlock(cursor);
		cond_resched();
	}
	gupx_cursor_unlock(cursor);
	return used;
}
