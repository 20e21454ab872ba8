/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_READV_H
#define GUPX_READV_H

#include <linux/gupx.h>

#include "cursor.h"

/*
 * Limits of one group: pages of several segments on which references are held, so that the
 * mmap_lock is taken once for all of them.
 */
#define GUPX_READV_RUNS 64U
#define GUPX_READV_PIECES 32U

/**
 * struct gupx_readv_piece - part of a segment in a group
 * @segment: index of the segment
 * @nr: number of runs
 * @page: address of the first page in the target
 * @addr: address of the first byte to copy
 * @to: address in the caller's buffer for this byte
 */
struct gupx_readv_piece {
	u32 segment;
	u32 nr;
	unsigned long page;
	unsigned long addr;
	void __user *to;
};

/**
 * struct gupx_readv_job - a READV in progress
 * @cursor: cursor in the segment @next
 * @to: address in the caller's buffer for the segment @next
 * @next: index of the segment at the cursor
 * @nr: number of segments
 * @end: end of the pages of the segment @next
 * @start: address of the first byte of the segment @next, without its tag
 * @addr: address of the next byte of the segment @next
 * @is_begun: true if the cursor is in the segment @next
 * @pieces: number of elements of @piece
 * @runs: number of elements of @word
 * @piece: parts of segments in the group
 * @word: runs of these parts, packed
 * @segment: the segments
 */
struct gupx_readv_job {
	struct gupx_cursor cursor;
	void __user *to;
	u32 next;
	u32 nr;
	unsigned long end;
	unsigned long start;
	unsigned long addr;
	bool is_begun;
	unsigned int pieces;
	unsigned int runs;
	struct gupx_readv_piece piece[GUPX_READV_PIECES];
	u64 word[GUPX_READV_RUNS];
	struct gupx_segment segment[];
};

struct gupx_readv_job *gupx_readv_alloc(u32 nr);
void gupx_readv_free(struct gupx_readv_job *job);
int gupx_readv_audit(const struct gupx_readv_job *job, struct mm_struct *mm,
		     u32 flags);
u64 gupx_readv_copy(struct gupx_readv_job *job);

#endif /* GUPX_READV_H */
