// SPDX-License-Identifier: GPL-2.0
/* Draw memory as a strip of letters. */
#include "strip.h"

const struct gupx_kind_info gupx_kind_info[GUPX_KINDS] = {
	[GUPX_KIND_RESIDENT] = { 'R', "resident", "\033[32m", "#2e9e4f" },
	[GUPX_KIND_HUGE] = { 'H', "huge", "\033[36m", "#1b6fb8" },
	[GUPX_KIND_SWAPPED] = { 's', "swapped", "\033[33m", "#e0a100" },
	[GUPX_KIND_ZERO] = { 'z', "zero page", "\033[34m", "#9db4c8" },
	[GUPX_KIND_ABSENT] = { '.', "absent", "", "#ececec" },
	[GUPX_KIND_GUARD] = { 'g', "guard region", "\033[35m", "#8e5aa8" },
	[GUPX_KIND_REFUSED] = { 'x', "refused", "\033[31m", "#c8372d" },
};

enum gupx_kind gupx_kind_get(const struct gupx_judgement *judgement,
			     __u64 page_size)
{
	if (judgement->content == GUPX_CONTENT_GUARD)
		return GUPX_KIND_GUARD;
	if (judgement->outcome == GUPX_OUTCOME_STOP)
		return GUPX_KIND_REFUSED;
	switch (judgement->content) {
	case GUPX_CONTENT_EMPTY:
		return GUPX_KIND_ABSENT;
	case GUPX_CONTENT_ABSENT:
		return GUPX_KIND_SWAPPED;
	case GUPX_CONTENT_ZERO:
		return GUPX_KIND_ZERO;
	}
	return judgement->shift && 1ULL << (judgement->shift & 63) > page_size
		       ? GUPX_KIND_HUGE
		       : GUPX_KIND_RESIDENT;
}

enum gupx_kind gupx_kind_find(char letter)
{
	enum gupx_kind kind = GUPX_KIND_RESIDENT;

	while (kind < GUPX_KIND_REFUSED &&
	       gupx_kind_info[kind].letter != letter)
		kind++;
	return kind;
}

/* Return: the first page of part @part. No product overflows. */
static __u64 find_part(__u64 pages, size_t parts, size_t part)
{
	return pages / parts * part + pages % parts * part / parts;
}

static enum gupx_kind find_most(const __u64 *share)
{
	enum gupx_kind most = GUPX_KIND_RESIDENT;
	enum gupx_kind kind;

	for (kind = most; kind < GUPX_KINDS; kind++)
		if (share[kind] > share[most])
			most = kind;
	return most;
}

void gupx_strip_draw(const struct gupx_run *run, size_t count, __u64 page_size,
		     char *strip, size_t width)
{
	/* Number of pages in all runs, before the current page, and left of its run */
	__u64 pages = 0, page = 0, left = 0;
	enum gupx_kind kind = GUPX_KIND_RESIDENT;
	size_t parts, part, i;

	for (i = 0; i < count; i++)
		pages += run[i].judgement.len / page_size;
	parts = pages < width ? (size_t)pages : width;
	for (part = 0, i = 0; part < parts; part++) {
		const __u64 end = find_part(pages, parts, part + 1);
		__u64 share[GUPX_KINDS] = { 0 };

		while (page < end) {
			__u64 step;

			if (!left) {
				kind = gupx_kind_get(&run[i].judgement,
						     page_size);
				left = run[i++].judgement.len / page_size;
			}
			step = left < end - page ? left : end - page;
			share[kind] += step;
			left -= step;
			page += step;
		}
		strip[part] = gupx_kind_info[find_most(share)].letter;
	}
	strip[parts] = '\0';
}
