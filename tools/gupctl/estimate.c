// SPDX-License-Identifier: GPL-2.0
/* Estimate what a request would add to memory, and whether there is room for it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "estimate.h"
#include "out.h"
#include "request.h"
#include "select.h"
#include "signals.h"

/* Maximum number of results per ioctl */
#define BATCH 1024

/* Room that is left for others: a 32nd of the memory, but at most this */
#define RESERVE_MAX (256ULL << 20)

/**
 * struct span - part of one mapping that is being estimated
 * @map: mapping, or NULL
 * @write: true if the request would write
 * @new_shared: bytes of shared memory that have no page-table entry
 */
struct span {
	const struct gupx_map *map;
	bool write;
	__u64 new_shared;
};

static bool is_private(const struct gupx_map *map)
{
	return map && map->perms[3] == 'p';
}

static void count_empty(struct gupx_estimate *estimate, struct span *span,
			__u64 len)
{
	const struct gupx_map *map = span->map;

	estimate->absent += len;
	/* A table of 4 KiB maps 512 pages. */
	estimate->tables += len / 512;
	if (!map)
		return;
	if (gupx_maps_is_shared_memory(map))
		span->new_shared += len;
	else if (map->inode && !(is_private(map) && span->write))
		estimate->cache += len;
	else if (span->write || !is_private(map))
		estimate->added += len;
	/* Reading private memory that was never written maps the zero page. */
}

static void count_judgement(struct gupx_estimate *estimate, struct span *span,
			    const struct gupx_judgement *judgement)
{
	const bool faults = judgement->outcome == GUPX_OUTCOME_FAULT ||
			    judgement->outcome == GUPX_OUTCOME_UNSHARE;
	const __u64 len = judgement->len;

	if (judgement->outcome == GUPX_OUTCOME_STOP) {
		estimate->refused += len;
		return;
	}
	switch (judgement->content) {
	case GUPX_CONTENT_EMPTY:
		count_empty(estimate, span, len);
		break;
	case GUPX_CONTENT_ABSENT:
		estimate->swapped += len;
		estimate->added += len;
		break;
	case GUPX_CONTENT_ANON:
	case GUPX_CONTENT_FILE:
	case GUPX_CONTENT_ZERO:
		estimate->resident += len;
		/* A fault for writing copies a page of private memory. */
		if (faults && is_private(span->map))
			estimate->added += len;
		break;
	default:
		estimate->resident += len;
		break;
	}
}

/*
 * Shared memory that this process has not mapped yet may have been allocated by another
 * process, such as the buffers of a database. Only the rest of the file would be new.
 */
static void count_shared(const struct gupx_request *request,
			 struct gupx_estimate *estimate,
			 const struct span *span)
{
	__u64 unused = ~0ULL;
	struct stat file;

	if (!span->new_shared)
		return;
	if (gupx_request_stat(request, span->map, &file)) {
		const __u64 used = (__u64)file.st_blocks * 512;
		const __u64 size = (__u64)file.st_size;

		unused = used < size ? size - used : 0;
	}
	estimate->added +=
		span->new_shared < unused ? span->new_shared : unused;
}

static int estimate_span(const struct gupx_request *request,
			 struct gupx_estimate *estimate, struct span *span,
			 const struct gupx_range *range,
			 struct gupx_judgement *batch)
{
	struct gupx_explain arg;
	__u64 done = 0;
	int error = 0;
	__u32 i;

	while (!error && done < range->len && !gupx_signals_received()) {
		arg = (struct gupx_explain){
			.flags = (request->flags &
				  request->dev.info.explain_flags) |
				 (span->write ? GUPX_F_WRITE : 0),
			.verb = GUPX_VERB_POPULATE,
			.addr = range->addr + done,
			.len = range->len - done,
			.capacity = BATCH,
		};
		arg.flags &= GUPX_POPULATE_FLAGS;
		error = gupx_request_explain(request, &arg, batch);
		for (i = 0; !error && i < arg.count; i++)
			count_judgement(estimate, span, &batch[i]);
		done += arg.done;
	}
	count_shared(request, estimate, span);
	return error;
}

static int estimate_item(const struct gupx_request *request,
			 struct gupx_estimate *estimate,
			 const struct gupx_range *item,
			 struct gupx_judgement *batch)
{
	const __u64 end = item->addr + item->len;
	__u64 addr = item->addr;
	int error = 0;

	while (!error && addr < end) {
		const struct gupx_map *next =
			gupx_maps_next(&request->maps, addr);
		const bool mapped = next && next->addr <= addr;
		const __u64 border = !next    ? end
				     : mapped ? next->end
					      : next->addr;
		const struct gupx_range range = {
			.addr = addr,
			.len = (border < end ? border : end) - addr,
		};
		struct span span = {
			.map = mapped ? next : NULL,
			.write = mapped && gupx_request_writes(request, next),
		};

		if (mapped)
			error = estimate_span(request, estimate, &span, &range,
					      batch);
		else
			estimate->refused += range.len;
		addr += range.len;
	}
	return error;
}

bool gupx_estimate(struct gupx_request *request, struct gupx_estimate *estimate)
{
	struct gupx_judgement *batch = calloc(BATCH, sizeof(*batch));
	int error = 0;
	size_t i;

	*estimate = (struct gupx_estimate){ 0 };
	if (!batch)
		gupx_out_no_memory();
	for (i = 0; !error && i < request->count; i++)
		error = estimate_item(request, estimate,
				      &request->item[i].range, batch);
	free(batch);
	if (error)
		gupx_dev_report(-error, &request->context, &request->target);
	return !error;
}

/* Read the number after @key in a file of "key number" lines. Return: false if none. */
static bool read_number(const char *path, const char *key, __u64 *number)
{
	FILE *file = fopen(path, "re");
	const size_t length = strlen(key);
	unsigned long long value;
	char line[256];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, length) &&
		    sscanf(line + length, "%llu", &value) == 1)
			found = true;
	fclose(file);
	if (found)
		*number = value;
	return found;
}

static void lower_room(struct gupx_room *room, __u64 bytes, const char *limit)
{
	if (bytes >= room->bytes)
		return;
	room->bytes = bytes;
	snprintf(room->limit, sizeof(room->limit), "%.255s", limit);
}

static void look_at_machine(struct gupx_room *room)
{
	__u64 total = 0, available = 0, reserve;

	if (!read_number("/proc/meminfo", "MemTotal:", &total) ||
	    !read_number("/proc/meminfo", "MemAvailable:", &available))
		return;
	reserve = (total << 10) / 32;
	if (reserve > RESERVE_MAX)
		reserve = RESERVE_MAX;
	available <<= 10;
	lower_room(room, available > reserve ? available - reserve : 0,
		   "MemAvailable");
}

/* The names of the same files in both versions of cgroups */
static const struct cgroup_files {
	const char *limit, *usage, *cache;
} cgroup_files[] = {
	{ "memory.max", "memory.current", "inactive_file" },
	{ "memory.high", "memory.current", "inactive_file" },
	{ "memory.limit_in_bytes", "memory.usage_in_bytes",
	  "total_inactive_file" },
};

static void look_at_cgroup(struct gupx_room *room, const char *dir)
{
	char path[PATH_MAX + 32], name[PATH_MAX + 32];
	size_t i;

	for (i = 0; i < sizeof(cgroup_files) / sizeof(cgroup_files[0]); i++) {
		const struct cgroup_files *files = &cgroup_files[i];
		__u64 limit, usage = 0, cache = 0;

		snprintf(path, sizeof(path), "%s/%s", dir, files->limit);
		/* "max" is no number: there is no limit. */
		if (!read_number(path, "", &limit))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, files->usage);
		read_number(path, "", &usage);
		snprintf(path, sizeof(path), "%s/memory.stat", dir);
		read_number(path, files->cache, &cache);
		usage = usage > cache ? usage - cache : 0;
		snprintf(name, sizeof(name), "%s of cgroup %s", files->limit,
			 dir + strlen(CGROUPS));
		lower_room(room, limit > usage ? limit - usage : 0, name);
	}
}

/* Look at a cgroup and at all cgroups above it. */
static void look_at_cgroups(struct gupx_room *room, const char *root,
			    const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s%s", root, path);
	while (strlen(dir) > strlen(root)) {
		look_at_cgroup(room, dir);
		slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
}

/* Parse /proc/PID/cgroup, which has lines such as "0::/system.slice/a.service". */
static void look_at_process(struct gupx_room *room, int fd)
{
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[PATH_MAX];

	while (file && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (!controllers[1]) {
			look_at_cgroups(room, CGROUPS, path);
			look_at_cgroups(room, CGROUPS "/unified", path);
		} else if (strstr(controllers, "memory")) {
			look_at_cgroups(room, CGROUPS "/memory", path);
		}
	}
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
}

void gupx_estimate_room(const struct gupx_request *request,
			const struct gupx_estimate *estimate,
			struct gupx_room *room)
{
	struct gupx_room own = { .bytes = ~0ULL };

	*room = (struct gupx_room){ .bytes = ~0ULL };
	look_at_machine(room);
	look_at_process(room, gupx_target_open_file(&request->target, "cgroup",
						    O_RDONLY));
	/* New page tables are charged to the process that causes the fault. */
	look_at_process(&own, open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC));
	if (own.bytes < estimate->tables)
		lower_room(room, own.bytes, own.limit);
}
