// SPDX-License-Identifier: GPL-2.0
/* Find the items that the range arguments of a request select. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "request.h"
#include "resolve.h"

/* gupctl does not warn about small segments, such as those of a desktop program. */
#define SHARED_WORTH_A_WARNING (16ULL << 20)

static void add_item(struct gupx_request *request,
		     const struct gupx_range *range, const struct gupx_map *map,
		     bool group)
{
	struct gupx_request_item *grown;

	/*
	 * The size of the array is not stored, because it is always a power of two. If
	 * the count is zero or a power of two, the array is full, so double its size.
	 */
	if (!(request->count & (request->count - 1))) {
		grown = reallocarray(request->item,
				     request->count ? request->count * 2 : 1,
				     sizeof(*request->item));
		if (!grown)
			gupx_out_no_memory();
		request->item = grown;
	}
	request->item[request->count++] = (struct gupx_request_item){
		.range = *range,
		.map = map,
		.group = group,
	};
}

/* Add a mapping, unless the filters of the user exclude it. */
static void add_map(struct gupx_request *request, const struct gupx_map *map,
		    bool group)
{
	const struct gupx_range range = {
		.addr = map->addr,
		.len = map->end - map->addr,
	};

	if (range.len < request->args->min ||
	    (request->args->only_swapped && !map->swap))
		request->filtered = true;
	else
		add_item(request, &range, map, group);
}

/*
 * Warn if the user selects [anon] of a process that also has a lot of shared memory, such
 * as the buffers of a database.
 */
static void warn_about_shared(const struct gupx_request *request)
{
	const struct gupx_args *args = request->args;
	__u64 bytes = 0;
	bool anon = false;
	size_t i;

	for (i = 0; i < args->range_count; i++) {
		const char *text = args->range[i].text;

		if (!strcmp(text, "[shared]") || !strcmp(text, "[writable]"))
			return;
		anon |= !strcmp(text, "[anon]");
	}
	for (i = 0; anon && i < request->maps.count; i++)
		if (gupx_maps_is_shared_memory(&request->maps.map[i]))
			bytes += request->maps.map[i].end -
				 request->maps.map[i].addr;
	if (bytes >= SHARED_WORTH_A_WARNING)
		gupx_out_warn(
			"process %d (%s) also has %s of shared memory, which [anon] does not select; add '[shared]'",
			request->target.pid, request->target.comm,
			gupx_out_size(bytes).text);
}

/* Return: the first mapping that @name selects, or NULL. */
static const struct gupx_map *find_name(const struct gupx_request *request,
					const char *name)
{
	size_t i;

	for (i = 0; i < request->maps.count; i++)
		if (gupx_maps_match(&request->maps.map[i], name))
			return &request->maps.map[i];
	return NULL;
}

static void add_name(struct gupx_request *request, const char *name)
{
	const bool group = gupx_maps_is_group(name);
	size_t i;

	for (i = 0; i < request->maps.count; i++)
		if (gupx_maps_match(&request->maps.map[i], name))
			add_map(request, &request->maps.map[i], group);
}

static bool report_no_name(const struct gupx_request *request, const char *name)
{
	char cure[64];

	snprintf(cure, sizeof(cure), "see the names in /proc/%d/maps",
		 request->target.pid);
	gupx_out_error("no_such_mapping", cure,
		       "process %d (%s) has no mapping '%s'",
		       request->target.pid, request->target.comm, name);
	return false;
}

static bool is_mapped(const struct gupx_request *request,
		      const struct gupx_range *range)
{
	const struct gupx_map *next =
		gupx_maps_next(&request->maps, range->addr);

	return next && next->addr < range->addr + range->len;
}

static bool is_same_range(const struct gupx_range *a,
			  const struct gupx_range *b)
{
	return a->addr == b->addr && a->len == b->len;
}

static void add_range(struct gupx_request *request,
		      const struct gupx_range *range)
{
	add_item(request, range, gupx_maps_find(&request->maps, range->addr),
		 false);
}

/* Report an argument with more than one meaning. */
static bool report_ambiguous(const struct gupx_args_range *range, bool decimal,
			     bool hex, const struct gupx_map *named)
{
	char meaning[3][64] = { "" };

	if (decimal)
		snprintf(meaning[0], sizeof(meaning[0]),
			 ", 0x%llx-0x%llx (decimal)", range->range.addr,
			 range->range.addr + range->range.len);
	if (hex)
		snprintf(meaning[1], sizeof(meaning[1]),
			 ", 0x%llx-0x%llx (hexadecimal)", range->hex.addr,
			 range->hex.addr + range->hex.len);
	if (named)
		snprintf(meaning[2], sizeof(meaning[2]),
			 ", the mapping at 0x%llx (name)", named->addr);
	gupx_out_error("ambiguous",
		       "write addresses with 0x, and the full path of a file",
		       "ambiguous range '%s': it could be%s%s%s", range->text,
		       meaning[0] + !!decimal, meaning[1] + (hex && !decimal),
		       meaning[2]);
	return false;
}

/*
 * Add an argument that is a name or has digits without 0x. Choose the meaning that is
 * mapped in the target. If there are several, refuse the argument. If there is none, keep
 * the decimal meaning, so that the module reports the address where nothing is mapped.
 */
static bool resolve_range(struct gupx_request *request,
			  const struct gupx_args_range *range)
{
	const struct gupx_map *named = find_name(request, range->text);
	const bool numeric = range->result == GUPX_RANGE_BYTES;
	const bool decimal = numeric && is_mapped(request, &range->range);
	const bool hex =
		range->has_hex && is_mapped(request, &range->hex) &&
		!(numeric && is_same_range(&range->range, &range->hex));

	if (decimal + hex + !!named > 1)
		return report_ambiguous(range, decimal, hex, named);
	if (!named && !hex && !numeric) {
		if (range->result == GUPX_RANGE_NAME)
			return report_no_name(request, range->text);
		gupx_args_die_range(range->text, range->result);
	}
	if (named)
		add_name(request, range->text);
	else
		add_range(request, hex ? &range->hex : &range->range);
	return true;
}

static int compare_items(const void *left, const void *right)
{
	const struct gupx_request_item *const *a = left;
	const struct gupx_request_item *const *b = right;

	if ((*a)->range.addr != (*b)->range.addr)
		return (*a)->range.addr < (*b)->range.addr ? -1 : 1;
	if ((*a)->range.len != (*b)->range.len)
		return (*a)->range.len > (*b)->range.len ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

/* Remove the items that cut_overlaps() has emptied. Keep ranges that the user left empty. */
static void drop_items(struct gupx_request *request)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < request->count; i++)
		if (!request->item[i].skipped)
			request->item[kept++] = request->item[i];
	request->count = kept;
}

/*
 * Take each address once: cut off the part of an item that an item at a lower address
 * contains. Pins of the same page would be charged twice.
 */
static void cut_overlaps(struct gupx_request *request)
{
	struct gupx_request_item **sorted =
		calloc(request->count + 1, sizeof(*sorted));
	__u64 end = 0;
	size_t i;

	if (!sorted)
		gupx_out_no_memory();
	for (i = 0; i < request->count; i++)
		sorted[i] = &request->item[i];
	qsort(sorted, request->count, sizeof(*sorted), compare_items);
	for (i = 0; i < request->count; i++) {
		struct gupx_range *range = &sorted[i]->range;
		const __u64 cut = range->addr < end ? end - range->addr : 0;

		if (range->len && cut >= range->len) {
			sorted[i]->skipped = true;
		} else if (range->len && cut) {
			range->addr += cut;
			range->len -= cut;
			sorted[i]->map =
				gupx_maps_find(&request->maps, range->addr);
		}
		if (range->addr + range->len > end)
			end = range->addr + range->len;
	}
	free(sorted);
	drop_items(request);
}

bool gupx_resolve_items(struct gupx_request *request)
{
	const struct gupx_args *args = request->args;
	bool explicit = !args->all;
	size_t i;

	for (i = 0; i < args->range_count; i++)
		explicit &= args->range[i].explicit;
	if (!explicit && !gupx_request_load_maps(request))
		return false;
	if (args->all)
		for (i = 0; i < request->maps.count; i++)
			add_map(request, &request->maps.map[i], true);
	for (i = 0; i < args->range_count; i++) {
		if (args->range[i].explicit)
			add_range(request, &args->range[i].range);
		else if (!resolve_range(request, &args->range[i]))
			return false;
	}
	if (!request->count && request->filtered)
		gupx_out_warn(
			"process %d (%s) has no such mapping that --min and --only-swapped select",
			request->target.pid, request->target.comm);
	warn_about_shared(request);
	/* A copy has the bytes of each argument, so read does not cut overlaps. */
	if (args->rounds && args->range_count > 1)
		cut_overlaps(request);
	for (i = 0; i < request->count; i++)
		request->total += request->item[i].range.len;
	return true;
}
