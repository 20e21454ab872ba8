/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_RUN_H
#define GUPX_RUN_H

#include <linux/mm.h>

/* How a run was taken, and so how it has to be released. */
#define GUPX_RUN_PIN BIT(0) /* otherwise a plain reference (GET) */
#define GUPX_RUN_WRITE BIT(1)
#define GUPX_RUN_KERNEL BIT(2) /* by the kernel's engine */
#define GUPX_RUN_ZERO BIT(3)   /* nr times the one zero page */
#define GUPX_RUN_SHORT BIT(4)  /* not fit to be held for long */
#define GUPX_RUN_LARGE BIT(5)  /* pages of one large folio */
/* Of a pin set: pages that were released before the others. No folio is both. */
#define GUPX_RUN_RELEASED (GUPX_RUN_ZERO | GUPX_RUN_LARGE)

/* The largest folio there is: 1 GiB. */
#define GUPX_RUN_PAGES_MAX BIT(18)

/**
 * struct gupx_run - pages in a row, in the target and in memory
 * @addr: of the first page in the target
 * @page: the first page; all lie in one folio, or all are one-page folios
 * @nr: pages, at most %GUPX_RUN_PAGES_MAX
 * @flags: GUPX_RUN_*
 */
struct gupx_run {
	unsigned long addr;
	struct page *page;
	u32 nr;
	u32 flags;
};

/*
 * The same as one word, where the address follows from those before it: frame
 * number, pages less one, flags.
 */
#define GUPX_RUN_PFN_BITS 40
#define GUPX_RUN_NR_BITS 18
#define GUPX_RUN_FLAG_BITS 6
#define GUPX_RUN_FLAG_SHIFT (GUPX_RUN_PFN_BITS + GUPX_RUN_NR_BITS)
/* To be added for one page more. */
#define GUPX_RUN_ONE_MORE BIT_ULL(GUPX_RUN_PFN_BITS)

static_assert(BIT(GUPX_RUN_NR_BITS) == GUPX_RUN_PAGES_MAX);
static_assert(BIT(GUPX_RUN_FLAG_BITS) > GUPX_RUN_LARGE);
static_assert(GUPX_RUN_FLAG_SHIFT + GUPX_RUN_FLAG_BITS == 64);

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

/* A part of a run: @nr pages, behind the first @skip. */
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

/* The page at an index of a run. */
static inline struct page *gupx_run_page(const struct gupx_run *run, u32 index)
{
	return run->flags & GUPX_RUN_ZERO ? run->page : run->page + index;
}

/*
 * The word of one page that would go on where a run ends and may join it, if the
 * run has room for @room more; else one that no page has.
 */
static inline u64 gupx_run_next(u64 word, u32 flags, unsigned long room)
{
	const unsigned long nr = gupx_run_pages(word);

	if (gupx_run_flags(word) != flags || nr + room > GUPX_RUN_PAGES_MAX)
		return ~0ULL;
	return gupx_run_pack(gupx_run_pfn(word) + nr, 1, flags);
}

#endif /* GUPX_RUN_H */
