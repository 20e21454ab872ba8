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
#include "template.h"
#include "batch.h"
#include "longterm.h"
#include "policy.h"
#include "run.h"

/* Entries at a time, half a table: then somebody else may want its lock. */
#define SPAN_MAX 256UL

#define NODE_FLAGS (NODES_MASK << NODES_PGSHIFT)
#define ZONE_FLAGS (ZONES_MASK << ZONES_PGSHIFT)

/* What folio_mark_accessed() goes by and changes, whichever LRU there is. */
#define LRU_FLAGS                                                   \
	(BIT(PG_referenced) | BIT(PG_active) | BIT(PG_workingset) | \
	 BIT(PG_unevictable) | LRU_REFS_MASK | GUPX_PG_IDLE)

/*
 * Device memory is not all of one kind: each of its pages goes the long way. And a
 * file's huge page, read-only, must not stand for the huge zero page.
 */
static bool is_batchable(const struct gupx_table *table,
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
static const pteval_t *get_entries(const struct gupx_table *table,
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
static void add_node_facts(struct gupx_template *template,
			   struct pglist_data *pgdat)
{
	template->end_pfn = max(template->end_pfn, pgdat_end_pfn(pgdat));
	if (gupx_longterm_node_has_special_zones(pgdat))
		template->facts_mask |= NODE_FLAGS | ZONE_FLAGS;
}

static void add_nodes_facts(struct gupx_template *template,
			    const struct page *page)
{
	int node;

	if (nr_online_nodes == 1)
		add_node_facts(template, page_pgdat(page));
	else
		for_each_online_node(node)
			add_node_facts(template, NODE_DATA(node));
}

/* Row O4: another block of the zone may be one where no page may stay. */
static void limit_to_pageblock(struct gupx_template *template,
			       const struct page *page)
{
	template->first_pfn = ALIGN_DOWN(page_to_pfn(page), pageblock_nr_pages);
	template->end_pfn = min(template->end_pfn,
				template->first_pfn + pageblock_nr_pages);
}

/* Rows E4, E7: only of a page that may not be written to, it is asked whose it is. */
static bool needs_owner_check(const struct gupx_entry *entry, u32 request)
{
	return !(entry->facts & GUPX_E_WRITABLE) &&
	       (request & (GUPX_R_PIN | GUPX_R_WRITE));
}

/**
 * gupx_template_set() - the pattern of an entry
 * @template: to be filled
 * @table: locked
 * @addr: of the entry
 * @entry: judged %GUPX_GO
 * @request: GUPX_R_*
 */
void gupx_template_set(struct gupx_template *template,
		       const struct gupx_table *table, unsigned long addr,
		       const struct gupx_entry *entry, u32 request)
{
	const pteval_t frame = table->shift == PAGE_SHIFT
				       ? PTE_PFN_MASK
				       : PHYSICAL_PMD_PAGE_MASK;
	pteval_t value;

	template->mask = 0;
	if (!is_batchable(table, entry))
		return;
	value = READ_ONCE(*get_entries(table, addr));
	if (!gupx_entry_has_plain_pfn(value))
		return;
	*template = (struct gupx_template){
		.mask = ~_PAGE_ACCESSED,
		.value = value & ~(frame | _PAGE_ACCESSED),
		/* Whose the page is, and whether it is one of many. */
		.facts_mask = BIT(PG_head) | BIT(PG_anon_exclusive),
		.lru_mask = LRU_FLAGS,
		.noop_flags = ~0UL,
		.order = folio_order(entry->folio),
		.check_owner = needs_owner_check(entry, request),
		.anon = entry->facts & GUPX_E_PAGE_ANON,
		.dirty = (request & GUPX_R_WRITE) && !entry->dirty,
	};
	add_nodes_facts(template, entry->page);
	if (gupx_longterm_zone_has_special_blocks(entry->page))
		limit_to_pageblock(template, entry->page);
	template->facts_value = gupx_compat_page_flags(&entry->folio->page) &
				template->facts_mask;
	/* hugetlb pages are not marked as used. */
	if (!is_vm_hugetlb_page(table->vma))
		template->set_flags = BIT(PG_referenced);
	if (template->dirty) {
		template->lru_mask |= BIT(PG_dirty);
		template->set_flags |= BIT(PG_dirty);
	}
}

/*
 * A touch that changed nothing would change nothing in a page that has the same
 * marks: it need not be done. Tails never look like that: their marks are the
 * head's, and PG_referenced is among those that a touch leaves, or else PG_head is
 * asked for.
 */
static void mark_template_page(struct gupx_template *template,
			       struct page *page)
{
	struct folio *folio = page_folio(page);
	const unsigned long before = gupx_compat_page_flags(&folio->page);
	unsigned long after;

	gupx_batch_mark_folio(folio, template->dirty);
	after = gupx_compat_page_flags(&folio->page);
	if (!((before ^ after) & template->lru_mask) &&
	    !(template->set_flags & ~after))
		template->noop_flags =
			template->facts_value | (after & template->lru_mask);
}

/*
 * Of a page that does not look calm. To be taken, it has to be like the pattern's.
 *
 * Return: whether it is. Then it was touched.
 */
static noinline bool check_page_flags(struct gupx_template *template,
				      struct page *page)
{
	const unsigned long flags = gupx_compat_page_flags(page);

	if ((flags & template->facts_mask) != template->facts_value)
		return false;
	mark_template_page(template, page);
	return true;
}

/*
 * Is the page, of an entry that is, like the pattern's in all that its flags do not
 * tell? No tail has references of its own, so under a PTE a page that has some and is
 * no head is a folio. Under a PMD, a head of the pattern's order is all it maps.
 */
static __always_inline bool
matches_template(const struct gupx_template *template, struct page *page,
		 bool check_owner, unsigned int order)
{
	struct folio *folio = (struct folio *)page;

	if (order && folio_order(folio) != order)
		return false;
	if (check_owner && folio_test_anon(folio) != template->anon)
		return false;
	return page_ref_count(page) > 0;
}

/*
 * The frame number of an entry that is like the pattern's. Of another one, more than
 * any: what differs below the frame number is turned to the top. What may differ
 * within it, where a huge page's low bits are, leads to a tail, which is not alike.
 */
static __always_inline unsigned long
get_matching_pfn(const struct gupx_template *template, const pteval_t *entry)
{
	return ror64((READ_ONCE(*entry) ^ template->value) & template->mask,
		     PAGE_SHIFT);
}

/* Whole entries from the address on, as many as may be looked at now. */
static unsigned long count_whole_entries(const struct gupx_table *table,
					 unsigned long addr)
{
	if (!IS_ALIGNED(addr, 1UL << table->shift))
		return 0;
	return min((table->end - addr) >> table->shift, SPAN_MAX);
}

static __always_inline void add_page_refs(struct page *page, unsigned int order,
					  bool pin, int references)
{
	if (order && pin)
		atomic_add(references, &((struct folio *)page)->_pincount);
	page_ref_add(page, references);
}

/**
 * struct span - entries to be taken, and where their pages are noted
 * @entry: the next one
 * @end: behind the last one
 * @word: the last run
 * @flags: GUPX_RUN_* of pages that are taken
 */
struct span {
	const pteval_t *entry;
	const pteval_t *end;
	u64 *word;
	u32 flags;
};

/*
 * As far as they are alike. Compiled for each case of the loop, with @check_owner, @order and
 * @bounded known.
 */
static __always_inline void take_pte_span(struct gupx_template *template,
					  struct span *span, bool check_owner,
					  unsigned int order, bool bounded)
{
	const struct gupx_template tmpl = *template;
	const unsigned long check_mask = tmpl.facts_mask | tmpl.lru_mask;
	const bool pin = span->flags & GUPX_RUN_PIN;
	const u64 run_template = gupx_run_pack(0, 1UL << order, span->flags);
	struct page *const first = pfn_to_page(0);
	const pteval_t *entry = span->entry;
	u64 *word = span->word;
	/* The next frame, as a run of its own. */
	u64 expected = gupx_run_next(*word, span->flags, SPAN_MAX);
	int references = pin && !order ? GUP_PIN_COUNTING_BIAS : 1 << order;

	/* Or the compiler works it out again for each page. */
	OPTIMIZER_HIDE_VAR(references);
	for (; entry < span->end; entry++) {
		const unsigned long pfn = get_matching_pfn(&tmpl, entry);
		const u64 single = run_template | pfn;
		struct page *page = first + pfn;

		if (pfn >= tmpl.end_pfn || (bounded && pfn < tmpl.first_pfn) ||
		    !matches_template(&tmpl, page, check_owner, order))
			break;
		if ((gupx_compat_page_flags(page) & check_mask) !=
			    template->noop_flags &&
		    !check_page_flags(template, page))
			break;
		if (!order && single == expected)
			*word += GUPX_RUN_ONE_MORE;
		else
			*++word = single;
		expected = single + 1;
		add_page_refs(page, order, pin, references);
	}
	span->entry = entry;
	span->word = word;
}

/**
 * gupx_template_take() - gupx_batch_take() and _touch() of what is alike
 * @template: not empty; learned of this table
 * @table: locked
 * @addr: of the first entry
 * @batch: has room; its last page is the one before @addr
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE, GUPX_RUN_SHORT
 *
 * Return: pages taken, from @addr on.
 */
unsigned long gupx_template_take(struct gupx_template *template,
				 const struct gupx_table *table,
				 unsigned long addr, struct gupx_batch *batch,
				 u32 flags)
{
	const pteval_t *const first = get_entries(table, addr);
	struct span span = {
		.entry = first,
		.end = first + min(count_whole_entries(table, addr),
				   (unsigned long)gupx_batch_room(batch)),
		.word = gupx_batch_last_run(batch),
		.flags = flags | (template->order ? GUPX_RUN_LARGE : 0),
	};
	unsigned long nr;

	if (template->order || template->first_pfn)
		take_pte_span(template, &span, template->check_owner,
			      template->order, true);
	else if (template->check_owner)
		take_pte_span(template, &span, true, 0, false);
	else
		take_pte_span(template, &span, false, 0, false);
	nr = (span.entry - first) << template->order;
	gupx_batch_append_span(batch, span.word, nr, span.flags);
	return nr;
}

static const pteval_t *touch_pte_span(struct gupx_template *template,
				      const pteval_t *entry,
				      const pteval_t *end)
{
	const struct gupx_template tmpl = *template;
	const unsigned long check_mask = tmpl.facts_mask | tmpl.lru_mask;
	struct page *const first = pfn_to_page(0);

	for (; entry < end; entry++) {
		const unsigned long pfn = get_matching_pfn(&tmpl, entry);
		struct page *page = first + pfn;

		if (pfn >= tmpl.end_pfn)
			break;
		if ((gupx_compat_page_flags(page) & check_mask) !=
			    template->noop_flags &&
		    !check_page_flags(template, page))
			break;
	}
	return entry;
}

/**
 * gupx_template_touch() - gupx_batch_mark_accessed() of what is alike
 * @template: not empty; learned of this table
 * @table: locked
 * @addr: of the first entry
 *
 * Of pages that are not taken, nobody asks who else has them (row E9).
 *
 * Return: pages that were touched, from @addr on.
 */
unsigned long gupx_template_touch(struct gupx_template *template,
				  const struct gupx_table *table,
				  unsigned long addr)
{
	const pteval_t *const first = get_entries(table, addr);
	const pteval_t *const end = first + count_whole_entries(table, addr);

	/* Whose a page is matters to FORCE only, which populate has not. */
	if (template->check_owner)
		return 0;
	return (touch_pte_span(template, first, end) - first)
	       << template->order;
}
