/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test needs: requests to the module with one line each, the
 * kernel's own account of pins, page frames, privileges.
 *
 * Functions that return int say 0 or a positive errno, unless noted.
 */
#ifndef GUPX_TESTS_LAB_H
#define GUPX_TESTS_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/gupx.h>

/**
 * struct lab_answer - what a request came to
 * @failed: errno of the ioctl, 0 where the loop ran
 * @pin_fd: PIN only, else -1
 * @done: bytes
 * @stop: where it stopped
 */
struct lab_answer {
	int failed;
	int pin_fd;
	uint64_t done;
	struct gupx_stop stop;
};

uint64_t lab_page(void);
uint64_t lab_huge_page(void);

/* The device, opened once. -1: there is none. */
int lab_device(void);

/* A new fd of /proc/PID/mem, or -1 with errno set. */
int lab_open_mem(pid_t pid, int flags);
int lab_info(struct gupx_info *info);
struct lab_answer lab_pin(int mem_fd, uint64_t addr, uint64_t len,
			  uint32_t flags);
struct lab_answer lab_pin_more(int pin_fd, int mem_fd, uint64_t addr,
			       uint64_t len, uint32_t flags);
struct lab_answer lab_populate(int mem_fd, uint64_t addr, uint64_t len,
			       uint32_t flags);
struct lab_answer lab_read(int mem_fd, uint64_t addr, uint64_t len, void *buf,
			   uint32_t flags);

/* What get_user_pages() would have returned: pages, or -errno. */
long lab_gup_return(const struct lab_answer *answer);

/* EXTENTS: the numbers to @head, up to @capacity runs to @runs. */
int lab_extents(int pin_fd, struct gupx_extents *head, struct gupx_extent *runs,
		uint32_t capacity);

/* UNPIN of a part of @pin_fd. The bytes released go to @released, unless it is NULL. */
int lab_unpin(int pin_fd, uint64_t offset, uint64_t len, uint64_t *released);
/* SEAL: adds @seals. All that it has then go to @sealed, unless it is NULL. */
int lab_seal(int pin_fd, uint32_t seals, uint32_t *sealed);

/*
 * The frames that @pin_fd holds of @nr pages from @addr on, one a page, 0 where
 * it holds none. Returns the pages found.
 */
size_t lab_pinned_frames(int pin_fd, uint64_t addr, size_t nr,
			 uint64_t *frames);

/*
 * Words of /proc/PID/pagemap, one a page; all 0 where it ends, as beyond the
 * user's half of the addresses. Returns how many pages are present.
 */
size_t lab_pagemap(pid_t pid, uint64_t addr, size_t nr, uint64_t *words);
uint64_t lab_pagemap_word(pid_t pid, uint64_t addr);
size_t lab_resident(pid_t pid, uint64_t addr, size_t nr);
#define LAB_PM_FRAME(word) ((word) & ((1ULL << 55) - 1))
#define LAB_PM_PRESENT (1ULL << 63)
#define LAB_PM_SWAP (1ULL << 62)
#define LAB_PM_FILE (1ULL << 61)

/* nr_foll_pin_acquired - nr_foll_pin_released, of the whole system. */
long lab_pins_held(void);

/* A boolean module parameter. */
bool lab_param(const char *name);
void lab_set_param(const char *name, bool on);

/* A line of @file that begins with @key: the number behind it, or -1. */
long lab_number(const char *file, const char *key);
bool lab_swap_is_on(void);

/* Page frames, @end exclusive. */
struct lab_zone {
	uint64_t first;
	uint64_t end;
};

/* The frames of the first ZONE_MOVABLE that has any; false: none has. */
bool lab_find_movable(struct lab_zone *zone);

/* All ids and no capabilities. Its own memory stays open to its like. */
int lab_become(uid_t uid);
int lab_drop_capability(int capability);
int lab_set_memlock(uint64_t bytes);

/*
 * Of a fixture with @missing: NULL, or what the machine lacks. Each test has to ask,
 * for a skip in the setup keeps none from running, in older harnesses.
 */
#define SKIP_IF_MISSING()                                  \
	do {                                               \
		if (self->missing)                         \
			SKIP(return, "%s", self->missing); \
	} while (0)

#endif /* GUPX_TESTS_LAB_H */
