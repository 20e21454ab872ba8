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

/*
 * Maximum amount of memory, in bytes, to hold references on at a time. While a slow or
 * stopped caller is in the middle of a copy, this memory cannot be freed.
 */
#define WINDOW_BYTES (4UL << 20)
#define BATCH_RUNS 256UL

/*
 * Copy the part of a run from @addr to the end of the run. Stop early if the buffer is
 * full. Advance @addr by the number of bytes copied.
 *
 * Return: false if the buffer cannot be written, else true.
 */
static bool copy_run(const struct gupx_run *run, unsigned long *addr,
		     struct iov_iter *to)
{
	const unsigned long end =
		run->addr + ((unsigned long)run->nr << PAGE_SHIFT);

	while (*addr < end && iov_iter_count(to)) {
		const unsigned long index = (*addr - run->addr) >> PAGE_SHIFT;
		struct page *page = gupx_run_page(run, index);
		const size_t want = min(PAGE_SIZE - offset_in_page(*addr),
					iov_iter_count(to));
		const size_t done = copy_page_to_iter(
			page, offset_in_page(*addr), want, to);

		*addr += done;
		if (done < want)
			return false;
		cond_resched();
	}
	return true;
}

static void copy_batch(struct gupx_cursor *cursor, struct gupx_batch *batch,
		       unsigned long *addr, struct iov_iter *to)
{
	unsigned long first = batch->addr;
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		const struct gupx_run run =
			gupx_run_unpack(first, batch->word[i]);

		first += (unsigned long)run.nr << PAGE_SHIFT;
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

	if (gupx_batch_init(&batch, min(pages, BATCH_RUNS)))
		return -ENOMEM;
	while (cursor->addr < end && cursor->stop.action != GUPX_STOP) {
		cursor->end =
			cursor->addr + min(end - cursor->addr, WINDOW_BYTES);
		cursor->fill(cursor, &batch);
		gupx_cursor_unlock(cursor);
		copy_batch(cursor, &batch, &addr, to);
	}
	gupx_cursor_fini(cursor);
	gupx_batch_fini(&batch);
	return 0;
}
