/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One request of the user, as many requests of the module: ranges resolved to
 * what is mapped, done in chunks, reported at the end.
 *
 * Glossary
 *   item   one range, or one mapping that a name stands for
 *   chunk  what one ioctl is asked for: small enough for Ctrl-C and progress
 *   group  items that stand for a kind of mapping ([anon], --all): what cannot
 *          be taken there is skipped, not failed
 *
 * Invariant: an item's bytes are done from its first one on, without holes.
 */
#ifndef GUPX_WORK_H
#define GUPX_WORK_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/gupx.h>

#include "args.h"
#include "dev.h"
#include "maps.h"
#include "place.h"
#include "target.h"

/**
 * struct gupx_work_item - one range and what became of it
 * @range: as asked
 * @map: what is mapped at its beginning, or NULL
 * @group: stands for a kind of mapping
 * @skipped: could not be taken, and need not
 * @done: bytes
 * @stop: of the last chunk; reason 0 where nothing stopped it
 * @data: what was read, as hexadecimal digits, or NULL; freed with the work
 */
struct gupx_work_item {
	struct gupx_range range;
	const struct gupx_map *map;
	bool group;
	bool skipped;
	__u64 done;
	struct gupx_stop stop;
	char *data;
};

/**
 * struct gupx_work_chunk - one ioctl
 * @item: what it is part of
 * @addr: [in]
 * @len: [in]
 * @done: [out]
 * @stop: [out]
 */
struct gupx_work_chunk {
	struct gupx_work_item *item;
	__u64 addr;
	__u64 len;
	__u64 done;
	struct gupx_stop stop;
};

/**
 * struct gupx_work - the whole
 * @verb: "pin"
 * @past: "pinned"
 * @args: the command line
 * @chunk: bytes of one ioctl at most, a power of two
 * @one_gap: what is done must be one run of bytes: the first gap ends it
 * @terse: nothing to say to people where all was done
 * @step: does one chunk: 0, or -errno of the ioctl
 * @own: the command's, for @step
 * @flags: GUPX_F_*
 * @total: bytes of all items
 * @done: bytes of all items
 * @error: errno of the ioctl that ended the work, or 0
 * @ask: for the message about it
 */
struct gupx_work {
	const char *verb;
	const char *past;
	const struct gupx_args *args;
	__u64 chunk;
	bool one_gap;
	bool terse;
	int (*step)(struct gupx_work *work, struct gupx_work_chunk *chunk);
	void *own;

	struct gupx_dev dev;
	struct gupx_target target;
	struct gupx_maps maps;
	struct gupx_place place;
	struct gupx_work_item *item;
	size_t count;
	__u32 flags;
	__u64 total;
	__u64 done;
	double begun;
	double seconds;
	int error;
	struct gupx_dev_ask ask;
};

/* Target, module, mappings, items, placement. Exits where one is missing. */
void gupx_work_open(struct gupx_work *work);

/* All chunks, until done, refused by the module, or a signal comes. */
void gupx_work_run(struct gupx_work *work);

/* Says what became of each item, and of the whole. */
void gupx_work_report(struct gupx_work *work);

/* The exit status that the outcome stands for. */
int gupx_work_status(const struct gupx_work *work);

void gupx_work_close(struct gupx_work *work);

#endif
