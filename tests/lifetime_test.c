// SPDX-License-Identifier: GPL-2.0
/*
 * Who may die when: targets that exit, exec, fork, unmap and are killed; holders
 * that are killed or pass their pin fd on; callers that are killed in the middle;
 * the module itself. After each, the kernel's count of pins is what it was.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define NOBODY 65534

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

/* A pin of all the memory; -1 where that did not work. */
static int pin_all(const struct target *target, const struct memory *memory,
		   uint32_t flags)
{
	const struct lab_answer answer =
		lab_pin(target->mem_fd, memory->addr, memory->len, flags);

	return answer.done == memory->len ? answer.pin_fd : -1;
}

/* All is held, though the target is gone; nothing can be added any more. */
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

TEST_F(life, target_exits)
{
	const int pin_fd = pin_all(&self->target, &self->memory, 0);
	const struct target target = self->target;

	ASSERT_LE(0, pin_fd);
	/* Hanging up is what tells it to exit. */
	ASSERT_EQ(0, shutdown(target.line, SHUT_RDWR));
	target_reap(&self->target);
	check_outlives(_metadata, self, pin_fd);
}

TEST_F(life, target_is_killed)
{
	const int pin_fd = pin_all(&self->target, &self->memory, GUPX_F_WRITE);

	ASSERT_LE(0, pin_fd);
	kill(self->target.pid, SIGKILL);
	target_reap(&self->target);
	check_outlives(_metadata, self, pin_fd);
}

TEST_F(life, target_execs)
{
	const int pin_fd = pin_all(&self->target, &self->memory, GUPX_F_WRITE);

	ASSERT_LE(0, pin_fd);
	target_exec(&self->target);
	check_outlives(_metadata, self, pin_fd);
	/* It lives, in an address space that the old descriptor does not name. */
	ASSERT_EQ(0, kill(self->target.pid, 0));
}

TEST_F(life, target_unmaps)
{
	const int pin_fd = pin_all(&self->target, &self->memory, GUPX_F_WRITE);
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
 * O1: after fork the pinned page stays the parent's. The child has a copy, made
 * at fork: who writes later can not take the page away from who pinned it.
 */
static void check_fork(struct __test_metadata *_metadata,
		       FIXTURE_DATA(life) * self, uint32_t flags)
{
	const int pin_fd = pin_all(&self->target, &self->memory, flags);
	uint64_t pinned[64], parent[64], heir[64];
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
	EXPECT_EQ(self->nr, lab_pagemap(child.pid, addr, self->nr, heir));
	for (size_t i = 0; i < self->nr; i++) {
		EXPECT_EQ(pinned[i], LAB_PM_FRAME(parent[i]));
		EXPECT_NE(pinned[i], LAB_PM_FRAME(heir[i]));
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

/* The other way round: the child writes first, and must not take the page. */
TEST_F(life, O1_child_writes_first)
{
	const int pin_fd = pin_all(&self->target, &self->memory, GUPX_F_WRITE);
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
	lab_pagemap(self->target.pid, self->memory.addr, self->nr, parent);
	for (size_t i = 0; i < self->nr; i++)
		EXPECT_EQ(pinned[i], LAB_PM_FRAME(parent[i]));
	target_stop(&child);
	close(pin_fd);
}

TEST_F(life, pin_fd_is_duplicated)
{
	const int pin_fd = pin_all(&self->target, &self->memory, 0);
	const int copy = dup(pin_fd);

	ASSERT_LE(0, pin_fd);
	ASSERT_LE(0, copy);
	close(pin_fd);
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	close(copy);
	EXPECT_EQ(self->held, lab_pins_held());
}

/* A process that does @work, says so, and then waits to be killed. */
struct holder {
	pid_t pid;
	int line;
};

static void hold(struct holder *holder, const struct target *target,
		 const struct memory *memory)
{
	int line[2];
	int pin_fd;

	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line);
	holder->line = line[0];
	holder->pid = fork();
	if (holder->pid == 0) {
		close(line[0]);
		pin_fd = pin_all(target, memory, GUPX_F_WRITE);
		send(line[1], &pin_fd, sizeof(pin_fd), 0);
		for (;;)
			pause();
	}
	close(line[1]);
}

TEST_F(life, holder_is_killed)
{
	struct holder holder;
	int pin_fd = -1;

	hold(&holder, &self->target, &self->memory);
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

	hold(&holder, &self->target, &self->memory);
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

static int send_fd(int line, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	char byte = 0;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(line, &message, 0) == 1 ? 0 : -1;
}

static int receive_fd(int line)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	int fd = -1;

	if (recvmsg(line, &message, MSG_CMSG_CLOEXEC) == 1 &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

/* Sent by one who is dead when it arrives. */
TEST_F(life, pin_fd_is_passed_on)
{
	int line[2], status, pin_fd;
	pid_t sender;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line));
	sender = fork();
	if (sender == 0)
		_exit(send_fd(line[1], pin_all(&self->target, &self->memory,
					       GUPX_F_WRITE)));
	ASSERT_EQ(sender, waitpid(sender, &status, 0));
	ASSERT_EQ(0, status);
	/* In flight: nobody has it open. */
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	pin_fd = receive_fd(line[0]);
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
	pin_fd = pin_all(&self->target, &self->memory, 0);
	ASSERT_LE(0, pin_fd);
	ASSERT_EQ(0, send_fd(line[1], pin_fd));
	close(pin_fd);
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	close(line[0]);
	close(line[1]);
	EXPECT_EQ(self->held, lab_pins_held());
}

/* Adding to a pin fd that another holder made: one pin set, one release. */
TEST_F(life, pin_fd_is_shared_with_child)
{
	const int pin_fd = pin_all(&self->target, &self->memory, 0);
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

/* Target and holder are one: no circle may keep the address space alive. */
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

/* Not even with the device closed: the pin fd alone holds the module. */
TEST_F(life, module_stays_while_pin_fd_lives)
{
	const int pin_fd = pin_all(&self->target, &self->memory, 0);
	struct gupx_extents head;

	ASSERT_LE(0, pin_fd);
	close(lab_device());
	EXPECT_EQ(-1, syscall(SYS_delete_module, module_name, O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	EXPECT_EQ(0, access("/sys/module/gupx", F_OK));
	EXPECT_EQ(0, lab_extents(pin_fd, &head, NULL, 0));
	close(pin_fd);
}

/* Pages that never come, until the test says so. Polled, so non-blocking. */
struct late_page {
	int uffd;
	uint64_t addr;
};

static int pidfd_getfd(pid_t pid, int fd)
{
	const int pidfd = syscall(SYS_pidfd_open, pid, 0);
	const int copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return copy;
}

/* The target makes the userfaultfd: it serves the address space of its maker. */
static int make_late(const struct target *target, const struct memory *memory,
		     struct late_page *late)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = memory->addr, .len = memory->len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	const long fd =
		TARGET_CALL(target, SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	late->addr = memory->addr;
	late->uffd = fd < 0 ? -1 : pidfd_getfd(target->pid, fd);
	if (late->uffd < 0 || ioctl(late->uffd, UFFDIO_API, &api) ||
	    TARGET_CALL(target, SYS_madvise, memory->addr, memory->len,
			MADV_DONTNEED) ||
	    ioctl(late->uffd, UFFDIO_REGISTER, &range))
		return -1;
	return 0;
}

static bool somebody_waits(const struct late_page *late)
{
	struct pollfd event = { .fd = late->uffd, .events = POLLIN };

	return poll(&event, 1, 5000) == 1 && event.revents == POLLIN;
}

static int deliver(const struct late_page *late, uint64_t len)
{
	struct uffdio_zeropage page = {
		.range = { .start = late->addr, .len = len },
	};

	return ioctl(late->uffd, UFFDIO_ZEROPAGE, &page);
}

#define NEED_LATE(late)                                                        \
	do {                                                                   \
		if (access("/proc/sys/vm/unprivileged_userfaultfd", F_OK))     \
			SKIP(return, "no userfaultfd in this kernel");         \
		ASSERT_EQ(0, make_late(&self->target, &self->memory, (late))); \
	} while (0)

/* O2, L14: the fault drops the lock, waits, and the loop goes on. */
TEST_F(life, O2_page_comes_late)
{
	struct late_page late;
	int status;
	pid_t pid;

	NEED_LATE(&late);
	pid = fork();
	if (pid == 0)
		_exit(pin_all(&self->target, &self->memory, GUPX_F_WRITE) < 0);
	ASSERT_TRUE(somebody_waits(&late));
	ASSERT_EQ(0, deliver(&late, self->memory.len));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(self->nr,
		  lab_resident(self->target.pid, self->memory.addr, self->nr));
	close(late.uffd);
}

static bool ends_within(pid_t pid, unsigned int milliseconds, int *status)
{
	const struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };

	for (unsigned int waited = 0; waited < milliseconds; waited += 10) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

/* L9, O3: a caller that waits for a page which never comes can be killed. */
static void check_killable(struct __test_metadata *_metadata,
			   FIXTURE_DATA(life) * self, bool populate)
{
	struct late_page late;
	bool ended;
	pid_t pid;

	NEED_LATE(&late);
	/* The first half is there: what was done for it is undone as well. */
	ASSERT_EQ(0, deliver(&late, self->memory.len / 2));
	pid = fork();
	if (pid == 0) {
		if (populate)
			lab_populate(self->target.mem_fd, self->memory.addr,
				     self->memory.len, 0);
		else
			lab_pin(self->target.mem_fd, self->memory.addr,
				self->memory.len, 0);
		_exit(0);
	}
	ASSERT_TRUE(somebody_waits(&late));
	kill(pid, SIGKILL);
	ended = ends_within(pid, 5000, NULL);
	EXPECT_TRUE(ended);
	close(late.uffd);
	if (!ended)
		waitpid(pid, NULL, 0);
	EXPECT_EQ(self->held, lab_pins_held());
	/* Nobody was left with the lock of the target's address space. */
	EXPECT_LE(0, TARGET_CALL(&self->target, SYS_munmap, self->memory.addr,
				 self->memory.len));
}

TEST_F(life, L9_populating_caller_is_killed)
{
	check_killable(_metadata, self, true);
}

TEST_F(life, L9_pinning_caller_is_killed)
{
	check_killable(_metadata, self, false);
}

static void note_signal(int signal)
{
	(void)signal;
}

/* O3: any signal, where that was asked; what is done so far is the answer. */
static void interrupted(FIXTURE_DATA(life) * self, uint64_t addr,
			struct lab_answer *answer)
{
	const struct sigaction action = { .sa_handler = note_signal };

	sigaction(SIGUSR1, &action, NULL);
	*answer = lab_pin(self->target.mem_fd, addr, self->memory.len / 2,
			  GUPX_F_INTERRUPTIBLE);
	_exit(0);
}

TEST_F(life, O3_interruptible_request_is_interrupted)
{
	struct lab_answer *const answer =
		mmap(NULL, lab_page(), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const uint64_t half = self->memory.len / 2, page = lab_page();
	struct late_page late;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, answer);
	NEED_LATE(&late);
	ASSERT_EQ(0, deliver(&late, half));
	for (int round = 0; round < 2; round++) {
		/* First nothing is there, then two pages are. */
		const uint64_t addr =
			self->memory.addr + half - 2 * round * page;

		pid = fork();
		if (pid == 0)
			interrupted(self, addr, answer);
		ASSERT_TRUE(somebody_waits(&late));
		kill(pid, SIGUSR1);
		if (!ends_within(pid, 5000, &status)) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			ASSERT_TRUE(false) TH_LOG("the signal was ignored");
		}
		EXPECT_EQ(0, status);
		EXPECT_EQ(0, answer->failed);
		EXPECT_EQ(2 * round * page, answer->done);
		EXPECT_EQ((__u32)EINTR, answer->stop.error);
		EXPECT_EQ(GUPX_REASON_SIGNAL, answer->stop.reason);
		EXPECT_EQ(addr + answer->done, answer->stop.addr);
	}
	close(late.uffd);
}

/* L14: NOWAIT does not wait, and that is no error. */
TEST_F(life, L14_nowait_stops_where_a_wait_is_needed)
{
	const uint64_t half = self->memory.len / 2;
	struct late_page late;
	struct lab_answer answer;

	NEED_LATE(&late);
	ASSERT_EQ(0, deliver(&late, half));
	answer = lab_pin(self->target.mem_fd, self->memory.addr + half, half,
			 GUPX_F_NOWAIT);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(0, lab_gup_return(&answer));
	EXPECT_EQ(GUPX_STAGE_FAULT, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_WOULD_WAIT, answer.stop.reason);
	EXPECT_EQ(-1, answer.pin_fd);
	close(late.uffd);
}

/* What unprivileged users get serves no kernel: SIGBUS, so EFAULT, no wait. */
TEST_F(life, L15_userfaultfd_for_user_mode_only)
{
	struct late_page late = { .addr = self->memory.addr };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = self->memory.addr,
			   .len = self->memory.len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct lab_answer answer;
	long fd;

	fd = TARGET_CALL(&self->target, SYS_userfaultfd,
			 O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (fd == -ENOSYS || fd == -EINVAL)
		SKIP(return, "no userfaultfd for user mode only");
	ASSERT_LE(0, fd);
	late.uffd = pidfd_getfd(self->target.pid, fd);
	ASSERT_EQ(0, ioctl(late.uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, self->memory.addr,
				 self->memory.len, MADV_DONTNEED));
	ASSERT_EQ(0, ioctl(late.uffd, UFFDIO_REGISTER, &range));
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, 0);
	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
	EXPECT_EQ(GUPX_STAGE_FAULT, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_FAULT_SIGBUS, answer.stop.reason);
	answer = lab_populate(self->target.mem_fd, self->memory.addr,
			      self->memory.len, 0);
	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
	close(late.uffd);
}

/* The target dies while its pages are brought in: the caller is well. */
TEST_F(life, target_is_killed_while_being_populated)
{
	struct late_page late;
	int status;
	pid_t pid;

	NEED_LATE(&late);
	pid = fork();
	if (pid == 0) {
		struct lab_answer answer;

		close(late.uffd);
		answer = lab_populate(self->target.mem_fd, self->memory.addr,
				      self->memory.len, GUPX_F_WRITE);
		/* Its address space is kept for as long as the request runs. */
		_exit(answer.failed || answer.done != self->memory.len);
	}
	ASSERT_TRUE(somebody_waits(&late));
	kill(self->target.pid, SIGKILL);
	target_reap(&self->target);
	close(late.uffd);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(ESRCH, lab_populate(self->target.mem_fd, self->memory.addr,
				      self->memory.len, 0)
				 .failed);
}

/* L10: many pages, no uffd, no hint when: whatever was reached is consistent. */
TEST_F_TIMEOUT(life, target_and_caller_are_killed_at_any_time, 120)
{
	const uint64_t len = 64 << 20;

	for (unsigned int round = 0; round < 20; round++) {
		const struct timespec nap = { .tv_nsec = round * 1500 * 1000 };
		const pid_t victim_first = round % 2;
		struct target target;
		pid_t pid;
		long addr;

		ASSERT_EQ(0, target_start(&target));
		addr = TARGET_CALL(&target, SYS_mmap, 0, len,
				   PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_LT(0, addr);
		TARGET_CALL(&target, SYS_madvise, addr, len, MADV_NOHUGEPAGE);
		pid = fork();
		if (pid == 0) {
			lab_pin(target.mem_fd, addr, len, GUPX_F_WRITE);
			_exit(0);
		}
		nanosleep(&nap, NULL);
		kill(victim_first ? target.pid : pid, SIGKILL);
		kill(victim_first ? pid : target.pid, SIGKILL);
		EXPECT_TRUE(ends_within(pid, 10000, NULL));
		target_stop(&target);
	}
	EXPECT_EQ(self->held, lab_pins_held());
}

/* The charge is the user's: over processes and pin fds, given back once. */
FIXTURE(charge)
{
	int unused;
};

/* Who is not root cannot read the counters: the charge itself is the witness. */
FIXTURE_SETUP(charge)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, lab_set_memlock(16 * lab_page()));
	ASSERT_EQ(0, lab_become(NOBODY));
}

FIXTURE_TEARDOWN(charge)
{
}

static struct gupx_info info_now(struct __test_metadata *_metadata)
{
	struct gupx_info info;

	ASSERT_EQ(0, lab_info(&info));
	return info;
}

TEST_F(charge, is_refused_whole_beyond_the_limit)
{
	const uint64_t page = lab_page();
	struct gupx_pin pin = { .size = sizeof(pin), .pin_fd = -1 };
	struct target target;
	struct memory memory;
	struct lab_answer first;

	ASSERT_EQ(0, target_start(&target));
	ASSERT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_limit);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	first = lab_pin(target.mem_fd, memory.addr, 10 * page, 0);
	ASSERT_EQ(0, first.failed);
	EXPECT_EQ(10 * page, first.done);
	EXPECT_EQ(10 * page, info_now(_metadata).memlock_used);
	pin.mem_fd = target.mem_fd;
	pin.addr = memory.addr;
	pin.len = 7 * page;
	EXPECT_EQ(-1, ioctl(lab_device(), GUPX_IOC_PIN, &pin));
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_EQ(16 * page, pin.memlock_limit);
	EXPECT_EQ(10 * page, pin.memlock_used);
	EXPECT_EQ(7 * page, pin.memlock_asked);
	EXPECT_EQ(10 * page, info_now(_metadata).memlock_used);
	/* To the brim is not beyond. */
	EXPECT_EQ(6 * page, lab_pin_more(first.pin_fd, target.mem_fd,
					 memory.addr, 6 * page, 0)
				    .done);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	close(first.pin_fd);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&target);
}

/* What was not pinned is not charged. */
TEST_F(charge, is_for_what_was_pinned_only)
{
	const uint64_t page = lab_page();
	struct gupx_extents head;
	struct target target;
	struct memory memory;
	struct lab_answer answer;

	ASSERT_EQ(0, target_start(&target));
	ASSERT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	ASSERT_EQ(0, TARGET_CALL(&target, SYS_munmap, memory.addr + 3 * page,
				 page));
	answer = lab_pin(target.mem_fd, memory.addr, 8 * page, 0);
	ASSERT_EQ(0, answer.failed);
	EXPECT_EQ(3 * page, answer.done);
	EXPECT_EQ(3 * page, info_now(_metadata).memlock_used);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, NULL, 0));
	EXPECT_EQ(3 * page, head.charged);
	close(answer.pin_fd);
	answer = lab_pin(target.mem_fd, memory.addr + 3 * page, page, 0);
	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&target);
}

/* Neither fork nor another pin fd gives a user a second allowance. */
TEST_F(charge, is_by_user_not_by_process)
{
	const uint64_t page = lab_page();
	struct target target;
	struct memory memory;
	struct holder holder;
	int pin_fd = -1;

	ASSERT_EQ(0, target_start(&target));
	ASSERT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	ASSERT_EQ(16 * page, memory.len);
	hold(&holder, &target, &memory);
	ASSERT_LT(0, holder.pid);
	EXPECT_EQ(sizeof(pin_fd),
		  recv(holder.line, &pin_fd, sizeof(pin_fd), 0));
	EXPECT_LE(0, pin_fd);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	EXPECT_EQ(ENOBUFS, lab_pin(target.mem_fd, memory.addr, page, 0).failed);
	kill(holder.pid, SIGKILL);
	ASSERT_EQ(holder.pid, waitpid(holder.pid, NULL, 0));
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	close(holder.line);
	target_stop(&target);
}

/* A subpage keeps its whole folio from being freed: the folio is charged. */
TEST_F(charge, is_for_whole_folios)
{
	struct lab_answer answer;
	struct target target;
	struct memory memory;
	const char *missing;

	ASSERT_EQ(0, target_start(&target));
	missing = memory_build(&target, MEMORY_THP, &memory);
	if (!missing && target_poke(&target, memory.addr, memory.len, 'x'))
		missing = "no memory";
	if (!missing &&
	    target_smaps(&target, memory.addr, "AnonHugePages:") <= 0)
		missing = "no huge page to be had";
	if (missing) {
		target_stop(&target);
		SKIP(return, "%s", missing);
	}
	answer = lab_pin(target.mem_fd, memory.addr, lab_page(), 0);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(0ULL, answer.done);
	EXPECT_EQ(-1, answer.pin_fd);
	EXPECT_EQ((__u32)ENOBUFS, answer.stop.error);
	EXPECT_EQ(GUPX_STAGE_ACCOUNT, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_MEMLOCK, answer.stop.reason);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&target);
}

/* A descriptor that another user was given: it still counts for its maker. */
TEST_F(charge, follows_the_maker_of_the_pin_fd)
{
	const uint64_t page = lab_page();
	struct target target;
	struct memory memory;
	int line[2], status, pin_fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line));
	ASSERT_EQ(0, target_start(&target));
	ASSERT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	pid = fork();
	if (pid == 0)
		_exit(send_fd(line[1], pin_all(&target, &memory, 0)));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	pin_fd = receive_fd(line[0]);
	ASSERT_LE(0, pin_fd);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	close(pin_fd);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&target);
}

TEST_HARNESS_MAIN
