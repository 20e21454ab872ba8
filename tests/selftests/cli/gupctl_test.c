// SPDX-License-Identifier: GPL-2.0
/*
 * Test gupctl together with the module. Check that an error message is one line that
 * says which step failed, the reason, and how to fix the problem, and that "gupctl pin"
 * reports the pins and the charge.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define GUPCTL "/usr/bin/gupctl"
#define MAX_EXTENTS "/sys/module/gupx/parameters/max_extents"

/*
 * gupctl pins at most this many bytes in each request, and splits requests at
 * multiples of this size.
 */
#define CHUNK (64ULL << 20)

#define PAGES 16
#define USER 1000

FIXTURE(gupctl)
{
	struct target target;
	const char *missing;
	uint64_t addr;
	uint64_t len;
	bool pins, engine;
	long max_extents;
	struct stat node;
	char output[8192];
};

/*
 * Map scattered small pages on both sides of a multiple of CHUNK, so that gupctl
 * needs two requests.
 */
static uint64_t map_pages(const struct target *target, uint64_t len)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	const long map = TARGET_CALL(target, SYS_mmap, 0, 3 * CHUNK,
				     PROT_READ | PROT_WRITE, flags, -1, 0);
	uint64_t addr;

	if (map < 0 || memory_forbid_huge(target, map, 3 * CHUNK))
		return 0;
	addr = ((uint64_t)map / CHUNK + 2) * CHUNK - len / 2;
	return target_scatter(target, addr, len, 1) ? 0 : addr;
}

static long become_user(const long arguments[6])
{
	return lab_become((uid_t)arguments[0]);
}

FIXTURE_SETUP(gupctl)
{
	if (access(GUPCTL, X_OK)) {
		self->missing = "no gupctl";
		return;
	}
	ASSERT_EQ(0, target_start(&self->target));
	self->len = PAGES * lab_page();
	self->addr = map_pages(&self->target, self->len);
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0, TARGET_RUN(&self->target, become_user, USER));
	self->pins = lab_param("allow_pins");
	self->engine = lab_param("allow_kernel_engine");
	self->max_extents = sysctl_get(MAX_EXTENTS);
	ASSERT_LT(0, self->max_extents);
	ASSERT_EQ(0, stat(GUPX_DEVICE, &self->node));
	ASSERT_EQ(0, chmod(GUPX_DEVICE, 0666));
}

FIXTURE_TEARDOWN(gupctl)
{
	if (self->missing)
		return;
	chmod(GUPX_DEVICE, self->node.st_mode & 07777);
	sysctl_set(MAX_EXTENTS, self->max_extents);
	lab_set_param("allow_kernel_engine", self->engine);
	lab_set_param("allow_pins", self->pins);
	target_stop(&self->target);
}

static void exec_cli(uid_t uid, const char *const words[], int output)
{
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	if (!uid || !lab_become(uid))
		execv(GUPCTL, (char *const *)words);
	_exit(127);
}

/* Run gupctl and store its output in @self. Returns its exit status, or -1. */
static int run_cli(FIXTURE_DATA(gupctl) * self, uid_t uid,
		   const char *const words[])
{
	size_t used = 0;
	int status = -1;
	ssize_t got;
	int ends[2];
	pid_t cli;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	cli = fork();
	if (!cli)
		exec_cli(uid, words, ends[1]);
	close(ends[1]);
	while ((got = read(ends[0], self->output + used,
			   sizeof(self->output) - 1 - used)) > 0)
		used += (size_t)got;
	self->output[used] = '\0';
	close(ends[0]);
	waitpid(cli, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * Run "gupctl VERB OPTIONS..." on the pages of the target. The pages are passed as
 * two ranges.
 */
static int run_on_target(FIXTURE_DATA(gupctl) * self, uid_t uid,
			 const char *verb, const char *const options[])
{
	const uint64_t half = self->len / 2;
	const char *words[16] = { "gupctl", verb };
	char pid[16], first[64], second[64];
	size_t count = 2;

	snprintf(pid, sizeof(pid), "%d", self->target.pid);
	snprintf(first, sizeof(first), "%#llx+%llu",
		 (unsigned long long)self->addr, (unsigned long long)half);
	snprintf(second, sizeof(second), "%#llx+%llu",
		 (unsigned long long)(self->addr + half),
		 (unsigned long long)half);
	while (*options)
		words[count++] = *options++;
	words[count++] = pid;
	words[count++] = first;
	words[count++] = second;
	return run_cli(self, uid, words);
}

/* Run gupctl with up to seven options. The array is terminated by NULL. */
#define RUN(uid, verb, ...) \
	run_on_target(self, uid, verb, (const char *const[8]){ __VA_ARGS__ })

static size_t count_text(const FIXTURE_DATA(gupctl) * self, const char *text)
{
	const char *found = self->output;
	size_t count = 0;

	while ((found = strstr(found, text))) {
		found += strlen(text);
		count++;
	}
	return count;
}

#define EXPECT_SAID(times, text)                           \
	EXPECT_EQ((size_t)(times), count_text(self, text)) \
	{                                                  \
		TH_LOG("%s", self->output);                \
	}

TEST_F(gupctl, names_the_parameter_that_switches_pins_off)
{
	static const char *const info[] = { "gupctl", "info", NULL };
	static const char *const doctor[] = { "gupctl", "doctor", NULL };

	SKIP_IF_MISSING();
	lab_set_param("allow_pins", false);
	EXPECT_EQ(1, RUN(0, "pin", "--hold=0"));
	EXPECT_SAID(1, "\n");
	EXPECT_SAID(1, "new pins are disabled: the module parameter");
	EXPECT_SAID(1, "; set it: echo 1 | sudo tee /sys/module/gupx");
	EXPECT_EQ(1, RUN(0, "pin", "--hold=0", "--json"));
	EXPECT_SAID(1, "\"kind\": \"pins_off\"");
	EXPECT_EQ(0, RUN(0, "populate"));
	EXPECT_EQ(0, RUN(0, "explain"));
	EXPECT_EQ(0, run_cli(self, 0, info));
	EXPECT_SAID(1, "new pins allowed       no\n");
	run_cli(self, 0, doctor);
	EXPECT_SAID(1, "to do, pins: set it: echo 1 | sudo tee");
}

TEST_F(gupctl, names_the_rights_that_the_kernels_engine_needs)
{
	SKIP_IF_MISSING();
	lab_set_param("allow_kernel_engine", false);
	for (unsigned int i = 0; i < 3; i++) {
		static const char *const verbs[] = { "pin", "populate",
						     "read" };

		EXPECT_EQ(1, RUN(USER, verbs[i], "--engine=kernel"));
		EXPECT_SAID(1, "\n");
		EXPECT_SAID(1, "allow_kernel_engine is not set, and "
			       "CAP_SYS_ADMIN is missing; run gupctl as root");
	}
	EXPECT_EQ(0, RUN(0, "pin", "--hold=0", "--engine=kernel"));
	EXPECT_SAID(1, "taken by the kernel  64 KiB");
	lab_set_param("allow_kernel_engine", true);
	EXPECT_EQ(0, RUN(USER, "populate", "--engine=kernel"));
	EXPECT_EQ(0, RUN(USER, "pin", "--hold=0", "--engine=kernel"));
}

/*
 * Check that the limit on the number of extents also applies to root. gupctl must stop
 * at the first of two ranges and not try the second range.
 */
TEST_F(gupctl, ends_at_the_cap_on_extents)
{
	static const char *const info[] = { "gupctl", "info", "--json", NULL };

	SKIP_IF_MISSING();
	ASSERT_TRUE(sysctl_set(MAX_EXTENTS, 2));
	EXPECT_EQ(1, RUN(0, "pin", "--hold=0"));
	EXPECT_SAID(1, "this user has as many extents as the module "
		       "parameter max_extents allows (extents, EDQUOT); "
		       "release some pins, or raise the limit: ");
	EXPECT_EQ(1, RUN(0, "pin", "--hold=0", "--json"));
	EXPECT_SAID(1, "\"reason\": \"extents\", \"errno\": \"EDQUOT\"");
	EXPECT_EQ(0, run_cli(self, 0, info));
	EXPECT_SAID(1, "\"max_extents\": 2, \"extents_used\": 0");
}

TEST_F(gupctl, says_who_is_not_charged)
{
	SKIP_IF_MISSING();
	EXPECT_EQ(0, RUN(0, "pin", "--hold=0"));
	EXPECT_SAID(1, "charged to you  0 B (not charged: CAP_IPC_LOCK)\n");
	EXPECT_EQ(0, RUN(0, "pin", "--hold=0", "--json"));
	EXPECT_SAID(1, "\"charged\": 0,");
	EXPECT_EQ(0, RUN(USER, "pin", "--hold=0"));
	EXPECT_SAID(1, "charged to you  64 KiB\n");
}

/*
 * Users may not see physical addresses. Check that gupctl lists one extent to a user
 * without privileges where it lists several physically separate extents to root.
 */
TEST_F(gupctl, lists_joined_extents_to_users)
{
	SKIP_IF_MISSING();
	EXPECT_EQ(0, RUN(0, "pin", "--hold=0", "--extents"));
	EXPECT_LT((size_t)PAGES / 2, count_text(self, "  gupx    "));
	EXPECT_SAID(0, "hidden");
	EXPECT_EQ(0, RUN(USER, "pin", "--hold=0", "--extents"));
	EXPECT_SAID(1, "extents         1\n");
	EXPECT_SAID(1, "hidden");
	EXPECT_SAID(1, "  gupx    ");
	EXPECT_EQ(0, RUN(USER, "pin", "--hold=0", "--extents", "--json"));
	EXPECT_SAID(1, "\"offset\": ");
	EXPECT_SAID(1, "\"offset\": 0, \"pfn\": null");
}

/*
 * Check that --read-only seals the pin fd. gupctl makes two requests here; only the
 * first request creates the pin fd and has the flag that seals it.
 */
TEST_F(gupctl, seals_a_read_only_pin_against_writing)
{
	SKIP_IF_MISSING();
	EXPECT_EQ(0, RUN(USER, "pin", "--hold=0", "--read-only"));
	EXPECT_SAID(1, "held            64 KiB\n");
	EXPECT_SAID(1, "sealed          write\n");
	EXPECT_EQ(0, RUN(USER, "pin", "--hold=0", "--write", "--read-only",
			 "--json"));
	EXPECT_SAID(1, "\"seals\": [ \"write\" ]");
	EXPECT_EQ(0, RUN(USER, "pin", "--hold=0"));
	EXPECT_SAID(0, "sealed");
}

TEST_HARNESS_MAIN
