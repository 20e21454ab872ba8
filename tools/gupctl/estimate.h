/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Estimate what a request would add to memory, and whether there is room for it. Without
 * room, the kernel would kill the target, gupctl or another process.
 */
#ifndef GUPX_ESTIMATE_H
#define GUPX_ESTIMATE_H

#include <stdbool.h>

#include <linux/types.h>

struct gupx_request;

/**
 * struct gupx_estimate - memory of the items of a request, in bytes
 * @resident: pages that are present
 * @swapped: pages in swap, or under migration
 * @absent: pages that were not used yet, or that are only in the page cache
 * @refused: memory that refuses the request
 * @added: memory that the request would add, without page tables and page cache
 * @cache: file pages that the request would read, unless the page cache has them; the
 *	kernel can drop them again
 * @tables: page tables that the request would add
 */
struct gupx_estimate {
	__u64 resident;
	__u64 swapped;
	__u64 absent;
	__u64 refused;
	__u64 added;
	__u64 cache;
	__u64 tables;
};

/*
 * Estimate a request. Changes nothing. Return: true, or false after an error was reported.
 */
bool gupx_estimate(struct gupx_request *request,
		   struct gupx_estimate *estimate);

/**
 * struct gupx_room - memory that is available for a request
 * @bytes: number of bytes
 * @limit: what limits it, for example "MemAvailable"
 */
struct gupx_room {
	__u64 bytes;
	char limit[256];
};

/*
 * Find the smallest room for memory of the target: on this machine, in the memory cgroups
 * of the target, and for page tables in those of gupctl.
 */
void gupx_estimate_room(const struct gupx_request *request,
			const struct gupx_estimate *estimate,
			struct gupx_room *room);

#endif
