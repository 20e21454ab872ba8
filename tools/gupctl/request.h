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
#ifndef GUPX_REQUEST_H
#define GUPX_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/gupx.h>

#include "args.h"
#include "dev.h"
#include "maps.h"
#include "placement.h"
#include "target.h"

/**
 * struct gupx_request_item - one range and what became of it
 * @range: as asked
 * @map: what is mapped at its beginning, or NULL
 * @group: stands for a kind of mapping
 * @skipped: could not be taken, and need not
 * @done: bytes
 * @stop: of the last chunk; reason 0 where nothing stopped it
 * @data: what was read, as hexadecimal digits, or NULL; freed with the work
 */
struct gupx_request_item {
	struct gupx_range range;
	const struct gupx_map *map;
	bool group;
	bool skipped;
	__u64 done;
	struct gupx_stop stop;
	char *data;
};

/**
 * struct gupx_request_chunk - one ioctl
 * @item: what it is part of
 * @addr: [in]
 * @len: [in]
 * @done: [out]
 * @stop: [out]
 */
struct gupx_request_chunk {
	struct gupx_request_item *item;
	__u64 addr;
	__u64 len;
	__u64 done;
	struct gupx_stop stop;
};

/**
 * struct gupx_request - the whole
 * @verb: "pin"
 * @past: "pinned"
 * @args: the command line
 * @chunk: bytes of one ioctl at most, a power of two
 * @stop_at_gap: what is done must be one run of bytes: the first gap ends it
 * @terse: nothing to say to people where all was done
 * @step: does one chunk: 0, or -errno of the ioctl
 * @priv: the command's, for @step
 * @flags: GUPX_F_*
 * @total: bytes of all items
 * @done: bytes of all items
 * @error: errno of the ioctl that ended the work, or 0
 * @context: for the message about it
 */
struct gupx_request {
	const char *verb;
	const char *past;
	const struct gupx_args *args;
	__u64 chunk;
	bool stop_at_gap;
	bool terse;
	int (*step)(struct gupx_request *request,
		    struct gupx_request_chunk *chunk);
	void *priv;

	struct gupx_dev dev;
	struct gupx_target target;
	struct gupx_maps maps;
	struct gupx_placement placement;
	struct gupx_request_item *item;
	size_t count;
	__u32 flags;
	__u64 total;
	__u64 done;
	double start;
	double seconds;
	int error;
	struct gupx_dev_context context;
};

/* Target, module, mappings, items, placement. Exits where one is missing. */
void gupx_request_open(struct gupx_request *request);

/* All chunks, until done, refused by the module, or a signal comes. */
void gupx_request_run(struct gupx_request *request);

/* Says what became of each item, and of the whole. */
void gupx_request_report(struct gupx_request *request);

/* The exit status that the outcome stands for. */
int gupx_request_status(const struct gupx_request *request);

void gupx_request_close(struct gupx_request *request);

#endif
