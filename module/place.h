/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_PLACE_H
#define GUPX_PLACE_H

#include <linux/types.h>

struct page;
struct pglist_data;

void gupx_place_init(void);
u32 gupx_place_facts(const struct page *page);
bool gupx_place_zones_matter(struct pglist_data *pgdat);
bool gupx_place_blocks_matter(const struct page *page);

#endif /* GUPX_PLACE_H */
