/* SPDX-License-Identifier: GPL-2.0 */
/* Find the items that the range arguments of a request select. */
#ifndef GUPX_RESOLVE_H
#define GUPX_RESOLVE_H

#include <stdbool.h>

struct gupx_request;

/*
 * Fill in the items of the request. The mappings of the target are loaded only if an
 * argument needs them. Return: true, or false after an error was reported.
 */
bool gupx_resolve_items(struct gupx_request *request);

#endif
