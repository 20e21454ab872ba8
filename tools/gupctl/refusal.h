/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that refuses a request: guard regions, holes, the tail of a mapping behind the end
 * of its file, mappings without access. A request for a group goes on past it.
 */
#ifndef GUPX_REFUSAL_H
#define GUPX_REFUSAL_H

#include <stdbool.h>

#include <linux/gupx.h>

struct gupx_request;

/*
 * Return: true if a stop means that the memory refuses such requests, false if the request
 * failed for another reason, for example because memory ran out.
 */
bool gupx_refusal_is_lasting(const struct gupx_stop *stop);

/*
 * Return: the length of the refused memory at @stop.addr, at least a page, at most up to
 * @end.
 */
__u64 gupx_refusal_length(struct gupx_request *request,
			  const struct gupx_stop *stop, __u64 end);

#endif
