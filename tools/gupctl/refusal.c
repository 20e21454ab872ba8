// SPDX-License-Identifier: GPL-2.0
/* Memory that refuses a request. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "outcome.h"
#include "refusal.h"
#include "request.h"

bool gupx_refusal_is_lasting(const struct gupx_stop *stop)
{
	switch (stop->reason) {
	case GUPX_REASON_NO_MAPPING:
	case GUPX_REASON_GATE_WRITE:
	case GUPX_REASON_GATE_EMPTY:
	case GUPX_REASON_IO_MAPPING:
	case GUPX_REASON_NOT_ANON:
	case GUPX_REASON_FSDAX:
	case GUPX_REASON_SECRETMEM:
	case GUPX_REASON_DIRTY_TRACKING:
	case GUPX_REASON_NO_WRITE:
	case GUPX_REASON_FORCE_HUGETLB:
	case GUPX_REASON_FORCE_SHARED:
	case GUPX_REASON_NO_READ:
	case GUPX_REASON_NO_PAGE:
	case GUPX_REASON_DUMP_EMPTY:
	case GUPX_REASON_DUMP_SPECIAL:
	case GUPX_REASON_NOFAULT:
	case GUPX_REASON_FAULT_SIGBUS:
	case GUPX_REASON_FAULT_SIGSEGV:
	case GUPX_REASON_P2PDMA:
	case GUPX_REASON_NOT_ACCESSIBLE:
	case GUPX_REASON_DEVMAP_GONE:
	case GUPX_REASON_UNSUPPORTED:
	case GUPX_REASON_GUARD:
		return true;
	}
	return false;
}

/*
 * Ask the module how far the refusal reaches. Return: 0 if the module expects a page fault,
 * because then only the fault can refuse.
 */
static __u64 ask_module(const struct gupx_request *request, __u64 addr,
			__u64 end)
{
	const __u64 page_size = request->dev.info.page_size;
	struct gupx_judgement judgement = { 0 };
	struct gupx_explain arg = {
		.flags = request->flags & request->dev.info.explain_flags,
		.verb = (__u32)gupx_outcome_find_verb(request->verb),
		.addr = addr & ~(page_size - 1),
		.len = end - (addr & ~(page_size - 1)),
		.capacity = 1,
	};

	arg.len = (arg.len + page_size - 1) & ~(page_size - 1);
	if (gupx_request_explain(request, &arg, &judgement) || !arg.count ||
	    judgement.outcome != GUPX_OUTCOME_STOP)
		return 0;
	return judgement.addr + judgement.len - addr;
}

bool gupx_request_stat(const struct gupx_request *request,
		       const struct gupx_map *map, struct stat *file)
{
	char path[64];

	/* This link also leads to files without a name, but it needs a capability. */
	snprintf(path, sizeof(path), "map_files/%llx-%llx", map->addr,
		 map->end);
	if (!fstatat(request->target.dir_fd, path, file, 0))
		return true;
	if (*map->name != '/')
		return false;
	return !gupx_target_stat(&request->target, map->name, file) &&
	       file->st_ino == map->inode;
}

/*
 * Return: the length from @addr to the end of the mapping if @addr is behind the end of the
 * mapped file, else 0.
 */
static __u64 find_tail(const struct gupx_request *request,
		       const struct gupx_map *map, __u64 addr)
{
	const __u64 page_size = request->dev.info.page_size;
	struct stat file;
	__u64 size;

	if (!map || !map->inode || !gupx_request_stat(request, map, &file) ||
	    !S_ISREG(file.st_mode))
		return 0;
	size = ((__u64)file.st_size + page_size - 1) & ~(page_size - 1);
	if (map->offset + (addr - map->addr) < size)
		return 0;
	return map->end - addr;
}

__u64 gupx_refusal_length(struct gupx_request *request,
			  const struct gupx_stop *stop, __u64 end)
{
	const __u64 page_size = request->dev.info.page_size;
	const struct gupx_map *next;
	__u64 length = 0;

	if (gupx_request_load_maps(request)) {
		next = gupx_maps_next(&request->maps, stop->addr);
		if (stop->stage == GUPX_STAGE_LOOKUP)
			length = !next || next->addr >= end ? end - stop->addr
				 : next->addr > stop->addr
					 ? next->addr - stop->addr
					 : 0;
		else if (next && (stop->stage == GUPX_STAGE_VMA ||
				  stop->stage == GUPX_STAGE_GATE))
			length = next->end - stop->addr;
		else if (stop->reason == GUPX_REASON_FAULT_SIGBUS)
			length = find_tail(request, next, stop->addr);
	}
	if (!length)
		length = ask_module(request, stop->addr, end);
	if (!length)
		length = page_size - (stop->addr & (page_size - 1));
	return length < end - stop->addr ? length : end - stop->addr;
}
