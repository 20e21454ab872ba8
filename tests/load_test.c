// SPDX-License-Identifier: GPL-2.0
/*
 * Loading: the module leans on the layout of /proc/PID/mem, and refuses to load
 * where it finds another. The loader's root directory decides what it finds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"

#define NAME "gupx"
#define LOG_SIZE (1 << 20)

static const char *module_path(void)
{
	const char *path = getenv("GUPX_TEST_MODULE");

	return path ? path : "/lab/gupx.ko";
}

FIXTURE(load)
{
	int module;
	char root[32];
};

FIXTURE_SETUP(load)
{
	snprintf(self->root, sizeof(self->root), "/tmp/load.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	self->module = open(module_path(), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->module);
	ASSERT_EQ(0, syscall(SYS_delete_module, NAME, O_NONBLOCK));
}

/* Whatever a test did: the next one finds the module loaded. */
FIXTURE_TEARDOWN(load)
{
	char path[64];

	syscall(SYS_finit_module, self->module, "", 0);
	close(self->module);
	snprintf(path, sizeof(path), "%s/proc/self/mem", self->root);
	unlink(path);
	for (char *end = strrchr(path, '/'); end && end > path + 5;
	     end = strrchr(path, '/')) {
		*end = 0;
		rmdir(path);
	}
}

/* The errno of loading the module with another root directory; 0: loaded. */
static int load_in(const char *root, int module)
{
	const pid_t pid = fork();
	int status;

	if (!pid) {
		if (chroot(root) || chdir("/"))
			_exit(255);
		_exit(syscall(SYS_finit_module, module, "", 0) ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool log_has(const char *words)
{
	char *log = malloc(LOG_SIZE);
	const int size = klogctl(3, log, LOG_SIZE - 1);
	bool found;

	log[size > 0 ? size : 0] = 0;
	found = strstr(log, words);
	free(log);
	return found;
}

TEST_F(load, as_usual)
{
	ASSERT_EQ(0, load_in("/", self->module));
	EXPECT_EQ(0, access(GUPX_DEVICE, R_OK | W_OK));
}

/* What an administrator has not asked for is not allowed to anybody. */
TEST_F(load, gives_nothing_away)
{
	struct stat node;

	ASSERT_EQ(0, load_in("/", self->module));
	EXPECT_FALSE(lab_param("allow_force"));
	EXPECT_FALSE(lab_param("allow_short_pins"));
	ASSERT_EQ(0, stat(GUPX_DEVICE, &node));
	EXPECT_EQ(0U, node.st_uid);
	EXPECT_EQ(0600U, node.st_mode & 07777);
}

TEST_F(load, without_proc_is_refused)
{
	EXPECT_EQ(ENOENT, load_in(self->root, self->module));
	EXPECT_TRUE(log_has("gupx: cannot open /proc/self/mem"));
	EXPECT_NE(0, access(GUPX_DEVICE, F_OK));
}

/* A file of that name with no mm where gupx looks for one. */
TEST_F(load, with_another_layout_is_refused)
{
	const char *const dirs[] = { "proc", "proc/self" };
	char path[64];
	int fd;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", self->root, dirs[i]);
		ASSERT_EQ(0, mkdir(path, 0700));
	}
	snprintf(path, sizeof(path), "%s/proc/self/mem", self->root);
	fd = creat(path, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_EQ(ENODEV, load_in(self->root, self->module));
	EXPECT_TRUE(log_has("does not hold its mm where this gupx looks"));
	EXPECT_NE(0, access(GUPX_DEVICE, F_OK));
}

TEST_HARNESS_MAIN
