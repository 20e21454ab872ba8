// SPDX-License-Identifier: GPL-2.0
/*
 * Lifetime of pins. The target exits, execs, forks, unmaps or is killed, or the
 * holder is killed or passes its pin fd to another process. Unloading of the module
 * is tested as well. After each test, the kernel's pin count must be the same as
 * before the test.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

FIXTURE(life)
{
	struct target target;
	struct memory memory;
	size_t nr;
	long held;
};

FIXTURE_SETUP(life)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'A'));
	self->nr = self->memory.len / lab_page();
	self->held = lab_pins_held();
	ASSERT_LE(0, self->held);
}

FIXTURE_TEARDOWN(life)
{
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

/*
 * Check that all pins still exist after the end of the target, and that no pins can
 * be added.
 */
static void check_outlives(struct __test_metadata *_metadata,
			   FIXTURE_DATA(life) * self, int pin_fd)
{
	struct gupx_extents head;

	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	ASSERT_EQ(0, lab_extents(pin_fd, &head, NULL, 0));
	EXPECT_EQ(self->memory.len, head.bytes);
	EXPECT_EQ(ESRCH, lab_pin_more(pin_fd, self->target.mem_fd,
				      self->memory.addr, lab_page(), 0)
				 .failed);
	EXPECT_EQ(ESRCH, lab_populate(self->target.mem_fd, self->memory.addr,
				      lab_page(), 0)
				 .failed);
	close(pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
}

/* Check that nothing is pinned if the holder has no free file descriptor. */
TEST_F(life, holder_has_no_free_descriptor)
{
	const int free_fd = dup(0);
	struct rlimit limit, full;

	ASSERT_LE(0, free_fd);
	close(free_fd);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	full = (struct rlimit){ .rlim_cur = free_fd,
				.rlim_max = limit.rlim_max };
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &full));
	EXPECT_EQ(EMFILE, lab_pin(self->target.mem_fd, self->memory.addr,
				  self->memory.len, 0)
				  .failed);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(self->held, lab_pins_held());
	close(holder_pin_all(&self->target, &self->memory, 0));
}

TEST_F(life, target_exits)
{
	const int pin_fd = holder_pin_all(&self->target, &self->memory, 0);
	const struct target target = self->target;

	ASSERT_LE(0, pin_fd);
	/* The target exits when its socket is closed. */
	ASSERT_EQ(0, shutdown(target.line, SHUT_RDWR));
	target_reap(&self->target);
	check_outlives(_metadata, self, pin_fd);
}

TEST_F(life, target_is_killed)
{
	const int pin_fd =
		holder_pin_all(&self->target, &self->memory, GUPX_F_WRITE);

	ASSERT_LE(0, pin_fd);
	kill(self->target.pid, SIGKILL);
	target_reap(&self->target);
	check_outlives(_metadata, self, pin_fd);
}

TEST_F(life, target_execs)
{
	const int pin_fd =
		holder_pin_all(&self->target, &self->memory, GUPX_F_WRITE);

	ASSERT_LE(0, pin_fd);
	target_exec(&self->target);
	check_outlives(_metadata, self, pin_fd);
	/*
	 * The process still runs, but the old mem fd does not refer to the address
	 * space that the process has now.
	 */
	ASSERT_EQ(0, kill(self->target.pid, 0));
}

TEST_F(life, target_unmaps)
{
	const int pin_fd =
		holder_pin_all(&self->target, &self->memory, GUPX_F_WRITE);
	uint64_t before[64], after[64];

	ASSERT_LE(0, pin_fd);
	ASSERT_GE(ARRAY_SIZE(before), self->nr);
	EXPECT_EQ(self->nr, lab_pinned_frames(pin_fd, self->memory.addr,
					      self->nr, before));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_munmap, self->memory.addr,
				 self->memory.len));
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	EXPECT_EQ(self->nr, lab_pinned_frames(pin_fd, self->memory.addr,
					      self->nr, after));
	EXPECT_EQ(0, memcmp(before, after, self->nr * sizeof(before[0])));
	close(pin_fd);
}

/*
 * Row O1 (mm_set_has_pinned_flag()): check that fork() copies a pinned page for the
 * child, and that the parent keeps the pinned page. A later write by the parent or
 * the child must not replace the page in the parent.
 */
static void check_fork(struct __test_metadata *_metadata,
		       FIXTURE_DATA(life) * self, uint32_t flags)
{
	const int pin_fd = holder_pin_all(&self->target, &self->memory, flags);
	uint64_t pinned[64], parent[64], child_frames[64];
	const uint64_t addr = self->memory.addr;
	struct target child;

	ASSERT_LE(0, pin_fd);
	ASSERT_EQ(self->nr, lab_pinned_frames(pin_fd, addr, self->nr, pinned));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	EXPECT_EQ(0, target_poke(&self->target, addr, self->memory.len, 'B'));
	EXPECT_EQ((long)self->nr * 'A',
		  target_peek(&child, addr, self->memory.len));
	EXPECT_EQ((long)self->nr * 'B',
		  target_peek(&self->target, addr, self->memory.len));
	EXPECT_EQ(self->nr,
		  lab_pagemap(self->target.pid, addr, self->nr, parent));
	EXPECT_EQ(self->nr,
		  lab_pagemap(child.pid, addr, self->nr, child_frames));
	for (size_t i = 0; i < self->nr; i++) {
		EXPECT_EQ(pinned[i], LAB_PM_FRAME(parent[i]));
		EXPECT_NE(pinned[i], LAB_PM_FRAME(child_frames[i]));
	}
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	target_stop(&child);
	close(pin_fd);
}

TEST_F(life, O1_target_forks_while_pinned_for_writing)
{
	check_fork(_metadata, self, GUPX_F_WRITE);
}

TEST_F(life, O1_target_forks_while_pinned_for_reading)
{
	check_fork(_metadata, self, 0);
}

/* Check that the parent keeps the pinned page if the child writes first. */
TEST_F(life, O1_child_writes_first)
{
	const int pin_fd =
		holder_pin_all(&self->target, &self->memory, GUPX_F_WRITE);
	uint64_t pinned[64], parent[64];
	struct target child;

	ASSERT_LE(0, pin_fd);
	ASSERT_EQ(self->nr, lab_pinned_frames(pin_fd, self->memory.addr,
					      self->nr, pinned));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	EXPECT_EQ(0, target_poke(&child, self->memory.addr, self->memory.len,
				 'C'));
	EXPECT_EQ((long)self->nr * 'A',
		  target_peek(&self->target, self->memory.addr,
			      self->memory.len));
	/*
	 * If the parent and the child still shared the page, this write would replace
	 * the page in the parent.
	 */
	EXPECT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'B'));
	lab_pagemap(self->target.pid, self->memory.addr, self->nr, parent);
	for (size_t i = 0; i < self->nr; i++)
		EXPECT_EQ(pinned[i], LAB_PM_FRAME(parent[i]));
	target_stop(&child);
	close(pin_fd);
}

TEST_F(life, pin_fd_is_duplicated)
{
	const int pin_fd = holder_pin_all(&self->target, &self->memory, 0);
	const int copy = dup(pin_fd);

	ASSERT_LE(0, pin_fd);
	ASSERT_LE(0, copy);
	close(pin_fd);
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	close(copy);
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_F(life, holder_is_killed)
{
	struct holder holder;
	int pin_fd = -1;

	holder_start(&holder, &self->target, &self->memory);
	ASSERT_LT(0, holder.pid);
	EXPECT_EQ(sizeof(pin_fd),
		  recv(holder.line, &pin_fd, sizeof(pin_fd), 0));
	EXPECT_LE(0, pin_fd);
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	kill(holder.pid, SIGKILL);
	ASSERT_EQ(holder.pid, waitpid(holder.pid, NULL, 0));
	EXPECT_EQ(self->held, lab_pins_held());
	close(holder.line);
}

TEST_F(life, holder_and_target_are_killed)
{
	struct holder holder;
	int pin_fd = -1;

	holder_start(&holder, &self->target, &self->memory);
	ASSERT_LT(0, holder.pid);
	EXPECT_EQ(sizeof(pin_fd),
		  recv(holder.line, &pin_fd, sizeof(pin_fd), 0));
	kill(self->target.pid, SIGKILL);
	kill(holder.pid, SIGKILL);
	target_reap(&self->target);
	ASSERT_EQ(holder.pid, waitpid(holder.pid, NULL, 0));
	EXPECT_EQ(self->held, lab_pins_held());
	close(holder.line);
}

/* Check that a pin fd can be received after its sender has ended. */
TEST_F(life, pin_fd_is_passed_on)
{
	int line[2], status, pin_fd;
	pid_t sender;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line));
	sender = fork();
	if (sender == 0)
		_exit(holder_send_fd(line[1], holder_pin_all(&self->target,
							     &self->memory,
							     GUPX_F_WRITE)));
	ASSERT_EQ(sender, waitpid(sender, &status, 0));
	ASSERT_EQ(0, status);
	/* The pin fd is in the socket, and no process has the pin fd open. */
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	pin_fd = holder_receive_fd(line[0]);
	ASSERT_LE(0, pin_fd);
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	close(pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
	close(line[0]);
	close(line[1]);
}

TEST_F(life, pin_fd_is_lost_in_flight)
{
	int line[2], pin_fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line));
	pin_fd = holder_pin_all(&self->target, &self->memory, 0);
	ASSERT_LE(0, pin_fd);
	ASSERT_EQ(0, holder_send_fd(line[1], pin_fd));
	close(pin_fd);
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	close(line[0]);
	close(line[1]);
	EXPECT_EQ(self->held, lab_pins_held());
}

/*
 * Check that two processes can add to one pin set, and that the last close() releases
 * all pins.
 */
TEST_F(life, pin_fd_is_shared_with_child)
{
	const int pin_fd = holder_pin_all(&self->target, &self->memory, 0);
	struct gupx_extents head;
	int status;
	pid_t pid;

	ASSERT_LE(0, pin_fd);
	pid = fork();
	if (pid == 0)
		_exit(lab_pin_more(pin_fd, self->target.mem_fd,
				   self->memory.addr, self->memory.len, 0)
			      .done != self->memory.len);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, lab_extents(pin_fd, &head, NULL, 0));
	EXPECT_EQ(2 * self->memory.len, head.bytes);
	EXPECT_EQ(self->held + 2 * (long)self->nr, lab_pins_held());
	close(pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
}

/*
 * Check that a process can pin its own memory. This must not create a reference cycle
 * that prevents the kernel from freeing the address space.
 */
TEST_F(life, process_pins_itself_and_exits)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		char *const page =
			mmap(NULL, lab_page(), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		const int mem = lab_open_mem(getpid(), O_RDWR);
		const struct lab_answer answer =
			lab_pin(mem, (uintptr_t)page, lab_page(), GUPX_F_WRITE);

		_exit(answer.done != lab_page());
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(self->held, lab_pins_held());
}

static const char *const module_name = "gupx";

/* Check that the pin fd keeps the module loaded, even after the device is closed. */
TEST_F(life, module_stays_while_pin_fd_lives)
{
	const int pin_fd = holder_pin_all(&self->target, &self->memory, 0);
	struct gupx_extents head;

	ASSERT_LE(0, pin_fd);
	close(lab_device());
	EXPECT_EQ(-1, syscall(SYS_delete_module, module_name, O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	EXPECT_EQ(0, access("/sys/module/gupx", F_OK));
	EXPECT_EQ(0, lab_extents(pin_fd, &head, NULL, 0));
	close(pin_fd);
}

/*
 * Row L10 (reschedule in each step): check that the pin count stays correct if the
 * target and the caller are killed at arbitrary times during a long request.
 */
TEST_F_TIMEOUT(life, target_and_caller_are_killed_at_any_time, 120)
{
	const uint64_t len = 64 << 20;

	for (unsigned int round = 0; round < 20; round++) {
		const struct timespec nap = { .tv_nsec = round * 1500 * 1000 };
		const pid_t victim_first = round % 2;
		struct target target;
		uint64_t addr;
		pid_t pid;

		ASSERT_EQ(0, target_start(&target));
		addr = memory_map_small(&target, len);
		ASSERT_NE(0ULL, addr);
		pid = fork();
		if (pid == 0) {
			lab_pin(target.mem_fd, addr, len, GUPX_F_WRITE);
			_exit(0);
		}
		nanosleep(&nap, NULL);
		kill(victim_first ? target.pid : pid, SIGKILL);
		kill(victim_first ? pid : target.pid, SIGKILL);
		EXPECT_TRUE(holder_ends_within(pid, 10000, NULL));
		target_stop(&target);
	}
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_HARNESS_MAIN
