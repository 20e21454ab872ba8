/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The target's mappings, by /proc/PID/maps, and their names.
 *
 * A snapshot: the target goes on mapping and unmapping. What is gone by the time
 * the module looks is answered by the module.
 */
#ifndef GUPX_MAPS_H
#define GUPX_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

/**
 * struct gupx_map - one mapping
 * @addr: first byte
 * @end: exclusive
 * @inode: 0: no file
 * @perms: as in /proc/PID/maps, "rw-p"
 * @name: never NULL; "" for anonymous memory without a name
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

/* 0 or -errno. To be ended by gupx_maps_free(), whatever the answer. */
int gupx_maps_load(struct gupx_maps *maps, int pid);
int gupx_maps_parse(struct gupx_maps *maps, FILE *file);
void gupx_maps_free(struct gupx_maps *maps);

/* The mapping that holds @addr, or NULL. */
const struct gupx_map *gupx_maps_find(const struct gupx_maps *maps, __u64 addr);

/* The mapping that holds @addr, or else the first one behind it, or NULL. */
const struct gupx_map *gupx_maps_next(const struct gupx_maps *maps, __u64 addr);

/* A name that stands for a kind of mapping, not for certain ones. */
bool gupx_maps_is_group(const char *name);

/*
 * Is @map meant by @name? [anon] is every private anonymous mapping, heap and
 * stacks among them; a name with a slash is a whole path, one without is a
 * file's base name or the kernel's own name for the mapping.
 */
bool gupx_maps_match(const struct gupx_map *map, const char *name);

#endif
