// SPDX-License-Identifier: GPL-2.0
/* Run a request: open the target, and call the module for each chunk. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "progress.h"
#include "refusal.h"
#include "signals.h"
#include "stop.h"
#include "request.h"
#include "resolve.h"

static __u32 build_flags(const struct gupx_request *request)
{
	const struct gupx_args *args = request->args;
	__u32 flags = 0;

	if (args->write)
		flags |= GUPX_F_WRITE;
	if (args->force)
		flags |= GUPX_F_FORCE;
	if (args->nofault)
		flags |= GUPX_F_NOFAULT;
	/*
	 * GUPX_F_INTERRUPTIBLE lets Ctrl-C interrupt a wait for a page. Do not set it
	 * for the kernel engine, because older kernels do not support
	 * FOLL_INTERRUPTIBLE.
	 */
	flags |= args->kernel_engine ? GUPX_F_ENGINE_KERNEL
				     : GUPX_F_INTERRUPTIBLE;
	return flags;
}

bool gupx_request_load_maps(struct gupx_request *request)
{
	const char *name = request->args->only_swapped ? "smaps" : "maps";
	int error;

	if (request->maps_loaded)
		return true;
	error = gupx_maps_load(&request->maps,
			       gupx_target_open_file(&request->target, name,
						     O_RDONLY));
	if (error) {
		gupx_maps_free(&request->maps);
		gupx_out_error("maps", NULL, "cannot read /proc/%d/%s: %s",
			       request->target.pid, name, strerror(-error));
		return false;
	}
	request->maps_loaded = true;
	return true;
}

int gupx_request_explain(const struct gupx_request *request,
			 struct gupx_explain *arg, struct gupx_judgement *batch)
{
	int error;

	arg->size = sizeof(*arg);
	arg->mem_fd = request->target.mem_fd;
	arg->buf = (__u64)(uintptr_t)batch;
	arg->entry_size = sizeof(*batch);
	error = gupx_dev_call(request->dev.fd, GUPX_IOC_EXPLAIN, arg);
	return error || arg->done ? error : -EPROTO;
}

bool gupx_request_open(struct gupx_request *request,
		       struct gupx_selected *process)
{
	const struct gupx_args *args = request->args;

	request->dev.fd = -1;
	if (!gupx_target_open(&request->target, process,
			      args->write || request->auto_write))
		return false;
	gupx_dev_open(&request->dev);
	request->flags = build_flags(request);
	gupx_dev_check_flags(&request->dev, request->verb, request->flags);
	request->context.verb = request->verb;
	request->context.flags = request->flags;
	if (request->needs_maps && !gupx_request_load_maps(request))
		return false;
	if (!gupx_resolve_items(request))
		return false;
	gupx_placement_set(&request->placement, request->target.tid,
			   args->here);
	gupx_signals_init();
	return true;
}

bool gupx_request_writes(const struct gupx_request *request,
			 const struct gupx_map *map)
{
	if (request->args->write || !request->auto_write)
		return request->args->write;
	if (map->perms[1] != 'w')
		return false;
	/*
	 * A write fault makes the pages of a shared file dirty, so the kernel would write
	 * the whole file to the disk again.
	 */
	return map->perms[3] == 'p' || !map->inode ||
	       gupx_maps_is_shared_memory(map);
}

static void add_gap(struct gupx_request *request, const struct gupx_stop *stop,
		    __u64 len)
{
	struct gupx_request_gap *last =
		request->gap_count ? &request->gap[request->gap_count - 1]
				   : NULL;
	struct gupx_request_gap *grown;

	request->left_out += len;
	if (last && last->stop.addr + last->len == stop->addr &&
	    last->stop.reason == stop->reason) {
		last->len += len;
		return;
	}
	grown = reallocarray(request->gap, request->gap_count + 1,
			     sizeof(*grown));
	if (!grown)
		gupx_out_no_memory();
	request->gap = grown;
	grown[request->gap_count++] = (struct gupx_request_gap){
		.len = len,
		.map = gupx_maps_find(&request->maps, stop->addr),
		.stop = *stop,
	};
}

/*
 * After a stop, go on past memory that refuses the request, if the item belongs to a group
 * or if the user wants that. Return: true if the item continues.
 */
static bool pass_gap(struct gupx_request *request,
		     struct gupx_request_item *item)
{
	const __u64 addr = item->range.addr + item->pos;
	__u64 len;

	if (!item->group && !request->args->best_effort)
		return false;
	if (!gupx_refusal_is_lasting(&item->stop) || item->stop.addr != addr)
		return false;
	len = gupx_refusal_length(request, &item->stop,
				  item->range.addr + item->range.len);
	/* may_skip() skips a mapping that refuses as a whole. */
	if (item->group && len == item->range.len)
		return false;
	add_gap(request, &item->stop, len);
	if (request->pass)
		request->pass(request, item, len);
	item->pos += len;
	item->stop = (struct gupx_stop){ 0 };
	return true;
}

/*
 * Choose whether a chunk reads or writes. End it at the first mapping that needs the other,
 * or at a hole.
 */
static void choose_access(const struct gupx_request *request,
			  struct gupx_request_chunk *chunk)
{
	const struct gupx_map *map =
		gupx_maps_find(&request->maps, chunk->addr);
	const struct gupx_map *last = map;
	bool write;

	if (!map)
		return;
	write = gupx_request_writes(request, map);
	if (write)
		chunk->flags |= GUPX_F_WRITE;
	while (last->end - chunk->addr < chunk->len &&
	       last + 1 < request->maps.map + request->maps.count &&
	       last[1].addr == last->end &&
	       gupx_request_writes(request, last + 1) == write)
		last++;
	if (chunk->len > last->end - chunk->addr)
		chunk->len = last->end - chunk->addr;
}

/*
 * Run one chunk. Return: true if the item continues after this chunk, false if the item
 * or the whole request ends.
 */
static bool run_chunk(struct gupx_request *request,
		      struct gupx_request_item *item)
{
	/*
	 * End the chunk at a multiple of the chunk size, so that it does not split a
	 * large folio.
	 */
	const __u64 addr = item->range.addr + item->pos;
	const __u64 left = item->range.len - item->pos;
	const __u64 room = request->chunk - (addr & (request->chunk - 1));
	struct gupx_request_chunk chunk = {
		.item = item,
		.flags = request->flags,
		.addr = addr,
		.len = left < room ? left : room,
	};

	if (request->auto_write)
		choose_access(request, &chunk);

	request->context.asked = request->total - request->done;
	request->error = -request->step(request, &chunk);
	if (request->error)
		return false;
	item->pos += chunk.done;
	item->done += chunk.done;
	request->done += chunk.done;
	if (chunk.done == chunk.len)
		return true;
	/*
	 * Retry after signals that do not end gupctl, such as SIGSTOP followed by
	 * SIGCONT.
	 */
	if (chunk.stop.reason == GUPX_REASON_SIGNAL && !gupx_signals_received())
		return true;
	item->stop = chunk.stop;
	return pass_gap(request, item);
}

/*
 * Guess whether the request failed because the mapping is not accessible. The kernel
 * engine reports no reason, so guess from the permissions and the name of the mapping.
 */
static bool looks_inaccessible(const struct gupx_request *request,
			       const struct gupx_request_item *item)
{
	static const char *const special[] = { "[vvar]", "[vvar_vclock]",
					       "[vsyscall]" };
	const char needed = request->args->write ? 'w' : 'r';
	size_t i;

	if (!item->map || item->done)
		return false;
	if (!strchr(item->map->perms, needed) ||
	    !strncmp(item->map->name, "/dev/", 5))
		return true;
	for (i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (!strcmp(item->map->name, special[i]))
			return true;
	return false;
}

static bool may_skip(const struct gupx_request *request,
		     const struct gupx_request_item *item)
{
	if (!item->group || !item->stop.reason)
		return false;
	if (item->stop.stage == GUPX_STAGE_ENGINE)
		return looks_inaccessible(request, item);
	return !item->done && gupx_refusal_is_lasting(&item->stop);
}

static bool is_limit(const struct gupx_stop *stop)
{
	return stop->reason == GUPX_REASON_MEMLOCK ||
	       stop->reason == GUPX_REASON_EXTENTS ||
	       stop->reason == GUPX_REASON_NO_KERNEL_MEMORY;
}

/*
 * Run one item. Return: true if the request continues with the next item, else false.
 */
static bool run_item(struct gupx_request *request,
		     struct gupx_request_item *item,
		     struct gupx_progress *progress)
{
	while (item->pos < item->range.len) {
		if (gupx_signals_received()) {
			item->stop = (struct gupx_stop){
				.addr = item->range.addr + item->pos,
				.error = EINTR,
				.stage = GUPX_STAGE_SIGNAL,
				.reason = GUPX_REASON_SIGNAL,
			};
			break;
		}
		if (!run_chunk(request, item))
			break;
		gupx_progress_show(progress, request->done + request->left_out);
	}
	item->skipped = may_skip(request, item);
	if (item->skipped)
		add_gap(request, &item->stop, item->range.len - item->pos);
	if (item->pos == item->range.len || item->skipped)
		return !request->error;
	return !request->error && !gupx_signals_received() &&
	       !is_limit(&item->stop) && !request->stop_at_gap;
}

void gupx_request_run(struct gupx_request *request)
{
	struct gupx_progress progress;
	size_t i;

	request->start = gupx_signals_now();
	gupx_progress_begin(&progress, request->verb, request->total);
	for (i = 0; i < request->count; i++)
		if (!run_item(request, &request->item[i], &progress))
			break;
	gupx_progress_end(&progress);
	request->seconds = gupx_signals_now() - request->start;
}

const struct gupx_request_item *
gupx_request_incomplete(const struct gupx_request *request)
{
	size_t i;

	for (i = 0; i < request->count; i++)
		if (request->item[i].pos < request->item[i].range.len &&
		    !request->item[i].skipped)
			return &request->item[i];
	return NULL;
}

int gupx_request_status(const struct gupx_request *request)
{
	if (!request->error && !gupx_request_incomplete(request))
		return GUPX_EXIT_DONE;
	if (gupx_signals_received())
		return GUPX_EXIT_SIGNAL + gupx_signals_received();
	return GUPX_EXIT_REFUSED;
}

void gupx_request_close(struct gupx_request *request)
{
	size_t i;

	for (i = 0; i < request->count; i++)
		free(request->item[i].data);
	free(request->item);
	free(request->gap);
	free(request->placement.cpus);
	gupx_maps_free(&request->maps);
	gupx_target_close(&request->target);
	gupx_dev_close(&request->dev);
}
