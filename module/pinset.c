// SPDX-License-Identifier: GPL-2.0
/*
 * The pin set: what stands behind a pin fd. It owns pins, and charges for them,
 * until they are released one by one or the last reference to the fd goes.
 *
 * Lock order: the mmap_lock of who has a window, the set's lock, the list of windows
 * (i_mmap_rwsem), page-table locks. The target's mmap_lock is never held together
 * with the set's: the set allocates under it. No user memory is touched under it
 * either. The set keeps the mm's struct alive (mmgrab), never the memory: pins outlive
 * the target.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/mm.h>
#include <linux/sched/user.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "chunks.h"
#include "charge.h"
#include "engine.h"
#include "gup.h"
#include "pin.h"
#include "pinset.h"
#include "unpin.h"

/**
 * struct gupx_pinset - pins and the charge for them
 * @lock: protects everything below that is not const
 * @mm: (const) the target, by mmgrab
 * @pid: (const) of the target's process when the set was made; may be NULL
 * @start: (const) when that process began, ns since boot
 * @mapping: of the pin fd's windows
 * @charge: for the pins
 * @chunks: what is held
 * @extents: runs held
 * @pages: held
 * @kernel_pages: of these, taken by the kernel's engine
 * @write_pages: pinned for writing
 * @short_pages: not fit to be held for long
 * @zero_pages: the zero page
 * @seals: GUPX_SEAL_*
 * @pinning: requests under way that add pins
 * @writable_windows: mappings that may be writable
 */
struct gupx_pinset {
	struct mutex lock;
	struct mm_struct *mm;
	struct pid *pid;
	u64 start;
	struct address_space mapping;
	struct gupx_charge charge;
	struct gupx_chunks chunks;
	u64 extents;
	u64 pages;
	u64 kernel_pages;
	u64 write_pages;
	u64 short_pages;
	u64 zero_pages;
	u32 seals;
	unsigned int pinning;
	atomic_t writable_windows;
};

/* For those who read about the pins: whose memory it is. */
static void note_target(struct gupx_pinset *set)
{
#ifdef CONFIG_MEMCG
	const struct task_struct *owner;

	rcu_read_lock();
	owner = rcu_dereference(set->mm->owner);
	if (owner) {
		set->pid =
			get_task_pid((struct task_struct *)owner, PIDTYPE_TGID);
		set->start = owner->group_leader->start_boottime;
	}
	rcu_read_unlock();
#endif
}

/**
 * gupx_pinset_create() - create a pin set without pins
 * @mm: of the target; its struct is kept
 *
 * Charges go to the caller's user.
 *
 * Return: the set, to be freed by gupx_pinset_destroy(); NULL: no memory.
 */
struct gupx_pinset *gupx_pinset_create(struct mm_struct *mm)
{
	struct gupx_pinset *set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);

	if (!set)
		return NULL;
	if (gupx_charge_init(&set->charge)) {
		kfree(set);
		return NULL;
	}
	mutex_init(&set->lock);
	address_space_init_once(&set->mapping);
	set->mapping.a_ops = &empty_aops;
	gupx_chunks_init(&set->chunks);
	mmgrab(mm);
	set->mm = mm;
	note_target(set);
	return set;
}

/**
 * gupx_pinset_destroy() - give all pins and their charge back
 * @set: nobody else has it any more
 *
 * Cannot fail, allocates nothing. May sleep.
 */
void gupx_pinset_destroy(struct gupx_pinset *set)
{
	gupx_chunks_release(&set->chunks);
	atomic64_sub(set->pages - set->zero_pages, &set->mm->pinned_vm);
	gupx_charge_destroy(&set->charge);
	put_pid(set->pid);
	mmdrop(set->mm);
	kfree(set);
}

/**
 * gupx_pinset_attach() - make the windows of a file those of the set
 * @set: of the file
 * @file: not yet known to anybody
 *
 * All anonymous files share one inode; to find the windows of one pin fd, it has a
 * list of its own.
 */
void gupx_pinset_attach(struct gupx_pinset *set, struct file *file)
{
	set->mapping.host = file_inode(file);
	file->f_mapping = &set->mapping;
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
	return set->mm == mm && gupx_pinset_is_own(set);
}

/**
 * gupx_pinset_is_own() - is the caller's user the one who made the set?
 * @set: any
 *
 * Return: whether.
 */
bool gupx_pinset_is_own(const struct gupx_pinset *set)
{
	return set->charge.user == current_user();
}

/**
 * gupx_pinset_user() - get the user who is charged
 * @set: any
 *
 * Return: the user, as long as the set lives.
 */
struct user_struct *gupx_pinset_user(const struct gupx_pinset *set)
{
	return set->charge.user;
}

/* @pages are held, or, where negative, no longer held. */
static void count_pages(struct gupx_pinset *set, u32 flags, s64 pages)
{
	set->pages += pages;
	if (flags & GUPX_RUN_KERNEL)
		set->kernel_pages += pages;
	if (flags & GUPX_RUN_WRITE)
		set->write_pages += pages;
	if (flags & GUPX_RUN_SHORT)
		set->short_pages += pages;
	if (flags & GUPX_RUN_ZERO)
		set->zero_pages += pages;
	else
		atomic64_add(pages, &set->mm->pinned_vm);
}

static struct gupx_verdict stop_at_extents(void)
{
	return gupx_policy_stop(GUPX_STAGE_ACCOUNT, GUPX_REASON_EXTENTS,
				EDQUOT);
}

/**
 * struct intake - a request that adds pins to a set
 * @precharge: what was charged ahead for it
 * @label: what its runs have in common
 * @room: memory of the present batch; becomes the set's where it can
 */
struct intake {
	struct gupx_precharge precharge;
	struct gupx_chunks_label label;
	struct gupx_chunk *room;
};

/* Return: %GUPX_GO, or why the run was not added. */
static struct gupx_verdict add_run(struct gupx_pinset *set,
				   const struct gupx_cursor *cursor, u64 word,
				   unsigned long addr, struct intake *intake)
{
	const unsigned long ahead = (cursor->end - addr) >> PAGE_SHIFT;
	const struct gupx_run run = gupx_run_unpack(addr, word);
	int error;

	/* Room first: what was charged can then be kept. */
	if (gupx_chunks_reserve(&set->chunks, addr, 1, ahead, &intake->label))
		return gupx_policy_no_memory();
	if (!gupx_charge_extents(&set->charge, 1))
		return stop_at_extents();
	error = gupx_charge_run(&set->charge, &intake->precharge, &run);
	if (error) {
		gupx_charge_drop_extents(&set->charge, 1);
		return error == -ENOMEM
			       ? gupx_policy_no_memory()
			       : gupx_policy_stop(GUPX_STAGE_ACCOUNT,
						  GUPX_REASON_MEMLOCK, ENOBUFS);
	}
	gupx_chunks_count_joined(&set->chunks, addr, &word, 1, run.nr);
	gupx_chunks_add(&set->chunks, &word, 1, run.nr);
	set->extents++;
	count_pages(set, run.flags, run.nr);
	return gupx_policy_do(GUPX_GO);
}

/* The memory that a batch's runs are in becomes the set's: no run is copied. */
static bool keep_room(struct gupx_pinset *set, const struct gupx_batch *batch,
		      unsigned long pages, struct intake *intake)
{
	struct gupx_chunk *chunk = intake->room;

	chunk->addr = batch->addr;
	chunk->born = intake->label.born;
	chunk->charged = intake->label.charged;
	chunk->pages = pages;
	chunk->nr = batch->nr;
	if (gupx_chunks_append(&set->chunks, chunk))
		return false;
	intake->room = NULL;
	return true;
}

/* Return: false where memory is short. */
static bool keep_batch(struct gupx_pinset *set, const struct gupx_batch *batch,
		       unsigned long pages, struct intake *intake)
{
	if (!gupx_chunks_has_room(&set->chunks, batch->addr, batch->nr,
				  &intake->label))
		return keep_room(set, batch, pages, intake);
	gupx_chunks_add(&set->chunks, batch->word, batch->nr, pages);
	return true;
}

/*
 * A batch that costs what it has pages, and was charged for ahead: in one go.
 *
 * Return: whether it was added; if not, it has to be looked at run by run.
 */
static bool add_uniform(struct gupx_pinset *set, const struct gupx_batch *batch,
			struct intake *intake)
{
	const unsigned long pages = (batch->end - batch->addr) >> PAGE_SHIFT;
	unsigned long extents;

	if (!batch->nr || !batch->uniform ||
	    (!intake->precharge.exempt && intake->precharge.pages < pages))
		return false;
	extents = gupx_charge_extents(&set->charge, batch->nr);
	if (extents < batch->nr)
		goto drop;
	gupx_chunks_count_joined(&set->chunks, batch->addr, batch->word,
				 batch->nr, pages);
	if (!keep_batch(set, batch, pages, intake)) {
		set->chunks.counts_joined = false;
		goto drop;
	}
	set->extents += batch->nr;
	count_pages(set, batch->flags, pages);
	return gupx_charge_pages(&set->charge, &intake->precharge, pages);

drop:
	gupx_charge_drop_extents(&set->charge, extents);
	return false;
}

/* Return: how many runs of the batch the set has now, from the first one on. */
static unsigned int add_runs(struct gupx_pinset *set,
			     struct gupx_cursor *cursor,
			     const struct gupx_batch *batch,
			     struct intake *intake)
{
	unsigned long addr = batch->addr;
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		const u64 word = batch->word[i];
		const struct gupx_verdict verdict =
			add_run(set, cursor, word, addr, intake);

		if (verdict.action == GUPX_STOP) {
			cursor->addr = addr;
			gupx_cursor_stop(cursor, verdict);
			break;
		}
		addr += gupx_run_pages(word) << PAGE_SHIFT;
	}
	return i;
}

/*
 * Move the batch into the set. A run that cannot be added is given back with all
 * after it, and the request ends before it. The batch's memory may become the set's,
 * and is no longer the intake's then. Allocates, so the target's lock is not held.
 */
static void add_batch(struct gupx_pinset *set, struct gupx_cursor *cursor,
		      struct gupx_batch *batch, struct intake *intake)
{
	unsigned int added = batch->nr;

	gupx_cursor_unlock(cursor);
	mutex_lock(&set->lock);
	if (!add_uniform(set, batch, intake))
		added = add_runs(set, cursor, batch, intake);
	mutex_unlock(&set->lock);
	gupx_pin_release_batch(batch, added);
}

/*
 * Memory for the runs of a batch that may become a chunk as it is. No larger than
 * the request needs: a kernel that clears memory does so each time.
 *
 * Return: false where memory is short; the request ends here.
 */
static bool make_room(struct intake *intake, struct gupx_batch *batch,
		      struct gupx_cursor *cursor)
{
	const unsigned long pages = (cursor->end - cursor->addr) >> PAGE_SHIFT;

	if (!intake->room)
		intake->room = gupx_chunks_alloc(min(pages, GUPX_CHUNKS_WORDS));
	if (intake->room)
		gupx_pin_batch_lend(batch, intake->room->word,
				    intake->room->capacity);
	else
		gupx_cursor_stop(cursor, gupx_policy_no_memory());
	return intake->room;
}

/* A seal that rules new pins out waits for nobody: it is refused while we are here. */
static int begin_pinning(struct gupx_pinset *set)
{
	int error = 0;

	mutex_lock(&set->lock);
	if (set->seals & GUPX_SEAL_PIN)
		error = -EPERM;
	else
		set->pinning++;
	mutex_unlock(&set->lock);
	return error;
}

static void end_pinning(struct gupx_pinset *set)
{
	mutex_lock(&set->lock);
	gupx_chunks_trim(&set->chunks);
	set->pinning--;
	mutex_unlock(&set->lock);
}

static void pin_all(struct gupx_pinset *set, struct gupx_cursor *cursor,
		    struct intake *intake, bool engine_kernel)
{
	bool (*fill)(struct gupx_cursor * cursor, struct gupx_batch * batch) =
		engine_kernel ? gupx_engine_fill : gupx_gup_fill;
	struct gupx_batch batch;
	unsigned int scope;
	bool more = true;

	/* Row O1: before the first reference, or fork() would share a pinned page. */
	gupx_compat_mark_pinned(cursor->mm);
	/* New pages shall come from where they may stay: no migration then. */
	scope = memalloc_pin_save();
	while (more && make_room(intake, &batch, cursor)) {
		more = fill(cursor, &batch);
		add_batch(set, cursor, &batch, intake);
		gupx_pin_batch_fini(&batch);
		more = more && !gupx_cursor_is_over(cursor);
	}
	memalloc_pin_restore(scope);
	gupx_cursor_fini(cursor);
	gupx_chunks_free(intake->room);
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
 * Return: 0, and the cursor tells the rest; -ENOBUFS: RLIMIT_MEMLOCK; -EPERM: the set
 * is sealed.
 */
int gupx_pinset_pin(struct gupx_pinset *set, struct gupx_cursor *cursor,
		    bool engine_kernel)
{
	struct intake intake = { .label.born = ktime_get_boottime_seconds() };
	int error = begin_pinning(set);

	if (error)
		return error;
	if (gupx_charge_ahead(&set->charge, &intake.precharge,
			      (cursor->end - cursor->start) >> PAGE_SHIFT)) {
		intake.label.charged = !intake.precharge.exempt;
		pin_all(set, cursor, &intake, engine_kernel);
		gupx_charge_return(&set->charge, &intake.precharge);
	} else {
		error = -ENOBUFS;
	}
	end_pinning(set);
	return error;
}

/* What is released counts no longer. */
static void count_unpinned(struct gupx_pinset *set,
			   const struct gupx_unpin_plan *plan)
{
	const struct gupx_chunk *chunk;
	u32 i;

	for (i = 0; i < plan->edges; i++)
		count_pages(set, gupx_run_flags(plan->edge[i].gone),
			    -(s64)gupx_run_pages(plan->edge[i].gone));
	for (chunk = plan->gone; chunk; chunk = chunk->next)
		for (i = 0; i < chunk->nr; i++)
			if (!gupx_run_is_released(chunk->word[i]))
				count_pages(
					set, gupx_run_flags(chunk->word[i]),
					-(s64)gupx_run_pages(chunk->word[i]));
	set->extents -= plan->extents;
}

/* Under the set's lock, which also keeps windows from showing the pages again. */
static int take_out(struct gupx_pinset *set, struct gupx_unpin_plan *plan)
{
	int error;

	if (set->seals & GUPX_SEAL_UNPIN)
		return -EPERM;
	error = gupx_unpin_prepare(&set->chunks, plan);
	if (error)
		return error;
	error = gupx_charge_prepare_unpin(&set->charge, plan);
	if (error) {
		gupx_unpin_cancel(plan);
		return error;
	}
	gupx_unpin_commit(&set->chunks, plan);
	gupx_charge_commit_unpin(&set->charge, plan);
	count_unpinned(set, plan);
	unmap_mapping_range(&set->mapping, plan->index << PAGE_SHIFT,
			    (plan->end - plan->index) << PAGE_SHIFT, 1);
	return 0;
}

/**
 * gupx_pinset_unpin() - release a part of a set
 * @set: of the caller's user
 * @index: of the first page, in the order they were pinned
 * @nr: pages; what is beyond the end, or released, is passed over
 * @released: to be filled: pages that were released
 *
 * Return: 0; -EPERM: the set is sealed against it; -ENOMEM, -ENOBUFS: as <linux/gupx.h>
 * says, and nothing was released.
 */
int gupx_pinset_unpin(struct gupx_pinset *set, u64 index, u64 nr, u64 *released)
{
	struct gupx_unpin_plan plan = { .index = index };
	int error = 0;

	mutex_lock(&set->lock);
	plan.end = min(index + nr, set->chunks.pages);
	if (plan.index < plan.end)
		error = take_out(set, &plan);
	else if (set->seals & GUPX_SEAL_UNPIN)
		error = -EPERM;
	mutex_unlock(&set->lock);
	if (error)
		return error;
	*released = plan.pages;
	/* A folio's lock may be waited for: not under ours, which faults take. */
	gupx_unpin_finish(&plan);
	return 0;
}

/**
 * gupx_pinset_seal() - rule something out for good
 * @set: any
 * @seals: GUPX_SEAL_* to be added
 *
 * Return: 0; -EBUSY: it is being done right now, or has a window that it rules out.
 */
int gupx_pinset_seal(struct gupx_pinset *set, u32 seals)
{
	int error = 0;

	mutex_lock(&set->lock);
	if ((seals & GUPX_SEAL_WRITE) && atomic_read(&set->writable_windows))
		error = -EBUSY;
	else if ((seals & GUPX_SEAL_PIN) && set->pinning)
		error = -EBUSY;
	else
		set->seals |= seals;
	mutex_unlock(&set->lock);
	return error;
}

/**
 * gupx_pinset_open_window() - may the set have this window?
 * @set: any
 * @write: it is to be writable
 *
 * Return: 0, and a writable window counts until gupx_pinset_close_window(); -EPERM:
 * sealed, or pins not fit to be held; -EACCES: not all was pinned for writing.
 */
int gupx_pinset_open_window(struct gupx_pinset *set, bool write)
{
	int error = 0;

	mutex_lock(&set->lock);
	if (set->short_pages)
		error = -EPERM;
	else if (write && (set->seals & GUPX_SEAL_WRITE))
		error = -EPERM;
	else if (write && set->write_pages != set->pages)
		error = -EACCES;
	else if (write)
		atomic_inc(&set->writable_windows);
	mutex_unlock(&set->lock);
	return error;
}

/**
 * gupx_pinset_dup_window() - count a part of a writable window that became two
 * @set: has a writable window
 */
void gupx_pinset_dup_window(struct gupx_pinset *set)
{
	atomic_inc(&set->writable_windows);
}

/**
 * gupx_pinset_close_window() - a writable window, or a part of it, is gone
 * @set: of the window
 */
void gupx_pinset_close_window(struct gupx_pinset *set)
{
	atomic_dec(&set->writable_windows);
}

/**
 * gupx_pinset_lock() - keep what gupx_pinset_find() finds from being released
 * @set: any
 */
void gupx_pinset_lock(struct gupx_pinset *set)
{
	mutex_lock(&set->lock);
}

/**
 * gupx_pinset_unlock() - the end of gupx_pinset_lock()
 * @set: any
 */
void gupx_pinset_unlock(struct gupx_pinset *set)
{
	mutex_unlock(&set->lock);
}

/**
 * gupx_pinset_extents() - describe extents, in the order they were pinned
 * @set: any
 * @joined: as gupx_chunks_describe() has it
 * @first: index of the first one wanted
 * @out: room for @nr; kernel memory
 * @nr: how many at most
 *
 * Return: how many.
 */
unsigned int gupx_pinset_extents(struct gupx_pinset *set, bool joined,
				 u64 first, struct gupx_extent *out,
				 unsigned int nr)
{
	unsigned int done;

	mutex_lock(&set->lock);
	done = gupx_chunks_describe(&set->chunks, joined, first, out, NULL, nr);
	mutex_unlock(&set->lock);
	return done;
}

/**
 * gupx_pinset_find() - find the pages from an index on
 * @set: locked
 * @index: pages in the order they were pinned, from 0
 * @found: to be filled: one page of it, or more in a row
 *
 * What is found stays as long as the set is locked.
 *
 * Return: whether there is such a page, or was one.
 */
enum gupx_chunks_found gupx_pinset_find(struct gupx_pinset *set, u64 index,
					struct gupx_run *found)
{
	return gupx_chunks_find(&set->chunks, index, found);
}

/**
 * gupx_pinset_totals() - get the sums over all extents
 * @set: any
 * @joined: count extents that only memory tells apart as one
 * @totals: to be filled
 */
void gupx_pinset_totals(struct gupx_pinset *set, bool joined,
			struct gupx_pinset_totals *totals)
{
	mutex_lock(&set->lock);
	*totals = (struct gupx_pinset_totals){
		.extents = joined ? gupx_chunks_joined(&set->chunks)
				  : set->extents,
		.pages = set->pages,
		.length = set->chunks.pages,
		.kernel_pages = set->kernel_pages,
		.write_pages = set->write_pages,
		.short_pages = set->short_pages,
		.charged = set->charge.pages,
		.seals = set->seals,
	};
	mutex_unlock(&set->lock);
}

static void show_kb(struct seq_file *seq, const char *name, u64 pages)
{
	seq_printf(seq, "gupx-%s:\t%llu kB\n", name,
		   pages << (PAGE_SHIFT - 10));
}

static void show_target(const struct gupx_pinset *set, struct seq_file *seq)
{
	struct pid_namespace *ns = proc_pid_ns(file_inode(seq->file)->i_sb);

	seq_printf(seq, "gupx-target-pid:\t%d\n", pid_nr_ns(set->pid, ns));
	/* As /proc/PID/stat has it. */
	seq_printf(seq, "gupx-target-start:\t%llu\n",
		   div_u64(set->start, NSEC_PER_SEC / USER_HZ));
}

static void show_range(struct seq_file *seq, const struct gupx_extent *extent,
		       u32 born)
{
	static const struct {
		u32 flag;
		char letter;
	} letters[] = {
		{ GUPX_EXTENT_WRITE, 'w' },
		{ GUPX_EXTENT_ENGINE_KERNEL, 'k' },
		{ GUPX_EXTENT_ZERO, 'z' },
		{ GUPX_EXTENT_SHORT, 's' },
	};
	unsigned int i;

	seq_printf(seq, "gupx-range:\t%llx-%llx ", extent->addr,
		   extent->addr + extent->len);
	for (i = 0; i < ARRAY_SIZE(letters); i++)
		if (extent->flags & letters[i].flag)
			seq_putc(seq, letters[i].letter);
	if (!extent->flags)
		seq_putc(seq, '-');
	seq_printf(seq, " %llu\n", (u64)(ktime_get_boottime_seconds() - born));
}

/* As many as are read at a glance; EXTENTS has all of them. */
#define RANGES_SHOWN 128U
#define RANGES_AT_A_TIME 4U

static void show_ranges(struct gupx_pinset *set, struct seq_file *seq)
{
	struct gupx_extent extent[RANGES_AT_A_TIME];
	u32 born[RANGES_AT_A_TIME];
	unsigned int shown = 0, nr, i;
	u64 all;

	mutex_lock(&set->lock);
	all = gupx_chunks_joined(&set->chunks);
	do {
		nr = gupx_chunks_describe(&set->chunks, true, shown, extent,
					  born, RANGES_AT_A_TIME);
		for (i = 0; i < nr; i++)
			show_range(seq, &extent[i], born[i]);
		shown += nr;
	} while (nr && shown < RANGES_SHOWN);
	mutex_unlock(&set->lock);
	if (all > shown)
		seq_printf(seq, "gupx-ranges-more:\t%llu\n", all - shown);
}

/**
 * gupx_pinset_show() - show the set in /proc/PID/fdinfo
 * @set: any
 * @seq: to be written to
 */
void gupx_pinset_show(struct gupx_pinset *set, struct seq_file *seq)
{
	const bool joined =
		!file_ns_capable(seq->file, &init_user_ns, CAP_SYS_ADMIN);
	struct gupx_pinset_totals totals;

	gupx_pinset_totals(set, joined, &totals);
	show_target(set, seq);
	seq_printf(seq, "gupx-extents:\t%llu\n", totals.extents);
	show_kb(seq, "pinned", totals.pages);
	show_kb(seq, "pinned-write", totals.write_pages);
	show_kb(seq, "pinned-by-kernel", totals.kernel_pages);
	show_kb(seq, "pinned-short", totals.short_pages);
	show_kb(seq, "released", totals.length - totals.pages);
	show_kb(seq, "charged", totals.charged);
	seq_printf(seq, "gupx-seals:\t%#x\n", totals.seals);
	show_ranges(set, seq);
}
