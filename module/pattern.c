// SPDX-License-Identifier: GPL-2.0
/*
 * Entries like the one before. A verdict follows from facts, and those from the
 * entry's bits, the mapping, the request, and a few marks of the page: an entry
 * that has all of that in common with one that was judged and taken is taken as
 * well. That is most of them, so what a pin costs is decided here.
 *
 * One-page folios under PTEs only. All else goes the long way, as does the first
 * entry that is not alike. Under the table's lock.
 */
#include <linux/mm.h>
#include <linux/mmzone.h>

#include "entry.h"
#include "pattern.h"
#include "pin.h"
#include "run.h"

/* Pages at a time: then somebody else may want the table's lock. */
#define PAGES_MAX 64UL

/* Where the page lies, whose it is, and whether it is one of many. */
#define TELLING_FLAGS \
	(ZONEID_MASK << ZONEID_PGSHIFT | BIT(PG_head) | BIT(PG_anon_exclusive))

/* Of an entry: which frame of the section; and the mark that any access may set. */
#define FRAME_BITS ((PAGES_PER_SECTION - 1) << PAGE_SHIFT)
#define VARYING_BITS (FRAME_BITS | _PAGE_ACCESSED)

/*
 * Does the entry's frame stand there as it is? Not where a hypervisor counts frames
 * otherwise, and not where the entry was inverted, to be of no use to a CPU.
 */
static bool shows_frame(pteval_t entry)
{
	return !cpu_feature_enabled(X86_FEATURE_XENPV) &&
	       (entry & _PAGE_PRESENT);
}

/* Device memory is not all of one kind: each of its pages goes the long way. */
static bool is_plain(const struct gupx_table *table,
		     const struct gupx_entry *entry)
{
	return table->shift == PAGE_SHIFT &&
	       (entry->facts & GUPX_E_KIND) == GUPX_E_PAGE &&
	       !folio_test_large(entry->folio) &&
	       !is_zone_device_page(entry->page);
}

/**
 * gupx_pattern_learn() - the pattern of an entry
 * @pattern: to be filled
 * @table: locked
 * @addr: of the entry
 * @entry: judged %GUPX_GO
 * @write: pages are to be marked dirty
 */
void gupx_pattern_learn(struct gupx_pattern *pattern,
			const struct gupx_table *table, unsigned long addr,
			const struct gupx_entry *entry, bool write)
{
	struct page *page = entry->page;
	pteval_t value;

	*pattern = (struct gupx_pattern){};
	if (!is_plain(table, entry))
		return;
	value = native_pte_val(ptep_get(table->pte + pte_index(addr)));
	if (!shows_frame(value))
		return;
	pattern->entry = value;
	pattern->first = pfn_to_page(page_to_pfn(page) & PAGE_SECTION_MASK);
	pattern->flags = gupx_compat_page_flags(page) & TELLING_FLAGS;
	pattern->marks = BIT(PG_active) | BIT(PG_referenced);
	pattern->node = page_to_nid(page);
	pattern->anon = entry->facts & GUPX_E_PAGE_ANON;
	pattern->dirty = write && !entry->dirty;
	if (pattern->dirty)
		pattern->marks |= BIT(PG_dirty);
}

/* Is the page, of an entry that is, like the pattern's? @flags: its own. */
static __always_inline bool is_alike(const struct gupx_pattern *pattern,
				     struct page *page, unsigned long flags)
{
	if (((flags ^ pattern->flags) & TELLING_FLAGS) || PageTail(page))
		return false;
	/* Neither head nor tail: a folio of its own. */
	return folio_test_anon((struct folio *)page) == pattern->anon &&
	       page_ref_count(page) > 0;
}

static __always_inline struct page *page_of(const struct gupx_pattern *pattern,
					    pteval_t entry)
{
	return pattern->first + ((entry & FRAME_BITS) >> PAGE_SHIFT);
}

static __always_inline void touch(const struct gupx_pattern *pattern,
				  struct page *page, unsigned long flags)
{
	if ((flags & (pattern->marks | GUPX_PG_IDLE)) != pattern->marks)
		gupx_pin_mark(page_folio(page), pattern->dirty);
}

static pte_t *first_of(const struct gupx_table *table, unsigned long addr,
		       unsigned long *nr)
{
	*nr = min((table->end - addr) >> PAGE_SHIFT, PAGES_MAX);
	return table->pte + pte_index(addr);
}

/**
 * gupx_pattern_take() - gupx_pin_take() and _touch() of what is alike
 * @pattern: not empty; learned of this table
 * @table: locked
 * @addr: of the first entry
 * @batch: has room; its last page is the one before @addr
 * @flags: GUPX_RUN_PIN or 0, GUPX_RUN_WRITE
 *
 * Return: pages taken, from @addr on.
 */
unsigned long gupx_pattern_take(const struct gupx_pattern *pattern,
				const struct gupx_table *table,
				unsigned long addr, struct gupx_batch *batch,
				u32 flags)
{
	const struct gupx_pattern model = *pattern;
	const int references = flags & GUPX_RUN_PIN ? GUP_PIN_COUNTING_BIAS : 1;
	u64 *word = gupx_pin_last(batch);
	u64 *const end = batch->word + batch->capacity;
	u64 expected = gupx_run_next(*word, flags, PAGES_MAX);
	unsigned long most, nr;
	pte_t *ptep = first_of(table, addr, &most);

	for (nr = 0; nr < most; nr++, ptep++) {
		const pteval_t entry = native_pte_val(ptep_get(ptep));
		struct page *page = page_of(&model, entry);
		unsigned long page_flags;
		u64 next;

		if ((entry ^ model.entry) & ~VARYING_BITS)
			break;
		page_flags = gupx_compat_page_flags(page);
		if (!is_alike(&model, page, page_flags))
			break;
		next = gupx_run_pack(page_to_pfn(page), 1, flags);
		if (next == expected)
			*word += GUPX_RUN_ONE_MORE;
		else if (++word < end)
			*word = next;
		else
			break;
		/* The next frame, as a run of its own. */
		expected = next + 1;
		page_ref_add(page, references);
		touch(&model, page, page_flags);
	}
	gupx_pin_note(batch, min(word, end - 1), nr, model.node, flags);
	return nr;
}

/**
 * gupx_pattern_touch() - gupx_pin_touch() of what is alike
 * @pattern: not empty; learned of this table
 * @table: locked
 * @addr: of the first entry
 *
 * Return: pages that were touched, from @addr on.
 */
unsigned long gupx_pattern_touch(const struct gupx_pattern *pattern,
				 const struct gupx_table *table,
				 unsigned long addr)
{
	const struct gupx_pattern model = *pattern;
	unsigned long most, nr;
	pte_t *ptep = first_of(table, addr, &most);

	for (nr = 0; nr < most; nr++, ptep++) {
		const pteval_t entry = native_pte_val(ptep_get(ptep));
		struct page *page = page_of(&model, entry);
		unsigned long page_flags;

		if ((entry ^ model.entry) & ~VARYING_BITS)
			break;
		page_flags = gupx_compat_page_flags(page);
		if (!is_alike(&model, page, page_flags))
			break;
		touch(&model, page, page_flags);
	}
	return nr;
}
