// SPDX-License-Identifier: GPL-2.0
/*
 * Fast path: accept entries that match the last accepted entry. A verdict depends on the
 * bits of the entry, on the mapping, on the request, and on some flags of the page. If
 * all of these are the same as for an accepted entry, the verdict is the same too, so the
 * entry is accepted without being judged. Most entries match, so most of the time of a
 * pin is spent in this file.
 *
 * The fast path handles one-page folios that are mapped by PTEs, and folios that are mapped
 * by one PMD each. The slow path judges all other entries, and each entry that does not
 * match. The caller holds the page-table lock.
 */
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pageblock-flags.h>

#include "arch.h"
#include "entry.h"
#include "template.h"
#include "batch.h"
#include "longterm.h"
#include "policy.h"
#include "run.h"

/*
 * Maximum number of entries, half a table, to accept before the loop checks whether
 * another task waits for the page-table lock.
 */
#define SPAN_MAX 256UL

#define NODE_FLAGS (NODES_MASK << NODES_PGSHIFT)
#define ZONE_FLAGS (ZONES_MASK << ZONES_PGSHIFT)

/*
 * Flags that folio_mark_accessed() tests or changes, both with the classic LRU and with the
 * multi-gen LRU.
 */
#define LRU_FLAGS                                                   \
	(BIT(PG_referenced) | BIT(PG_active) | BIT(PG_workingset) | \
	 BIT(PG_unevictable) | LRU_REFS_MASK | GUPX_PG_IDLE)

/*
 * Check if an entry can be a template. The slow path has to judge each ZONE_DEVICE page,
 * because adjacent ZONE_DEVICE pages may have different memory types, such as P2PDMA. A
 * read-only PMD that maps a huge page of a file cannot be a template either: an entry of
 * the huge zero page would match the template, but needs a different verdict. The same holds
 * for a read-only PMD of anonymous memory, unless the request compares the owner.
 */
static bool is_batchable(const struct gupx_table *table,
			 const struct gupx_entry *entry, u32 request)
{
	const bool huge = table->shift != PAGE_SHIFT;

	if ((entry->facts & GUPX_E_KIND) != GUPX_E_PAGE ||
	    is_zone_device_page(entry->page) || table->shift > PMD_SHIFT)
		return false;
	if (huge && !(entry->facts & GUPX_E_WRITABLE) &&
	    (!(entry->facts & GUPX_E_PAGE_ANON) ||
	     !(request & (GUPX_R_PIN | GUPX_R_WRITE))))
		return false;
	/* Row L21: pages with flags of their own have to be flushed one by one. */
	if (huge && gupx_arch_flush_flag() && !gupx_arch_flushes_head_only())
		return false;
	return folio_order(entry->folio) == table->shift - PAGE_SHIFT;
}

/*
 * Get a pointer to the entry that maps @addr. PTEs and PMDs have the same size, so the fast
 * path reads both as raw words.
 */
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
 * Let the template compare the node and the zone of pages only if the node has special
 * zones. Otherwise node and zone do not affect the facts, and the comparison would reject
 * pages that are scattered over zones or interleaved over nodes.
 *
 * If the node ends above end_pfn, raise end_pfn to the end of the node. After this is done
 * for all nodes, end_pfn is the end of the last node. Frame numbers from end_pfn on have no
 * struct page, so they must not match. vm_normal_page() compares with highest_memmap_pfn
 * for this purpose, but this variable is not exported.
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

/*
 * Get the bits of an entry to compare. A request for reading does not depend on whether the
 * page was written. POPULATE for reading and READ do not depend either on whether the entry
 * allows writing: only row E7 (gup_must_unshare()) does, for pins. But a PMD that allows
 * writing does not map the huge zero page, see is_batchable().
 */
static pteval_t get_match_mask(const struct gupx_table *table, u32 request)
{
	pteval_t mask = gupx_arch_match_mask();

	if (!(request & GUPX_R_WRITE))
		mask &= ~gupx_arch_dirty_bits();
	if (!(request & (GUPX_R_WRITE | GUPX_R_PIN)) &&
	    table->shift == PAGE_SHIFT)
		mask &= ~gupx_arch_writable_bit();
	return mask;
}

/**
 * gupx_template_set() - make a template of an accepted entry
 * @template: template to fill. If the entry maps the zero page, the template is kept, and
 *	the entry is stored in addition. If the entry cannot be a template, the template is
 *	empty afterwards
 * @table: locked page table
 * @addr: address that the entry maps
 * @entry: facts of the entry, whose verdict is %GUPX_GO
 * @request: flags of the request, GUPX_R_*
 */
void gupx_template_set(struct gupx_template *template,
		       const struct gupx_table *table, unsigned long addr,
		       const struct gupx_entry *entry, u32 request)
{
	const pteval_t pfn_mask = gupx_arch_pfn_mask(table->shift);
	pteval_t value;

	if ((entry->facts & GUPX_E_KIND) == GUPX_E_ZERO) {
		template->zero = gupx_arch_set_accessed(
			READ_ONCE(*get_entries(table, addr)));
		return;
	}
	template->mask = 0;
	if (!is_batchable(table, entry, request))
		return;
	value = READ_ONCE(*get_entries(table, addr));
	if (!gupx_arch_has_plain_pfn(value))
		return;
	*template = (struct gupx_template){
		.mask = get_match_mask(table, request),
		.zero = template->zero,
		.value = gupx_arch_match_value(value, pfn_mask),
		/*
		 * PG_head shows if the folio is large. PG_anon_exclusive shows if no other
		 * process shares the anonymous page, which only matters for pins and writes.
		 */
		.facts_mask =
			BIT(PG_head) | (request & (GUPX_R_PIN | GUPX_R_WRITE)
						? BIT(PG_anon_exclusive)
						: 0),
		.lru_mask = LRU_FLAGS,
		.noop_flags = ~0UL,
		.shift = table->shift,
		.order = folio_order(entry->folio),
		/*
		 * Only rows E4 (FOLL_FORCE) and E7 (gup_must_unshare()) depend on whether
		 * the folio is anonymous.
		 */
		.check_owner = !(entry->facts & GUPX_E_WRITABLE) &&
			       (request & (GUPX_R_PIN | GUPX_R_WRITE)),
		.anon = entry->facts & GUPX_E_PAGE_ANON,
		.dirty = (request & GUPX_R_WRITE) && !entry->dirty,
	};
	add_nodes_facts(template, entry->page);
	/*
	 * Row O4: only match pages of the same pageblock. Pages of other pageblocks may not
	 * be long-term pinnable.
	 */
	if (gupx_longterm_zone_has_special_blocks(entry->page)) {
		template->first_pfn = ALIGN_DOWN(page_to_pfn(entry->page),
						 pageblock_nr_pages);
		template->end_pfn =
			min(template->end_pfn,
			    template->first_pfn + pageblock_nr_pages);
	}
	template->facts_value = gupx_compat_page_flags(&entry->folio->page) &
				template->facts_mask;
	/* hugetlb folios are not marked accessed. */
	if (!is_vm_hugetlb_page(table->vma))
		template->set_flags = BIT(PG_referenced);
	if (template->dirty) {
		template->lru_mask |= BIT(PG_dirty);
		template->set_flags |= BIT(PG_dirty);
	}
	/* Row L21 (flush_dcache_page()): mark_template_page() flushes pages with the flag. */
	if (request & GUPX_R_WANTS_PAGES)
		template->lru_mask |= gupx_arch_flush_flag();
}

/*
 * Mark a page accessed. If folio_mark_accessed() did not change the flags of this page, the
 * call has no effect on any other page with these flags, so store the flags in noop_flags.
 * A tail page never matches noop_flags: noop_flags contain PG_referenced, or PG_head for
 * hugetlb, and tail pages never have these two flags.
 */
static void mark_template_page(struct gupx_template *template,
			       struct page *page)
{
	struct folio *folio = page_folio(page);
	const unsigned long before = gupx_compat_page_flags(&folio->page);
	unsigned long after;

	gupx_batch_mark_folio(folio, template->dirty);
	if (template->lru_mask & gupx_arch_flush_flag())
		gupx_arch_flush_pages(folio, page, 1UL << template->order);
	after = gupx_compat_page_flags(&folio->page);
	if (!((before ^ after) & template->lru_mask) &&
	    !(template->set_flags & ~after))
		template->noop_flags =
			template->facts_value | (after & template->lru_mask);
}

/*
 * Slow path for a page whose flags differ from noop_flags: compare only the flags that
 * determine the facts. If these flags match, mark the page accessed.
 *
 * Return: true if the page matches.
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
 * Compare the properties of the page that cannot be seen in its flags.
 *
 * The refcount of a tail page is 0. So if a PTE maps a page whose refcount is not 0 and
 * which is not a head page, the page is a one-page folio. If a PMD maps a head page of a
 * folio of the template's order, the PMD maps the whole folio.
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
 * Get the frame number of an entry that matches the template. If the entry does not match,
 * the caller rejects the result: it is either larger than every frame number, or it is the
 * frame number of a tail page, whose page flags do not match. The latter happens if a PMD
 * differs from the template in a bit below the frame number of a huge page, such as the PAT
 * bit.
 */
static __always_inline unsigned long
get_matching_pfn(const struct gupx_template *template, const pteval_t *entry)
{
	return gupx_arch_match_pfn(READ_ONCE(*entry), template->value,
				   template->mask);
}

/*
 * Get the number of entries from @addr to the end of the request or of the table, at most
 * SPAN_MAX. Return 0 if @addr is in the middle of an entry. Do not count a last entry that
 * extends past the end of the request.
 */
static unsigned long count_whole_entries(const struct gupx_table *table,
					 unsigned long addr)
{
	if (!IS_ALIGNED(addr, 1UL << table->shift))
		return 0;
	return min((table->end - addr) >> table->shift, SPAN_MAX);
}

/**
 * struct span - entries to process, and the last run of the batch that gets their pages
 * @entry: next entry to process
 * @end: end of the entries; exclusive
 * @word: last run in the batch; the next new run is stored after it
 * @flags: GUPX_RUN_* of the pages
 */
struct span {
	const pteval_t *entry;
	const pteval_t *end;
	u64 *word;
	u32 flags;
};

/*
 * Take references on the pages of entries, up to the first entry that does not match. The
 * function is inlined for each call, so that the compiler generates a separate loop for
 * the constant arguments of each call.
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
	/*
	 * The word of a one-page run that directly follows the last run. If the next page has
	 * this word, it extends the last run; otherwise it begins a new run.
	 */
	u64 expected = gupx_run_next(*word, span->flags, SPAN_MAX);
	int references = pin && !order ? GUP_PIN_COUNTING_BIAS : 1 << order;

	/* Keep the compiler from computing the number of references again for each page. */
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
		if (order && pin)
			atomic_add(references,
				   &((struct folio *)page)->_pincount);
		page_ref_add(page, references);
	}
	span->entry = entry;
	span->word = word;
}

/**
 * gupx_template_take() - add the pages of entries that match a template to a batch
 * @template: template made of an entry of this table; not empty
 * @table: locked page table
 * @addr: address of the first entry
 * @batch: batch with room, whose last page is the page before @addr
 * @flags: GUPX_RUN_* of the request, from gupx_batch_run_flags()
 *
 * The function does the work of gupx_batch_take() and gupx_batch_mark_accessed() for many
 * entries. It takes the references on each page immediately and does not add pending refs.
 *
 * Return: number of pages added, from @addr on.
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

/**
 * gupx_template_take_first() - add the page of an entry to an empty batch, if it matches a
 *	template
 * @template: template made of an entry of this mapping; not empty
 * @table: locked page table
 * @addr: address of the entry
 * @batch: empty batch
 * @flags: GUPX_RUN_* of the request, from gupx_batch_run_flags()
 *
 * The function only handles plain references on one-page folios.
 *
 * Return: number of pages added: 0 or 1.
 */
unsigned long gupx_template_take_first(struct gupx_template *template,
				       const struct gupx_table *table,
				       unsigned long addr,
				       struct gupx_batch *batch, u32 flags)
{
	const unsigned long check_mask =
		template->facts_mask | template->lru_mask;
	unsigned long pfn;
	struct page *page;

	if (template->order || flags)
		return 0;
	pfn = get_matching_pfn(template, get_entries(table, addr));
	page = pfn_to_page(0) + pfn;
	if (pfn >= template->end_pfn || pfn < template->first_pfn ||
	    !matches_template(template, page, template->check_owner, 0))
		return 0;
	if ((gupx_compat_page_flags(page) & check_mask) !=
		    template->noop_flags &&
	    !check_page_flags(template, page))
		return 0;
	page_ref_add(page, 1);
	gupx_batch_add_first(batch, gupx_run_pack(pfn, 1, 0), addr);
	return 1;
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

		if (pfn >= tmpl.end_pfn) {
			if (gupx_arch_set_accessed(READ_ONCE(*entry)) !=
			    tmpl.zero)
				break;
			continue;
		}
		if ((gupx_compat_page_flags(page) & check_mask) !=
			    template->noop_flags &&
		    !check_page_flags(template, page))
			break;
	}
	return entry;
}

/**
 * gupx_template_touch() - mark pages accessed if their entries match a template
 * @template: template made of an entry of this table; not empty
 * @table: locked page table
 * @addr: address of the first entry
 *
 * The function does not take references, so it does not check the refcount (row E9). It
 * stops at the first entry that does not match.
 *
 * Return: number of pages marked, from @addr on.
 */
unsigned long gupx_template_touch(struct gupx_template *template,
				  const struct gupx_table *table,
				  unsigned long addr)
{
	const pteval_t *const first = get_entries(table, addr);
	const pteval_t *const end = first + count_whole_entries(table, addr);

	/*
	 * This check is only a precaution: check_owner is never set here. It is set if the
	 * entry is read-only and the request pins or writes. Only POPULATE calls this
	 * function. POPULATE does not pin, and it does not accept a read-only entry for a
	 * write, because it does not have FORCE.
	 */
	if (template->check_owner)
		return 0;
	return (touch_pte_span(template, first, end) - first)
	       << template->order;
}

/**
 * gupx_template_count() - count entries that match a template
 * @template: template made of an entry of this table; may be empty
 * @table: locked page table
 * @addr: address of the first entry
 *
 * The function has no effect on the pages. Entries that match have the same facts as the
 * entry of the template, for each request.
 *
 * Return: number of pages from @addr on, up to the first entry that does not match.
 */
unsigned long gupx_template_count(const struct gupx_template *template,
				  const struct gupx_table *table,
				  unsigned long addr)
{
	const struct gupx_template tmpl = *template;
	const unsigned long frames = tmpl.end_pfn - tmpl.first_pfn;
	const pteval_t *first, *entry, *end;

	if (!tmpl.mask)
		return 0;
	first = get_entries(table, addr);
	end = first + count_whole_entries(table, addr);
	for (entry = first; entry < end; entry++) {
		const unsigned long pfn = get_matching_pfn(&tmpl, entry);
		struct page *page = pfn_to_page(0) + pfn;

		/* One comparison for both limits: a smaller number wraps around. */
		if (pfn - tmpl.first_pfn >= frames ||
		    (gupx_compat_page_flags(page) & tmpl.facts_mask) !=
			    tmpl.facts_value ||
		    !matches_template(&tmpl, page, true, tmpl.order))
			break;
	}
	return (entry - first) << tmpl.order;
}
