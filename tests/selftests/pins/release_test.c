// SPDX-License-Identifier: GPL-2.0
/*
 * Check that other tasks can run while many pages are released. A run can have up to
 * 262,144 pages. Therefore the module calls cond_resched() after a number of pages, and
 * not after a number of runs.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define LEN (256UL << 20)

/**
 * struct sleeper - a real-time thread that wakes up every millisecond
 * @over: set to end the thread
 * @worst: longest sleep seen, in nanoseconds
 */
struct sleeper {
	_Atomic bool over;
	_Atomic long worst;
};

static long read_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void *sleep_often(void *argument)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	struct sleeper *sleeper = argument;

	while (!sleeper->over) {
		const long begun = read_clock();
		long slept;

		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		slept = read_clock() - begun;
		if (slept > sleeper->worst)
			sleeper->worst = slept;
	}
	return NULL;
}

static int start_sleeper(pthread_t *thread, struct sleeper *sleeper)
{
	const struct sched_param first = { .sched_priority = 50 };
	pthread_attr_t attributes;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	pthread_attr_setschedparam(&attributes, &first);
	return pthread_create(thread, &attributes, sleep_often, sleeper);
}

FIXTURE(release)
{
	struct target target;
	int pin_fd;
};

FIXTURE_SETUP(release)
{
	struct lab_answer answer;
	uint64_t addr;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	addr = memory_map_small(&self->target, LEN);
	ASSERT_NE(0ULL, addr);
	answer = lab_pin(self->target.mem_fd, addr, LEN, GUPX_F_WRITE);
	ASSERT_EQ(LEN, answer.done);
	self->pin_fd = answer.pin_fd;
	/*
	 * After the target has ended, the pin fd holds the last references. The
	 * release of the pin fd therefore also frees the pages.
	 */
	target_stop(&self->target);
}

FIXTURE_TEARDOWN(release)
{
	target_stop(&self->target);
}

/*
 * The real-time thread runs on the same CPU as the release. Check that the thread
 * waits for less than a third of the release time.
 */
TEST_F(release, of_many_pages_lets_others_run)
{
	struct sleeper sleeper = { .over = false };
	pthread_t thread;
	long took;

	if (start_sleeper(&thread, &sleeper))
		SKIP(return, "no real-time thread to be had");
	usleep(50000);
	sleeper.worst = 0;
	took = read_clock();
	close(self->pin_fd);
	took = read_clock() - took;
	sleeper.over = true;
	pthread_join(thread, NULL);
	TH_LOG("release took %ld us, the longest wait was %ld us", took / 1000,
	       sleeper.worst / 1000);
	EXPECT_GT(took / 3, sleeper.worst);
}

TEST_HARNESS_MAIN
