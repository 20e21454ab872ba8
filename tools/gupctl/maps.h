/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mappings of the target, from /proc/PID/maps.
 *
 * The list is a snapshot; the target may map and unmap meanwhile. The module reports
 * mappings that have disappeared.
 */
#ifndef GUPX_MAPS_H
#define GUPX_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

/**
 * struct gupx_map - one mapping
 * @addr: first address
 * @end: end address, exclusive
 * @inode: inode number of the file, or 0
 * @perms: permissions as in /proc/PID/maps, for example "rw-p"
 * @name: name, never NULL; "" for anonymous memory without a name
 */
struct gupx_map {
	__u64 addr;
	__u64 end;
	__u64 inode;
	char perms[5];
	char *name;
};

struct gupx_maps {
	struct gupx_map *map;
	size_t count;
};

/* Return: 0 or -errno. Call gupx_maps_free() in either case. */
int gupx_maps_load(struct gupx_maps *maps, int pid);
int gupx_maps_parse(struct gupx_maps *maps, FILE *file);
void gupx_maps_free(struct gupx_maps *maps);

/* Return: the mapping that contains @addr, or NULL. */
const struct gupx_map *gupx_maps_find(const struct gupx_maps *maps, __u64 addr);

/* Return: the mapping that contains @addr, else the next one after it, or NULL. */
const struct gupx_map *gupx_maps_next(const struct gupx_maps *maps, __u64 addr);

/*
 * Check whether @name selects a kind of mapping ([anon]), not one mapping or file.
 */
bool gupx_maps_is_group(const char *name);

/*
 * Check whether @name selects @map. [anon] selects all private anonymous mappings,
 * including heap and stacks. A name with a slash is a full path. Other names match
 * the base name of a file, or the kernel's name for the mapping.
 */
bool gupx_maps_match(const struct gupx_map *map, const char *name);

#endif
