/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Common helpers of the tests: wrappers for the module's ioctls, the kernel's pin
 * counters, page frames, privileges.
 *
 * Functions that return int return 0 or a positive errno, unless noted.
 */
#ifndef GUPX_TESTS_LAB_H
#define GUPX_TESTS_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/gupx.h>

/**
 * struct lab_answer - result of a request
 * @failed: errno of the ioctl; 0 if the request was processed
 * @pin_fd: pin fd of a PIN request, otherwise -1
 * @done: number of bytes that the request processed before it stopped
 * @stop: address and reason of the stop
 */
struct lab_answer {
	int failed;
	int pin_fd;
	uint64_t done;
	struct gupx_stop stop;
};

uint64_t lab_page(void);
uint64_t lab_huge_page(void);

/* Open the device at the first call. Returns the file descriptor, or -1. */
int lab_device(void);

/* Open /proc/PID/mem. Returns the file descriptor, or -1 with errno set. */
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

/*
 * Call READV with @nr segments. @buf has @len bytes. If @done is not NULL, store the number of
 * copied bytes in *@done.
 */
int lab_readv(int mem_fd, struct gupx_segment *segments, uint32_t nr, void *buf,
	      uint64_t len, uint32_t flags, uint64_t *done);

/*
 * Convert @answer to the return value of get_user_pages(): the number of processed
 * pages, or -errno if an error stopped the request before the first page.
 */
long lab_gup_return(const struct lab_answer *answer);

/*
 * Call EXTENTS on @pin_fd. Store up to @capacity extents in the array @runs, and the
 * other results in @head.
 */
int lab_extents(int pin_fd, struct gupx_extents *head, struct gupx_extent *runs,
		uint32_t capacity);

/*
 * Call UNPIN on a range of @pin_fd. If @released is not NULL, store the number of
 * released bytes in *@released.
 */
int lab_unpin(int pin_fd, uint64_t offset, uint64_t len, uint64_t *released);
/*
 * Call SEAL to add @seals to @pin_fd. If @sealed is not NULL, store all seals of
 * @pin_fd in *@sealed.
 */
int lab_seal(int pin_fd, uint32_t seals, uint32_t *sealed);

/*
 * For each of the @nr pages from @addr, store the page frame number in @frames, or 0 if
 * @pin_fd does not hold the page. Returns how many of the pages @pin_fd holds.
 */
size_t lab_pinned_frames(int pin_fd, uint64_t addr, size_t nr,
			 uint64_t *frames);

/*
 * Read @nr words of /proc/PID/pagemap, one for each page. If the range extends beyond
 * the user address space, all words are 0. Returns the number of pages that are
 * present.
 */
size_t lab_pagemap(pid_t pid, uint64_t addr, size_t nr, uint64_t *words);
uint64_t lab_pagemap_word(pid_t pid, uint64_t addr);
size_t lab_resident(pid_t pid, uint64_t addr, size_t nr);
#define LAB_PM_FRAME(word) ((word) & ((1ULL << 55) - 1))
#define LAB_PM_PRESENT (1ULL << 63)
#define LAB_PM_SWAP (1ULL << 62)
#define LAB_PM_FILE (1ULL << 61)

/*
 * Returns the difference nr_foll_pin_acquired - nr_foll_pin_released of the whole
 * system, or -1.
 */
long lab_pins_held(void);

/* Get and set a boolean module parameter. */
bool lab_param(const char *name);
void lab_set_param(const char *name, bool on);

/* Write @text to a file that exists. Returns 0 or an errno. */
int lab_write_text(const char *path, const char *text);

/*
 * Returns the number after @key in the first line that starts with @key in @file, or
 * -1.
 */
long lab_number(const char *file, const char *key);
bool lab_swap_is_on(void);

/* A range of page frame numbers. @end is exclusive. */
struct lab_zone {
	uint64_t first;
	uint64_t end;
};

/*
 * Find the first ZONE_MOVABLE that contains pages. Returns true if there is one, else
 * false.
 */
bool lab_find_movable(struct lab_zone *zone);

/*
 * Returns true if this process can read the byte at @at. write(2) reads the byte in the
 * kernel, so a failure is EFAULT where a direct access would raise SIGBUS or SIGSEGV.
 */
bool lab_can_read(const void *at);

/*
 * Change all user and group IDs to @uid, which drops all capabilities. The process
 * stays dumpable, so other processes of the same user can access its memory.
 */
int lab_become(uid_t uid);
int lab_drop_capability(int capability);
int lab_set_memlock(uint64_t bytes);

/*
 * Skip the test if this machine lacks a feature that the fixture needs: @missing names
 * the feature. Each test must use this macro: in older harnesses, a SKIP() in the setup
 * does not prevent the test from running.
 */
#define SKIP_IF_MISSING()                                  \
	do {                                               \
		if (self->missing)                         \
			SKIP(return, "%s", self->missing); \
	} while (0)

#endif /* GUPX_TESTS_LAB_H */
