// SPDX-License-Identifier: GPL-2.0
/*
 * Entries like the one before. A verdict follows from facts, and those from the
 * entry's bits, the mapping, the request, and a few marks of the page: an entry
 * that has all of that in common with one that was judged and taken is taken as
 * well. That is most of them, so what a pin costs is decided here.
 *
 * One-page folios under PTEs, and folios under one PMD each. All else goes the long
 * way, as does the first entry that is not alike. Under the table's lock.
 */
#include <linux/bitops.h>
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pageblock-flags.h>

#include "entry.h"
#include "pattern.h"
#include "pin.h"
#include "place.h"
#include "policy.h"
#include "run.h"

/* Entries at a time, half a table: then somebody else may want its lock. */
#define ENTRIES_MAX 256UL

#define NODE_FLAGS (NODES_MASK << NODES_PGSHIFT)
#define ZONE_FLAGS (ZONES_MASK << ZONES_PGSHIFT)

/* What folio_mark_accessed() goes by and changes, whichever LRU there is. */
#define LRU_MARKS                                                   \
	(BIT(PG_referenced) | BIT(PG_active) | BIT(PG_workingset) | \
	 BIT(PG_unevictable) | LRU_REFS_MASK | GUPX_PG_IDLE)

/*
 * Device memory is not all of one kind: each of its pages goes the long way. And a
 * file's huge page, read-only, must not stand for the huge zero page.
 */
static bool is_plain(const struct gupx_table *table,
		     const struct gupx_entry *entry)
{
	const bool huge = table->shift != PAGE_SHIFT;

	if ((entry->facts & GUPX_E_KIND) != GUPX_E_PAGE ||
	    is_zone_device_page(entry->page) || table->shift > PMD_SHIFT)
		return false;
	if (huge && !(entry->facts & (GUPX_E_WRITABLE | GUPX_E_PAGE_ANON)))
		return false;
	return folio_order(entry->folio) == table->shift - PAGE_SHIFT;
}

/* The entries of the table, from an address on. PTEs and PMDs are words alike. */
static const pteval_t *entries_at(const struct gupx_table *table,
				  unsigned long addr)
{
	BUILD_BUG_ON(sizeof(pte_t) != sizeof(pteval_t) ||
		     sizeof(pmd_t) != sizeof(pteval_t));
	return table->shift == PAGE_SHIFT
		       ? (const pteval_t *)(table->pte + pte_index(addr))
		       : (const pteval_t *)(table->pmd + pmd_index(addr));
}

/*
 * Scattered pages mix zones, and interleaved ones nodes: these tell something only
 * where they differ. The end is the twin of vm_normal_page()'s highest_memmap_pfn,
 * which is not exported.
 */
static void look_at_node(struct gupx_pattern *pattern,
			 struct pglist_data *pgdat)
{
	pattern->end = max(pattern->end, pgdat_end_pfn(pgdat));
	if (gupx_place_zones_matter(pgdat))
		pattern->telling |= NODE_FLAGS | ZONE_FLAGS;
}

static void look_at_nodes(struct gupx_pattern *pattern, const struct page *page)
{
	int node;

	if (nr_online_nodes == 1)
		look_at_node(pattern, page_pgdat(page));
	else
		for_each_online_node(node)
			look_at_node(pattern, NODE_DATA(node));
}

/* Row O4: another block of the zone may be one where no page may stay. */
static void bound_to_block(struct gupx_pattern *pattern,
			   const struct page *page)
{
	pattern->first = ALIGN_DOWN(page_to_pfn(page), pageblock_nr_pages);
	pattern->end = min(pattern->end, pattern->first + pageblock_nr_pages);
}

/* Rows E4, E7: only of a page that may not be written to, it is asked whose it is. */
static bool is_own_asked(const struct gupx_entry *entry, u32 request)
{
	return !(entry->facts & GUPX_E_WRITABLE) &&
	       (request & (GUPX_R_PIN | GUPX_R_WRITE));
}

/**
 * gupx_pattern_learn() - the pattern of an entry
 * @pattern: to be filled
 * @table: locked
 * @addr: of the entry
 * @entry: judged %GUPX_GO
 * @request: GUPX_R_*
 */
void gupx_pattern_learn(struct gupx_pattern *pattern,
			const struct gupx_table *table, unsigned long addr,
			const struct gupx_entry *entry, u32 request)
{
	const pteval_t frame = table->shift == PAGE_SHIFT
				       ? PTE_PFN_MASK
				       : PHYSICAL_PMD_PAGE_MASK;
	pteval_t value;

	pattern->mask = 0;
	if (!is_plain(table, entry))
		return;
	value = READ_ONCE(*entries_at(table, addr));
	if (!gupx_entry_shows_frame(value))
		return;
	*pattern = (struct gupx_pattern){
		.mask = ~_PAGE_ACCESSED,
		.bits = value & ~(frame | _PAGE_ACCESSED),
		/* Whose the page is, and whether it is one of many. */
		.telling = BIT(PG_head) | BIT(PG_anon_exclusive),
		.marks = LRU_MARKS,
		.calm = ~0UL,
		.order = folio_order(entry->folio),
		.own = is_own_asked(entry, request),
		.anon = entry->facts & GUPX_E_PAGE_ANON,
		.dirty = (request & GUPX_R_WRITE) && !entry->dirty,
	};
	look_at_nodes(pattern, entry->page);
	if (gupx_place_blocks_matter(entry->page))
		bound_to_block(pattern, entry->page);
	pattern->told =
		gupx_compat_page_flags(&entry->folio->page) & pattern->telling;
	/* hugetlb pages are not marked as used. */
	if (!is_vm_hugetlb_page(table->vma))
		pattern->touched = BIT(PG_referenced);
	if (pattern->dirty) {
		pattern->marks |= BIT(PG_dirty);
		pattern->touched |= BIT(PG_dirty);
	}
}

/*
 * A touch that changed nothing would change nothing in a page that has the same
 * marks: it need not be done. Tails never look like that: their marks are the
 * head's, and PG_referenced is among those that a touch leaves, or else PG_head is
 * asked for.
 */
static void mark(struct gupx_pattern *pattern, struct page *page)
{
	struct folio *folio = page_folio(page);
	const unsigned long before = gupx_compat_page_flags(&folio->page);
	unsigned long after;

	gupx_pin_mark(folio, pattern->dirty);
	after = gupx_compat_page_flags(&folio->page);
	if (!((before ^ after) & pattern->marks) &&
	    !(pattern->touched & ~after))
		pattern->calm = pattern->told | (after & pattern->marks);
}

/*
 * Of a page that does not look calm. To be taken, it has to be like the pattern's.
 *
 * Return: whether it is. Then it was touched.
 */
static noinline bool look_closer(struct gupx_pattern *pattern,
				 struct page *page)
{
	const unsigned long flags = gupx_compat_page_flags(page);

	if ((flags & pattern->telling) != pattern->told)
		return false;
	mark(pattern, page);
	return true;
}

/*
 * Is the page, of an entry that is, like the pattern's in all that its flags do not
 * tell? No tail has references of its own, so under a PTE a page that has some and is
 * no head is a folio. Under a PMD, a head of the pattern's order is all it maps.
 */
static __always_inline bool is_alike(const struct gupx_pattern *pattern,
				     struct page *page, bool own,
				     unsigned int order)
{
	struct folio *folio = (struct folio *)page;

	if (order && folio_order(folio) != order)
		return false;
	if (own && folio_test_anon(folio) != pattern->anon)
		return false;
	return page_ref_count(page) > 0;
}

/*
 * The frame number of an entry that is like the pattern's. Of another one, more than
 * any: what differs below the frame number is turned to the top. What may differ
 * within it, where a huge page's low bits are, leads to a tail, which is not alike.
 */
static __always_inline unsigned long
frame_of(const struct gupx_pattern *pattern, const pteval_t *entry)
{
	return ror64((READ_ONCE(*entry) ^ pattern->bits) & pattern->mask,
		     PAGE_SHIFT);
}

/* Whole entries from the address on, as many as may be looked at now. */
static unsigned long count_entries(const struct gupx_table *table,
				   unsigned long addr)
{
	if (!IS_ALIGNED(addr, 1UL << table->shift))
		return 0;
	return min((table->end - addr) >> table->shift, ENTRIES_MAX);
}

static __always_inline void
add_references(struct page *page, unsigned int order, bool pin, int references)
{
	if (order && pin)
		atomic_add(references, &((struct folio *)page)->_pincount);
	page_ref_add(page, references);
}

/**
 * struct stretch - entries to be taken, and where their pages are noted
 * @entry: the next one
 * @end: behind the last one
 * @word: the last run
 * @flags: GUPX_RUN_* of pages that are taken
 */
struct stretch {
	const pteval_t *entry;
	const pteval_t *end;
	u64 *word;
	u32 flags;
};

/*
 * As far as they are alike. Compiled for each case of the loop, with @own, @order and
 * @bounded known.
 */
static __always_inline void take_stretch(struct gupx_pattern *pattern,
					 struct stretch *stretch, bool own,
					 unsigned int order, bool bounded)
{
	const struct gupx_pattern model = *pattern;
	const unsigned long look = model.telling | model.marks;
	const bool pin = stretch->flags & GUPX_RUN_PIN;
	const u64 mould = gupx_run_pack(0, 1UL << order, stretch->flags);
	struct page *const first = pfn_to_page(0);
	const pteval_t *entry = stretch->entry;
	u64 *word = stretch->word;
	/* The next frame, as a run of its own. */
	u64 expected = gupx_run_next(*word, stretch->flags, ENTRIES_MAX);
	int references = pin && !order ? GUP_PIN_COUNTING_BIAS : 1 << order;

	/* Or the compiler works it out again for each page. */
	OPTIMIZER_HIDE_VAR(references);
	for (; entry < stretch->end; entry++) {
		const unsigned long pfn = frame_of(&model, entry);
		const u64 alone = mould | pfn;
		struct page *page = first + pfn;

		if (pfn >= model.end || (bounded && pfn < model.first) ||
		    !is_alike(&model, page, own, order))
			break;
		if ((gupx_compat_page_flags(page) & look) != pattern->calm &&
		    !look_closer(pattern, page))
			break;
		if (!order && alone == expected)
			*word += GUPX_RUN_ONE_MORE;
		else
			*++word = alone;
		expected = alone + 1;
		add_references(page, order, pin, references);
	}
	stretch->entry = entry;
	stretch->word = word;
}

/**
 * gupx_pattern_take() - gupx_pin_take() and _touch() of what is alike
 * @pattern: not empty; learned of this table
 * @table: locked
 * @addr: of the first entry
 * @batch: has room; its last page is the one before @addr
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE, GUPX_RUN_SHORT
 *
 * Return: pages taken, from @addr on.
 */
unsigned long gupx_pattern_take(struct gupx_pattern *pattern,
				const struct gupx_table *table,
				unsigned long addr, struct gupx_batch *batch,
				u32 flags)
{
	const pteval_t *const first = entries_at(table, addr);
	struct stretch stretch = {
		.entry = first,
		.end = first + min(count_entries(table, addr),
				   (unsigned long)gupx_pin_room(batch)),
		.word = gupx_pin_last(batch),
		.flags = flags | (pattern->order ? GUPX_RUN_LARGE : 0),
	};
	unsigned long nr;

	if (pattern->order || pattern->first)
		take_stretch(pattern, &stretch, pattern->own, pattern->order,
			     true);
	else if (pattern->own)
		take_stretch(pattern, &stretch, true, 0, false);
	else
		take_stretch(pattern, &stretch, false, 0, false);
	nr = (stretch.entry - first) << pattern->order;
	gupx_pin_note(batch, stretch.word, nr, stretch.flags);
	return nr;
}

static const pteval_t *touch_stretch(struct gupx_pattern *pattern,
				     const pteval_t *entry, const pteval_t *end)
{
	const struct gupx_pattern model = *pattern;
	const unsigned long look = model.telling | model.marks;
	struct page *const first = pfn_to_page(0);

	for (; entry < end; entry++) {
		const unsigned long pfn = frame_of(&model, entry);
		struct page *page = first + pfn;

		if (pfn >= model.end)
			break;
		if ((gupx_compat_page_flags(page) & look) != pattern->calm &&
		    !look_closer(pattern, page))
			break;
	}
	return entry;
}

/**
 * gupx_pattern_touch() - gupx_pin_touch() of what is alike
 * @pattern: not empty; learned of this table
 * @table: locked
 * @addr: of the first entry
 *
 * Of pages that are not taken, nobody asks who else has them (row E9).
 *
 * Return: pages that were touched, from @addr on.
 */
unsigned long gupx_pattern_touch(struct gupx_pattern *pattern,
				 const struct gupx_table *table,
				 unsigned long addr)
{
	const pteval_t *const first = entries_at(table, addr);
	const pteval_t *const end = first + count_entries(table, addr);

	/* Whose a page is matters to FORCE only, which populate has not. */
	if (pattern->own)
		return 0;
	return (touch_stretch(pattern, first, end) - first) << pattern->order;
}
