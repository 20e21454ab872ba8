/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guarded bytes: files that are open for reading only, memory of another process, the
 * zero page and the vdso. A case may pin and map them but must not be able to change
 * them. Mappings that were created before the first case show whether they changed.
 */
#ifndef GUPX_TESTS_FUZZ_GUARD_H
#define GUPX_TESTS_FUZZ_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#define GUARD_PAGES 4

enum guard_kind {
	GUARD_DISK,
	GUARD_TMPFS,
	GUARD_OTHERS,
	GUARD_ZERO,
	GUARD_VDSO,
	/* A private mapping of GUARD_DISK: a copied page may change, the file may not. */
	GUARD_PRIVATE,
	GUARDS,
};

/* Create the files and the mappings. Return: false if that fails. */
bool guard_prepare(void);
/* Map each kind for a case, to be pinned. An address of 0: there is none. */
void guard_map(uint64_t addr[GUARDS]);
/*
 * Check the first byte of each page, without the vdso. Return: a changed kind's name or
 * NULL.
 */
const char *guard_changed(void);
/* Check all bytes, with the vdso. Return: a changed kind's name or NULL. */
const char *guard_changed_at_all(void);

#endif /* GUPX_TESTS_FUZZ_GUARD_H */
