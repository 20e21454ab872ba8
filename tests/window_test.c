// SPDX-License-Identifier: GPL-2.0
/*
 * The pin fd as a file: pread() and the mmap() window. The wrong kind of mapping
 * would take the kernel down (vmf_insert_pfn() BUG()s), so each rule has a test
 * that tries to break it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define BYTE 0x5a

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

static void *map(int fd, size_t len, int prot)
{
	return mmap(NULL, len, prot, MAP_SHARED, fd, 0);
}

/* The signal that an access ends with, in a child of our own; 0: none. */
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

/* The same, of a mapping that the child makes itself: windows are not forked. */
static int signal_of_own(int fd, size_t len, size_t at)
{
	const pid_t pid = fork();
	int status;

	if (!pid) {
		volatile char *window = map(fd, len, PROT_READ);

		signal(SIGBUS, SIG_DFL);
		if (window == MAP_FAILED)
			_exit(1);
		(void)window[at];
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* The target writes the first byte of each page. */
static bool is_all(const char *bytes, size_t len, char byte)
{
	for (size_t at = 0; at < len; at += lab_page())
		if (bytes[at] != byte)
			return false;
	return true;
}

TEST_F(window, shows_the_pinned_bytes)
{
	const char *window = map(self->read_pin, self->memory.len, PROT_READ);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_TRUE(is_all(window, self->memory.len, BYTE));
	munmap((void *)window, self->memory.len);
}

TEST_F(window, follows_the_target)
{
	const char *window = map(self->read_pin, self->memory.len, PROT_READ);

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
	char *window =
		map(self->write_pin, self->memory.len, PROT_READ | PROT_WRITE);

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
	EXPECT_EQ(MAP_FAILED,
		  map(self->read_pin, self->memory.len, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EPERM, errno);
	window = map(self->read_pin, self->memory.len, PROT_READ);
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
	EXPECT_EQ(MAP_FAILED, map(self->read_pin, self->memory.len,
				  PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	window = map(self->read_pin, self->memory.len, PROT_READ);
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
	char *window = map(self->write_pin, len + page, PROT_READ | PROT_WRITE);
	int pipes[2];

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	answer = lab_pin_more(self->write_pin, self->target.mem_fd,
			      self->memory.addr, page, 0);
	ASSERT_EQ(page, answer.done);
	ASSERT_EQ(0, pipe(pipes));
	/* An access by the kernel: EFAULT is its SIGBUS. */
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
	char *window = map(self->read_pin, self->memory.len, PROT_READ);

	SKIP_IF_MISSING();
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(SIGSEGV, signal_of(window, false));
	munmap(window, self->memory.len);
}

TEST_F(window, moves_but_does_not_grow)
{
	const size_t len = self->memory.len, page = lab_page();
	char *window = map(self->read_pin, len, PROT_READ);
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
	char *window = map(self->read_pin, self->memory.len, PROT_READ);
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
	char *window = map(self->read_pin, len, PROT_READ);

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
	EXPECT_EQ(MAP_FAILED, map(answer.pin_fd, lab_page(), PROT_READ));
	EXPECT_EQ(EPERM, errno);
	close(answer.pin_fd);
}

/* A number of the pin fd in /proc, in KiB but for the extents. */
static uint64_t told(int fd, const char *name)
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
	EXPECT_EQ(head.total, told(self->write_pin, "gupx-extents:"));
	EXPECT_EQ(head.bytes >> 10, told(self->write_pin, "gupx-pinned:"));
	EXPECT_EQ(head.bytes >> 10,
		  told(self->write_pin, "gupx-pinned-write:"));
	EXPECT_EQ(head.charged >> 10, told(self->write_pin, "gupx-charged:"));
	EXPECT_EQ(0, told(self->write_pin, "gupx-pinned-short:"));
	EXPECT_EQ(0, told(self->read_pin, "gupx-pinned-write:"));
}

TEST_HARNESS_MAIN
