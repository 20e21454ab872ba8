/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bytes that no case may change, whatever it pins and maps: of files that are open
 * for reading only, of another's memory, of the zero page, of the vdso. A case may pin
 * and map all of them; witnesses, mapped before any case, tell whether they changed.
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
	/* Of a file above, mapped privately: a copy may change, the file not. */
	GUARD_PRIVATE,
	GUARDS,
};

/* Makes files and witnesses. False: the machine lacks something. */
bool guard_prepare(void);
/* The case's own mapping of each kind, to be pinned; 0: it has none. */
void guard_map(uint64_t addr[GUARDS]);
/* What has changed: a name; NULL: nothing. Looks at the first byte of each page. */
const char *guard_changed(void);
/* The same, of all bytes. */
const char *guard_changed_at_all(void);

#endif /* GUPX_TESTS_FUZZ_GUARD_H */
