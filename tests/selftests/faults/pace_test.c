// SPDX-License-Identifier: GPL-2.0
/*
 * Test of row L10: check that the scheduler can run other processes during a long
 * request.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"
#include "row.h"

/* 131,072 entries that all map the zero page, so that the test needs little memory. */
#define LEN (512ULL << 20)

struct shared {
	volatile int running;
	struct lab_answer answer;
};

static void stay_on_first_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void run_request(const struct target *target, uint64_t addr,
			struct shared *shared)
{
	shared->running = 1;
	shared->answer = lab_populate(target->mem_fd, addr, LEN, 0);
	shared->running = 2;
	_exit(0);
}

/*
 * Count how many times this process gets the CPU during the request. The request runs
 * in another process on the same CPU.
 */
static unsigned int count_turns(const struct shared *shared)
{
	const struct timespec nap = { .tv_nsec = 100000 };
	unsigned int turns = 0;

	while (shared->running != 2) {
		nanosleep(&nap, NULL);
		turns += shared->running == 1;
	}
	return turns;
}

TEST_F(row, L10_others_have_their_turn)
{
	struct shared *const shared =
		mmap(NULL, lab_page(), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int turns[2];
	long addr;

	ASSERT_NE(MAP_FAILED, shared);
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, LEN, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_LT(0, addr);
	ASSERT_EQ(0, memory_forbid_huge(&self->target, addr, LEN));
	stay_on_first_cpu();
	/*
	 * The first round faults in all pages. The second round only walks the page
	 * tables.
	 */
	for (int round = 0; round < 2; round++) {
		pid_t pid;

		shared->running = 0;
		pid = fork();
		if (pid == 0)
			run_request(&self->target, addr, shared);
		turns[round] = count_turns(shared);
		waitpid(pid, NULL, 0);
		EXPECT_EQ(LEN, shared->answer.done);
	}
	/*
	 * This process runs during the request only if the request calls
	 * cond_resched().
	 */
	EXPECT_LE(3U, turns[0]);
	EXPECT_LE(2U, turns[1]);
	TH_LOG("turns: %u faulting, %u looking", turns[0], turns[1]);
}

TEST_HARNESS_MAIN
