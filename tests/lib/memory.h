/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kinds of memory, as a target may have them. A kind is a fixture's variant.
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
 * struct memory - a stretch of a target's address space
 * @addr: its first byte
 * @len: bytes, whole pages
 * @sealed_end: what follows is a hole, for at least @len bytes or eight pages
 */
struct memory {
	uint64_t addr;
	uint64_t len;
	bool sealed_end;
};

/*
 * Builds memory of @kind, nothing of it touched where that can be told. NULL, or
 * why there is none on this machine: found by looking for what it needs.
 */
const char *memory_build(const struct target *target, enum memory_kind kind,
			 struct memory *memory);
/* Kinds that the target itself may write to, so that it can be poked. */
bool memory_is_writable(enum memory_kind kind);

/* Anonymous memory of the target, never of huge pages. 0: no room. */
uint64_t memory_map_small(const struct target *target, uint64_t len);
/* Private and anonymous, @len bytes at an address that is a multiple of them. */
uint64_t memory_map_aligned(const struct target *target, uint64_t len);
/* A file of @len bytes in @dir, open in the target and nameless: its fd. */
long memory_open_file(const struct target *target, const char *dir,
		      uint64_t len);
/* A directory on an ext4, $GUPX_TEST_DISK or /mnt/disk; NULL: none. */
const char *memory_disk(void);

#endif /* GUPX_TESTS_MEMORY_H */
