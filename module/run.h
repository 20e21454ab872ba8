/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_RUN_H
#define GUPX_RUN_H

#include <linux/mm.h>

/* Flags of a run. They determine how the pages of the run have to be released. */
enum {
	/* The pages are pinned. Without this flag, the run only has plain references (GET). */
	GUPX_RUN_PIN_BIT,
	GUPX_RUN_WRITE_BIT,
	GUPX_RUN_KERNEL_BIT, /* the kernel's engine took the references */
	GUPX_RUN_ZERO_BIT,   /* every page is the zero page */
	GUPX_RUN_SHORT_BIT,  /* the pins are not long-term pins */
	GUPX_RUN_LARGE_BIT,  /* all pages are part of one large folio */
	GUPX_RUN_FLAG_BITS,
};

#define GUPX_RUN_PIN BIT(GUPX_RUN_PIN_BIT)
#define GUPX_RUN_WRITE BIT(GUPX_RUN_WRITE_BIT)
#define GUPX_RUN_KERNEL BIT(GUPX_RUN_KERNEL_BIT)
#define GUPX_RUN_ZERO BIT(GUPX_RUN_ZERO_BIT)
#define GUPX_RUN_SHORT BIT(GUPX_RUN_SHORT_BIT)
#define GUPX_RUN_LARGE BIT(GUPX_RUN_LARGE_BIT)
/*
 * The flags ZERO and LARGE together mark pages that UNPIN has released. No other run has
 * both flags, because the zero page is not part of a large folio.
 */
#define GUPX_RUN_RELEASED (GUPX_RUN_ZERO | GUPX_RUN_LARGE)

/* Number of pages of the largest folio, which has 1 GiB. */
#define GUPX_RUN_PAGES_MAX BIT(18)

/**
 * struct gupx_run - consecutive pages of the target that are also physically contiguous
 * @addr: address of the first page in the target
 * @page: first page; all pages are part of one folio, or all are one-page folios
 * @nr: number of pages, at most %GUPX_RUN_PAGES_MAX
 * @flags: GUPX_RUN_*
 *
 * A run with %GUPX_RUN_ZERO is an exception: each of its pages is the zero page.
 */
struct gupx_run {
	unsigned long addr;
	struct page *page;
	u32 nr;
	u32 flags;
};

/*
 * A run can be packed into one word, which consists of the frame number, the number of
 * pages minus one, and the flags. The word does not contain the address of the run; the
 * address is computed from the lengths of the runs before it.
 */
#define GUPX_RUN_PFN_BITS 40
#define GUPX_RUN_NR_BITS 18
#define GUPX_RUN_FLAG_SHIFT (GUPX_RUN_PFN_BITS + GUPX_RUN_NR_BITS)
/* Add this value to the word of a run to extend the run by one page. */
#define GUPX_RUN_ONE_MORE BIT_ULL(GUPX_RUN_PFN_BITS)

static_assert(BIT(GUPX_RUN_NR_BITS) == GUPX_RUN_PAGES_MAX);
static_assert(GUPX_RUN_FLAG_SHIFT + GUPX_RUN_FLAG_BITS <= 64,
	      "new GUPX_RUN_ flag: the word of a run has no bit left");

static inline u64 gupx_run_pack(unsigned long pfn, unsigned long nr, u32 flags)
{
	BUILD_BUG_ON(MAX_PHYSMEM_BITS - PAGE_SHIFT > GUPX_RUN_PFN_BITS);
	return pfn | (u64)(nr - 1) << GUPX_RUN_PFN_BITS |
	       (u64)flags << GUPX_RUN_FLAG_SHIFT;
}

static inline unsigned long gupx_run_pfn(u64 word)
{
	return word & (BIT_ULL(GUPX_RUN_PFN_BITS) - 1);
}

static inline unsigned long gupx_run_pages(u64 word)
{
	return ((word >> GUPX_RUN_PFN_BITS) & (GUPX_RUN_PAGES_MAX - 1)) + 1;
}

static inline u32 gupx_run_flags(u64 word)
{
	return word >> GUPX_RUN_FLAG_SHIFT;
}

static inline bool gupx_run_is_released(u64 word)
{
	return gupx_run_flags(word) == GUPX_RUN_RELEASED;
}

/* Get the part of a run that starts after @skip pages and has @nr pages. */
static inline u64 gupx_run_part(u64 word, unsigned long skip, unsigned long nr)
{
	const u32 flags = gupx_run_flags(word);
	const bool moves = !(flags & GUPX_RUN_ZERO);

	return gupx_run_pack(gupx_run_pfn(word) + (moves ? skip : 0), nr,
			     flags);
}

static inline struct gupx_run gupx_run_unpack(unsigned long addr, u64 word)
{
	return (struct gupx_run){
		.addr = addr,
		.page = pfn_to_page(gupx_run_pfn(word)),
		.nr = gupx_run_pages(word),
		.flags = gupx_run_flags(word),
	};
}

/* Get the page at @index in a run. */
static inline struct page *gupx_run_page(const struct gupx_run *run, u32 index)
{
	return run->flags & GUPX_RUN_ZERO ? run->page : run->page + index;
}

/*
 * Get the word that a one-page run has if its page directly follows the run @word. If the
 * run of the next page has this word, a caller may extend the run @word instead of adding a
 * run. Returns ~0, which is not the word of any run, if the flags of the run are not
 * @flags, or if extending the run by @room pages would exceed %GUPX_RUN_PAGES_MAX.
 */
static inline u64 gupx_run_next(u64 word, u32 flags, unsigned long room)
{
	const unsigned long nr = gupx_run_pages(word);

	if (gupx_run_flags(word) != flags || nr + room > GUPX_RUN_PAGES_MAX)
		return ~0ULL;
	return gupx_run_pack(gupx_run_pfn(word) + nr, 1, flags);
}

/* Row E8z: pins of the zero page are not counted on kernels with is_zero_page(). */
static inline bool gupx_run_is_uncounted(u32 flags)
{
	return (flags & GUPX_RUN_ZERO) && (flags & GUPX_RUN_PIN) &&
	       gupx_can_skip_zero_page();
}

/*
 * Check a page of a run with @flags for hardware poison. If any page of a hugetlb folio is
 * poisoned, the kernel marks the head page, so the whole folio counts as poisoned.
 */
static inline bool gupx_run_page_is_poisoned(u32 flags, struct page *page)
{
	struct folio *folio;

	if (PageHWPoison(page))
		return true;
	if (!(flags & GUPX_RUN_LARGE))
		return false;
	folio = page_folio(page);
	return folio_test_large(folio) && folio_test_hugetlb(folio) &&
	       PageHWPoison(&folio->page);
}

#endif /* GUPX_RUN_H */
