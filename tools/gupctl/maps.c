// SPDX-License-Identifier: GPL-2.0
/* Mappings of the target, from /proc/PID/maps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"
#include "maps.h"

static int append_map(struct gupx_maps *maps, const struct gupx_map *map)
{
	struct gupx_map *grown;

	/*
	 * The size of the array is not stored, because it is always a power of two. If
	 * the count is zero or a power of two, the array is full, so double its size.
	 */
	if (!(maps->count & (maps->count - 1))) {
		size_t room = maps->count ? maps->count * 2 : 1;

		grown = reallocarray(maps->map, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		maps->map = grown;
	}
	maps->map[maps->count++] = *map;
	return 0;
}

/* Parse a line of the form "ADDR-END PERMS OFFSET DEV INODE    NAME". */
static int parse_line(const char *line, struct gupx_map *map)
{
	unsigned long long addr, end, offset, inode;
	int name_at = 0;

	*map = (struct gupx_map){ 0 };
	if (sscanf(line, "%llx-%llx %4s %llx %*x:%*x %llu %n", &addr, &end,
		   map->perms, &offset, &inode, &name_at) != 5 ||
	    !name_at || end < addr)
		return -EPROTO;
	map->addr = addr;
	map->end = end;
	map->offset = offset;
	map->inode = inode;
	map->name = strndup(line + name_at, strcspn(line + name_at, "\n"));
	return map->name ? 0 : -ENOMEM;
}

/*
 * Parse a line of /proc/PID/smaps such as "Rss:     132 kB", which describes the last
 * mapping. Return: true if @line is such a line.
 */
static bool parse_detail(const char *line, struct gupx_maps *maps)
{
	unsigned long long number;
	struct gupx_map *map;

	if (!maps->count || *line < 'A' || *line > 'Z')
		return false;
	map = &maps->map[maps->count - 1];
	if (sscanf(line, "Rss: %llu kB", &number) == 1)
		map->rss = number << 10;
	else if (sscanf(line, "Swap: %llu kB", &number) == 1)
		map->swap = number << 10;
	return true;
}

int gupx_maps_parse(struct gupx_maps *maps, FILE *file)
{
	struct gupx_map map;
	char *line = NULL;
	size_t room = 0;
	int error = 0;

	*maps = (struct gupx_maps){ 0 };
	while (!error && getline(&line, &room, file) > 0) {
		if (parse_detail(line, maps))
			continue;
		error = parse_line(line, &map);
		if (error)
			break;
		error = append_map(maps, &map);
		if (error)
			free(map.name);
	}
	if (!error && ferror(file))
		error = -EIO;
	free(line);
	return error;
}

int gupx_maps_load(struct gupx_maps *maps, int fd)
{
	FILE *file;
	int error;

	*maps = (struct gupx_maps){ 0 };
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "r");
	if (!file) {
		error = errno;
		close(fd);
		return -error;
	}
	error = gupx_maps_parse(maps, file);
	fclose(file);
	return error;
}

void gupx_maps_free(struct gupx_maps *maps)
{
	size_t i;

	for (i = 0; i < maps->count; i++)
		free(maps->map[i].name);
	free(maps->map);
	*maps = (struct gupx_maps){ 0 };
}

const struct gupx_map *gupx_maps_next(const struct gupx_maps *maps, __u64 addr)
{
	size_t first = 0;
	size_t count = maps->count;

	/*
	 * Use binary search: the kernel lists mappings in the order of their addresses.
	 */
	while (count) {
		const size_t half = count / 2;

		if (maps->map[first + half].end > addr) {
			count = half;
		} else {
			first += half + 1;
			count -= half + 1;
		}
	}
	return first < maps->count ? &maps->map[first] : NULL;
}

const struct gupx_map *gupx_maps_find(const struct gupx_maps *maps, __u64 addr)
{
	const struct gupx_map *map = gupx_maps_next(maps, addr);

	return map && map->addr <= addr ? map : NULL;
}

static bool is_private_anon(const struct gupx_map *map)
{
	if (map->perms[3] != 'p' || map->inode)
		return false;
	/*
	 * Special mappings of the kernel ([vdso], [vvar]) also have no inode. Only
	 * their name shows that they are not anonymous memory.
	 */
	return !*map->name || !strcmp(map->name, "[heap]") ||
	       !strncmp(map->name, "[stack", 6) ||
	       !strncmp(map->name, "[anon:", 6);
}

bool gupx_maps_is_shared_memory(const struct gupx_map *map)
{
	static const char *const names[] = { "/dev/zero",    "/memfd:",
					     "/SYSV",	     "/dev/shm/",
					     "[anon_shmem:", "/anon_hugepage" };
	size_t i;

	if (map->perms[3] != 's')
		return false;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(map->name, names[i], strlen(names[i])))
			return true;
	return false;
}

static bool is_file(const struct gupx_map *map)
{
	return map->inode && *map->name == '/' &&
	       !gupx_maps_is_shared_memory(map);
}

static bool is_writable(const struct gupx_map *map)
{
	return map->perms[1] == 'w';
}

static const struct {
	const char *name;
	bool (*has)(const struct gupx_map *map);
} groups[] = {
	{ "[anon]", is_private_anon },
	{ "[shared]", gupx_maps_is_shared_memory },
	{ "[file]", is_file },
	{ "[writable]", is_writable },
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static size_t find_group(const char *name)
{
	size_t i = 0;

	while (i < GROUPS && strcmp(groups[i].name, name))
		i++;
	return i;
}

bool gupx_maps_is_group(const char *name)
{
	return find_group(name) < GROUPS;
}

/*
 * Compare the name of a mapping with @wanted. Ignore the suffix " (deleted)" in @name,
 * with which the kernel marks unlinked files.
 */
static bool is_same_name(const char *name, const char *wanted)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(wanted);

	return !strncmp(name, wanted, length) &&
	       (!name[length] || !strcmp(name + length, deleted));
}

/*
 * Compare a name with @wanted: all of it, or its last component. Only a full path selects
 * a file whose name looks like the name of a special mapping, such as "/tmp/[heap]".
 */
static bool has_name(const char *name, const char *wanted)
{
	const char *slash = strrchr(name, '/');

	if (is_same_name(name, wanted))
		return true;
	return slash && *wanted != '[' && !strchr(wanted, '/') &&
	       is_same_name(slash + 1, wanted);
}

bool gupx_maps_match(const struct gupx_map *map, const char *name)
{
	const size_t group = find_group(name);
	bool match;
	char *shown;

	if (group < GROUPS)
		return groups[group].has(map);
	if (!*map->name)
		return false;
	if (has_name(map->name, name))
		return true;
	/* The user may have copied the name from the output of gupctl. */
	if (!strstr(name, "\\x"))
		return false;
	shown = gupx_escape(map->name);
	match = has_name(shown, name);
	free(shown);
	return match;
}
