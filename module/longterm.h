/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_LONGTERM_H
#define GUPX_LONGTERM_H

#include <linux/types.h>

struct page;
struct pglist_data;

void gupx_longterm_init(void);
u32 gupx_longterm_facts(const struct page *page);
bool gupx_longterm_node_has_special_zones(struct pglist_data *pgdat);
bool gupx_longterm_zone_has_special_blocks(const struct page *page);

#endif /* GUPX_LONGTERM_H */
