/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mappings of the target, from /proc/PID/maps.
 *
 * The list is a snapshot: the target may map and unmap memory later. If a mapping of
 * the list no longer exists, the request stops at its address and the module reports
 * the reason.
 */
#ifndef GUPX_MAPS_H
#define GUPX_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

/**
 * struct gupx_map - one mapping
 * @addr: address of the first byte
 * @end: address after the last byte
 * @offset: offset of the mapping in the mapped file
 * @inode: inode number of the mapped file, or 0
 * @rss: resident bytes; valid if the mappings were loaded from /proc/PID/smaps, like the
 *	next member
 * @swap: bytes in swap
 * @perms: permissions as in /proc/PID/maps, for example "rw-p"
 * @name: name; "" for anonymous memory without a name; never NULL
 */
struct gupx_map {
	__u64 addr;
	__u64 end;
	__u64 offset;
	__u64 inode;
	__u64 rss;
	__u64 swap;
	char perms[5];
	char *name;
};

struct gupx_maps {
	struct gupx_map *map;
	size_t count;
};

/*
 * Load the mappings of a process from a descriptor of /proc/PID/maps or /proc/PID/smaps,
 * which is closed, or parse them from @file. A negative descriptor stands for a failed
 * open(), whose error is in errno. Return: 0 or -errno. Call gupx_maps_free() even after a
 * failure.
 */
int gupx_maps_load(struct gupx_maps *maps, int fd);
int gupx_maps_parse(struct gupx_maps *maps, FILE *file);
void gupx_maps_free(struct gupx_maps *maps);

/* Return: the mapping that contains @addr, or NULL. */
const struct gupx_map *gupx_maps_find(const struct gupx_maps *maps, __u64 addr);

/*
 * Return: the mapping that contains @addr. If no mapping contains @addr, return the
 * first mapping after @addr, or NULL if there is none.
 */
const struct gupx_map *gupx_maps_next(const struct gupx_maps *maps, __u64 addr);

/*
 * Return: true if @name is the name of a group, which selects mappings by their kind; false
 * if it is the name of a mapping or file.
 */
bool gupx_maps_is_group(const char *name);

/* Return: true if @map is shared memory: shmem, /dev/zero, memfd or SysV. */
bool gupx_maps_is_shared_memory(const struct gupx_map *map);

/*
 * Return: true if @name selects @map, else false. [anon] selects all private anonymous
 * mappings, including heap and stacks, [shared] shared memory, [file] files, and
 * [writable] all writable mappings. A name with a slash is the full path of a file.
 * Any other name is compared with the base name of the mapped file and with the name
 * that the kernel gives the mapping. @name may be escaped, see gupx_escape().
 */
bool gupx_maps_match(const struct gupx_map *map, const char *name);

#endif
