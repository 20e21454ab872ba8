// SPDX-License-Identifier: GPL-2.0
/*
 * The pin fd as a file: pread() and the mmap() window. vmf_insert_pfn() has a BUG_ON()
 * for copy-on-write mappings, so the module must refuse private mappings. The tests try
 * to get around this restriction and the other restrictions on windows.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

#define BYTE 0x5a
/* Maximum number of seconds for one access. */
#define TIMEOUT 5

FIXTURE(window)
{
	struct target target;
	struct memory memory;
	const char *missing;
	long held;
	int read_pin;
	int write_pin;
};

FIXTURE_VARIANT(window)
{
	enum memory_kind kind;
};

#define KIND(name, which)                 \
	FIXTURE_VARIANT_ADD(window, name) \
	{                                 \
		.kind = (which)           \
	}

KIND(anon, MEMORY_ANON);
KIND(thp, MEMORY_THP);
KIND(shmem, MEMORY_SHMEM);
KIND(file_private, MEMORY_FILE_PRIVATE);
KIND(heap, MEMORY_HEAP);

FIXTURE_SETUP(window)
{
	const struct memory *memory = &self->memory;
	struct lab_answer answer;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->missing =
		memory_build(&self->target, variant->kind, &self->memory);
	if (self->missing)
		return;
	ASSERT_EQ(0,
		  target_poke(&self->target, memory->addr, memory->len, BYTE));
	self->held = lab_pins_held();
	answer = lab_pin(self->target.mem_fd, memory->addr, memory->len, 0);
	ASSERT_EQ(memory->len, answer.done);
	self->read_pin = answer.pin_fd;
	answer = lab_pin(self->target.mem_fd, memory->addr, memory->len,
			 GUPX_F_WRITE);
	ASSERT_EQ(memory->len, answer.done);
	self->write_pin = answer.pin_fd;
}

FIXTURE_TEARDOWN(window)
{
	if (!self->missing) {
		close(self->read_pin);
		close(self->write_pin);
	}
	target_stop(&self->target);
}

static void *map_pin_fd(int fd, size_t len, int prot)
{
	return mmap(NULL, len, prot, MAP_SHARED, fd, 0);
}

/* Access a byte in a child process. Returns the signal that ends the child, or 0. */
static int signal_of(volatile char *byte, bool write)
{
	const pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		if (write)
			*byte = 1;
		else
			(void)*byte;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/*
 * Map the pin fd in a child process and access a byte there. The child has to make
 * the mapping itself, because windows are not inherited over fork(). Returns the
 * signal that ends the child, or 0.
 */
static int signal_of_own(int fd, size_t len, size_t at)
{
	const pid_t pid = fork();
	int status;

	if (!pid) {
		volatile char *window = map_pin_fd(fd, len, PROT_READ);

		signal(SIGBUS, SIG_DFL);
		if (window == MAP_FAILED)
			_exit(1);
		(void)window[at];
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/*
 * Returns true if the first byte of each page is @byte. The target writes only these
 * bytes.
 */
static bool is_all(const char *bytes, size_t len, char byte)
{
	for (size_t at = 0; at < len; at += lab_page())
		if (bytes[at] != byte)
			return false;
	return true;
}

TEST_F(window, shows_the_pinned_bytes)
{
	const char *window =
		map_pin_fd(self->read_pin, self->memory.len, PROT_READ);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_TRUE(is_all(window, self->memory.len, BYTE));
	munmap((void *)window, self->memory.len);
}

TEST_F(window, follows_the_target)
{
	const char *window =
		map_pin_fd(self->read_pin, self->memory.len, PROT_READ);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(BYTE, window[0]);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr, 1, 0x11));
	EXPECT_EQ(0x11, window[0]);
	munmap((void *)window, self->memory.len);
}

TEST_F(window, writes_reach_the_target)
{
	const size_t last = self->memory.len - 1;
	char *window = map_pin_fd(self->write_pin, self->memory.len,
				  PROT_READ | PROT_WRITE);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	window[last] = 0x22;
	EXPECT_EQ(0x22,
		  target_peek(&self->target, self->memory.addr + last, 1));
	munmap(window, self->memory.len);
}

TEST_F(window, pread_copies_the_pinned_bytes)
{
	char bytes[3 * 4096];
	char *guard = mmap(NULL, lab_page(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SKIP_IF_MISSING();
	memset(bytes, 0, sizeof(bytes));
	EXPECT_EQ((ssize_t)sizeof(bytes),
		  pread(self->read_pin, bytes, sizeof(bytes), lab_page()));
	EXPECT_TRUE(is_all(bytes, sizeof(bytes), BYTE));
	EXPECT_EQ(100, pread(self->read_pin, bytes, 100, 2 * lab_page() - 50));
	EXPECT_EQ(BYTE, bytes[50]);
	EXPECT_EQ(0, bytes[49]);
	EXPECT_EQ(5, pread(self->read_pin, bytes, sizeof(bytes),
			   self->memory.len - 5));
	EXPECT_EQ(0, pread(self->read_pin, bytes, sizeof(bytes),
			   self->memory.len));
	ASSERT_EQ(0, mprotect(guard, lab_page(), PROT_NONE));
	EXPECT_EQ(-1, pread(self->read_pin, guard, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	munmap(guard, lab_page());
}

TEST_F(window, private_is_EINVAL)
{
	const int fds[] = { self->read_pin, self->write_pin };

	SKIP_IF_MISSING();
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(MAP_FAILED, mmap(NULL, self->memory.len, PROT_READ,
					   MAP_PRIVATE, fds[i], 0));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(MAP_FAILED,
			  mmap(NULL, self->memory.len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE, fds[i], 0));
		EXPECT_EQ(EINVAL, errno);
	}
}

TEST_F(window, exec_is_EPERM_and_never_granted)
{
	void *window;

	SKIP_IF_MISSING();
	EXPECT_EQ(MAP_FAILED, map_pin_fd(self->read_pin, self->memory.len,
					 PROT_READ | PROT_EXEC));
	EXPECT_EQ(EPERM, errno);
	window = map_pin_fd(self->read_pin, self->memory.len, PROT_READ);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(-1,
		  mprotect(window, self->memory.len, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	munmap(window, self->memory.len);
}

TEST_F(window, write_to_read_pins_is_EACCES_and_never_granted)
{
	void *window;

	SKIP_IF_MISSING();
	EXPECT_EQ(MAP_FAILED, map_pin_fd(self->read_pin, self->memory.len,
					 PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	window = map_pin_fd(self->read_pin, self->memory.len, PROT_READ);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(-1,
		  mprotect(window, self->memory.len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(SIGSEGV, signal_of(window, true));
	munmap(window, self->memory.len);
}

TEST_F(window, read_pins_added_to_a_writable_window_are_SIGBUS)
{
	const size_t len = self->memory.len, page = lab_page();
	struct lab_answer answer;
	char *window =
		map_pin_fd(self->write_pin, len + page, PROT_READ | PROT_WRITE);
	int pipes[2];

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	answer = lab_pin_more(self->write_pin, self->target.mem_fd,
			      self->memory.addr, page, 0);
	ASSERT_EQ(page, answer.done);
	ASSERT_EQ(0, pipe(pipes));
	/* The kernel accesses the page, so the error is EFAULT and not SIGBUS. */
	EXPECT_EQ(1, write(pipes[1], window, 1));
	EXPECT_EQ(-1, write(pipes[1], window + len, 1));
	EXPECT_EQ(EFAULT, errno);
	close(pipes[0]);
	close(pipes[1]);
	munmap(window, len + page);
}

TEST_F(window, past_the_last_page_is_SIGBUS)
{
	const size_t page = lab_page(), len = self->memory.len;

	SKIP_IF_MISSING();
	EXPECT_EQ(0, signal_of_own(self->read_pin, len + page, len - 1));
	EXPECT_EQ(SIGBUS, signal_of_own(self->read_pin, len + page, len));
}

TEST_F(window, is_not_forked)
{
	char *window = map_pin_fd(self->read_pin, self->memory.len, PROT_READ);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(SIGSEGV, signal_of(window, false));
	munmap(window, self->memory.len);
}

TEST_F(window, moves_but_does_not_grow)
{
	const size_t len = self->memory.len, page = lab_page();
	char *window = map_pin_fd(self->read_pin, len, PROT_READ);
	char *place =
		mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(BYTE, window[0]);
	EXPECT_EQ(MAP_FAILED, mremap(window, len, len + page, MREMAP_MAYMOVE));
	EXPECT_EQ(place, mremap(window, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
				place));
	EXPECT_TRUE(is_all(place, len, BYTE));
	munmap(place, len);
}

TEST_F(window, in_parts_and_from_the_middle)
{
	const size_t page = lab_page();
	char *window = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED,
			    self->read_pin, page);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr + page, 1,
				 0x33));
	EXPECT_EQ(0x33, window[0]);
	ASSERT_EQ(0, munmap(window, page));
	EXPECT_EQ(BYTE, window[page]);
	munmap(window + page, page);
}

TEST_F(window, gup_does_not_enter_it)
{
	char *window = map_pin_fd(self->read_pin, self->memory.len, PROT_READ);
	const int mem_fd = lab_open_mem(getpid(), O_RDONLY);
	struct lab_answer answer;

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_LE(0, mem_fd);
	EXPECT_EQ(BYTE, window[0]);
	answer = lab_pin(mem_fd, (uintptr_t)window, lab_page(), 0);
	EXPECT_EQ(0U, answer.done);
	EXPECT_EQ(GUPX_REASON_IO_MAPPING, answer.stop.reason);
	close(mem_fd);
	munmap(window, self->memory.len);
}

TEST_F(window, outlives_the_fd_and_the_target)
{
	const size_t len = self->memory.len;
	char *window = map_pin_fd(self->read_pin, len, PROT_READ);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	close(self->read_pin);
	close(self->write_pin);
	self->read_pin = -1;
	self->write_pin = -1;
	target_stop(&self->target);
	EXPECT_TRUE(is_all(window, len, BYTE));
	EXPECT_LT(self->held, lab_pins_held());
	munmap(window, len);
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_F(window, short_pins_have_none)
{
	const bool allowed = lab_param("allow_short_pins");
	struct lab_answer answer;

	SKIP_IF_MISSING();
	lab_set_param("allow_short_pins", true);
	answer = lab_pin(self->target.mem_fd, self->memory.addr, lab_page(),
			 GUPX_F_SHORT);
	lab_set_param("allow_short_pins", allowed);
	ASSERT_EQ(0, answer.failed);
	ASSERT_LE(0, answer.pin_fd);
	EXPECT_EQ(MAP_FAILED, map_pin_fd(answer.pin_fd, lab_page(), PROT_READ));
	EXPECT_EQ(EPERM, errno);
	close(answer.pin_fd);
}

/*
 * Open a userfaultfd that can write-protect any mapping of this process. Returns -1
 * on failure.
 */
static int open_async_uffd(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED,
	};
	const int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Register a range for write protection. Returns 0 or a positive errno. */
static int register_wp(int uffd, void *at, size_t len)
{
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)at, .len = len },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &range) ? errno : 0;
}

static int protect_range(int uffd, void *at, size_t len)
{
	struct uffdio_writeprotect range = {
		.range = { .start = (uintptr_t)at, .len = len },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &range) ? errno : 0;
}

static sigjmp_buf way_out;

static void leave_by_signal(int signal)
{
	siglongjmp(way_out, signal);
}

/*
 * Access a byte from user mode, so that a signal can interrupt an endless loop of
 * faults. Returns the signal that ended the access, or 0. SIGALRM means that the loop
 * of faults was endless.
 */
static int access_signal(volatile char *byte, bool write)
{
	static const int signals[] = { SIGBUS, SIGSEGV, SIGALRM };
	const struct sigaction leave = { .sa_handler = leave_by_signal };
	struct sigaction before[3];
	int caught;

	for (int i = 0; i < 3; i++)
		sigaction(signals[i], &leave, &before[i]);
	caught = sigsetjmp(way_out, 1);
	if (!caught) {
		alarm(TIMEOUT);
		if (write)
			*byte = BYTE;
		else
			(void)*byte;
	}
	alarm(0);
	for (int i = 0; i < 3; i++)
		sigaction(signals[i], &before[i], NULL);
	return caught;
}

/*
 * On Linux 6.7, a userfaultfd with WP_ASYNC can write-protect any mapping. It stores a
 * marker in an empty PTE. vmf_insert_pfn() treats the marker as a mapped page and
 * changes nothing, so the fault would repeat forever. Check that the access raises
 * SIGBUS instead. Later kernels refuse to register a VM_PFNMAP mapping; check that the
 * window then still works.
 */
TEST_F(window, under_userfaultfd_is_SIGBUS_and_no_endless_fault)
{
	const size_t len = self->memory.len, page = lab_page();
	char *window = map_pin_fd(self->write_pin, len, PROT_READ | PROT_WRITE);
	const int uffd = open_async_uffd();
	int error;

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	if (uffd < 0)
		SKIP(return, "no userfaultfd with WP_ASYNC");
	/*
	 * Access the first page of the window, so that this page has a PTE. The fault may
	 * have mapped the pages around it too, so map the other pages again: they then have no
	 * PTE.
	 */
	ASSERT_EQ(BYTE, window[0]);
	ASSERT_EQ(window + page,
		  mmap(window + page, len - page, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, self->write_pin, page));
	error = register_wp(uffd, window, len);
	if (error) {
		EXPECT_EQ(EINVAL, error);
		EXPECT_EQ(0, access_signal(window + page, true));
	} else {
		ASSERT_EQ(0, protect_range(uffd, window, len));
		EXPECT_EQ(SIGBUS, access_signal(window + page, false));
		EXPECT_EQ(SIGBUS, access_signal(window + page, true));
		EXPECT_EQ(SIGBUS, access_signal(window + len - page, true));
		EXPECT_EQ(0, access_signal(window, false));
		EXPECT_EQ(0, access_signal(window, true));
		ASSERT_EQ(0, protect_range(uffd, window, page));
	}
	/* UNPIN zaps the PTE, no matter if the PTE is write-protected. */
	ASSERT_EQ(0, lab_unpin(self->write_pin, 0, page, NULL));
	EXPECT_EQ(SIGBUS, access_signal(window, false));
	EXPECT_EQ(SIGBUS, access_signal(window, true));
	/* close() of the userfaultfd removes the markers. */
	close(uffd);
	EXPECT_EQ(SIGBUS, access_signal(window, false));
	ASSERT_EQ(0, access_signal(window + page, true));
	EXPECT_TRUE(is_all(window + page, len - page, BYTE));
	munmap(window, len);
}

/* Check that a mapping that can never become writable cannot be write-protected. */
TEST_F(window, for_reading_is_refused_by_userfaultfd)
{
	const size_t len = self->memory.len;
	char *window = map_pin_fd(self->read_pin, len, PROT_READ);
	const int uffd = open_async_uffd();
	int error;

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	if (uffd < 0)
		SKIP(return, "no userfaultfd with WP_ASYNC");
	error = register_wp(uffd, window, len);
	EXPECT_TRUE(error == EPERM || error == EINVAL)
	TH_LOG("errno %d", error);
	EXPECT_EQ(0, access_signal(window, false));
	EXPECT_TRUE(is_all(window, len, BYTE));
	close(uffd);
	munmap(window, len);
}

/* Read a number from fdinfo. All numbers are in KiB except the number of extents. */
static uint64_t read_fdinfo(int fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return lab_number(path, name);
}

TEST_F(window, fdinfo_tells_what_extents_tell)
{
	struct gupx_extents head;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, lab_extents(self->write_pin, &head, NULL, 0));
	EXPECT_EQ(self->memory.len, head.bytes);
	EXPECT_EQ(head.total, read_fdinfo(self->write_pin, "gupx-extents:"));
	EXPECT_EQ(head.bytes >> 10,
		  read_fdinfo(self->write_pin, "gupx-pinned:"));
	EXPECT_EQ(head.bytes >> 10,
		  read_fdinfo(self->write_pin, "gupx-pinned-write:"));
	EXPECT_EQ(head.charged >> 10,
		  read_fdinfo(self->write_pin, "gupx-charged:"));
	EXPECT_EQ(0, read_fdinfo(self->write_pin, "gupx-pinned-short:"));
	EXPECT_EQ(0, read_fdinfo(self->read_pin, "gupx-pinned-write:"));
}

/**
 * A page that this process may read but not write. A window must never allow a write to it.
 * @find_dir: returns the directory for a file that belongs to root and is read-only for this
 *	process; NULL: use anonymous memory instead, where PIN pins the zero page or a copy
 */
FIXTURE(reader)
{
	const char *missing;
	int mem_fd, pin_fd, file;
	char *window;
};

FIXTURE_VARIANT(reader)
{
	const char *(*find_dir)(void);
};

static const char *find_tmp(void)
{
	return "/tmp";
}

FIXTURE_VARIANT_ADD(reader, of_a_file){
	.find_dir = find_tmp,
};

FIXTURE_VARIANT_ADD(reader, of_a_file_on_disk){
	.find_dir = memory_disk,
};

FIXTURE_VARIANT_ADD(reader, of_the_zero_page){
	.find_dir = NULL,
};

#define NOBODY 65534
#define FILE_BYTE 'f'

/*
 * Create a file that only root can write to. Stores a writable fd in @root_fd, and
 * returns a read-only fd.
 */
static int open_readable_file(const char *dir, int *root_fd)
{
	char path[64], page[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/gupx-reader.XXXXXX", dir);
	*root_fd = mkstemp(path);
	memset(page, FILE_BYTE, sizeof(page));
	if (*root_fd < 0 || fchmod(*root_fd, 0644) ||
	    write(*root_fd, page, sizeof(page)) != sizeof(page))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	return fd;
}

/* Map one page of @fd, or of anonymous memory if @fd is negative, for reading only. */
static char *map_own_page(int fd)
{
	const int how = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	char *page = mmap(NULL, lab_page(), PROT_READ, how, fd, 0);

	if (page != MAP_FAILED)
		(void)*(volatile char *)page;
	return page;
}

/*
 * Create a pin fd with one page that is pinned for writing. Map the pin fd as a
 * writable window. Then add a page that is pinned only for reading.
 */
FIXTURE_SETUP(reader)
{
	const size_t page = lab_page();
	struct lab_answer answer;
	char *writable;
	int fd = -1;

	self->file = -1;
	ASSERT_LE(0, lab_device());
	if (variant->find_dir && !variant->find_dir()) {
		self->missing = "no such file system here";
		return;
	}
	if (variant->find_dir) {
		fd = open_readable_file(variant->find_dir(), &self->file);
		ASSERT_LE(0, fd);
	}
	ASSERT_EQ(0, lab_set_memlock(8 << 20));
	ASSERT_EQ(0, lab_become(NOBODY));
	self->mem_fd = lab_open_mem(getpid(), O_RDWR);
	ASSERT_LE(0, self->mem_fd);
	writable = mmap(NULL, page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, writable);
	writable[0] = BYTE;
	answer = lab_pin(self->mem_fd, (uintptr_t)writable, page, GUPX_F_WRITE);
	ASSERT_EQ(page, answer.done);
	self->pin_fd = answer.pin_fd;
	self->window =
		map_pin_fd(self->pin_fd, 2 * page, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->window);
	answer = lab_pin_more(self->pin_fd, self->mem_fd,
			      (uintptr_t)map_own_page(fd), page, 0);
	ASSERT_EQ(page, answer.done);
}

FIXTURE_TEARDOWN(reader)
{
	if (self->missing)
		return;
	munmap(self->window, 2 * lab_page());
	close(self->pin_fd);
	close(self->file);
}

static bool can_write(char *at, char byte)
{
	int line[2];
	bool done;

	if (pipe(line))
		return false;
	done = write(line[1], &byte, 1) == 1 && read(line[0], at, 1) == 1;
	close(line[0]);
	close(line[1]);
	return done;
}

static void check_unchanged(struct __test_metadata *_metadata,
			    const FIXTURE_DATA(reader) * self)
{
	char byte = 0;

	if (self->file < 0)
		return;
	ASSERT_EQ(1, pread(self->file, &byte, 1, 0));
	EXPECT_EQ(FILE_BYTE, byte) TH_LOG("the file was written to");
}

/*
 * Check that the first page stays accessible, and that the window does not give
 * access to the page that was added later.
 */
static void check_window(struct __test_metadata *_metadata,
			 const FIXTURE_DATA(reader) * self, char *added)
{
	EXPECT_TRUE(lab_can_read(self->window));
	EXPECT_FALSE(lab_can_read(added));
	/*
	 * This write must fail. If a bug lets the write change the zero page, every
	 * process sees the new byte. Therefore write a zero, which does no harm.
	 */
	EXPECT_FALSE(can_write(added, self->file < 0 ? 0 : 'W'));
	check_unchanged(_metadata, self);
}

TEST_F(reader, page_pinned_for_reading_is_no_part_of_a_writable_window)
{
	SKIP_IF_MISSING();
	check_window(_metadata, self, self->window + lab_page());
}

TEST_F(reader, write_into_a_page_pinned_for_reading_by_mprotect_of_all)
{
	const size_t len = 2 * lab_page();

	SKIP_IF_MISSING();
	ASSERT_EQ(0, mprotect(self->window, len, PROT_READ));
	EXPECT_FALSE(lab_can_read(self->window + lab_page()));
	ASSERT_EQ(0, mprotect(self->window, len, PROT_READ | PROT_WRITE));
	check_window(_metadata, self, self->window + lab_page());
}

TEST_F(reader, write_into_a_page_pinned_for_reading_by_mprotect_of_it_alone)
{
	const size_t page = lab_page();
	char *const added = self->window + page;

	SKIP_IF_MISSING();
	for (int round = 0; round < 2; round++) {
		ASSERT_EQ(0, mprotect(added, page, PROT_NONE));
		ASSERT_EQ(0, mprotect(added, page, PROT_READ));
		EXPECT_FALSE(lab_can_read(added));
		ASSERT_EQ(0, mprotect(added, page, PROT_READ | PROT_WRITE));
		check_window(_metadata, self, added);
	}
}

TEST_F(reader, write_into_a_page_pinned_for_reading_by_mremap)
{
	const size_t page = lab_page();
	char *const added = self->window + page;
	char *moved =
		mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, moved);
	ASSERT_EQ(0, mprotect(added, page, PROT_READ));
	EXPECT_FALSE(lab_can_read(added));
	ASSERT_EQ(moved, mremap(added, page, page,
				MREMAP_MAYMOVE | MREMAP_FIXED, moved));
	EXPECT_FALSE(lab_can_read(moved));
	ASSERT_EQ(0, mprotect(moved, page, PROT_READ | PROT_WRITE));
	check_window(_metadata, self, moved);
	munmap(moved, page);
}

/*
 * Check that a window that is mapped for reading shows all pages, and that mprotect()
 * cannot make the window writable.
 */
TEST_F(reader, window_mapped_for_reading_shows_all_and_is_never_writable)
{
	const size_t len = 2 * lab_page();
	char *window;

	SKIP_IF_MISSING();
	EXPECT_EQ(MAP_FAILED,
		  map_pin_fd(self->pin_fd, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	window = map_pin_fd(self->pin_fd, len, PROT_READ);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_TRUE(lab_can_read(window));
	EXPECT_TRUE(lab_can_read(window + lab_page()));
	EXPECT_EQ(self->file < 0 ? 0 : FILE_BYTE, window[lab_page()]);
	EXPECT_EQ(-1, mprotect(window, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_FALSE(can_write(window + lab_page(), self->file < 0 ? 0 : 'W'));
	check_unchanged(_metadata, self);
	munmap(window, len);
}

TEST_HARNESS_MAIN
