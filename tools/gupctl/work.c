// SPDX-License-Identifier: GPL-2.0
/* From the command line to the module's ioctls: work.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "progress.h"
#include "signals.h"
#include "stop.h"
#include "work.h"

static void add_item(struct gupx_work *work, const struct gupx_range *range,
		     const struct gupx_map *map, bool group)
{
	struct gupx_work_item *grown =
		reallocarray(work->item, work->count + 1, sizeof(*work->item));

	if (!grown)
		gupx_out_die(GUPX_EXIT_REFUSED, "no_memory", NULL,
			     "out of memory");
	work->item = grown;
	work->item[work->count++] = (struct gupx_work_item){
		.range = *range,
		.map = map,
		.group = group,
	};
	work->total += range->len;
}

static void add_map(struct gupx_work *work, const struct gupx_map *map,
		    bool group)
{
	const struct gupx_range range = {
		.addr = map->addr,
		.len = map->end - map->addr,
	};

	add_item(work, &range, map, group);
}

static void resolve_name(struct gupx_work *work, const char *name)
{
	const size_t before = work->count;
	char cure[64];
	size_t i;

	for (i = 0; i < work->maps.count; i++)
		if (gupx_maps_match(&work->maps.map[i], name))
			add_map(work, &work->maps.map[i],
				gupx_maps_is_group(name));
	if (work->count > before)
		return;
	snprintf(cure, sizeof(cure), "the names are in /proc/%d/maps",
		 work->target.pid);
	gupx_out_die(GUPX_EXIT_REFUSED, "no_such_mapping", cure,
		     "process %d (%s) has no mapping '%s'", work->target.pid,
		     work->target.comm, name);
}

static void resolve_items(struct gupx_work *work)
{
	const struct gupx_args *args = work->args;
	size_t i;

	if (args->all)
		for (i = 0; i < work->maps.count; i++)
			add_map(work, &work->maps.map[i], true);
	for (i = 0; i < args->range_count; i++) {
		const struct gupx_args_range *range = &args->range[i];

		if (range->named)
			resolve_name(work, range->text);
		else
			add_item(work, &range->range,
				 gupx_maps_find(&work->maps, range->range.addr),
				 false);
	}
}

static __u32 build_flags(const struct gupx_work *work)
{
	const struct gupx_args *args = work->args;
	__u32 flags = 0;

	if (args->write)
		flags |= GUPX_F_WRITE;
	if (args->force)
		flags |= GUPX_F_FORCE;
	if (args->nofault)
		flags |= GUPX_F_NOFAULT;
	/*
	 * Ctrl-C must end a wait for a page. The kernel's own engine is asked
	 * nothing that get_user_pages of an older kernel does not know.
	 */
	flags |= args->kernel_engine ? GUPX_F_ENGINE_KERNEL
				     : GUPX_F_INTERRUPTIBLE;
	return flags;
}

void gupx_work_open(struct gupx_work *work)
{
	const struct gupx_args *args = work->args;
	int error;

	gupx_target_open(&work->target, args->pid, args->write);
	gupx_dev_open(&work->dev);
	work->flags = build_flags(work);
	gupx_dev_check_flags(&work->dev, work->verb, work->flags);
	work->ask.verb = work->verb;
	work->ask.flags = work->flags;
	error = gupx_maps_load(&work->maps, args->pid);
	if (error)
		gupx_out_die(GUPX_EXIT_REFUSED, "maps", NULL,
			     "cannot read /proc/%d/maps: %s", args->pid,
			     strerror(-error));
	resolve_items(work);
	gupx_place_adopt(&work->place, args->pid, args->here);
	gupx_signals_init();
}

/*
 * Chunks end on multiples of their size, so that none cuts a large folio that
 * the item does not cut.
 */
static __u64 chunk_length(const struct gupx_work *work,
			  const struct gupx_work_item *item, __u64 addr)
{
	const __u64 left = item->range.addr + item->range.len - addr;
	const __u64 room = work->chunk - (addr & (work->chunk - 1));

	return left < room ? left : room;
}

/* Someone else's signal (a stop, a resume) is no reason to end. */
static bool is_worth_another_try(const struct gupx_stop *stop)
{
	return stop->reason == GUPX_REASON_SIGNAL && !gupx_signals_came();
}

/* False: the item, or with it the whole work, ends here. */
static bool run_chunk(struct gupx_work *work, struct gupx_work_item *item)
{
	const __u64 addr = item->range.addr + item->done;
	struct gupx_work_chunk chunk = {
		.item = item,
		.addr = addr,
		.len = chunk_length(work, item, addr),
	};

	work->ask.asked = work->total - work->done;
	work->error = -work->step(work, &chunk);
	if (work->error)
		return false;
	item->done += chunk.done;
	work->done += chunk.done;
	if (chunk.done == chunk.len || is_worth_another_try(&chunk.stop))
		return true;
	item->stop = chunk.stop;
	return false;
}

/* The kernel's own engine tells no reason: the mapping's look has to do. */
static bool looks_untakable(const struct gupx_work *work,
			    const struct gupx_work_item *item)
{
	static const char *const special[] = { "[vvar]", "[vvar_vclock]",
					       "[vsyscall]" };
	const char needed = work->args->write ? 'w' : 'r';
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

static bool may_skip(const struct gupx_work *work,
		     const struct gupx_work_item *item)
{
	if (!item->group || !item->stop.reason)
		return false;
	if (item->stop.stage == GUPX_STAGE_ENGINE)
		return looks_untakable(work, item);
	return gupx_stop_is_unfit(item->stop.stage);
}

static bool is_limit(const struct gupx_stop *stop)
{
	return stop->reason == GUPX_REASON_MEMLOCK ||
	       stop->reason == GUPX_REASON_EXTENTS ||
	       stop->reason == GUPX_REASON_NO_KERNEL_MEMORY;
}

/* Is there any sense in going on with the next item? */
static bool run_item(struct gupx_work *work, struct gupx_work_item *item,
		     struct gupx_progress *progress)
{
	while (item->done < item->range.len) {
		if (gupx_signals_came() || !run_chunk(work, item))
			break;
		gupx_progress_show(progress, work->done);
	}
	item->skipped = may_skip(work, item);
	if (item->done == item->range.len || item->skipped)
		return !work->error;
	return !work->error && !gupx_signals_came() && !is_limit(&item->stop) &&
	       !work->one_gap;
}

void gupx_work_run(struct gupx_work *work)
{
	struct gupx_progress progress;
	size_t i;

	work->begun = gupx_signals_now();
	gupx_progress_begin(&progress, work->verb, work->total);
	for (i = 0; i < work->count; i++)
		if (!run_item(work, &work->item[i], &progress))
			break;
	gupx_progress_end(&progress);
	work->seconds = gupx_signals_now() - work->begun;
}

int gupx_work_status(const struct gupx_work *work)
{
	size_t i;

	if (work->error)
		return GUPX_EXIT_REFUSED;
	for (i = 0; i < work->count; i++)
		if (work->item[i].done < work->item[i].range.len &&
		    !work->item[i].skipped)
			return GUPX_EXIT_REFUSED;
	return GUPX_EXIT_DONE;
}

void gupx_work_close(struct gupx_work *work)
{
	size_t i;

	for (i = 0; i < work->count; i++)
		free(work->item[i].data);
	free(work->item);
	free(work->place.cpus);
	gupx_maps_free(&work->maps);
	close(work->target.mem_fd);
	gupx_dev_close(&work->dev);
}
