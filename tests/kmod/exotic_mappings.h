/* SPDX-License-Identifier: GPL-2.0 */
/* Interface between the test-only module and its tests. */
#ifndef GUPX_TESTS_RARE_H
#define GUPX_TESTS_RARE_H

#include <linux/ioctl.h>

#define EXOTIC_DEVICE "/dev/gupx-exotic-mappings"

/* The page offset of a mapping selects the kind of memory. */
#define EXOTIC_FRAMES 0	  /* frames without struct page, in a VM_MIXEDMAP */
#define EXOTIC_NO_FAULT 1 /* no pages, and no fault handler */
#define EXOTIC_SMALL 2	  /* one page with adjustable refcount */
#define EXOTIC_LARGE 3	  /* the same, a folio of EXOTIC_LARGE_PAGES */
#define EXOTIC_DOWN 4	  /* the same folio, last page first */

#define EXOTIC_LARGE_ORDER 4
#define EXOTIC_LARGE_PAGES (1 << EXOTIC_LARGE_ORDER)

/* Argument: an int to add to the reference count of the page. Undone at close. */
#define EXOTIC_ADD_SMALL _IO(0xE9, 0xF0)
#define EXOTIC_ADD_LARGE _IO(0xE9, 0xF1)
/* Returns the reference count. Meaningful only while it is positive. */
#define EXOTIC_COUNT_SMALL _IO(0xE9, 0xF2)
#define EXOTIC_COUNT_LARGE _IO(0xE9, 0xF3)
/*
 * Argument: an address of the caller. Returns EXOTIC_YOUNG and EXOTIC_DIRTY for its
 * PTE, and then clears both bits.
 */
#define EXOTIC_AGE _IO(0xE9, 0xF4)
#define EXOTIC_YOUNG 1
#define EXOTIC_DIRTY 2
/*
 * Argument: milliseconds to hold the caller's mmap_lock for writing. A signal ends it
 * early.
 */
#define EXOTIC_HOLD _IO(0xE9, 0xF5)

#endif /* GUPX_TESTS_RARE_H */
