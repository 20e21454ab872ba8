// SPDX-License-Identifier: GPL-2.0
/*
 * Copy several segments of the target's memory to the caller.
 *
 * The segments are processed in groups: take references on the pages of some segments, drop
 * the mmap_lock, copy the pages, and drop the references. So the lock is taken once for each
 * group, and the VMA is looked up again only if the next segment is in another one.
 *
 * The bytes are copied in the order of the segments, and in ascending order in each segment.
 * A segment that cannot be read to its end does not stop the segments after it.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "audit.h"
#include "batch.h"
#include "read.h"
#include "readv.h"
#include "release.h"
#include "stat.h"
#include "target.h"
#include "trace.h"

/**
 * gupx_readv_alloc() - allocate a job
 * @nr: number of segments
 *
 * Return: job for gupx_readv_free(), in which the caller fills in the segments and the fields
 * @cursor and @to; NULL if there is no memory.
 */
struct gupx_readv_job *gupx_readv_alloc(u32 nr)
{
	struct gupx_readv_job *job =
		kvmalloc(struct_size(job, segment, nr), GFP_KERNEL_ACCOUNT);

	if (!job)
		return NULL;
	job->next = 0;
	job->nr = nr;
	job->is_begun = false;
	job->pieces = 0;
	job->runs = 0;
	return job;
}

/**
 * gupx_readv_free() - free a job
 * @job: job that holds no references
 */
void gupx_readv_free(struct gupx_readv_job *job)
{
	kvfree(job);
}

/**
 * gupx_readv_audit() - record that segments are read with FORCE
 * @job: job with the segments
 * @mm: address space of the target
 * @flags: flags of the request, GUPX_F_*
 *
 * Return: 0; -EINTR if a fatal signal arrived while the audit log was full.
 */
int gupx_readv_audit(const struct gupx_readv_job *job, struct mm_struct *mm,
		     u32 flags)
{
	u32 i;

	for (i = 0; (flags & GUPX_F_FORCE) && i < job->nr; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (job->segment[i].len)
			gupx_audit_read(mm, flags, job->segment[i].addr,
					job->segment[i].len);
	}
	return 0;
}

static void set_stop(struct gupx_segment *segment, struct gupx_verdict verdict)
{
	segment->error = verdict.error;
	segment->stage = verdict.stage;
	segment->reason = verdict.reason;
}

/* End the segment at the cursor, and go to the next one. */
static void finish_segment(struct gupx_readv_job *job)
{
	job->is_begun = false;
	job->to += job->segment[job->next++].len;
}

/* End the segment at the cursor and all segments after it. */
static void stop_all(struct gupx_readv_job *job, struct gupx_verdict verdict)
{
	while (job->next < job->nr) {
		set_stop(&job->segment[job->next], verdict);
		finish_segment(job);
	}
}

/* Return: false if the target's tag mask could not be read, because of a fatal signal. */
static bool begin_segment(struct gupx_readv_job *job)
{
	struct gupx_segment *segment = &job->segment[job->next];

	if (gupx_target_may_be_tagged(segment->addr))
		gupx_cursor_unlock(&job->cursor);
	if (gupx_target_untag(job->cursor.mm, segment->addr, &job->start))
		return false;
	job->addr = job->start;
	gupx_cursor_move(&job->cursor, round_down(job->addr, PAGE_SIZE));
	/* Row L1: a segment without bytes is done without a look at the address space. */
	job->end = segment->len ? PAGE_ALIGN(job->addr + segment->len)
				: job->cursor.addr;
	job->cursor.end = job->end;
	job->is_begun = true;
	trace_gupx_request(&job->cursor);
	return true;
}

/* Add the runs of a batch to the group. */
static void add_piece(struct gupx_readv_job *job,
		      const struct gupx_batch *batch)
{
	job->piece[job->pieces++] = (struct gupx_readv_piece){
		.segment = job->next,
		.nr = batch->nr,
		.page = batch->addr,
		.addr = job->addr,
		.to = job->to + (job->addr - job->start),
	};
	job->runs += batch->nr;
	job->addr = batch->end;
}

/*
 * Take references on the next pages of the segment at the cursor, at most @max bytes, and add
 * them to the group.
 *
 * Return: number of bytes of these pages.
 */
static unsigned long gather_pages(struct gupx_readv_job *job, unsigned long max)
{
	struct gupx_cursor *cursor = &job->cursor;
	const unsigned long first = cursor->addr;
	struct gupx_batch batch;

	gupx_batch_use_buffer(&batch, job->word + job->runs,
			      GUPX_READV_RUNS - job->runs);
	cursor->end = first + min(job->end - first, max);
	if (first < cursor->end)
		cursor->fill(cursor, &batch);
	if (batch.nr)
		add_piece(job, &batch);
	return cursor->addr - first;
}

/* If the segment at the cursor is over, store the reason and go to the next segment. */
static void end_segment(struct gupx_readv_job *job)
{
	const struct gupx_verdict stop = job->cursor.stop;

	if (stop.action != GUPX_STOP && job->cursor.addr < job->end)
		return;
	/* A signal may also have ended the kernel's engine. */
	if (stop.action == GUPX_STOP && stop.error == EINTR)
		return stop_all(job, stop);
	if (stop.action == GUPX_STOP)
		set_stop(&job->segment[job->next], stop);
	finish_segment(job);
}

static void gather_group(struct gupx_readv_job *job)
{
	unsigned long left = GUPX_READ_WINDOW;

	while (job->next < job->nr && left && job->runs < GUPX_READV_RUNS &&
	       job->pieces < GUPX_READV_PIECES) {
		if (!job->is_begun && !begin_segment(job))
			return stop_all(job, gupx_policy_signal());
		left -= gather_pages(job, left);
		end_segment(job);
	}
}

/*
 * Copy a part of a segment. If the buffer cannot be written, end the segment there, even if
 * more of it could be read.
 */
static void copy_piece(struct gupx_readv_job *job,
		       const struct gupx_readv_piece *piece, const u64 *word)
{
	struct gupx_segment *segment = &job->segment[piece->segment];
	unsigned long addr = piece->addr, page = piece->page;
	struct iov_iter to;
	u32 i;

	if (segment->reason == GUPX_REASON_BUFFER)
		return;
	iov_iter_ubuf(&to, READ, piece->to, segment->len - segment->done);
	for (i = 0; i < piece->nr; i++) {
		const struct gupx_run run = gupx_run_unpack(page, word[i]);

		if (!gupx_read_copy_run(&run, &addr, &to)) {
			set_stop(segment,
				 gupx_policy_stop(GUPX_STAGE_COPY,
						  GUPX_REASON_BUFFER, EFAULT));
			break;
		}
		page += (unsigned long)run.nr << PAGE_SHIFT;
	}
	segment->done += addr - piece->addr;
}

/*
 * Copy a part of a segment that is in one page. This is faster than copy_piece().
 *
 * Return: false if the part is not in one page, or the buffer cannot be written to its end.
 */
static bool copy_bytes(struct gupx_readv_job *job,
		       const struct gupx_readv_piece *piece, u64 word)
{
	struct gupx_segment *segment = &job->segment[piece->segment];
	const size_t offset = offset_in_page(piece->addr);
	const u64 left = segment->len - segment->done;
	struct page *page = pfn_to_page(gupx_run_pfn(word));

	if (left > PAGE_SIZE - offset ||
	    segment->reason == GUPX_REASON_BUFFER ||
	    copy_to_user(piece->to, page_address(page) + offset, left))
		return false;
	segment->done += left;
	return true;
}

static void copy_group(struct gupx_readv_job *job)
{
	struct gupx_stat_batch stat = { .item = NR_FOLL_PIN_RELEASED };
	const u64 *word = job->word;
	unsigned int i;

	for (i = 0; i < job->pieces; i++) {
		if (!copy_bytes(job, &job->piece[i], *word))
			copy_piece(job, &job->piece[i], word);
		word += job->piece[i].nr;
	}
	gupx_release_runs(job->word, job->runs, &stat);
	job->pieces = 0;
	job->runs = 0;
}

/**
 * gupx_readv_copy() - copy the segments of a job
 * @job: job with a new cursor of a request with %GUPX_R_GET
 *
 * Afterwards, each segment contains how far it was copied and why it ended early.
 *
 * Return: number of bytes copied.
 */
u64 gupx_readv_copy(struct gupx_readv_job *job)
{
	u64 done = 0;
	u32 i;

	job->cursor.keeps_template = true;
	while (job->next < job->nr) {
		gather_group(job);
		gupx_cursor_unlock(&job->cursor);
		copy_group(job);
		/* The buffer cannot be written: do not go on in this segment. */
		if (job->is_begun &&
		    job->segment[job->next].reason == GUPX_REASON_BUFFER)
			finish_segment(job);
	}
	gupx_cursor_fini(&job->cursor);
	for (i = 0; i < job->nr; i++)
		done += job->segment[i].done;
	return done;
}
