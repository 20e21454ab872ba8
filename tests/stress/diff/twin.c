// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab.h"
#include "memory.h"
#include "twin.h"
#include "uffd_rwp.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define VSYSCALL 0xffffffffff600000UL
#define USER_END 0x7ffffffff000UL

#define PATTERN_BYTES (8UL << 20)
#define PAGEOUT_TRIES 4

static int pattern = -1;
static int sink = -1;

static int make_memfd(uint64_t len)
{
	const int fd = memfd_create("gupx-diff", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, len)) {
		perror("# memfd");
		exit(1);
	}
	return fd;
}

void twin_prepare(void)
{
	uint64_t *words;

	pattern = make_memfd(PATTERN_BYTES);
	sink = make_memfd(PATTERN_BYTES);
	words = mmap(NULL, PATTERN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		     pattern, 0);
	if (words == MAP_FAILED)
		exit(1);
	for (uint64_t i = 0; i < PATTERN_BYTES / sizeof(*words); i++)
		words[i] = (i + 1) * 0x9e3779b97f4a7c15;
	munmap(words, PATTERN_BYTES);
}

/*
 * Return: an offset in the pattern file. The bytes from this offset on are stored at
 * @at. The offset depends on @at and on the index of the operation, so that each page
 * and each operation has different contents.
 */
static off_t pattern_at(uint64_t at, size_t index)
{
	return (at / 8 + index * 0x11238) % (PATTERN_BYTES / 4);
}

static int open_nameless(const char *dir)
{
	return dir ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
}

static int open_kind(const struct op *op)
{
	static const struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
	};

	switch (op->kind) {
	case OP_MAP_MEMFD:
		return memfd_create("gupx-diff", MFD_CLOEXEC);
	case OP_MAP_TMPFS:
		return open_nameless("/tmp");
	case OP_MAP_DISK:
		return open_nameless(memory_disk());
	case OP_MAP_PERF:
		return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	case OP_MAP_SECRET:
		return syscall(SYS_memfd_secret, 0);
	default:
		return -1;
	}
}

/*
 * Create the file of a mapping. fsync() writes all pages of a file on disk, so that
 * background writeback has nothing to write later.
 */
static int make_file(const struct op *op, size_t index)
{
	const int fd = open_kind(op);
	uint64_t len = op->len;
	off_t from = pattern_at(op->at, index);

	if (fd < 0 || op->kind == OP_MAP_PERF)
		return fd;
	if (op->flags & OP_F_SHORT_FILE)
		len = len / 2 / lab_page() * lab_page() + 1;
	if (op->kind == OP_MAP_SECRET) {
		if (ftruncate(fd, len))
			perror("# secretmem");
		return fd;
	}
	while (len) {
		const ssize_t done =
			copy_file_range(pattern, &from, fd, NULL, len, 0);

		if (done <= 0)
			break;
		len -= done;
	}
	while (len) {
		char bytes[4096];
		const ssize_t want = len < sizeof(bytes) ? len : sizeof(bytes);

		if (pread(pattern, bytes, want, from) != want ||
		    write(fd, bytes, want) != want)
			break;
		from += want;
		len -= want;
	}
	if (op->kind == OP_MAP_DISK)
		fsync(fd);
	return fd;
}

int twin_start(struct twin *twin, const struct op *ops, size_t nr)
{
	uint64_t end;
	int error;

	memset(twin, 0, sizeof(*twin));
	twin->watch = -1;
	for (size_t i = 0; i < OPS_MAX; i++)
		twin->files[i] = i < nr && op_is_map(&ops[i])
					 ? make_file(&ops[i], i)
					 : -1;
	error = target_start(&twin->target);
	if (!error &&
	    !target_find_mapping(&twin->target, "[vvar]", &twin->vvar, &end))
		twin->vvar = 0;
	return error;
}

/*
 * Kill the child and wait until the child's memory is freed. Until then, pages that
 * both processes map count as shared.
 */
static long end_child(struct twin *twin)
{
	const pid_t pid = twin->child.pid;

	if (!pid)
		return 0;
	kill(pid, SIGKILL);
	while (!kill(pid, 0))
		usleep(100);
	close(twin->child.line);
	close(twin->child.mem_fd);
	twin->child.pid = 0;
	return 0;
}

void twin_stop(struct twin *twin)
{
	for (size_t i = 0; i < twin->nr_held; i++)
		close(twin->held[i]);
	end_child(twin);
	target_stop(&twin->target);
	for (size_t i = 0; i < OPS_MAX; i++)
		if (twin->files[i] >= 0)
			close(twin->files[i]);
}

uint64_t twin_address(const struct twin *twin, const struct op *op)
{
	switch (op->space) {
	case SPACE_VVAR:
		return twin->vvar + op->at;
	case SPACE_GATE:
		return VSYSCALL + op->at;
	case SPACE_EDGE:
		return USER_END - 2 * lab_page() + op->at;
	default:
		return ARENA + op->at;
	}
}

void twin_hold(struct twin *twin, int pin_fd)
{
	if (twin->nr_held == HELD_MAX)
		close(pin_fd);
	else
		twin->held[twin->nr_held++] = pin_fd;
}

static long drop_oldest_pins(struct twin *twin)
{
	if (!twin->nr_held)
		return 0;
	close(twin->held[0]);
	memmove(twin->held, twin->held + 1,
		--twin->nr_held * sizeof(twin->held[0]));
	return 0;
}

static long map_memory(const struct twin *twin, const struct op *op,
		       size_t index)
{
	const uint64_t addr = twin_address(twin, op);
	const int protection = (op->flags & OP_F_READ ? PROT_READ : 0) |
			       (op->flags & OP_F_WRITE ? PROT_WRITE : 0);
	int flags = MAP_FIXED |
		    (op->flags & OP_F_SHARED ? MAP_SHARED : MAP_PRIVATE);
	long result;

	if (op->kind == OP_MAP_HUGETLB)
		flags |= MAP_HUGETLB;
	if (op->kind == OP_MAP_ANON || op->kind == OP_MAP_HUGETLB)
		flags |= MAP_ANONYMOUS;
	result = TARGET_CALL(&twin->target, SYS_mmap, addr, op->len, protection,
			     flags, twin->files[index], 0);
	if (result > 0 && (op->flags & OP_F_HUGE))
		TARGET_CALL(&twin->target, SYS_madvise, addr, op->len,
			    MADV_HUGEPAGE);
	return result;
}

/*
 * Make the twin call ioctl() with a copy of @argument. @argument is in the memory of
 * the tester, so write the copy to @scratch in the twin first. The twin is a fork of
 * the tester, so @scratch has the same address in both.
 */
static long watch_call(const struct twin *twin, unsigned long verb,
		       void *argument, size_t size)
{
	static char scratch[128];

	if (pwrite(twin->target.mem_fd, argument, size, (uintptr_t)scratch) !=
	    (ssize_t)size)
		return -errno;
	return TARGET_CALL(&twin->target, SYS_ioctl, twin->watch, verb,
			   (long)scratch);
}

/*
 * Open a userfaultfd in the twin. With UFFD_USER_MODE_ONLY, faults from the kernel fail
 * with SIGBUS instead of waiting.
 */
static long open_watch(struct twin *twin)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_RWP,
	};
	long result;

	if (twin->watch >= 0)
		return 0;
	twin->watch = TARGET_CALL(&twin->target, SYS_userfaultfd,
				  O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (twin->watch < 0)
		return twin->watch;
	result = watch_call(twin, UFFDIO_API, &api, sizeof(api));
	if (!result)
		return 0;
	/*
	 * Before Linux 7.3, userfaultfd does not support UFFD_FEATURE_RWP. Open it
	 * without this feature; OP_WATCH_ACCESS then fails.
	 */
	api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
	return watch_call(twin, UFFDIO_API, &api, sizeof(api));
}

static long watch_range(struct twin *twin, const struct op *op)
{
	const struct uffdio_range range = {
		.start = twin_address(twin, op),
		.len = op->len,
	};
	struct uffdio_register request = {
		.range = range,
		.mode = op->kind == OP_WATCH_MISSING
				? UFFDIO_REGISTER_MODE_MISSING
			: op->kind == OP_WATCH_WRITES
				? UFFDIO_REGISTER_MODE_WP
				: UFFDIO_REGISTER_MODE_RWP,
	};
	struct uffdio_writeprotect protect = {
		.range = range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	struct uffdio_rwprotect trap = {
		.range = range,
		.mode = UFFDIO_RWPROTECT_MODE_RWP,
	};
	long result = open_watch(twin);

	if (!result)
		result = watch_call(twin, UFFDIO_REGISTER, &request,
				    sizeof(request));
	if (result || op->kind == OP_WATCH_MISSING)
		return result;
	if (op->kind == OP_WATCH_ACCESS)
		return watch_call(twin, UFFDIO_RWPROTECT, &trap, sizeof(trap));
	return watch_call(twin, UFFDIO_WRITEPROTECT, &protect, sizeof(protect));
}

static long clear_soft_dirty(const struct twin *twin)
{
	char path[64];
	long result;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", twin->target.pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = write(fd, "4", 1) == 1 ? 0 : -errno;
	close(fd);
	return result;
}

static long advise_range(const struct twin *twin, const struct op *op,
			 int advice)
{
	return TARGET_CALL(&twin->target, SYS_madvise, twin_address(twin, op),
			   op->len, advice);
}

/*
 * MADV_PAGEOUT skips a page if something holds an extra reference to the page for a
 * moment, so call madvise() several times.
 */
static long page_out(const struct twin *twin, const struct op *op)
{
	long result = 0;

	for (int i = 0; i < PAGEOUT_TRIES && !result; i++)
		result = advise_range(twin, op, MADV_PAGEOUT);
	return result;
}

/*
 * Fill the range with pread() from the pattern file. For a bad address, pread() fails
 * with an errno, while a store would raise a signal.
 */
static long fill_range(const struct target *process, const struct op *op,
		       uint64_t addr, size_t index)
{
	return TARGET_CALL(process, SYS_pread64, pattern, addr, op->len,
			   pattern_at(op->at, index));
}

static long fork_once(struct twin *twin)
{
	twin->forked = true;
	return twin->child.pid ? 0 : -target_fork(&twin->target, &twin->child);
}

long twin_do(struct twin *twin, const struct op *op, size_t index)
{
	const struct target *target = &twin->target;
	const uint64_t addr = twin_address(twin, op);
	const int protection = (op->flags & OP_F_READ ? PROT_READ : 0) |
			       (op->flags & OP_F_WRITE ? PROT_WRITE : 0);

	switch (op->kind) {
	case OP_UNMAP:
		return TARGET_CALL(target, SYS_munmap, addr, op->len);
	case OP_PROTECT:
		return TARGET_CALL(target, SYS_mprotect, addr, op->len,
				   protection);
	case OP_WRITE:
		return fill_range(target, op, addr, index);
	case OP_LOOK:
		return TARGET_CALL(target, SYS_pwrite64, sink, addr, op->len,
				   0);
	case OP_DONTNEED:
		return advise_range(twin, op, MADV_DONTNEED);
	case OP_FREE:
		return advise_range(twin, op, MADV_FREE);
	case OP_PAGEOUT:
		return page_out(twin, op);
	case OP_HUGE:
		return advise_range(twin, op, MADV_HUGEPAGE);
	case OP_NOHUGE:
		return advise_range(twin, op, MADV_NOHUGEPAGE);
	case OP_LOCK:
		return TARGET_CALL(target, SYS_mlock, addr, op->len);
	case OP_UNLOCK:
		return TARGET_CALL(target, SYS_munlock, addr, op->len);
	case OP_WATCH_WRITES:
	case OP_WATCH_MISSING:
	case OP_WATCH_ACCESS:
		return watch_range(twin, op);
	case OP_CLEAR_SOFT_DIRTY:
		return clear_soft_dirty(twin);
	case OP_FORK:
		return fork_once(twin);
	case OP_CHILD_WRITE:
		return twin->child.pid
			       ? fill_range(&twin->child, op, addr, index)
			       : 0;
	case OP_CHILD_EXIT:
		return end_child(twin);
	case OP_DROP:
		return drop_oldest_pins(twin);
	default:
		return map_memory(twin, op, index);
	}
}

long twin_populate(const struct twin *twin, uint64_t addr, uint64_t len,
		   bool write)
{
	return TARGET_CALL(&twin->target, SYS_madvise, addr, len,
			   write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}
