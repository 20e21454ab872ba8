// SPDX-License-Identifier: GPL-2.0
/*
 * Copy the target's memory to the caller, in several steps: take references on some
 * pages, drop the lock, copy the pages, and drop the references.
 *
 * READ takes plain references and does not pin. A pin for reading would first unshare each
 * page that the target shares with another process: the target gets a copy of the page, and
 * the copies need memory.
 */
#include <linux/mm.h>
#include <linux/uio.h>

#include "batch.h"
#include "read.h"

#define BATCH_RUNS 256UL
/* A request for at most this number of pages stores its runs on the stack. */
#define FEW_RUNS 16UL

/* Maximum number of bytes to copy before other tasks may run. */
#define CHUNK_BYTES (64UL << 10)

/*
 * Copy from one run, at most CHUNK_BYTES. The pages of a run are contiguous in the kernel's
 * address space, so several of them are copied at once. The zero page is an exception.
 *
 * Return: true if the copy did not end early at a byte of the buffer that cannot be written.
 */
static __always_inline bool copy_chunk(const struct gupx_run *run,
				       unsigned long *addr, unsigned long end,
				       struct iov_iter *to)
{
	const unsigned long index = (*addr - run->addr) >> PAGE_SHIFT;
	struct page *page = gupx_run_page(run, index);
	const size_t offset = offset_in_page(*addr);
	size_t want = min(end - *addr, iov_iter_count(to));
	size_t done;

	if (want <= PAGE_SIZE - offset || (run->flags & GUPX_RUN_ZERO)) {
		want = min(PAGE_SIZE - offset, want);
		done = copy_page_to_iter(page, offset, want, to);
	} else {
		want = min(want, CHUNK_BYTES);
		done = copy_to_iter(page_address(page) + offset, want, to);
	}
	*addr += done;
	return done == want;
}

static __always_inline bool copy_run(const struct gupx_run *run,
				     unsigned long *addr, struct iov_iter *to)
{
	const unsigned long end =
		run->addr + ((unsigned long)run->nr << PAGE_SHIFT);

	while (*addr < end && iov_iter_count(to)) {
		if (!copy_chunk(run, addr, end, to))
			return false;
		if (run->nr > 1)
			cond_resched();
	}
	return true;
}

/**
 * gupx_read_copy_run() - copy the part of a run from an address to the end of the run
 * @run: run with references on its pages
 * @addr: first address to copy; advanced by the number of bytes copied
 * @to: buffer; the copy ends early if it is full
 *
 * Return: false if the buffer cannot be written, else true.
 */
bool gupx_read_copy_run(const struct gupx_run *run, unsigned long *addr,
			struct iov_iter *to)
{
	cond_resched();
	return copy_run(run, addr, to);
}

/* Number of runs to copy between calls of cond_resched(). */
#define RESCHED_RUNS 16U

static void copy_batch(struct gupx_cursor *cursor, struct gupx_batch *batch,
		       unsigned long *addr, struct iov_iter *to)
{
	unsigned long first = batch->addr;
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		const struct gupx_run run =
			gupx_run_unpack(first, batch->word[i]);

		first += (unsigned long)run.nr << PAGE_SHIFT;
		if (i % RESCHED_RUNS == 0)
			cond_resched();
		if (copy_run(&run, addr, to))
			continue;
		cursor->addr = *addr;
		gupx_cursor_stop(cursor,
				 gupx_policy_stop(GUPX_STAGE_COPY,
						  GUPX_REASON_BUFFER, EFAULT));
		break;
	}
	gupx_batch_release(batch, 0);
}

/**
 * gupx_read_copy() - copy from the target to the caller
 * @cursor: new cursor of a request with %GUPX_R_GET; its range is all pages to copy from
 * @addr: address of the first byte to copy; it is in the first page of the cursor's range
 * @to: buffer of the caller; its length is the number of bytes to copy
 *
 * Afterwards, @to is advanced by the number of bytes copied. If not all bytes were copied,
 * cursor->stop contains the reason.
 *
 * Return: 0 or -ENOMEM.
 */
int gupx_read_copy(struct gupx_cursor *cursor, unsigned long addr,
		   struct iov_iter *to)
{
	const unsigned long end = cursor->end;
	const unsigned long pages = (end - cursor->start) >> PAGE_SHIFT;
	struct gupx_batch batch;
	u64 few[FEW_RUNS];

	if (pages <= FEW_RUNS)
		gupx_batch_use_buffer(&batch, few, FEW_RUNS);
	else if (gupx_batch_init(&batch, min(pages, BATCH_RUNS)))
		return -ENOMEM;
	while (cursor->addr < end && cursor->stop.action != GUPX_STOP) {
		cursor->end = cursor->addr +
			      min(end - cursor->addr, GUPX_READ_WINDOW);
		cursor->fill(cursor, &batch);
		gupx_cursor_unlock(cursor);
		copy_batch(cursor, &batch, &addr, to);
	}
	gupx_cursor_fini(cursor);
	gupx_batch_fini(&batch);
	return 0;
}
