// SPDX-License-Identifier: GPL-2.0
/*
 * Yama's ptrace scopes, which restrict the processes that a user may access. The
 * module does not contain code for Yama. It relies on the kernel's access check,
 * which runs when a mem fd is opened and again when a passed mem fd is used.
 *
 * Scope 3 stays set until the next boot and makes every other test fail. Therefore
 * the test of scope 3 is the last test of this program, and the name of this program
 * makes it run last.
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

/* Restore the scope. Scope 3 cannot be changed until the next boot. */
FIXTURE_TEARDOWN(yama)
{
	if (self->scope >= 0 && lab_number(YAMA, "") != 3)
		EXPECT_TRUE(set_yama(self->scope));
}

/*
 * Run a function in an unprivileged child process, so that the test itself keeps root
 * privileges. Returns the result of the function.
 */
static int run_as_user(int (*what)(void))
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

/* Open the mem file of a descendant. Returns 0 or a positive errno. */
static int open_descendant(void)
{
	struct target target;

	return target_start(&target);
}

/*
 * Open the mem file of one descendant in another descendant. Returns 0 or a positive
 * errno.
 */
static int open_sibling(void)
{
	static char path[64];
	struct target target, sibling;
	const int error = target_start(&target) ?: target_start(&sibling);
	long fd;

	if (error)
		return error;
	snprintf(path, sizeof(path), "/proc/%d/mem", target.pid);
	if (pwrite(sibling.mem_fd, path, sizeof(path), (uintptr_t)path) !=
	    sizeof(path))
		return 253;
	fd = TARGET_CALL(&sibling, SYS_openat, AT_FDCWD, (long)path, O_RDONLY);
	return fd < 0 ? -fd : 0;
}

/*
 * Make a request in one descendant with an inherited mem fd of another descendant.
 * Returns 0 or a positive errno.
 */
static int ask_as_sibling(void)
{
	static struct gupx_populate ask = { .size = sizeof(ask) };
	struct target target, sibling;
	int error = target_start(&target);

	ask.mem_fd = target.mem_fd;
	error = error ?: target_start(&sibling);
	return error
		       ?: -TARGET_CALL(&sibling, SYS_ioctl, lab_device(),
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
	EXPECT_EQ(0, run_as_user(open_descendant));
	EXPECT_EQ(0, run_as_user(open_sibling));
	EXPECT_EQ(0, run_as_user(ask_as_sibling));
}

TEST_F(yama, scope_1_allow_descendants_only)
{
	NEED_YAMA(1);
	EXPECT_EQ(0, run_as_user(open_descendant));
	EXPECT_EQ(EACCES, run_as_user(open_sibling));
	EXPECT_EQ(EACCES, run_as_user(ask_as_sibling));
}

TEST_F(yama, scope_2_deny_without_CAP_SYS_PTRACE)
{
	struct target target;

	NEED_YAMA(2);
	EXPECT_EQ(EACCES, run_as_user(open_descendant));
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
