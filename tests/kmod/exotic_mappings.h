/* SPDX-License-Identifier: GPL-2.0 */
/* Interface of the module exotic_mappings, which is only for tests. */
#ifndef GUPX_TESTS_RARE_H
#define GUPX_TESTS_RARE_H

#include <linux/ioctl.h>

#define EXOTIC_DEVICE "/dev/gupx-exotic-mappings"

/* The page offset of a mapping selects the kind of memory. */
#define EXOTIC_FRAMES 0	  /* frames without struct page; VM_MIXEDMAP is set */
#define EXOTIC_NO_FAULT 1 /* no pages, and no fault handler */
#define EXOTIC_SMALL 2	  /* one page; tests can change its refcount */
#define EXOTIC_LARGE 3	  /* one folio; tests can change its refcount */
#define EXOTIC_DOWN 4	  /* the pages of EXOTIC_LARGE in reverse order */

#define EXOTIC_LARGE_ORDER 4
#define EXOTIC_LARGE_PAGES (1 << EXOTIC_LARGE_ORDER)

/*
 * Argument: an int to add to the reference count of the page. When the file is closed,
 * the module subtracts the number again.
 */
#define EXOTIC_ADD_SMALL _IO(0xE9, 0xF0)
#define EXOTIC_ADD_LARGE _IO(0xE9, 0xF1)
/*
 * Returns the reference count of the page. The value is meaningful only while it is
 * positive, because a negative value can look like an errno.
 */
#define EXOTIC_COUNT_SMALL _IO(0xE9, 0xF2)
#define EXOTIC_COUNT_LARGE _IO(0xE9, 0xF3)
/*
 * Argument: an address in the calling process. Clears the accessed and dirty bits of
 * the PTE for this address. Returns the previous bits as EXOTIC_YOUNG and EXOTIC_DIRTY.
 */
#define EXOTIC_AGE _IO(0xE9, 0xF4)
#define EXOTIC_YOUNG 1
#define EXOTIC_DIRTY 2
/*
 * Argument: milliseconds for which to hold the mmap_lock of the calling process for
 * writing. A signal ends the wait early.
 */
#define EXOTIC_HOLD _IO(0xE9, 0xF5)

#endif /* GUPX_TESTS_RARE_H */
