/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Build mappings of different kinds in a target. Tests use the kinds as fixture
 * variants.
 */
#ifndef GUPX_TESTS_MEMORY_H
#define GUPX_TESTS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target.h"

enum memory_kind {
	MEMORY_ANON,
	MEMORY_THP,
	MEMORY_SHMEM,
	MEMORY_FILE_PRIVATE,
	MEMORY_FILE_SHARED,
	MEMORY_DISK_PRIVATE,
	MEMORY_DISK_SHARED,
	MEMORY_PERF,
	MEMORY_STACK,
	MEMORY_HEAP,
	MEMORY_PROT_NONE,
	MEMORY_READ_ONLY,
	MEMORY_SHMEM_READ_ONLY,
	MEMORY_GUARDED,
	MEMORY_HOLE,
	MEMORY_PFNMAP,
};

/**
 * struct memory - a range of a target's address space
 * @addr: start address
 * @len: length in bytes, a multiple of the page size
 * @sealed_end: true if nothing is mapped in the @len bytes after the range
 */
struct memory {
	uint64_t addr;
	uint64_t len;
	bool sealed_end;
};

/*
 * Build memory of @kind in the target. Unless the kind requires resident pages, the
 * pages are not faulted in. Returns NULL on success, else the missing feature as text.
 */
const char *memory_build(const struct target *target, enum memory_kind kind,
			 struct memory *memory);
/*
 * Returns true if the target can write to memory of @kind, so that target_poke()
 * works.
 */
bool memory_is_writable(enum memory_kind kind);

/*
 * Prevent huge pages in the range with madvise(). On a kernel without huge pages, such as
 * one with PREEMPT_RT, do nothing. Returns 0 or -errno.
 */
long memory_forbid_huge(const struct target *target, uint64_t addr,
			uint64_t len);
/* Map anonymous memory without huge pages. Returns the address, or 0 on failure. */
uint64_t memory_map_small(const struct target *target, uint64_t len);
/*
 * Start a target with @len bytes of such memory at @addr. Each page of the
 * first @written bytes begins with the byte 'T'. Returns 0 or an errno.
 */
int memory_start_target(struct target *target, uint64_t len, uint64_t written,
			uint64_t *addr);
/*
 * Map @len bytes of private anonymous memory, aligned to @len. Returns the address,
 * or 0 on failure.
 */
uint64_t memory_map_aligned(const struct target *target, uint64_t len);
/*
 * Open an unlinked file of @len bytes in @dir. Returns the file descriptor in the
 * target, or a negative number.
 */
long memory_open_file(const struct target *target, const char *dir,
		      uint64_t len);
/*
 * Returns a directory on ext4: $GUPX_TEST_DISK, by default /mnt/disk. Returns NULL if
 * that directory is not on ext4.
 */
const char *memory_disk(void);

#endif /* GUPX_TESTS_MEMORY_H */
