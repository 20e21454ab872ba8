// SPDX-License-Identifier: GPL-2.0
/*
 * Row O4: check whether a page is long-term pinnable. Row E8p: check whether a page is PCI
 * P2PDMA memory.
 *
 * This is the counterpart of folio_is_longterm_pinnable(). A module cannot use that
 * function on kernels with CMA, because there it calls get_pfnblock_migratetype(), which
 * is not exported.
 *
 * The migrate type of a pageblock is stored as a few bits in the usemap of its section.
 * Public headers define this layout. gupx_longterm_init() checks the layout: the number of
 * pages in pageblocks with the type CMA has to equal the number of CMA pages that the zone
 * reports. If the numbers differ, all pages of a zone with CMA are treated as CMA.
 */
#include <linux/hugetlb.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/pageblock-flags.h>
#include <linux/sched.h>

#include "longterm.h"
#include "policy.h"

/*
 * Maximum number of attempts to count the CMA pages of a zone. The count is repeated if it
 * differs from the number that the zone reports. A difference may be temporary: on kernels
 * without an isolation bit, a CMA block is not counted while it is isolated, because its
 * type is then not CMA.
 */
#define CHECK_TRIES 3

static bool can_read_blocks __ro_after_init;

#if defined(CONFIG_SPARSEMEM)
/* Read the migrate type bits of the pageblock that contains a frame. */
static unsigned long read_block_bits(unsigned long pfn)
{
	const struct mem_section *section = __pfn_to_section(pfn);
	const unsigned long *map;
	unsigned long bit;

	if (!section || !section->usage)
		return 0;
	map = section_to_usemap((struct mem_section *)section);
	bit = ((pfn & (PAGES_PER_SECTION - 1)) >> pageblock_order) *
	      NR_PAGEBLOCK_BITS;
	return READ_ONCE(map[bit / BITS_PER_LONG]) >> (bit % BITS_PER_LONG) &
	       (BIT(NR_PAGEBLOCK_BITS) - 1);
}
#else
static unsigned long read_block_bits(unsigned long pfn)
{
	return 0;
}
#endif

static bool is_cma_block(unsigned long pfn)
{
#ifdef CONFIG_CMA
	return (read_block_bits(pfn) & GUPX_MIGRATETYPE_MASK) == MIGRATE_CMA;
#else
	return false;
#endif
}

/* Check a zone for CMA or isolated pageblocks. */
static bool has_special_blocks(struct zone *zone)
{
	return zone_cma_pages(zone) || gupx_compat_count_isolated(zone);
}

static bool is_special_block(const struct page *page)
{
	struct zone *zone = page_zone(page);
	const unsigned long pfn = page_to_pfn(page);

	if (!has_special_blocks(zone))
		return false;
	if (!can_read_blocks)
		return zone_cma_pages(zone);
	return is_cma_block(pfn) ||
	       gupx_compat_is_isolated(read_block_bits(pfn));
}

/**
 * gupx_longterm_facts() - get the facts that follow from the zone and the pageblock of a
 *	page
 * @page: page of an entry whose page-table lock is held
 *
 * All ZONE_DEVICE pages count as not long-term pinnable, so that the kernel's engine
 * handles them.
 *
 * Return: facts for policy.h, GUPX_E_*.
 */
u32 gupx_longterm_facts(const struct page *page)
{
	u32 facts = 0;

	if (is_zone_device_page(page) || page_zonenum(page) == ZONE_MOVABLE ||
	    is_special_block(page))
		facts |= GUPX_E_NOT_LONGTERM_PINNABLE;
	if (gupx_compat_is_p2pdma(page))
		facts |= GUPX_E_P2PDMA;
	return facts;
}

/**
 * gupx_longterm_node_has_special_zones() - check a node for zones in which pages may not
 *	be long-term pinnable
 * @pgdat: node to check
 *
 * Return: true if the node has ZONE_DEVICE, ZONE_MOVABLE, CMA or isolated memory.
 */
bool gupx_longterm_node_has_special_zones(struct pglist_data *pgdat)
{
	struct zone *zone = pgdat->node_zones;
	struct zone *const end = zone + MAX_NR_ZONES;

	for (; zone < end; zone++)
		if (zone->spanned_pages && (zone_is_zone_device(zone) ||
					    zone_idx(zone) == ZONE_MOVABLE ||
					    has_special_blocks(zone)))
			return true;
	return false;
}

/**
 * gupx_longterm_zone_has_special_blocks() - check a zone for pageblocks in which pages may
 *	not be long-term pinnable
 * @page: page of the zone
 *
 * Return: true if the zone has CMA or isolated pageblocks.
 */
bool gupx_longterm_zone_has_special_blocks(const struct page *page)
{
	return has_special_blocks(page_zone(page));
}

static unsigned long __init count_cma_pages(struct zone *zone)
{
	unsigned long pfn =
		ALIGN_DOWN(zone->zone_start_pfn, pageblock_nr_pages);
	unsigned long pages = 0;

	for (; pfn < zone_end_pfn(zone); pfn += pageblock_nr_pages) {
		const struct page *page = pfn_to_online_page(pfn);

		if (page && page_zone(page) == zone && is_cma_block(pfn))
			pages += pageblock_nr_pages;
		cond_resched();
	}
	return pages;
}

static bool __init zone_agrees(struct zone *zone)
{
	int i;

	for (i = 0; i < CHECK_TRIES; i++)
		if (count_cma_pages(zone) == zone_cma_pages(zone))
			return true;
	return false;
}

/**
 * gupx_longterm_init() - check that the bits of pageblocks can be read
 *
 * If the bits cannot be read, print a warning and leave the memory of zones with CMA to the
 * kernel's engine. Requests then have the same results but are slower.
 */
void __init gupx_longterm_init(void)
{
	int node;

	can_read_blocks = IS_ENABLED(CONFIG_SPARSEMEM);
	for_each_online_node(node) {
		struct zone *zone = NODE_DATA(node)->node_zones;
		struct zone *const end = zone + MAX_NR_ZONES;

		for (; zone < end; zone++)
			if (populated_zone(zone) && !zone_agrees(zone))
				can_read_blocks = false;
	}
	if (!can_read_blocks)
		pr_warn("gupx: cannot tell page blocks apart on this kernel: zones with CMA are left to the kernel's engine\n");
}
