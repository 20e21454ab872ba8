// SPDX-License-Identifier: GPL-2.0
/*
 * The pin set: what stands behind a pin fd. It owns pins, and charges for them,
 * until the last reference to the fd goes.
 *
 *   extent  a run of pages, packed into one word
 *   chunk   extents that follow each other in the target without a gap; the
 *           address of each follows from those before it
 *
 * 4 KiB pages scattered over memory cost 8 bytes each that way, a huge page costs
 * 8 bytes whole.
 *
 * Lock order: the target's mmap_lock, then the set's. No user memory is touched
 * under either. The set keeps the mm's struct alive (mmgrab), never the memory:
 * pins outlive the target.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/user.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "account.h"
#include "engine.h"
#include "gup.h"
#include "pin.h"
#include "pinset.h"

/* A word: frame number, pages - 1, flags. */
#define PFN_BITS 40
#define COUNT_BITS 18
#define COUNT_SHIFT PFN_BITS
#define FLAG_SHIFT (PFN_BITS + COUNT_BITS)
#define WORD_WRITE BIT_ULL(FLAG_SHIFT)
#define WORD_KERNEL BIT_ULL(FLAG_SHIFT + 1)
#define WORD_ZERO BIT_ULL(FLAG_SHIFT + 2)
#define WORD_SHORT BIT_ULL(FLAG_SHIFT + 3)

#define BATCH_RUNS 512

/**
 * struct chunk - extents without a gap between them
 * @addr: of the first page, in the target
 * @first: pages in the chunks before it
 * @pages: in all its extents
 * @nr: words in use
 * @capacity: words there is room for
 * @word: the extents
 */
struct chunk {
	unsigned long addr;
	u64 first;
	u64 pages;
	u32 nr;
	u32 capacity;
	u64 word[];
};

#define CHUNK_WORDS ((PAGE_SIZE - sizeof(struct chunk)) / sizeof(u64))

/**
 * struct gupx_pinset - pins and the charge for them
 * @lock: protects everything below that is not const
 * @mm: (const) the target, by mmgrab
 * @user: (const) who is charged
 * @chunks: index to struct chunk, without holes
 * @nr_chunks: how many
 * @folios: head frame numbers of large folios that are held in parts, and so
 *	charged already
 * @totals: the sums
 */
struct gupx_pinset {
	struct mutex lock;
	struct mm_struct *mm;
	struct user_struct *user;
	struct xarray chunks;
	unsigned long nr_chunks;
	struct xarray folios;
	struct gupx_pinset_totals totals;
};

static u64 pack(unsigned long pfn, unsigned long nr, u64 flags)
{
	BUILD_BUG_ON(MAX_PHYSMEM_BITS - PAGE_SHIFT > PFN_BITS);
	BUILD_BUG_ON(BIT(COUNT_BITS) != GUPX_RUN_PAGES_MAX);
	return pfn | (u64)(nr - 1) << COUNT_SHIFT | flags;
}

static unsigned long pfn_of(u64 word)
{
	return word & GENMASK_ULL(PFN_BITS - 1, 0);
}

static unsigned long pages_of(u64 word)
{
	return ((word >> COUNT_SHIFT) & (GUPX_RUN_PAGES_MAX - 1)) + 1;
}

static u64 word_flags_of(const struct gupx_run *run, u32 request)
{
	return (run->flags & GUPX_RUN_WRITE ? WORD_WRITE : 0) |
	       (run->flags & GUPX_RUN_KERNEL ? WORD_KERNEL : 0) |
	       (run->flags & GUPX_RUN_ZERO ? WORD_ZERO : 0) |
	       (request & GUPX_R_SHORT ? WORD_SHORT : 0);
}

static struct gupx_run run_of(unsigned long addr, u64 word)
{
	return (struct gupx_run){
		.addr = addr,
		.page = pfn_to_page(pfn_of(word)),
		.nr = pages_of(word),
		.flags = GUPX_RUN_PIN |
			 (word & WORD_WRITE ? GUPX_RUN_WRITE : 0) |
			 (word & WORD_KERNEL ? GUPX_RUN_KERNEL : 0) |
			 (word & WORD_ZERO ? GUPX_RUN_ZERO : 0),
	};
}

/**
 * gupx_pinset_create() - a pin set without pins
 * @mm: of the target; its struct is kept
 *
 * Charges will go to the caller's user.
 *
 * Return: the set, to be freed by gupx_pinset_destroy(); NULL: no memory.
 */
struct gupx_pinset *gupx_pinset_create(struct mm_struct *mm)
{
	struct gupx_pinset *set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);

	if (!set)
		return NULL;
	mutex_init(&set->lock);
	xa_init(&set->chunks);
	xa_init(&set->folios);
	mmgrab(mm);
	set->mm = mm;
	set->user = get_uid(current_user());
	return set;
}

static void release_chunk(const struct chunk *chunk)
{
	unsigned long addr = chunk->addr;
	u32 i;

	for (i = 0; i < chunk->nr; i++) {
		const struct gupx_run run = run_of(addr, chunk->word[i]);

		gupx_pin_release(&run);
		addr += (unsigned long)run.nr << PAGE_SHIFT;
		cond_resched();
	}
}

/**
 * gupx_pinset_destroy() - give all pins and their charge back
 * @set: nobody else has it any more
 *
 * Cannot fail, allocates nothing. May sleep.
 */
void gupx_pinset_destroy(struct gupx_pinset *set)
{
	struct chunk *chunk;
	unsigned long i;

	xa_for_each(&set->chunks, i, chunk) {
		release_chunk(chunk);
		kfree(chunk);
	}
	xa_destroy(&set->chunks);
	xa_destroy(&set->folios);
	gupx_account_uncharge(set->user, set->totals.charged);
	free_uid(set->user);
	mmdrop(set->mm);
	kfree(set);
}

/**
 * gupx_pinset_fits() - may the caller add pins of this target?
 * @set: of the caller's pin fd
 * @mm: the target
 *
 * One set, one address space; and one user, or a passed fd would let one user's
 * pins be charged to another.
 *
 * Return: whether.
 */
bool gupx_pinset_fits(const struct gupx_pinset *set, const struct mm_struct *mm)
{
	return set->mm == mm && set->user == current_user();
}

/**
 * gupx_pinset_user() - who is charged
 * @set: any
 *
 * Return: the user, as long as the set lives.
 */
struct user_struct *gupx_pinset_user(const struct gupx_pinset *set)
{
	return set->user;
}

static struct chunk *last_chunk(struct gupx_pinset *set)
{
	if (!set->nr_chunks)
		return NULL;
	return xa_load(&set->chunks, set->nr_chunks - 1);
}

/* Of a small request a small chunk; else what a page holds. */
static struct chunk *add_chunk(struct gupx_pinset *set, unsigned long addr,
			       unsigned long pages_ahead)
{
	const u32 capacity = clamp(pages_ahead, 1UL, CHUNK_WORDS);
	struct chunk *chunk;

	chunk = kmalloc(struct_size(chunk, word, capacity), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return NULL;
	*chunk = (struct chunk){
		.addr = addr,
		.first = set->totals.pages,
		.capacity = capacity,
	};
	if (xa_err(xa_store(&set->chunks, set->nr_chunks, chunk,
			    GFP_KERNEL_ACCOUNT))) {
		kfree(chunk);
		return NULL;
	}
	set->nr_chunks++;
	return chunk;
}

/* The chunk that takes a run at this address, with room for one word. */
static struct chunk *chunk_for(struct gupx_pinset *set, unsigned long addr,
			       unsigned long pages_ahead)
{
	struct chunk *chunk = last_chunk(set);

	if (chunk && chunk->nr < chunk->capacity &&
	    chunk->addr + (chunk->pages << PAGE_SHIFT) == addr)
		return chunk;
	return add_chunk(set, addr, pages_ahead);
}

/*
 * What a run costs: a folio that is held at all is held whole. Parts of a large
 * folio are charged with the first of them; @whole tells the caller to note it.
 */
static unsigned long cost_of(struct gupx_pinset *set,
			     const struct gupx_run *run, struct folio **whole)
{
	struct folio *folio = page_folio(run->page);

	*whole = NULL;
	if (run->flags & GUPX_RUN_ZERO)
		return 0;
	if (!folio_test_large(folio) || run->nr == folio_nr_pages(folio))
		return run->nr;
	if (xa_load(&set->folios, folio_pfn(folio)))
		return 0;
	*whole = folio;
	return folio_nr_pages(folio);
}

/**
 * struct purse - a charge taken ahead of the pins that will use it up
 * @user: who was charged
 * @pages: not used up yet
 */
struct purse {
	struct user_struct *user;
	unsigned long pages;
};

/* Large folios may cost more than the range that was charged ahead. */
static bool pay(struct purse *purse, unsigned long cost)
{
	const unsigned long have = min(purse->pages, cost);

	if (cost > have && !gupx_account_charge(purse->user, cost - have))
		return false;
	purse->pages -= have;
	return true;
}

static void refund(struct purse *purse, unsigned long cost)
{
	purse->pages += cost;
}

static struct gupx_verdict no_memory(void)
{
	return gupx_policy_stop(GUPX_STAGE_ACCOUNT,
				GUPX_REASON_NO_KERNEL_MEMORY, ENOMEM);
}

static struct gupx_verdict charge_run(struct gupx_pinset *set,
				      const struct gupx_run *run,
				      struct purse *purse)
{
	struct folio *whole;
	const unsigned long cost = cost_of(set, run, &whole);

	if (!pay(purse, cost))
		return gupx_policy_stop(GUPX_STAGE_ACCOUNT, GUPX_REASON_MEMLOCK,
					ENOBUFS);
	if (whole && xa_err(xa_store(&set->folios, folio_pfn(whole),
				     xa_mk_value(1), GFP_KERNEL_ACCOUNT))) {
		refund(purse, cost);
		return no_memory();
	}
	set->totals.charged += cost;
	return gupx_policy_do(GUPX_GO);
}

static void sum_up(struct gupx_pinset *set, u64 word)
{
	const unsigned long pages = pages_of(word);

	set->totals.extents++;
	set->totals.pages += pages;
	if (word & WORD_KERNEL)
		set->totals.kernel_pages += pages;
	if (word & WORD_WRITE)
		set->totals.write_pages += pages;
	if (word & WORD_SHORT)
		set->totals.short_pages += pages;
}

static struct gupx_verdict own_run(struct gupx_pinset *set,
				   const struct gupx_cursor *cursor,
				   const struct gupx_run *run,
				   struct purse *purse)
{
	const unsigned long ahead = (cursor->end - run->addr) >> PAGE_SHIFT;
	struct chunk *chunk = chunk_for(set, run->addr, ahead);
	struct gupx_verdict verdict;
	u64 word;

	if (!chunk)
		return no_memory();
	verdict = charge_run(set, run, purse);
	if (verdict.action == GUPX_STOP)
		return verdict;
	word = pack(page_to_pfn(run->page), run->nr,
		    word_flags_of(run, cursor->request));
	chunk->word[chunk->nr++] = word;
	chunk->pages += run->nr;
	sum_up(set, word);
	return verdict;
}

/*
 * Move the batch into the set. A run that cannot be owned is given back with all
 * after it, and the request ends before it.
 */
static void own_batch(struct gupx_pinset *set, struct gupx_cursor *cursor,
		      struct gupx_batch *batch, struct purse *purse)
{
	struct gupx_verdict verdict = gupx_policy_do(GUPX_GO);
	unsigned int i;

	mutex_lock(&set->lock);
	for (i = 0; i < batch->nr; i++) {
		verdict = own_run(set, cursor, &batch->run[i], purse);
		if (verdict.action == GUPX_STOP)
			break;
	}
	mutex_unlock(&set->lock);
	if (i < batch->nr) {
		cursor->addr = batch->run[i].addr;
		gupx_cursor_stop(cursor, verdict);
		gupx_cursor_unlock(cursor);
	}
	gupx_pin_release_batch(batch, i);
}

/**
 * gupx_pinset_pin() - pin a range and own the pins
 * @set: fits the cursor's target
 * @cursor: of a request with %GUPX_R_PIN, nothing done yet, lock not held
 * @engine_kernel: let the kernel's engine do it
 *
 * The whole range is charged first and what was not pinned is given back, so that
 * a limit is met before any work is done.
 *
 * Return: 0, and the cursor tells the rest; -ENOBUFS: RLIMIT_MEMLOCK; -ENOMEM.
 */
int gupx_pinset_pin(struct gupx_pinset *set, struct gupx_cursor *cursor,
		    bool engine_kernel)
{
	bool (*fill)(struct gupx_cursor * cursor, struct gupx_batch * batch) =
		engine_kernel ? gupx_engine_fill : gupx_gup_fill;
	struct purse purse = {
		.user = set->user,
		.pages = (cursor->end - cursor->start) >> PAGE_SHIFT,
	};
	struct gupx_batch batch;
	unsigned int scope;
	bool more;

	if (!gupx_account_charge(purse.user, purse.pages))
		return -ENOBUFS;
	if (gupx_pin_batch_init(&batch, BATCH_RUNS)) {
		gupx_account_uncharge(purse.user, purse.pages);
		return -ENOMEM;
	}
	/* Row O1: before the first reference, or fork() would share a pinned page. */
	gupx_compat_mark_pinned(cursor->mm);
	/* New pages shall come from where they may stay: no migration then. */
	scope = memalloc_pin_save();
	do {
		more = fill(cursor, &batch);
		own_batch(set, cursor, &batch, &purse);
	} while (more && !gupx_cursor_is_over(cursor));
	memalloc_pin_restore(scope);
	gupx_cursor_unlock(cursor);
	gupx_pin_batch_fini(&batch);
	gupx_account_uncharge(purse.user, purse.pages);
	return 0;
}

static void describe(unsigned long addr, u64 word, struct gupx_extent *out)
{
	*out = (struct gupx_extent){
		.addr = addr,
		.len = (u64)pages_of(word) << PAGE_SHIFT,
		.pfn = pfn_of(word),
		.flags = (word & WORD_WRITE ? GUPX_EXTENT_WRITE : 0) |
			 (word & WORD_KERNEL ? GUPX_EXTENT_ENGINE_KERNEL : 0) |
			 (word & WORD_ZERO ? GUPX_EXTENT_ZERO : 0) |
			 (word & WORD_SHORT ? GUPX_EXTENT_SHORT : 0),
		/* A pinned folio is not split, so this is what it was. */
		.order = folio_order(page_folio(pfn_to_page(pfn_of(word)))),
	};
}

static unsigned int describe_chunk(const struct chunk *chunk, u64 skip,
				   struct gupx_extent *out, unsigned int nr)
{
	unsigned long addr = chunk->addr;
	unsigned int done = 0;
	u32 i;

	for (i = 0; i < chunk->nr && done < nr; i++) {
		if (i >= skip)
			describe(addr, chunk->word[i], &out[done++]);
		addr += pages_of(chunk->word[i]) << PAGE_SHIFT;
	}
	return done;
}

/**
 * gupx_pinset_extents() - describe extents, in the order they were pinned
 * @set: any
 * @first: index of the first one wanted
 * @out: room for @nr; kernel memory
 * @nr: how many at most
 *
 * Return: how many.
 */
unsigned int gupx_pinset_extents(struct gupx_pinset *set, u64 first,
				 struct gupx_extent *out, unsigned int nr)
{
	struct chunk *chunk;
	unsigned int done = 0;
	unsigned long i;
	u64 before = 0;

	mutex_lock(&set->lock);
	xa_for_each(&set->chunks, i, chunk) {
		if (done == nr)
			break;
		if (before + chunk->nr > first)
			done += describe_chunk(
				chunk, first > before ? first - before : 0,
				out + done, nr - done);
		before += chunk->nr;
	}
	mutex_unlock(&set->lock);
	return done;
}

/* The chunk that holds a page, by bisection; NULL past the end. */
static struct chunk *chunk_of(struct gupx_pinset *set, u64 index)
{
	unsigned long low = 0, high = set->nr_chunks;

	if (index >= set->totals.pages)
		return NULL;
	/* Chunk low begins at or before the page, chunk high after it. */
	while (high - low > 1) {
		const unsigned long middle = low + (high - low) / 2;
		const struct chunk *chunk = xa_load(&set->chunks, middle);

		if (chunk->first <= index)
			low = middle;
		else
			high = middle;
	}
	return xa_load(&set->chunks, low);
}

static u64 word_of(const struct chunk *chunk, u64 *offset)
{
	u32 i = 0;

	while (*offset >= pages_of(chunk->word[i]))
		*offset -= pages_of(chunk->word[i++]);
	return chunk->word[i];
}

/**
 * gupx_pinset_find() - the pages from an index on
 * @set: any
 * @index: pages in the order they were pinned, from 0
 * @found: to be filled: one page of it, or more in a row
 *
 * What is found stays as long as the set: nothing is released before.
 *
 * Return: whether there is such a page.
 */
bool gupx_pinset_find(struct gupx_pinset *set, u64 index,
		      struct gupx_pinset_pages *found)
{
	const struct chunk *chunk;
	u64 word, offset;

	mutex_lock(&set->lock);
	chunk = chunk_of(set, index);
	if (chunk) {
		offset = index - chunk->first;
		word = word_of(chunk, &offset);
	}
	mutex_unlock(&set->lock);
	if (!chunk)
		return false;
	*found = (struct gupx_pinset_pages){
		.page = pfn_to_page(pfn_of(word)),
		.nr = pages_of(word) - offset,
		.writable = (word & WORD_WRITE) && !(word & WORD_ZERO),
		.held_short = word & WORD_SHORT,
		.is_zero = word & WORD_ZERO,
	};
	if (!found->is_zero)
		found->page += offset;
	return true;
}

/**
 * gupx_pinset_totals() - the sums over all extents
 * @set: any
 * @totals: to be filled
 */
void gupx_pinset_totals(struct gupx_pinset *set,
			struct gupx_pinset_totals *totals)
{
	mutex_lock(&set->lock);
	*totals = set->totals;
	mutex_unlock(&set->lock);
}

/**
 * gupx_pinset_show() - the numbers for /proc/PID/fdinfo
 * @set: any
 * @seq: to be written to
 */
void gupx_pinset_show(struct gupx_pinset *set, struct seq_file *seq)
{
	struct gupx_pinset_totals totals;

	gupx_pinset_totals(set, &totals);
	seq_printf(seq, "gupx-extents:\t%llu\n", totals.extents);
	seq_printf(seq, "gupx-pinned:\t%llu kB\n",
		   totals.pages << (PAGE_SHIFT - 10));
	seq_printf(seq, "gupx-pinned-write:\t%llu kB\n",
		   totals.write_pages << (PAGE_SHIFT - 10));
	seq_printf(seq, "gupx-pinned-by-kernel:\t%llu kB\n",
		   totals.kernel_pages << (PAGE_SHIFT - 10));
	seq_printf(seq, "gupx-pinned-short:\t%llu kB\n",
		   totals.short_pages << (PAGE_SHIFT - 10));
	seq_printf(seq, "gupx-charged:\t%llu kB\n",
		   totals.charged << (PAGE_SHIFT - 10));
}
