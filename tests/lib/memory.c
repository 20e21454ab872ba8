// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lab.h"
#include "memory.h"

#define NR_PAGES 16

/* Map @len bytes that cannot be accessed, followed by a hole of the same length. */
static uint64_t reserve_range(const struct target *target, uint64_t len)
{
	const long addr = TARGET_CALL(target, SYS_mmap, 0, 2 * len, PROT_NONE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr < 0)
		return 0;
	TARGET_CALL(target, SYS_munmap, addr + len, len);
	return addr;
}

static const char *map_fixed(const struct target *target, struct memory *memory,
			     int protection, int flags, int fd)
{
	memory->sealed_end = true;
	memory->addr = reserve_range(target, memory->len);
	if (!memory->addr ||
	    TARGET_CALL(target, SYS_mmap, memory->addr, memory->len, protection,
			flags | MAP_FIXED, fd, 0) < 0)
		return "no room for a mapping";
	TARGET_CALL(target, SYS_madvise, memory->addr, memory->len,
		    MADV_NOHUGEPAGE);
	return NULL;
}

static const char *map_anon(const struct target *target, struct memory *memory)
{
	return map_fixed(target, memory, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

long memory_forbid_huge(const struct target *target, uint64_t addr,
			uint64_t len)
{
	return lab_huge_page() ? TARGET_CALL(target, SYS_madvise, addr, len,
					     MADV_NOHUGEPAGE)
			       : 0;
}

uint64_t memory_map_small(const struct target *target, uint64_t len)
{
	const long addr =
		TARGET_CALL(target, SYS_mmap, 0, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return addr < 0 || memory_forbid_huge(target, addr, len) ? 0 : addr;
}

int memory_start_target(struct target *target, uint64_t len, uint64_t written,
			uint64_t *addr)
{
	const int error = target_start(target);

	if (error)
		return error;
	*addr = memory_map_small(target, len);
	if (!*addr)
		return ENOMEM;
	return target_poke(target, *addr, written, 'T');
}

uint64_t memory_map_aligned(const struct target *target, uint64_t len)
{
	const uint64_t addr = TARGET_CALL(target, SYS_mmap, 0, 3 * len,
					  PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t aligned = (addr + len - 1) / len * len;

	if ((long)addr < 0)
		return 0;
	if (aligned > addr)
		TARGET_CALL(target, SYS_munmap, addr, aligned - addr);
	TARGET_CALL(target, SYS_munmap, aligned + len,
		    addr + 2 * len - aligned);
	return aligned;
}

/*
 * Map two huge pages, so that tests can use a range that ends in the middle of a huge
 * page.
 */
static const char *map_thp(const struct target *target, struct memory *memory)
{
	const uint64_t huge = lab_huge_page();

	if (!huge)
		return "this kernel has no transparent huge pages";
	memory->len = 2 * huge;
	memory->addr = memory_map_aligned(target, memory->len);
	memory->sealed_end = true;
	if (!memory->addr)
		return "no room for a mapping";
	if (TARGET_CALL(target, SYS_madvise, memory->addr, memory->len,
			MADV_HUGEPAGE))
		return "transparent huge pages are switched off";
	return NULL;
}

static const char *map_shmem(const struct target *target, struct memory *memory,
			     int protection)
{
	static const char name[] = "gupx-test";
	const long fd = TARGET_CALL(target, SYS_memfd_create, (long)name, 0);

	if (fd < 0 || TARGET_CALL(target, SYS_ftruncate, fd, memory->len))
		return "no memfd";
	return map_fixed(target, memory, protection, MAP_SHARED, fd);
}

static bool open_kept(const char *dir, uint64_t len, char *path, size_t size)
{
	int fd;

	if (snprintf(path, size, "%s/gupx-test.XXXXXX", dir) >= (int)size)
		return false;
	fd = mkstemp(path);
	if (fd < 0)
		return false;
	for (uint64_t at = 0; at < len; at += lab_page()) {
		const char byte = 'f';

		if (pwrite(fd, &byte, 1, at) != 1)
			break;
	}
	if (ftruncate(fd, len))
		len = 0;
	close(fd);
	return len;
}

long memory_open_file(const struct target *target, const char *dir,
		      uint64_t len)
{
	static char path[256];
	const bool made = open_kept(dir, len, path, sizeof(path));
	long fd = -1;

	/* The target was forked before @path was set, so copy @path to the target. */
	if (made && pwrite(target->mem_fd, path, sizeof(path),
			   (uintptr_t)path) == sizeof(path))
		fd = TARGET_CALL(target, SYS_openat, AT_FDCWD, (long)path,
				 O_RDWR);
	if (made)
		unlink(path);
	return fd;
}

static const char *map_file(const struct target *target, struct memory *memory,
			    const char *dir, int flags)
{
	const long fd = memory_open_file(target, dir, memory->len);

	if (fd < 0)
		return "no place for a file";
	return map_fixed(target, memory, PROT_READ | PROT_WRITE, flags, fd);
}

/* Check the filesystem type, because the directory may be an empty mount point. */
const char *memory_disk(void)
{
	const char *dir = getenv("GUPX_TEST_DISK");
	struct statfs fs;

	if (!dir)
		dir = "/mnt/disk";
	if (statfs(dir, &fs) || fs.f_type != EXT4_SUPER_MAGIC)
		return NULL;
	return dir;
}

static const char *map_disk(const struct target *target, struct memory *memory,
			    int flags)
{
	const char *dir = memory_disk();

	if (!dir)
		return "no ext4 at /mnt/disk, nor at $GUPX_TEST_DISK";
	return map_file(target, memory, dir, flags);
}

/* Returns true if the kernel's GUP can read the page at @addr, else false. */
static bool has_pages(const struct target *target, uint64_t addr)
{
	char byte;
	const struct iovec local = { &byte, 1 };
	const struct iovec remote = { (void *)addr, 1 };

	return process_vm_readv(target->pid, &local, 1, &remote, 1, 0) == 1;
}

/*
 * Map a perf buffer. The mapping has page_mkwrite(), so row V6 (no long-term write pin
 * where the filesystem tracks writes) can be tested without a disk. The event is
 * disabled, so the kernel does not write to the buffer.
 *
 * Since Linux commit b709eb872e19 ("perf: map pages in advance") the buffer is a PFN
 * mapping, which GUP refuses. On these kernels the buffer is reported as a missing
 * feature.
 */
static const char *map_perf(const struct target *target, struct memory *memory)
{
	static const struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.disabled = true,
	};
	const long fd = TARGET_CALL(target, SYS_perf_event_open, (long)&attr, 0,
				    -1, -1, 0);
	long addr;

	memory->len = lab_page() * (1 + 8);
	if (fd < 0)
		return "no perf events";
	addr = TARGET_CALL(target, SYS_mmap, 0, memory->len,
			   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr < 0)
		return "no perf buffer";
	if (!has_pages(target, addr))
		return "this kernel's perf buffer is no pages, but frames";
	/* The target may write only to the first page of the buffer. */
	memory->addr = addr;
	memory->len = lab_page();
	return NULL;
}

/* Use the low end of the stack. The target does not use this part of its stack. */
static const char *find_stack(const struct target *target,
			      struct memory *memory)
{
	uint64_t first, end;

	if (!target_find_mapping(target, "[stack]", &first, &end) ||
	    end - first < 2 * memory->len)
		return "no stack of a size to work on";
	memory->addr = first;
	return NULL;
}

static const char *map_heap(const struct target *target, struct memory *memory)
{
	const long end = TARGET_CALL(target, SYS_brk, 0);
	const long addr = (end + lab_page() - 1) / lab_page() * lab_page();

	memory->addr = addr;
	memory->sealed_end = true;
	if (TARGET_CALL(target, SYS_brk, addr + memory->len) < addr)
		return "the heap does not grow";
	return NULL;
}

static const char *map_protected(const struct target *target,
				 struct memory *memory, int protection)
{
	const char *missing = map_anon(target, memory);

	if (missing)
		return missing;
	target_poke(target, memory->addr, memory->len, 'p');
	if (TARGET_CALL(target, SYS_mprotect, memory->addr, memory->len,
			protection))
		return "no protection";
	return NULL;
}

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Install guard markers in the second half. A fault on a marker fails. */
static const char *map_guarded(const struct target *target,
			       struct memory *memory)
{
	const uint64_t half = memory->len / 2;
	const char *missing = map_anon(target, memory);

	if (missing)
		return missing;
	if (TARGET_CALL(target, SYS_madvise, memory->addr + half, half,
			MADV_GUARD_INSTALL))
		return "no guard regions: MADV_GUARD_INSTALL";
	return NULL;
}

static const char *map_hole(const struct target *target, struct memory *memory)
{
	memory->sealed_end = true;
	memory->addr = reserve_range(target, memory->len);
	if (!memory->addr)
		return "no room for a mapping";
	TARGET_CALL(target, SYS_munmap, memory->addr, memory->len);
	return NULL;
}

/*
 * Map the BIOS through /dev/mem. This is a PFN mapping (VM_PFNMAP), which GUP refuses.
 * The BIOS can be mapped even if the kernel does not allow access to RAM.
 */
static const char *map_pfnmap(const struct target *target,
			      struct memory *memory)
{
	/*
	 * The target was forked from this process, so the pointer is valid in the
	 * target.
	 */
	static const char path[] = "/dev/mem";
	const long fd = TARGET_CALL(target, SYS_openat, AT_FDCWD, (long)path,
				    O_RDONLY | O_CLOEXEC);
	long addr;

	if (fd < 0)
		return "no /dev/mem";
	memory->len = 4 * lab_page();
	memory->addr = reserve_range(target, memory->len);
	addr = TARGET_CALL(target, SYS_mmap, memory->addr, memory->len,
			   PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0xf0000);
	TARGET_CALL(target, SYS_close, fd);
	return addr < 0 ? "the kernel does not show the BIOS" : NULL;
}

const char *memory_build(const struct target *target, enum memory_kind kind,
			 struct memory *memory)
{
	*memory = (struct memory){ .len = NR_PAGES * lab_page() };
	switch (kind) {
	case MEMORY_ANON:
		return map_anon(target, memory);
	case MEMORY_THP:
		return map_thp(target, memory);
	case MEMORY_SHMEM:
		return map_shmem(target, memory, PROT_READ | PROT_WRITE);
	case MEMORY_FILE_PRIVATE:
		return map_file(target, memory, "/tmp", MAP_PRIVATE);
	case MEMORY_FILE_SHARED:
		return map_file(target, memory, "/tmp", MAP_SHARED);
	case MEMORY_DISK_PRIVATE:
		return map_disk(target, memory, MAP_PRIVATE);
	case MEMORY_DISK_SHARED:
		return map_disk(target, memory, MAP_SHARED);
	case MEMORY_PERF:
		return map_perf(target, memory);
	case MEMORY_STACK:
		return find_stack(target, memory);
	case MEMORY_HEAP:
		return map_heap(target, memory);
	case MEMORY_PROT_NONE:
		return map_protected(target, memory, PROT_NONE);
	case MEMORY_READ_ONLY:
		return map_protected(target, memory, PROT_READ);
	case MEMORY_SHMEM_READ_ONLY:
		return map_shmem(target, memory, PROT_READ);
	case MEMORY_GUARDED:
		return map_guarded(target, memory);
	case MEMORY_HOLE:
		return map_hole(target, memory);
	case MEMORY_PFNMAP:
		return map_pfnmap(target, memory);
	}
	return "no such kind";
}

bool memory_is_writable(enum memory_kind kind)
{
	switch (kind) {
	case MEMORY_PROT_NONE:
	case MEMORY_READ_ONLY:
	case MEMORY_SHMEM_READ_ONLY:
	case MEMORY_GUARDED:
	case MEMORY_HOLE:
	case MEMORY_PFNMAP:
		return false;
	default:
		return true;
	}
}
