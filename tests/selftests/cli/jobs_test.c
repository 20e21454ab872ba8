// SPDX-License-Identifier: GPL-2.0
/*
 * Check that "gupctl populate --jobs" with several threads has the same result as
 * with one thread.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "slow_uffd.h"
#include "memory.h"
#include "target.h"

#define GUPCTL "/usr/bin/gupctl"
#define HUGE (2ULL << 20)
#define LEN (6 * HUGE)

FIXTURE(jobs)
{
	struct target target;
	struct slow_uffd slow_uffd;
	const char *missing;
	long addr;
	char output[4096];
	int pipe;
	pid_t cli;
};

static long map_range(const struct target *target, long addr, long len, int fd)
{
	const int kind = fd < 0 ? MAP_ANONYMOUS : 0;

	return TARGET_CALL(target, SYS_mmap, addr, len, PROT_READ,
			   MAP_PRIVATE | kind | (addr ? MAP_FIXED : 0), fd, 0);
}

FIXTURE_SETUP(jobs)
{
	self->slow_uffd.uffd = -1;
	if (access(GUPCTL, X_OK)) {
		self->missing = "no gupctl";
		return;
	}
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = map_range(&self->target, 0, LEN + HUGE, -1);
	ASSERT_LT(0, self->addr);
	self->addr = (self->addr + HUGE - 1) & ~(HUGE - 1);
	ASSERT_EQ(0, memory_forbid_huge(&self->target, self->addr, LEN));
}

FIXTURE_TEARDOWN(jobs)
{
	if (self->slow_uffd.uffd >= 0)
		close(self->slow_uffd.uffd);
	if (!self->missing)
		target_stop(&self->target);
}

static void start_cli(FIXTURE_DATA(jobs) * self, const char *jobs)
{
	char pid[16], range[64];
	int ends[2];

	snprintf(pid, sizeof(pid), "%d", self->target.pid);
	snprintf(range, sizeof(range), "%#lx+%#llx", self->addr, LEN);
	if (pipe2(ends, O_CLOEXEC))
		return;
	self->pipe = ends[0];
	self->cli = fork();
	if (!self->cli) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execl(GUPCTL, "gupctl", "populate", "--jobs", jobs, pid, range,
		      NULL);
		_exit(127);
	}
	close(ends[1]);
}

/* Read the output of gupctl. Returns its exit status, or -1 if a signal killed it. */
static int end_cli(FIXTURE_DATA(jobs) * self)
{
	size_t used = 0;
	ssize_t got;
	int status;

	do {
		got = read(self->pipe, self->output + used,
			   sizeof(self->output) - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	close(self->pipe);
	waitpid(self->cli, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t count_resident(const FIXTURE_DATA(jobs) * self, uint64_t from,
			     uint64_t to)
{
	return lab_resident(self->target.pid, self->addr + from,
			    (to - from) / lab_page());
}

TEST_F(jobs, bring_in_all_of_it)
{
	static const char *const jobs[] = { "1", "2", "5", "256" };

	SKIP_IF_MISSING();
	for (unsigned int i = 0; i < 4; i++) {
		ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, self->addr,
					 LEN, MADV_DONTNEED));
		start_cli(self, jobs[i]);
		EXPECT_EQ(0, end_cli(self))
		{
			TH_LOG("-j %s: %s", jobs[i], self->output);
		}
		EXPECT_EQ(LEN / lab_page(), count_resident(self, 0, LEN));
	}
}

/*
 * Check that gupctl reports the stop at the lowest address. gupctl must not count pages
 * after this stop, even if another thread has populated them.
 */
TEST_F(jobs, end_at_the_first_stop)
{
	const uint64_t hole = 3 * HUGE + lab_page();
	char where[32];

	SKIP_IF_MISSING();
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_munmap, self->addr + hole,
				 lab_page()));
	snprintf(where, sizeof(where), "%#llx",
		 (unsigned long long)self->addr + hole);
	start_cli(self, "3");
	EXPECT_EQ(1, end_cli(self));
	EXPECT_NE(NULL, strstr(self->output, where))
	{
		TH_LOG("no %s: %s", where, self->output);
	}
	EXPECT_EQ(hole / lab_page(), count_resident(self, 0, hole));
}

/*
 * Check that SIGINT also ends a thread that waits for a page. The signal is delivered
 * to the main thread.
 */
TEST_F(jobs, end_when_interrupted)
{
	const struct memory slow_uffd = {
		.addr = self->addr + 5 * HUGE,
		.len = lab_page(),
	};

	SKIP_IF_MISSING();
	if (!slow_uffd_is_possible())
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, slow_uffd_create(&self->slow_uffd, &self->target,
				      &slow_uffd, 0));
	start_cli(self, "2");
	ASSERT_TRUE(slow_uffd_has_waiter(&self->slow_uffd));
	kill(self->cli, SIGINT);
	EXPECT_EQ(128 + SIGINT, end_cli(self))
	{
		TH_LOG("%s", self->output);
	}
	EXPECT_EQ(3 * HUGE / lab_page(), count_resident(self, 0, 3 * HUGE));
	EXPECT_NE(NULL, strstr(self->output, "interrupted by SIGINT at 0x"))
	{
		TH_LOG("%s", self->output);
	}
}

TEST_HARNESS_MAIN
