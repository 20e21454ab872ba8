/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request of the user: find the mappings that its ranges select, run it in chunks,
 * and report the result.
 *
 * Glossary
 *   item   one range, or one of the mappings that a name selects
 *   chunk  the range of one ioctl, small enough for Ctrl-C and progress updates
 *   group  all items that [anon], another group or --all selects; if the module refuses the
 *          request for the mapping of such an item, the item is skipped without an error
 *   gap    memory that refuses the request, and that the request goes on past
 *
 * Invariant: @pos = @done + the length of the gaps of an item. The bytes done are always the
 * first bytes of an item, except for gaps.
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
#include "select.h"
#include "target.h"

/**
 * struct gupx_request_item - one range and its result
 * @range: requested range
 * @map: mapping at the start of @range, or NULL
 * @group: true if the item belongs to a group, so that it may be skipped
 * @skipped: true if the mapping refused the request and was skipped
 * @pos: number of bytes that the request has passed
 * @done: number of bytes done
 * @stop: where and why the last chunk stopped; the reason is 0 if it did not stop, or if
 *	the request went on past the gap
 * @data: bytes read, as hexadecimal digits, or NULL; gupx_request_close() frees them
 */
struct gupx_request_item {
	struct gupx_range range;
	const struct gupx_map *map;
	bool group;
	bool skipped;
	__u64 pos;
	__u64 done;
	struct gupx_stop stop;
	char *data;
};

/**
 * struct gupx_request_gap - memory that was left out
 * @len: length in bytes
 * @map: mapping that contains the gap, or NULL
 * @stop: address and reason
 */
struct gupx_request_gap {
	__u64 len;
	const struct gupx_map *map;
	struct gupx_stop stop;
};

/**
 * struct gupx_request_chunk - one ioctl
 * @item: item that contains the chunk
 * @flags: [in] GUPX_F_* flags
 * @addr: [in] address of the first byte
 * @len: [in] length in bytes
 * @done: [out] number of bytes done
 * @stop: [out] where and why the chunk stopped
 */
struct gupx_request_chunk {
	struct gupx_request_item *item;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 done;
	struct gupx_stop stop;
};

/**
 * struct gupx_request - request of a command
 * @verb: name of the command, for example "pin"
 * @past: past tense of @verb for the report, for example "pinned"
 * @args: command line
 * @chunk: maximum length of a chunk in bytes; a power of two
 * @stop_at_gap: true to end the request at the first byte that cannot be done
 * @needs_maps: true if the command needs the mappings in any case
 * @auto_write: true to write to writable mappings, and to read the others. The chunks then
 *	end at the ends of mappings, and @needs_maps is set
 * @many: true if there are several target processes
 * @filtered: true if the filters of the user excluded a mapping
 * @terse: true to print no report if everything was done
 * @step: runs one chunk; returns 0 or -errno of the ioctl
 * @pass: called for each gap, or NULL
 * @priv: private data of the command, for @step
 * @dev: open device
 * @target: target process
 * @maps: mappings of the target, if @maps_loaded is set
 * @maps_loaded: true if the mappings have been loaded. A request for numeric ranges does
 *	without them
 * @placement: CPUs that gupctl runs on
 * @item: array of items
 * @count: number of items
 * @gap: array of gaps
 * @gap_count: number of gaps
 * @left_out: number of bytes in all gaps
 * @flags: GUPX_F_* flags
 * @total: number of bytes in all items
 * @done: number of bytes done in all items
 * @start: start time, in seconds of CLOCK_MONOTONIC
 * @seconds: duration of the request in seconds
 * @error: errno of the ioctl that ended the request, or 0
 * @context: details for the error message
 */
struct gupx_request {
	const char *verb;
	const char *past;
	const struct gupx_args *args;
	__u64 chunk;
	bool stop_at_gap;
	bool needs_maps;
	bool auto_write;
	bool many;
	bool filtered;
	bool terse;
	int (*step)(struct gupx_request *request,
		    struct gupx_request_chunk *chunk);
	void (*pass)(struct gupx_request *request,
		     const struct gupx_request_item *item, __u64 len);
	void *priv;

	struct gupx_dev dev;
	struct gupx_target target;
	struct gupx_maps maps;
	bool maps_loaded;
	struct gupx_placement placement;
	struct gupx_request_item *item;
	size_t count;
	struct gupx_request_gap *gap;
	size_t gap_count;
	__u64 left_out;
	__u32 flags;
	__u64 total;
	__u64 done;
	double start;
	double seconds;
	int error;
	struct gupx_dev_context context;
};

/*
 * Open the target and the device, find the mappings that the ranges select, and choose
 * the CPUs. Return: true, or false after an error was reported.
 */
bool gupx_request_open(struct gupx_request *request,
		       struct gupx_selected *process);

/*
 * Select the processes, and for each of them open a copy of @template, call @run and report
 * the sum of all. A process that cannot be opened does not stop the others. Return: the
 * exit status of gupctl.
 */
int gupx_request_each(const struct gupx_request *template,
		      int (*run)(struct gupx_request *request));

/*
 * Load the mappings of the target, unless they are loaded already. Return: true, or false
 * after an error was reported.
 */
bool gupx_request_load_maps(struct gupx_request *request);

/*
 * Call EXPLAIN on the target once. The caller fills in the flags, the verb, the range and
 * the capacity of @batch. Return: 0, or a negative errno; -EPROTO if the module judged no
 * byte, so that no caller repeats the call forever.
 */
int gupx_request_explain(const struct gupx_request *request,
			 struct gupx_explain *arg,
			 struct gupx_judgement *batch);

/*
 * Run the chunks of all items. Stop early if an ioctl fails, if a limit is reached, if
 * a signal arrives, or at a gap if @stop_at_gap is set.
 */
void gupx_request_run(struct gupx_request *request);

/* Print the result of each item and of the whole request. */
void gupx_request_report(struct gupx_request *request);

/* Call stat() on the file of a mapping. Return: true if that succeeded. */
bool gupx_request_stat(const struct gupx_request *request,
		       const struct gupx_map *map, struct stat *file);

/*
 * Return: true if the request writes to the pages of @map: if the user wants that, or if
 * populate chooses it, because the mapping is writable.
 */
bool gupx_request_writes(const struct gupx_request *request,
			 const struct gupx_map *map);

/* Return: the first item that is neither done nor skipped, or NULL. */
const struct gupx_request_item *
gupx_request_incomplete(const struct gupx_request *request);

/* If a signal ended the request, report the signal and the address. Does not exit. */
void gupx_request_report_signal(const struct gupx_request *request);

/* Return: the exit status of gupctl for the result of the request. */
int gupx_request_status(const struct gupx_request *request);

void gupx_request_close(struct gupx_request *request);

#endif
