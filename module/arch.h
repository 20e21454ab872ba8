/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Architecture specific parts of the page-table walk. Each architecture defines the
 * same gupx_arch_*() functions; arch/x86.h documents them.
 */
#ifndef GUPX_ARCH_H
#define GUPX_ARCH_H

#if defined(CONFIG_X86_64)
#include "arch/x86.h"
#elif defined(CONFIG_ARM64)
#include "arch/arm64.h"
#else
#error "gupx does not support this architecture"
#endif

/*
 * An architecture may leave out the following functions: fewer entries then match a template,
 * and a fault in a window maps one page.
 */
#ifndef gupx_arch_dirty_bits
static inline pteval_t gupx_arch_dirty_bits(void)
{
	return 0;
}
#endif

#ifndef gupx_arch_writable_bit
static inline pteval_t gupx_arch_writable_bit(void)
{
	return 0;
}
#endif

#ifdef gupx_arch_is_cached_normally
#define GUPX_ARCH_KNOWS_CACHING true
#else
#define GUPX_ARCH_KNOWS_CACHING false
static inline bool gupx_arch_is_cached_normally(const struct page *page)
{
	return false;
}
#endif

#endif /* GUPX_ARCH_H */
