// SPDX-License-Identifier: GPL-2.0
/* Describe where and why a request stopped. */
#include <stdio.h>

#include "reason.h"
#include "stop.h"

#define FIELD(key, member, form) \
	GUPX_OUT_FIELD(struct gupx_stop_row, member, key, NULL, form)

static const struct gupx_out_field fields[] = {
	FIELD("addr", addr, GUPX_OUT_ADDR),
	FIELD("stage", stage, GUPX_OUT_STRING),
	FIELD("reason", reason, GUPX_OUT_STRING),
	FIELD("errno", error, GUPX_OUT_STRING),
	FIELD("text", text, GUPX_OUT_STRING),
	FIELD("cure", cure, GUPX_OUT_STRING),
};

const struct gupx_out_spec gupx_stop_spec = GUPX_OUT_SPEC(fields);

void gupx_stop_fill(struct gupx_stop_row *row, const struct gupx_stop *stop)
{
	const struct gupx_reason_info *word = gupx_reason_get(stop->reason);

	*row = (struct gupx_stop_row){
		.addr = stop->addr,
		.stage = gupx_reason_stage(stop->stage),
		.reason = word->name,
		.error = gupx_reason_errno(stop->error),
		.text = word->text,
		.cure = word->cure,
	};
}

bool gupx_stop_refuses_mapping(unsigned int stage)
{
	return stage == GUPX_STAGE_LOOKUP || stage == GUPX_STAGE_VMA ||
	       stage == GUPX_STAGE_GATE;
}

char *gupx_stop_line(const char *word, const struct gupx_maps *maps,
		     const struct gupx_stop *stop)
{
	const struct gupx_map *map = gupx_maps_find(maps, stop->addr);
	const bool named = map && *map->name;
	struct gupx_stop_row row;
	char *line = NULL;

	gupx_stop_fill(&row, stop);
	if (asprintf(&line, "%s at 0x%llx%s%s%s%s%s: %s (%s%s%s)%s%s", word,
		     row.addr, map ? " in " : "", named ? map->name : "",
		     map && !named ? "anonymous memory" : "", map ? " " : "",
		     map ? map->perms : "", row.text, row.reason,
		     row.error ? ", " : "", row.error ? row.error : "",
		     row.cure ? "; " : "", row.cure ? row.cure : "") < 0)
		return NULL;
	return line;
}
