// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK accounting: pins are charged to the user, across all processes and
 * pin fds, and are uncharged exactly once. The limit on the size of a single request
 * is tested here as well, because it also applies to callers that have no memlock
 * limit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "sysctl.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define NOBODY 65534
#define CAP "/sys/module/gupx/parameters/max_pin_mib"
#define RACERS 8
#define ROUNDS 40

FIXTURE(charge)
{
	int unused;
};

/*
 * The tests run without root, so they cannot refresh the kernel's pin counters. They
 * check the charge instead.
 */
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
	/* The limit allows a charge that is equal to the limit. */
	EXPECT_EQ(6 * page, lab_pin_more(first.pin_fd, target.mem_fd,
					 memory.addr, 6 * page, 0)
				    .done);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	close(first.pin_fd);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&target);
}

/* If a request stops early, check that only the pages that were pinned are charged. */
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

/*
 * Check that all processes of a user share one limit, which neither fork() nor
 * another pin fd raises.
 */
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

/* Check that CAP_IPC_LOCK in a user namespace does not lift the limit. */
TEST_F(charge, is_not_dodged_by_a_user_namespace)
{
	const uint64_t page = lab_page();
	struct target target;
	struct memory memory;
	struct lab_answer answer;

	if (unshare(CLONE_NEWUSER))
		SKIP(return, "no user namespace to be had");
	/*
	 * Keep the children dumpable, so that this process may open the mem files of
	 * the children.
	 */
	ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_limit);
	ASSERT_EQ(0, target_start(&target));
	ASSERT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	answer = lab_pin(target.mem_fd, memory.addr, 16 * page, 0);
	ASSERT_EQ(16 * page, answer.done);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	EXPECT_EQ(ENOBUFS, lab_pin(target.mem_fd, memory.addr, page, 0).failed);
	close(answer.pin_fd);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&target);
}

/*
 * A pinned subpage prevents the kernel from freeing the folio of this subpage. Check
 * that the whole folio is charged.
 */
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

/*
 * Check that a pin fd that is passed to another process stays charged to the user who
 * created the pin fd.
 */
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

/*
 * Check that the pages are uncharged when the last file descriptor of the pin fd is
 * closed, and not before.
 */
TEST_F(charge, ends_once_with_the_last_copy_of_the_pin_fd)
{
	const uint64_t page = lab_page();
	struct target target;
	struct memory memory;
	int line[2], pin_fd, copy;
	pid_t pid;

	ASSERT_EQ(0, target_start(&target));
	ASSERT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	pin_fd = holder_pin_all(&target, &memory, 0);
	ASSERT_LE(0, pin_fd);
	copy = dup(pin_fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line));
	pid = fork();
	if (!pid) {
		close(line[0]);
		close(line[1]);
		for (;;)
			pause();
	}
	/*
	 * Send the pin fd over a socket. No process receives it, so it stays in the
	 * socket.
	 */
	EXPECT_EQ(0, holder_send_fd(line[0], pin_fd));
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	close(pin_fd);
	close(copy);
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(16 * page, info_now(_metadata).memlock_used);
	EXPECT_EQ(ENOBUFS, lab_pin(target.mem_fd, memory.addr, page, 0).failed);
	close(line[0]);
	close(line[1]);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&target);
}

/**
 * struct race - threads that pin five pages each, under a limit of sixteen pages
 * @start: barrier before each request, and after it
 * @target: target of all threads
 * @memory: memory of the target
 * @pin_fd: pin fd that all threads add to; -1: each thread creates a pin fd of its own
 * @won: number of requests that succeeded
 * @over: number of times that more than the limit was charged
 */
struct race {
	pthread_barrier_t start;
	struct target target;
	struct memory memory;
	int pin_fd;
	unsigned int won;
	unsigned int over;
};

static void ask_once(struct race *race)
{
	struct gupx_info info = { .size = sizeof(info) };
	struct lab_answer answer;

	pthread_barrier_wait(&race->start);
	answer = lab_pin_more(race->pin_fd, race->target.mem_fd,
			      race->memory.addr, 5 * lab_page(), 0);
	if (!answer.failed && answer.done == 5 * lab_page())
		__atomic_add_fetch(&race->won, 1, __ATOMIC_RELAXED);
	if (lab_info(&info) || info.memlock_used > 16 * lab_page())
		__atomic_add_fetch(&race->over, 1, __ATOMIC_RELAXED);
	pthread_barrier_wait(&race->start);
	if (race->pin_fd < 0 && answer.pin_fd >= 0)
		close(answer.pin_fd);
	pthread_barrier_wait(&race->start);
}

static void *run_race(void *race)
{
	for (int round = 0; round < ROUNDS; round++)
		ask_once(race);
	return NULL;
}

/*
 * Each thread pins with a pin fd of its own, which it closes at the end of each round.
 * The limit has room for three requests of five pages, so exactly three threads succeed
 * in each round.
 */
TEST_F(charge, is_not_dodged_by_threads_that_race)
{
	struct race race = { .pin_fd = -1 };
	pthread_t thread[RACERS];

	ASSERT_EQ(0, target_start(&race.target));
	ASSERT_EQ(NULL, memory_build(&race.target, MEMORY_ANON, &race.memory));
	pthread_barrier_init(&race.start, NULL, RACERS);
	for (int i = 0; i < RACERS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, run_race, &race));
	for (int i = 0; i < RACERS; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(3U * ROUNDS, race.won);
	EXPECT_EQ(0U, race.over);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&race.target);
}

/*
 * All threads add to one pin fd, which already holds one page. The pages stay pinned,
 * so exactly three requests of five pages succeed in all rounds together.
 */
TEST_F(charge, is_not_dodged_by_threads_that_share_a_pin_fd)
{
	struct race race = { .pin_fd = -1 };
	pthread_t thread[RACERS];
	struct gupx_extents head;

	ASSERT_EQ(0, target_start(&race.target));
	ASSERT_EQ(NULL, memory_build(&race.target, MEMORY_ANON, &race.memory));
	race.pin_fd =
		lab_pin(race.target.mem_fd, race.memory.addr, lab_page(), 0)
			.pin_fd;
	ASSERT_LE(0, race.pin_fd);
	pthread_barrier_init(&race.start, NULL, RACERS);
	for (int i = 0; i < RACERS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, run_race, &race));
	for (int i = 0; i < RACERS; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(3U, race.won);
	EXPECT_EQ(0U, race.over);
	ASSERT_EQ(0, lab_extents(race.pin_fd, &head, NULL, 0));
	EXPECT_EQ(16 * lab_page(), head.bytes);
	EXPECT_EQ(16 * lab_page(), head.charged);
	close(race.pin_fd);
	EXPECT_EQ(0ULL, info_now(_metadata).memlock_used);
	target_stop(&race.target);
}

FIXTURE(cap)
{
	struct target target;
	long cap;
	long addr;
};

FIXTURE_SETUP(cap)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = TARGET_CALL(&self->target, SYS_mmap, 0, 4UL << 20,
				 PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_LT(0, self->addr);
	self->cap = sysctl_get(CAP);
	ASSERT_TRUE(sysctl_set(CAP, 1));
}

FIXTURE_TEARDOWN(cap)
{
	sysctl_set(CAP, self->cap);
	target_stop(&self->target);
}

/*
 * Check that CAP_IPC_LOCK lifts the memlock limit, but not the limit on the size of
 * one request.
 */
TEST_F(cap, of_a_request_binds_root_too)
{
	static const uint32_t engine[] = { 0, GUPX_F_ENGINE_KERNEL };
	const uint64_t mib = 1 << 20, page = lab_page();
	const int mem = self->target.mem_fd;
	struct lab_answer answer;
	struct gupx_info info;

	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ(1U, info.max_pin_mib);
	EXPECT_EQ(~0ULL, info.memlock_limit);
	for (int i = 0; i < 2; i++) {
		answer = lab_pin(mem, self->addr, mib + page, engine[i]);
		EXPECT_EQ(EFBIG, answer.failed);
		answer = lab_pin(mem, self->addr, mib, engine[i]);
		ASSERT_EQ(0, answer.failed);
		EXPECT_EQ(mib, answer.done);
		EXPECT_EQ(EFBIG, lab_pin_more(answer.pin_fd, mem, self->addr,
					      mib + page, engine[i])
					 .failed);
		/*
		 * Check that each held page stays charged after UNPIN of other pages,
		 * and that nothing is charged in the end.
		 */
		EXPECT_EQ(mib, lab_pin_more(answer.pin_fd, mem,
					    self->addr + mib, mib, engine[i])
				       .done);
		close(answer.pin_fd);
	}
	/* POPULATE does not hold pages, so the size of its requests is not limited. */
	EXPECT_EQ(4 * mib, lab_populate(mem, self->addr, 4 * mib, 0).done);
}

TEST_HARNESS_MAIN
