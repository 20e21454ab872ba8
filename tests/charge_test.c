// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK: the charge is the user's, over processes and pin fds, and given
 * back once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define NOBODY 65534

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
	holder_start(&holder, &target, &memory);
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
		_exit(holder_send_fd(line[1],
				     holder_pin_all(&target, &memory, 0)));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	pin_fd = holder_receive_fd(line[0]);
	ASSERT_LE(0, pin_fd);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	close(pin_fd);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&target);
}

TEST_HARNESS_MAIN
