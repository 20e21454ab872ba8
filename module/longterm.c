// SPDX-License-Identifier: GPL-2.0
/*
 * Rows O4 and E8p: may a page be held for long where it lies? Counterpart of
 * folio_is_longterm_pinnable(), which does not link where the kernel has CMA, for it
 * asks get_pfnblock_migratetype().
 *
 * The migrate type of a page block is a few bits in the usemap of its section. That
 * layout is in public headers, and gupx_longterm_init() checks it: the blocks that look
 * like CMA have to be as many as their zone says. Where they are not, a zone with any
 * CMA page counts as CMA in all of its pages.
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
 * On kernels without a bit for isolation, a CMA block that is being isolated does not
 * look like CMA: look again.
 */
#define CHECK_TRIES 3

static bool can_read_blocks __ro_after_init;

#if defined(CONFIG_SPARSEMEM)
/* The bits of the page block that a frame lies in. */
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

static bool is_isolated_block(unsigned long pfn)
{
#ifdef CONFIG_MEMORY_ISOLATION
	return gupx_compat_is_isolated(read_block_bits(pfn));
#else
	return false;
#endif
}

static unsigned long count_isolated_blocks(const struct zone *zone)
{
#ifdef CONFIG_MEMORY_ISOLATION
	return READ_ONCE(zone->nr_isolate_pageblock);
#else
	return 0;
#endif
}

/* Does the zone have page blocks that differ in whether a page may stay? */
static bool has_special_blocks(struct zone *zone)
{
	return zone_cma_pages(zone) || count_isolated_blocks(zone);
}

static bool is_special_block(const struct page *page)
{
	struct zone *zone = page_zone(page);
	const unsigned long pfn = page_to_pfn(page);

	if (!has_special_blocks(zone))
		return false;
	if (!can_read_blocks)
		return zone_cma_pages(zone);
	return is_cma_block(pfn) || is_isolated_block(pfn);
}

/**
 * gupx_longterm_facts() - get the facts that follow from where a page lies
 * @page: under its page-table lock
 *
 * ZONE_DEVICE pages are left to the kernel, whatever they are.
 *
 * Return: GUPX_E_*
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
 * gupx_longterm_node_has_special_zones() - do facts follow from which zone a page lies in?
 * @pgdat: a node
 *
 * Return: false where all its zones are ordinary ones.
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
 * gupx_longterm_zone_has_special_blocks() - do facts follow from which block of its zone a page
 *	lies in?
 * @page: any
 *
 * Return: whether.
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
 * gupx_longterm_init() - check whether page blocks can be told apart
 *
 * Where they cannot, a line says so: memory of zones with CMA is left to the kernel's
 * own engine then, which is right but slow.
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
