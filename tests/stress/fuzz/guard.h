/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guarded bytes: files that are open for reading only, memory of another process, the
 * zero page and the vdso. A case may pin and map these bytes but must not be able to
 * change them. To check this, the fuzzer reads the bytes through mappings that were
 * created before the first case.
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
	/*
	 * A private mapping of the file of GUARD_DISK. A private copy of a page may
	 * change, but the file must not change.
	 */
	GUARD_PRIVATE,
	GUARDS,
};

/*
 * Create the files and mappings of the guarded bytes. Return: true on success, else
 * false.
 */
bool guard_prepare(void);
/*
 * Map each kind of guarded bytes, so that a case can pin them. The address of a kind is
 * 0 if mapping it failed.
 */
void guard_map(uint64_t addr[GUARDS]);
/*
 * Check the first byte of each guarded page, except for the vdso. Return: name of a
 * kind of guarded bytes whose content has changed, or NULL if no content has changed.
 */
const char *guard_changed(void);
/*
 * Check all bytes that no case may change, including the vdso. Return: NULL if no byte has
 * changed; else the name of the memory that contains a changed byte, such as "vdso".
 */
const char *guard_changed_at_all(void);

#endif /* GUPX_TESTS_FUZZ_GUARD_H */
