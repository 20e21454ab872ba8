// SPDX-License-Identifier: GPL-2.0
/*
 * Test mem fds that are passed to another process. The module repeats the kernel's
 * access check if a process did not open the mem fd itself, or has changed its
 * credentials since.
 *
 * In some tests, the caller or the target is in a new user namespace.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "lab.h"
#include "slow_uffd.h"
#include "memory.h"
#include "target.h"

#define NOBODY 65534

static int ask_explain(int mem, const struct memory *memory)
{
	struct gupx_judgement found[4];
	struct gupx_explain ask = {
		.size = sizeof(ask),
		.mem_fd = mem,
		.verb = GUPX_VERB_PIN,
		.addr = memory->addr,
		.len = memory->len,
		.buf = (uintptr_t)found,
		.capacity = ARRAY_SIZE(found),
		.entry_size = sizeof(found[0]),
	};

	return ioctl(lab_device(), GUPX_IOC_EXPLAIN, &ask) ? errno : 0;
}

/*
 * Make a request of each verb with @mem. Returns the errno if all requests have the
 * same result, or 255 if the results differ.
 */
static int ask_all_verbs(int mem, const struct memory *memory)
{
	unsigned char byte;
	const struct lab_answer pin =
		lab_pin(mem, memory->addr, memory->len, 0);
	const int answer[] = {
		lab_read(mem, memory->addr, 1, &byte, 0).failed,
		lab_populate(mem, memory->addr, memory->len, 0).failed,
		ask_explain(mem, memory),
	};

	if (pin.pin_fd >= 0)
		close(pin.pin_fd);
	for (size_t i = 0; i < ARRAY_SIZE(answer); i++)
		if (answer[i] != pin.failed)
			return 255;
	return pin.failed;
}

static int exit_code_of(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : 254;
}

static int become_the_same(void)
{
	return 0;
}

static int become_nobody(void)
{
	return lab_become(NOBODY);
}

static int lose_CAP_SYS_PTRACE(void)
{
	return lab_drop_capability(CAP_SYS_PTRACE);
}

/*
 * Become root of a new user namespace. The process has all capabilities in this
 * namespace, but none outside of it.
 */
static int become_root_of_user_namespace(void)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %d 1", geteuid());
	if (unshare(CLONE_NEWUSER))
		return errno;
	return lab_write_text("/proc/self/uid_map", map) || geteuid() ? 255 : 0;
}

/* Enter a new PID namespace, in which the target has no PID. */
static int enter_pid_namespace(void)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return errno;
	pid = fork();
	if (pid)
		_exit(exit_code_of(pid));
	return getpid() != 1;
}

FIXTURE(passed)
{
	struct target target;
	struct memory memory;
};

/*
 * @become: changes the credentials of the caller
 *
 * @answer: errno that every verb returns
 */
FIXTURE_VARIANT(passed)
{
	int (*become)(void);
	int answer;
};

FIXTURE_VARIANT_ADD(passed, allow_the_like){
	.become = become_the_same,
};

FIXTURE_VARIANT_ADD(passed, allow_in_pid_namespace){
	.become = enter_pid_namespace,
};

FIXTURE_VARIANT_ADD(passed, deny_another_user){
	.become = become_nobody,
	.answer = EACCES,
};

FIXTURE_VARIANT_ADD(passed, deny_without_CAP_SYS_PTRACE){
	.become = lose_CAP_SYS_PTRACE,
	.answer = EACCES,
};

FIXTURE_VARIANT_ADD(passed, deny_root_of_user_namespace){
	.become = become_root_of_user_namespace,
	.answer = EACCES,
};

FIXTURE_SETUP(passed)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
}

FIXTURE_TEARDOWN(passed)
{
	target_stop(&self->target);
}

TEST_F(passed, by_fork)
{
	const pid_t pid = fork();

	if (!pid) {
		if (variant->become())
			_exit(253);
		_exit(ask_all_verbs(self->target.mem_fd, &self->memory));
	}
	EXPECT_EQ(variant->answer, exit_code_of(pid));
	/* The process that opened the mem fd can still use it. */
	EXPECT_EQ(0, ask_all_verbs(self->target.mem_fd, &self->memory));
}

TEST_F(passed, by_message)
{
	int line[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line));
	pid = fork();
	if (!pid) {
		close(self->target.mem_fd);
		if (variant->become())
			_exit(253);
		_exit(ask_all_verbs(holder_receive_fd(line[1]), &self->memory));
	}
	EXPECT_EQ(0, holder_send_fd(line[0], self->target.mem_fd));
	EXPECT_EQ(variant->answer, exit_code_of(pid));
}

/*
 * Check that the access check is repeated, with the new credentials, if a process opens
 * the mem fd and then changes its credentials.
 */
TEST_F(passed, over_a_change_of_credentials)
{
	const pid_t pid = fork();

	if (!pid) {
		const int mem = lab_open_mem(self->target.pid, O_RDWR);

		if (ask_all_verbs(mem, &self->memory) || variant->become())
			_exit(253);
		_exit(ask_all_verbs(mem, &self->memory));
	}
	EXPECT_EQ(variant->answer, exit_code_of(pid));
}

/*
 * Check that the receiver of a pin fd can read the pinned bytes, while any other
 * access to the target is checked again.
 */
TEST_F(passed, pin_fd)
{
	const pid_t pid = fork();
	struct lab_answer more;
	unsigned char byte;
	int pin_fd;

	if (pid) {
		EXPECT_EQ(variant->answer, exit_code_of(pid));
		return;
	}
	pin_fd = holder_pin_all(&self->target, &self->memory, 0);
	if (variant->become() || pread(pin_fd, &byte, 1, 0) != 1)
		_exit(253);
	more = lab_pin_more(pin_fd, self->target.mem_fd, self->memory.addr,
			    lab_page(), 0);
	_exit(more.failed);
}

FIXTURE(who)
{
	struct target target;
	struct memory memory;
};

/* Run the test and its targets as one unprivileged user. */
FIXTURE_SETUP(who)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, lab_become(NOBODY));
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
}

FIXTURE_TEARDOWN(who)
{
	target_stop(&self->target);
}

static int ask_in_child(FIXTURE_DATA(who) * self)
{
	const pid_t pid = fork();

	if (!pid)
		_exit(ask_all_verbs(self->target.mem_fd, &self->memory));
	return exit_code_of(pid);
}

/*
 * Check that a process that opened the mem fd keeps its access when the target is no
 * longer dumpable, as with read() of the file. A process that received the mem fd is
 * checked again, and must be refused.
 */
TEST_F(who, deny_passed_mem_fd_of_target_no_longer_dumpable)
{
	EXPECT_EQ(0, ask_in_child(self));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_prctl, PR_SET_DUMPABLE, 0));
	EXPECT_EQ(EACCES, ask_in_child(self));
	EXPECT_EQ(0, ask_all_verbs(self->target.mem_fd, &self->memory));
	EXPECT_EQ(-1, lab_open_mem(self->target.pid, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(who, deny_passed_mem_fd_of_dead_target)
{
	shutdown(self->target.line, SHUT_RDWR);
	target_reap(&self->target);
	EXPECT_EQ(ESRCH, ask_in_child(self));
}

TEST_F(who, deny_root_of_user_namespace_on_a_process_outside)
{
	const pid_t pid = fork();
	int mem;

	if (!pid) {
		if (become_root_of_user_namespace())
			_exit(253);
		mem = lab_open_mem(self->target.pid, O_RDONLY);
		_exit(mem < 0 ? errno : 0);
	}
	EXPECT_EQ(EACCES, exit_code_of(pid));
}

/*
 * The creator of a user namespace has all capabilities in the namespace. Check that
 * the creator can access a process in the namespace from outside.
 */
TEST_F(who, allow_maker_of_user_namespace_on_a_process_inside)
{
	int mem;

	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_unshare, CLONE_NEWUSER));
	mem = lab_open_mem(self->target.pid, O_RDWR);
	ASSERT_LE(0, mem);
	EXPECT_EQ(0, ask_all_verbs(mem, &self->memory));
	EXPECT_EQ(0, ask_in_child(self));
	close(mem);
}

/*
 * After exec, a mem fd that was opened before still refers to the old mm. In this test,
 * a waiting request holds a reference to the old mm, so the old mm stays usable. Check
 * that the process that opened the mem fd can still use it. A process that inherited
 * the mem fd must be refused, because the target now has another mm.
 */
TEST(deny_passed_mem_fd_of_exec_ed_target)
{
	struct target target;
	struct memory memory;
	struct slow_uffd slow_uffd;
	pid_t waiting, asking;

	ASSERT_LE(0, lab_device());
	if (!slow_uffd_is_possible())
		SKIP(return, "no userfaultfd in this kernel");
	ASSERT_EQ(0, target_start(&target));
	ASSERT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	ASSERT_EQ(0, slow_uffd_create(&slow_uffd, &target, &memory, 0));
	waiting = fork();
	if (!waiting) {
		close(slow_uffd.uffd);
		lab_populate(target.mem_fd, memory.addr, lab_page(), 0);
		_exit(0);
	}
	EXPECT_TRUE(slow_uffd_has_waiter(&slow_uffd));
	target_exec(&target);
	asking = fork();
	if (!asking)
		_exit(ask_explain(target.mem_fd, &memory));
	EXPECT_EQ(ESRCH, exit_code_of(asking));
	EXPECT_EQ(0, ask_explain(target.mem_fd, &memory));
	close(slow_uffd.uffd);
	EXPECT_EQ(0, exit_code_of(waiting));
	EXPECT_EQ(ESRCH, ask_explain(target.mem_fd, &memory));
	target_stop(&target);
}

TEST_HARNESS_MAIN
