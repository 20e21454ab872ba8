// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of requests that run out of memory, because the target's memory cgroup, the
 * caller's memory cgroup, or the machine has no free memory. In this case, the OOM
 * killer kills a process, or the request stops with ENOMEM. After the request, no page
 * may stay pinned, and other requests must work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "sysctl.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define CGROUPS "/sys/fs/cgroup"
#define GROUP CGROUPS "/gupx-oom"
#define GROUP_LIMIT (16L << 20)
#define LEN (64UL << 20)
/*
 * Number of bytes to populate. The page tables for these bytes need more memory than
 * CALLER_LIMIT.
 */
#define SPARSE_LEN (512UL << 20)
#define CALLER_LIMIT (256L << 10)
/*
 * Number of extents. Each extent uses at least 8 bytes of memory, so all extents
 * together need several times CALLER_LIMIT.
 */
#define MANY_EXTENTS 131072
#define NEVER_KILLED (-1000)
#define KILLED_FIRST 1000
#define MACHINE_MAX (768UL << 20)
#define SWAP "/dev/zram0"

/**
 * struct outcome - result of a caller's request, in shared memory
 * @reported: true if the caller has stored @answer
 * @answer: result of the request
 */
struct outcome {
	bool reported;
	struct lab_answer answer;
};

FIXTURE(oom)
{
	struct target target;
	struct target bystander;
	struct outcome *outcome;
	const char *missing;
	const char *swap;
	uint64_t addr;
	long held;
};

static const char *make_group(void)
{
	sysctl_set(CGROUPS "/cgroup.subtree_control", 0);
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		return "no cgroup can be made";
	if (access(GROUP "/memory.max", F_OK)) {
		const int fd = open(CGROUPS "/cgroup.subtree_control",
				    O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "+memory", 7) != 7)
			return "no memory controller";
		close(fd);
	}
	return access(GROUP "/memory.max", F_OK) ? "no memory controller"
						 : NULL;
}

static void limit_group(long bytes)
{
	sysctl_set(GROUP "/memory.swap.max", 0);
	sysctl_set(GROUP "/memory.max", bytes);
}

static uint64_t map_range(const struct target *target, uint64_t len,
			  int protection)
{
	const long addr =
		TARGET_CALL(target, SYS_mmap, 0, len, protection,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return addr > 0 ? addr : 0;
}

static bool set_oom_score(pid_t pid, long score)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	return sysctl_set(path, score);
}

FIXTURE_SETUP(oom)
{
	ASSERT_LE(0, lab_device());
	self->held = lab_pins_held();
	self->missing = make_group();
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(0, target_start(&self->bystander));
	self->outcome = mmap(NULL, lab_page(), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->outcome);
	/* The OOM killer must not kill the test itself. */
	ASSERT_TRUE(set_oom_score(getpid(), NEVER_KILLED));
}

/* Check that requests for another target work, and that no page stays pinned. */
FIXTURE_TEARDOWN(oom)
{
	uint64_t addr;
	struct lab_answer answer;

	target_stop(&self->target);
	addr = map_range(&self->bystander, 1 << 20, PROT_READ | PROT_WRITE);
	answer = lab_populate(self->bystander.mem_fd, addr, 1 << 20,
			      GUPX_F_WRITE);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(1ULL << 20, answer.done);
	target_stop(&self->bystander);
	EXPECT_EQ(self->held, lab_pins_held());
	EXPECT_TRUE(!self->swap || !swapon(self->swap, 0));
	rmdir(GROUP);
}

static bool enter_group(pid_t pid)
{
	return sysctl_set(GROUP "/cgroup.procs", pid);
}

/*
 * Make a request in a child process, which the OOM killer may kill instead of the
 * test. Returns the child's exit status, or -1 if it did not end in time.
 */
static int run_caller(struct outcome *outcome, bool in_group, long score,
		      struct lab_answer (*ask)(int mem_fd, uint64_t addr,
					       uint64_t len, uint32_t flags),
		      const struct target *target, uint64_t addr, uint64_t len,
		      uint32_t flags)
{
	int status = 0;
	pid_t pid;

	outcome->reported = false;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		set_oom_score(getpid(), score);
		/*
		 * Make an empty request first, so that the pages for the result are
		 * mapped before the memory cgroup is at its limit. Otherwise faults
		 * on these pages would fail and be retried forever.
		 */
		outcome->answer = ask(target->mem_fd, addr, 0, flags);
		if (in_group && !enter_group(getpid()))
			_exit(1);
		outcome->answer = ask(target->mem_fd, addr, len, flags);
		outcome->reported = true;
		_exit(0);
	}
	if (!holder_ends_within(pid, 60000, &status)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	return status;
}

static bool is_no_memory(const struct outcome *outcome)
{
	return outcome->reported && !outcome->answer.failed &&
	       outcome->answer.stop.error == ENOMEM &&
	       (outcome->answer.stop.reason == GUPX_REASON_FAULT_OOM ||
		outcome->answer.stop.reason == GUPX_REASON_NO_KERNEL_MEMORY ||
		outcome->answer.stop.reason == GUPX_REASON_KERNEL_ENGINE);
}

FIXTURE_VARIANT(oom)
{
	struct lab_answer (*ask)(int mem_fd, uint64_t addr, uint64_t len,
				 uint32_t flags);
	uint32_t flags;
};

#define ASK(name, what, how)                     \
	FIXTURE_VARIANT_ADD(oom, name)           \
	{                                        \
		.ask = lab_##what, .flags = how, \
	}

ASK(populate, populate, GUPX_F_WRITE);
ASK(pin, pin, GUPX_F_WRITE);
ASK(pin_by_kernel, pin, GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL);

#define SHOW_ANSWER(outcome)                                                \
	TH_LOG("failed %d, done %lu, stage %u, reason %u, error %u",        \
	       (outcome)->answer.failed, (outcome)->answer.done,            \
	       (outcome)->answer.stop.stage, (outcome)->answer.stop.reason, \
	       (outcome)->answer.stop.error)

/*
 * Make a request for more memory than the target's memory cgroup allows. @score is
 * the OOM score of the target.
 */
static int ask_of_small_target(struct __test_metadata *_metadata,
			       FIXTURE_DATA(oom) * self,
			       const FIXTURE_VARIANT(oom) * variant, long score)
{
	self->addr = map_range(&self->target, LEN, PROT_READ | PROT_WRITE);
	ASSERT_NE(0ULL, self->addr);
	limit_group(GROUP_LIMIT);
	ASSERT_TRUE(set_oom_score(self->target.pid, score));
	ASSERT_TRUE(enter_group(self->target.pid));
	return run_caller(self->outcome, false, 0, variant->ask, &self->target,
			  self->addr, LEN, variant->flags);
}

/*
 * Make a request that needs more page tables than the caller's memory cgroup allows.
 * @score is the OOM score of the caller.
 */
static int ask_as_small_caller(struct __test_metadata *_metadata,
			       FIXTURE_DATA(oom) * self,
			       const FIXTURE_VARIANT(oom) * variant, long score)
{
	self->addr = map_range(&self->target, SPARSE_LEN, PROT_READ);
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0, memory_forbid_huge(&self->target, self->addr, SPARSE_LEN));
	limit_group(CALLER_LIMIT);
	return run_caller(self->outcome, true, score, variant->ask,
			  &self->target, self->addr, SPARSE_LEN,
			  variant->flags & ~GUPX_F_WRITE);
}

/*
 * Check that the request stops with ENOMEM if no process can be killed in the memory
 * cgroup that is at its limit.
 */
TEST_F_TIMEOUT(oom, target_group_is_full, 120)
{
	int status;

	SKIP_IF_MISSING();
	status = ask_of_small_target(_metadata, self, variant, NEVER_KILLED);
	ASSERT_EQ(0, status);
	EXPECT_TRUE(is_no_memory(self->outcome))
	SHOW_ANSWER(self->outcome);
	/*
	 * The request reports the pages before the stop as done. They are within the
	 * limit of the cgroup.
	 */
	EXPECT_LT(0ULL, self->outcome->answer.done);
	EXPECT_GE((uint64_t)GROUP_LIMIT, self->outcome->answer.done);
	/*
	 * The target still runs, and its number of resident pages is the number that
	 * the request reports.
	 */
	EXPECT_EQ(self->outcome->answer.done / lab_page(),
		  lab_resident(self->target.pid, self->addr, LEN / lab_page()));
}

/*
 * Check that the caller gets a result if the target is killed because its memory
 * cgroup is at its limit.
 */
TEST_F_TIMEOUT(oom, target_is_killed_for_its_group, 120)
{
	int status;

	SKIP_IF_MISSING();
	status = ask_of_small_target(_metadata, self, variant, KILLED_FIRST);
	EXPECT_EQ(0, status);
	EXPECT_TRUE(self->outcome->reported);
	ASSERT_TRUE(holder_ends_within(self->target.pid, 10000, &status));
	self->target.pid = 0;
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/*
	 * After the process has ended, new pages of its address space are no longer
	 * charged to its memory cgroup. So the request may even populate the whole
	 * range.
	 */
	EXPECT_EQ(0, self->outcome->answer.failed);
}

/*
 * Page tables are charged to the caller's memory cgroup. Check that the request stops
 * with ENOMEM if this cgroup is at its limit.
 */
TEST_F_TIMEOUT(oom, caller_group_is_full, 120)
{
	int status;

	SKIP_IF_MISSING();
	status = ask_as_small_caller(_metadata, self, variant, NEVER_KILLED);
	ASSERT_EQ(0, status);
	EXPECT_TRUE(is_no_memory(self->outcome))
	SHOW_ANSWER(self->outcome);
	EXPECT_EQ(0, kill(self->target.pid, 0));
}

TEST_F_TIMEOUT(oom, caller_is_killed_for_its_group, 120)
{
	int status;

	SKIP_IF_MISSING();
	status = ask_as_small_caller(_metadata, self, variant, KILLED_FIRST);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
	TH_LOG("status %#x, reported %d", status, self->outcome->reported);
	EXPECT_EQ(self->held, lab_pins_held());
	EXPECT_EQ(0, kill(self->target.pid, 0));
}

/*
 * Pin one page repeatedly, so that only the number of extents grows. Returns the last
 * result, with the total number of bytes pinned in @done.
 */
static struct lab_answer pin_over_and_over(int mem_fd, uint64_t addr,
					   uint64_t len, uint32_t flags)
{
	struct lab_answer answer = lab_pin(mem_fd, addr, len, flags);
	const int pin_fd = answer.pin_fd;
	uint64_t done = answer.done;

	while (len && !answer.failed && !answer.stop.error &&
	       done < MANY_EXTENTS * len) {
		answer = lab_pin_more(pin_fd, mem_fd, addr, len, flags);
		done += answer.done;
	}
	answer.done = done;
	return answer;
}

/* Returns the number of extents that can be charged to the caller's memory cgroup. */
static long fill_group(struct __test_metadata *_metadata,
		       FIXTURE_DATA(oom) * self,
		       const FIXTURE_VARIANT(oom) * variant)
{
	const struct outcome *const outcome = self->outcome;

	EXPECT_EQ(0, run_caller(self->outcome, true, NEVER_KILLED,
				pin_over_and_over, &self->target, self->addr,
				lab_page(), variant->flags));
	EXPECT_TRUE(outcome->answer.failed == ENOMEM || is_no_memory(outcome))
	TH_LOG("failed %d, done %lu, reason %u", outcome->answer.failed,
	       outcome->answer.done, outcome->answer.stop.reason);
	EXPECT_EQ(self->held, lab_pins_held());
	return outcome->answer.done / lab_page();
}

/* Check that the extents of a pin fd are charged to the memory cgroup of the caller. */
TEST_F_TIMEOUT(oom, extents_are_of_the_caller_group, 120)
{
	long first, again = 0;

	SKIP_IF_MISSING();
	if (variant->ask != lab_pin)
		SKIP(return, "populate holds nothing");
	self->addr =
		map_range(&self->target, lab_page(), PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, target_poke(&self->target, self->addr, lab_page(), 'x'));
	limit_group(CALLER_LIMIT);
	first = fill_group(_metadata, self, variant);
	TH_LOG("%ld extents", first);
	EXPECT_LT(CALLER_LIMIT / 1024, first);
	EXPECT_GE(CALLER_LIMIT / (long)sizeof(uint64_t), first);
	/* Closing the pin fd uncharges the extents after some delay. */
	for (int i = 0; i < 50 && again < first / 2; i++) {
		usleep(100000);
		again = fill_group(_metadata, self, variant);
	}
	EXPECT_LE(first / 2, again);
}

/*
 * Check a request that uses up the memory of the machine, so that the OOM killer kills
 * the target. The kernel must not be able to free memory instead. So swap is disabled,
 * and huge pages are disabled: the kernel can reclaim the parts of a huge page that
 * contain only zeroes.
 */
TEST_F_TIMEOUT(oom, machine_is_full, 120)
{
	const uint64_t len = lab_number("/proc/meminfo", "MemTotal:") << 10;
	int status;

	/*
	 * Skip PIN requests. The caller would keep its pinned pages after the target is
	 * killed, so the OOM killer would kill more processes.
	 */
	if (variant->ask != lab_populate)
		SKIP(return, "pinned memory comes back with the caller only");
	if (len > MACHINE_MAX)
		SKIP(return, "too much memory to fill: VM_MEMORY=512M");
	if (lab_swap_is_on() && swapoff(SWAP))
		SKIP(return, "cannot turn swap off");
	self->swap = SWAP;
	self->addr = map_range(&self->target, len, PROT_READ | PROT_WRITE);
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0, memory_forbid_huge(&self->target, self->addr, len));
	ASSERT_TRUE(set_oom_score(self->target.pid, KILLED_FIRST));
	status = run_caller(self->outcome, false, 0, variant->ask,
			    &self->target, self->addr, len, variant->flags);
	EXPECT_EQ(0, status);
	ASSERT_TRUE(holder_ends_within(self->target.pid, 10000, &status));
	self->target.pid = 0;
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_HARNESS_MAIN
