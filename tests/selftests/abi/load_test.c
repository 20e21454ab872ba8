// SPDX-License-Identifier: GPL-2.0
/*
 * Test the checks that the module makes when it is loaded. If a check fails, the module
 * refuses to load.
 *
 * The first check opens /proc/self/mem: the file's private_data must be the mm of the
 * process that loads the module. The module opens the file in the root directory of
 * this process, so a test can provide another file with chroot().
 *
 * The second check pins a page with the module's own code and with the kernel's
 * pin_user_pages_remote(): the results must be equal. To make them differ,
 * kmod/fake_gup.c changes the kernel's result with a kretprobe.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/gupx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"

#define NAME "gupx"
#define FAKE_GUP "gupx_fake_gup"
#define LOG_SIZE (1 << 20)

static const char *module_path(void)
{
	const char *path = getenv("GUPX_TEST_MODULE");

	return path ? path : "/lab/gupx.ko";
}

/* Returns NULL if the files of the modules are at hand, else what is missing, as text. */
static const char *find_missing_file(const char *path)
{
	return access(path, R_OK) ? "no module files, see GUPX_TEST_MODULE and "
				    "GUPX_TEST_MODULES"
				  : NULL;
}

static int open_fake_gup(void)
{
	const char *dir = getenv("GUPX_TEST_MODULES");
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.ko", dir ? dir : "/lab", FAKE_GUP);
	return open(path, O_RDONLY | O_CLOEXEC);
}

FIXTURE(load)
{
	const char *missing;
	int module;
	char root[32];
};

FIXTURE_SETUP(load)
{
	snprintf(self->root, sizeof(self->root), "/tmp/load.XXXXXX");
	self->missing = find_missing_file(module_path());
	if (self->missing)
		return;
	ASSERT_NE(NULL, mkdtemp(self->root));
	self->module = open(module_path(), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->module);
	ASSERT_EQ(0, syscall(SYS_delete_module, NAME, O_NONBLOCK));
}

/* Load the module again for the next test. */
FIXTURE_TEARDOWN(load)
{
	char path[64];

	if (self->missing)
		return;
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

/* Load the module from a process that runs in chroot(@root). Returns 0 or a positive errno. */
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

/* Returns the number of pages in the address space of this process. */
static long mapped_pages(void)
{
	char line[128] = "";
	const int fd = open("/proc/self/statm", O_RDONLY);

	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = 0;
	close(fd);
	return atol(line);
}

TEST_F(load, as_usual)
{
	SKIP_IF_MISSING();
	ASSERT_EQ(0, load_in("/", self->module));
	EXPECT_EQ(0, access(GUPX_DEVICE, R_OK | W_OK));
}

/*
 * Check that optional features are off and that users cannot open the device until an
 * administrator enables them.
 */
TEST_F(load, gives_nothing_away)
{
	struct stat node;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, load_in("/", self->module));
	EXPECT_FALSE(lab_param("allow_force"));
	EXPECT_FALSE(lab_param("allow_short_pins"));
	ASSERT_EQ(0, stat(GUPX_DEVICE, &node));
	EXPECT_EQ(0U, node.st_uid);
	EXPECT_EQ(0600U, node.st_mode & 07777);
}

TEST_F(load, without_proc_is_refused)
{
	SKIP_IF_MISSING();
	EXPECT_EQ(ENOENT, load_in(self->root, self->module));
	EXPECT_TRUE(log_has("gupx: cannot open /proc/self/mem"));
	EXPECT_NE(0, access(GUPX_DEVICE, F_OK));
}

/*
 * Create a regular file as /proc/self/mem. Its private_data does not point to an mm.
 * Check that the module refuses to load.
 */
TEST_F(load, with_another_layout_is_refused)
{
	const char *const dirs[] = { "proc", "proc/self" };
	char path[64];
	int fd;

	SKIP_IF_MISSING();
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", self->root, dirs[i]);
		ASSERT_EQ(0, mkdir(path, 0700));
	}
	snprintf(path, sizeof(path), "%s/proc/self/mem", self->root);
	fd = creat(path, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_EQ(ENODEV, load_in(self->root, self->module));
	EXPECT_TRUE(log_has("does not hold its mm in private_data"));
	EXPECT_NE(0, access(GUPX_DEVICE, F_OK));
}

/* Check that the self-check of the module unmaps its page and releases its pins. */
TEST_F(load, leaves_its_loader_as_it_was)
{
	const pid_t pid = fork();
	int status;

	SKIP_IF_MISSING();
	if (!pid) {
		const long held = lab_pins_held();
		const long pages = mapped_pages();

		if (syscall(SYS_finit_module, self->module, "", 0))
			_exit(1);
		if (!pages || mapped_pages() != pages)
			_exit(2);
		_exit(lab_pins_held() != held);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

/*
 * Check that the error is ENOMEM if the loading process may not map more memory, so
 * that the module has no page for its self-check. The module must not report that its
 * pins and the kernel's pins differ.
 */
TEST_F(load, without_memory_is_refused)
{
	const pid_t pid = fork();
	int status;

	SKIP_IF_MISSING();
	if (!pid) {
		setrlimit(RLIMIT_AS, &(struct rlimit){ 0, 0 });
		_exit(syscall(SYS_finit_module, self->module, "", 0) ? errno
								     : 0);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(ENOMEM, WEXITSTATUS(status));
	EXPECT_TRUE(log_has("no page of memory to check itself with"));
	EXPECT_NE(0, access(GUPX_DEVICE, F_OK));
}

/*
 * Check that the module says so if its tests do not run on this kernel: in the log, with
 * the number of kinds of memory that the self-check compared, and by INFO. Kinds that may
 * be missing are huge pages and userfaultfd's protection.
 */
TEST_F(load, untested_kernel_is_told)
{
	struct gupx_info info = { .size = sizeof(info) };
	int device;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, syscall(SYS_finit_module, self->module,
			     "pretend_untested=1", 0));
	EXPECT_TRUE(log_has("gupx: not tested on Linux"));
	if (!access("/sys/kernel/mm/transparent_hugepage", F_OK) &&
	    !access("/dev/userfaultfd", F_OK))
		EXPECT_TRUE(log_has("passed on 7 of 7 kinds") ||
			    log_has("passed on 8 of 8 kinds"));
	device = open(GUPX_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, device);
	EXPECT_EQ(0, ioctl(device, GUPX_IOC_INFO, &info));
	EXPECT_EQ(GUPX_KERNEL_UNTESTED, info.kernel);
	close(device);
	ASSERT_EQ(0, syscall(SYS_delete_module, NAME, O_NONBLOCK));
}

FIXTURE(twisted)
{
	const char *missing;
	int module;
	int fake_gup;
};

/*
 * Describes a change to pin_user_pages_remote() that the self-check must detect.
 *
 * @how: parameter of fake_gup.ko that selects the change
 *
 * @words: message that the module must log
 */
FIXTURE_VARIANT(twisted)
{
	const char *how;
	const char *words;
};

FIXTURE_VARIANT_ADD(twisted, elsewhere){
	.how = "how=elsewhere",
	.words =
		"on anonymous memory: the kernel pins another page than gupx does",
};

FIXTURE_VARIANT_ADD(twisted, not ){
	.how = "how=not",
	.words =
		"on anonymous memory: the kernel does not pin a page that gupx pins",
};

FIXTURE_VARIANT_ADD(twisted, twice){
	.how = "how=twice",
	.words =
		"on anonymous memory: gupx does not give back what it has taken",
};

/* A kernel that ignores write protection by userfaultfd. */
FIXTURE_VARIANT_ADD(twisted, unprotected){
	.how = "how=unprotected",
	.words =
		"userfaultfd protects from writes: the kernel pins a page that gupx refuses",
};

FIXTURE_SETUP(twisted)
{
	self->missing = find_missing_file(module_path());
	if (self->missing)
		return;
	self->module = open(module_path(), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->module);
	self->fake_gup = open_fake_gup();
	ASSERT_LE(0, self->fake_gup);
	ASSERT_EQ(0, syscall(SYS_delete_module, NAME, O_NONBLOCK));
}

FIXTURE_TEARDOWN(twisted)
{
	if (self->missing)
		return;
	syscall(SYS_delete_module, FAKE_GUP, O_NONBLOCK);
	syscall(SYS_finit_module, self->module, "", 0);
	close(self->fake_gup);
	close(self->module);
}

TEST_F(twisted, kernel_is_refused)
{
	SKIP_IF_MISSING();
	if (syscall(SYS_finit_module, self->fake_gup, variant->how, 0)) {
		/*
		 * The load of fake_gup.ko may fail only because the kernel has no
		 * kprobes. Among the tested kernels, only the kernel with debug checks
		 * has none.
		 */
		ASSERT_EQ(EOPNOTSUPP, errno);
		SKIP(return, "this kernel has no probes");
	}
	EXPECT_EQ(ENODEV, load_in("/", self->module));
	EXPECT_TRUE(log_has(variant->words));
	EXPECT_NE(0, access(GUPX_DEVICE, F_OK));
	/* Without the kprobe, the same build of gupx can be loaded. */
	ASSERT_EQ(0, syscall(SYS_delete_module, FAKE_GUP, O_NONBLOCK));
	EXPECT_EQ(0, load_in("/", self->module));
}

TEST_HARNESS_MAIN
