// SPDX-License-Identifier: GPL-2.0
/*
 * Yama's scopes, which narrow down whom a user may look into. The module has no
 * part in it, and that is the point: whoever gets no mem fd gets nothing, and who
 * has it from somebody else is asked by the kernel again.
 *
 * Scope 3 cannot be left again, and makes every other test fail: it is the last
 * test of the program that, by its name, runs last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "target.h"

#define NOBODY 65534
#define YAMA "/proc/sys/kernel/yama/ptrace_scope"

static bool set_yama(int scope)
{
	const int fd = open(YAMA, O_WRONLY | O_CLOEXEC);
	const char digit = '0' + scope;
	const bool set = fd >= 0 && write(fd, &digit, 1) == 1;

	if (fd >= 0)
		close(fd);
	return set;
}

FIXTURE(yama)
{
	long scope;
};

FIXTURE_SETUP(yama)
{
	ASSERT_LE(0, lab_device());
	self->scope = lab_number(YAMA, "");
}

/* The last one is for good, until the machine starts anew. */
FIXTURE_TEARDOWN(yama)
{
	if (self->scope >= 0 && lab_number(YAMA, "") != 3)
		EXPECT_TRUE(set_yama(self->scope));
}

/* Done as NOBODY, in a process of its own, so that the test stays root. */
static int as_user(int (*what)(void))
{
	int status = 0;
	const pid_t pid = fork();

	if (pid)
		return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status)
						       : 255;
	if (lab_become(NOBODY))
		_exit(254);
	_exit(what());
}

/* A descendant as target: 0, or why not. */
static int open_descendant(void)
{
	struct target target;

	return target_start(&target);
}

/* Another descendant, the target's sister, looks at it: she is told its number. */
static int open_sister(void)
{
	static char path[64];
	struct target target, sister;
	const int error = target_start(&target) ?: target_start(&sister);
	long fd;

	if (error)
		return error;
	snprintf(path, sizeof(path), "/proc/%d/mem", target.pid);
	if (pwrite(sister.mem_fd, path, sizeof(path), (uintptr_t)path) !=
	    sizeof(path))
		return 253;
	fd = TARGET_CALL(&sister, SYS_open, (long)path, O_RDONLY);
	return fd < 0 ? -fd : 0;
}

/* She has inherited the mem fd: what does the module tell her? */
static int ask_as_sister(void)
{
	static struct gupx_populate ask = { .size = sizeof(ask) };
	struct target target, sister;
	int error = target_start(&target);

	ask.mem_fd = target.mem_fd;
	error = error ?: target_start(&sister);
	return error
		       ?: -TARGET_CALL(&sister, SYS_ioctl, lab_device(),
				       GUPX_IOC_POPULATE, (long)&ask);
}

#define NEED_YAMA(wanted)                                                \
	do {                                                             \
		if (self->scope < 0)                                     \
			SKIP(return, "no Yama in this kernel");          \
		if (self->scope == 3 && (wanted) != 3)                   \
			SKIP(return, "Yama's scope is 3, and stays so"); \
		ASSERT_TRUE(set_yama(wanted));                           \
	} while (0)

TEST_F(yama, scope_0_allow_any_of_the_same_user)
{
	NEED_YAMA(0);
	EXPECT_EQ(0, as_user(open_descendant));
	EXPECT_EQ(0, as_user(open_sister));
	EXPECT_EQ(0, as_user(ask_as_sister));
}

TEST_F(yama, scope_1_allow_descendants_only)
{
	NEED_YAMA(1);
	EXPECT_EQ(0, as_user(open_descendant));
	EXPECT_EQ(EACCES, as_user(open_sister));
	EXPECT_EQ(EACCES, as_user(ask_as_sister));
}

TEST_F(yama, scope_2_deny_without_CAP_SYS_PTRACE)
{
	struct target target;

	NEED_YAMA(2);
	EXPECT_EQ(EACCES, as_user(open_descendant));
	EXPECT_EQ(0, target_start(&target));
	target_stop(&target);
}

TEST_F(yama, scope_3_deny_everybody)
{
	struct target target;

	if (access("/lab/plan", F_OK))
		SKIP(return, "for good, so only in a machine of the lab");
	NEED_YAMA(3);
	EXPECT_EQ(EACCES, target_start(&target));
	target_stop(&target);
}

TEST_HARNESS_MAIN
