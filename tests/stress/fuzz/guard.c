// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guard.h"

#define PAGE 4096UL
#define BYTES (GUARD_PAGES * PAGE)

static const char *const names[GUARDS] = {
	[GUARD_DISK] = "a file on disk, open for reading",
	[GUARD_TMPFS] = "a file in memory, open for reading",
	[GUARD_OTHERS] = "memory of another",
	[GUARD_ZERO] = "the zero page",
	[GUARD_VDSO] = "the vdso",
};

/**
 * struct guard - one kind of guarded bytes
 * @fd: descriptor of the file, open for reading only; -1 if there is no file
 * @unpinned: mapping through which the bytes are checked; NULL if there is none. Cases
 *	pin the bytes through other mappings, except for the vdso.
 * @expected: the bytes that @unpinned must contain
 * @len: number of bytes
 */
static struct guard {
	int fd;
	const uint8_t *unpinned;
	uint8_t expected[BYTES];
	size_t len;
} guards[GUARDS];

static bool map_unpinned(struct guard *guard, int flags)
{
	void *at = mmap(NULL, BYTES, PROT_READ, flags, guard->fd, 0);

	if (at == MAP_FAILED)
		return false;
	guard->unpinned = at;
	guard->len = BYTES;
	memcpy(guard->expected, at, BYTES);
	return true;
}

/*
 * Fill the file and close @writer, so that cases have no descriptor that is open for
 * writing.
 */
static bool prepare_file(struct guard *guard, int writer, const char *path)
{
	char link[64];
	uint8_t page[PAGE];
	bool good = writer >= 0;

	for (unsigned int i = 0; good && i < GUARD_PAGES; i++) {
		memset(page, 0x40 + i, sizeof(page));
		good = write(writer, page, sizeof(page)) == sizeof(page);
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", writer);
	guard->fd = open(path ? path : link, O_RDONLY | O_CLOEXEC);
	if (writer >= 0) {
		fsync(writer);
		close(writer);
	}
	return good && guard->fd >= 0 && map_unpinned(guard, MAP_SHARED);
}

static int create_file(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static void prepare_vdso(struct guard *guard)
{
	guard->unpinned = (const void *)getauxval(AT_SYSINFO_EHDR);
	guard->len = guard->unpinned ? PAGE : 0;
	if (guard->unpinned)
		memcpy(guard->expected, guard->unpinned, guard->len);
}

bool guard_prepare(void)
{
	static const char disk[] = "/mnt/disk/fuzz-guard";
	static const char tmpfs[] = "/tmp/fuzz-guard";

	for (unsigned int i = 0; i < GUARDS; i++)
		guards[i].fd = -1;
	prepare_vdso(&guards[GUARD_VDSO]);
	return prepare_file(&guards[GUARD_DISK], create_file(disk), disk) &&
	       prepare_file(&guards[GUARD_TMPFS], create_file(tmpfs), tmpfs) &&
	       prepare_file(&guards[GUARD_OTHERS],
			    memfd_create("fuzz-guard", MFD_CLOEXEC), NULL) &&
	       map_unpinned(&guards[GUARD_ZERO], MAP_PRIVATE | MAP_ANONYMOUS);
}

static uint64_t map_guard(int fd, int flags)
{
	void *at = mmap(NULL, BYTES, PROT_READ, flags, fd, 0);

	return at == MAP_FAILED ? 0 : (uintptr_t)at;
}

void guard_map(uint64_t addr[GUARDS])
{
	addr[GUARD_DISK] = map_guard(guards[GUARD_DISK].fd, MAP_SHARED);
	addr[GUARD_TMPFS] = map_guard(guards[GUARD_TMPFS].fd, MAP_SHARED);
	addr[GUARD_OTHERS] = map_guard(guards[GUARD_OTHERS].fd, MAP_SHARED);
	addr[GUARD_ZERO] = map_guard(-1, MAP_PRIVATE | MAP_ANONYMOUS);
	addr[GUARD_VDSO] = (uintptr_t)guards[GUARD_VDSO].unpinned;
	addr[GUARD_PRIVATE] = map_guard(guards[GUARD_DISK].fd, MAP_PRIVATE);
}

/*
 * Do not check GUARD_VDSO, because a case may legitimately get its own copy of the vdso
 * page.
 */
const char *guard_changed(void)
{
	for (unsigned int i = 0; i < GUARD_VDSO; i++)
		for (size_t at = 0; at < guards[i].len; at += PAGE)
			if (*(volatile const uint8_t *)&guards[i]
				     .unpinned[at] != guards[i].expected[at])
				return names[i];
	return NULL;
}

const char *guard_changed_at_all(void)
{
	for (unsigned int i = 0; i < GUARD_PRIVATE; i++)
		if (memcmp(guards[i].unpinned, guards[i].expected,
			   guards[i].len))
			return names[i];
	return NULL;
}
