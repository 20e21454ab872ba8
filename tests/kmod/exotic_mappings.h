/* SPDX-License-Identifier: GPL-2.0 */
/* What the test-only module and its test have to agree on. */
#ifndef GUPX_TESTS_RARE_H
#define GUPX_TESTS_RARE_H

#include <linux/ioctl.h>

#define EXOTIC_DEVICE "/dev/gupx-exotic-mappings"

/* The page offset of a mapping says what kind of memory it is. */
#define EXOTIC_FRAMES 0	  /* page frames without struct page, among pages */
#define EXOTIC_NO_FAULT 1 /* nothing there, and nobody to bring it */
#define EXOTIC_SMALL 2	  /* one page, whose references can be played with */
#define EXOTIC_LARGE 3	  /* the same, a folio of EXOTIC_LARGE_PAGES */
#define EXOTIC_DOWN 4	  /* that folio, its last page first */

#define EXOTIC_LARGE_ORDER 4
#define EXOTIC_LARGE_PAGES (1 << EXOTIC_LARGE_ORDER)

/* Argument: an int to add to the page's reference count; taken back at close. */
#define EXOTIC_ADD_SMALL _IO(0xE9, 0xF0)
#define EXOTIC_ADD_LARGE _IO(0xE9, 0xF1)
/* The count itself; meaningful as long as it is positive. */
#define EXOTIC_COUNT_SMALL _IO(0xE9, 0xF2)
#define EXOTIC_COUNT_LARGE _IO(0xE9, 0xF3)
/* Argument: an address of the caller. RARE_* of its entry, which is aged then. */
#define EXOTIC_AGE _IO(0xE9, 0xF4)
#define EXOTIC_YOUNG 1
#define EXOTIC_DIRTY 2
/* Argument: ms to hold the caller's mmap_lock for writing; a signal ends it. */
#define EXOTIC_HOLD _IO(0xE9, 0xF5)

#endif /* GUPX_TESTS_RARE_H */
