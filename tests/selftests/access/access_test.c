// SPDX-License-Identifier: GPL-2.0
/*
 * Access rights. A caller needs an open /proc/PID/mem, and the kernel decides which
 * processes may open the file. The module may refuse a request for further reasons,
 * but must never grant more access than the kernel does.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define NOBODY 65534
#define SOMEBODY 12345

/*
 * Path of a setuid-root copy of this program. The variable is static, so the target
 * can use the path after fork().
 */
static char setuid_program[32];

FIXTURE(access)
{
	struct target target;
	struct memory memory;
	bool force, shorts, engine, pins;
};

FIXTURE_SETUP(access)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 's'));
	self->force = lab_param("allow_force");
	self->shorts = lab_param("allow_short_pins");
	self->engine = lab_param("allow_kernel_engine");
	self->pins = lab_param("allow_pins");
}

FIXTURE_TEARDOWN(access)
{
	target_stop(&self->target);
	unlink(setuid_program);
	if (geteuid())
		return;
	lab_set_param("allow_force", self->force);
	lab_set_param("allow_short_pins", self->shorts);
	lab_set_param("allow_kernel_engine", self->engine);
	lab_set_param("allow_pins", self->pins);
}

static int try_pin(FIXTURE_DATA(access) * self, int mem, uint32_t flags)
{
	const struct lab_answer answer =
		lab_pin(mem, self->memory.addr, self->memory.len, flags);

	if (answer.pin_fd >= 0)
		close(answer.pin_fd);
	return answer.failed;
}

static int try_read(FIXTURE_DATA(access) * self, int mem, uint32_t flags)
{
	unsigned char byte;

	return lab_read(mem, self->memory.addr, 1, &byte, flags).failed;
}

static int try_populate(FIXTURE_DATA(access) * self, int mem, uint32_t flags)
{
	return lab_populate(mem, self->memory.addr, self->memory.len, flags)
		.failed;
}

/* Check that each verb returns @error for the mem fd @mem. */
#define ALL_SAY(error, mem)                                   \
	do {                                                  \
		EXPECT_EQ(error, try_pin(self, mem, 0));      \
		EXPECT_EQ(error, try_read(self, mem, 0));     \
		EXPECT_EQ(error, try_populate(self, mem, 0)); \
	} while (0)

TEST_F(access, allow_own_target)
{
	ALL_SAY(0, self->target.mem_fd);
}

TEST_F(access, deny_the_device_to_who_is_not_in_its_group)
{
	ASSERT_EQ(0, lab_become(NOBODY));
	EXPECT_EQ(-1, open(GUPX_DEVICE, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(EACCES, errno);
}

/* Check that another user cannot open the mem file; the kernel itself refuses. */
TEST_F(access, deny_another_user)
{
	ASSERT_EQ(0, lab_become(NOBODY));
	EXPECT_EQ(-1, lab_open_mem(self->target.pid, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(access, deny_another_user_as_root_without_CAP_SYS_PTRACE)
{
	struct target target;
	int become;

	ASSERT_EQ(0, target_start(&target));
	become = TARGET_CALL(&target, SYS_setresuid, SOMEBODY, SOMEBODY,
			     SOMEBODY);
	EXPECT_EQ(0, become);
	EXPECT_EQ(0, lab_drop_capability(CAP_SYS_PTRACE));
	EXPECT_EQ(-1, lab_open_mem(target.pid, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
	target_stop(&target);
}

/*
 * A process may be not dumpable, for instance after a setuid exec. Check that other
 * processes of the same user cannot access such a process.
 */
TEST_F(access, deny_target_that_is_not_dumpable)
{
	struct target target;
	int mem;

	ASSERT_EQ(0, lab_become(NOBODY));
	ASSERT_EQ(0, target_start(&target));
	mem = lab_open_mem(target.pid, O_RDONLY);
	EXPECT_LE(0, mem);
	close(mem);
	EXPECT_EQ(0, TARGET_CALL(&target, SYS_prctl, PR_SET_DUMPABLE, 0));
	EXPECT_EQ(-1, lab_open_mem(target.pid, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
	target_stop(&target);
}

static const char *make_setuid_program(void)
{
	const int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct statvfs fs;
	struct stat stat;
	int to;

	snprintf(setuid_program, sizeof(setuid_program), "/tmp/access.XXXXXX");
	to = mkstemp(setuid_program);
	if (fstatvfs(to, &fs) || (fs.f_flag & ST_NOSUID))
		return "/tmp is mounted nosuid";
	if (fstat(from, &stat) ||
	    sendfile(to, from, NULL, stat.st_size) != stat.st_size ||
	    fchmod(to, 04755))
		return "no copy of this program";
	close(to);
	close(from);
	return NULL;
}

TEST_F(access, deny_target_that_became_setuid)
{
	static const char *const argv[] = { setuid_program, "--sleep", NULL };
	const char *missing = make_setuid_program();
	struct target target;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, lab_become(NOBODY));
	ASSERT_EQ(0, target_start(&target));
	EXPECT_EQ(0, try_read(self, target.mem_fd, 0));
	EXPECT_EQ(-EPIPE, TARGET_CALL(&target, SYS_execve, (long)setuid_program,
				      (long)argv, (long)&argv[2]));
	EXPECT_EQ(-1, lab_open_mem(target.pid, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
	ALL_SAY(ESRCH, target.mem_fd);
	target_stop(&target);
}

TEST_F(access, allow_user_to_its_own_target)
{
	struct target target;
	struct memory memory;

	ASSERT_EQ(0, lab_become(NOBODY));
	ASSERT_EQ(0, target_start(&target));
	EXPECT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	self->memory = memory;
	ALL_SAY(0, target.mem_fd);
	target_stop(&target);
}

TEST_F(access, deny_writing_through_read_only_mem_fd)
{
	const int mem = lab_open_mem(self->target.pid, O_RDONLY);

	ASSERT_LE(0, mem);
	ALL_SAY(0, mem);
	EXPECT_EQ(EACCES, try_pin(self, mem, GUPX_F_WRITE));
	EXPECT_EQ(EACCES, try_populate(self, mem, GUPX_F_WRITE));
	close(mem);
}

TEST_F(access, deny_reading_through_write_only_mem_fd)
{
	const int mem = lab_open_mem(self->target.pid, O_WRONLY);

	ASSERT_LE(0, mem);
	ALL_SAY(EACCES, mem);
	EXPECT_EQ(EACCES, try_pin(self, mem, GUPX_F_WRITE));
	close(mem);
}

static pid_t find_kernel_thread(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;
	char path[300];
	char link[8];

	while (!found && (entry = readdir(proc))) {
		const pid_t pid = atoi(entry->d_name);

		snprintf(path, sizeof(path), "/proc/%s/exe", entry->d_name);
		if (pid > 1 && readlink(path, link, sizeof(link)) < 0 &&
		    errno == ENOENT)
			found = pid;
	}
	closedir(proc);
	return found;
}

TEST_F(access, deny_kernel_thread)
{
	const pid_t pid = find_kernel_thread();
	const int mem = lab_open_mem(pid, O_RDWR);

	ASSERT_LT(0, pid);
	/*
	 * A kernel thread has no mm. Some kernels open its mem file, and then gupx must
	 * refuse the mem fd. Other kernels refuse to open the file.
	 */
	if (mem < 0) {
		EXPECT_EQ(ESRCH, errno);
		return;
	}
	ALL_SAY(ESRCH, mem);
	close(mem);
}

TEST_F(access, deny_files_that_are_no_mem)
{
	static const char *const names[] = { "maps", "smaps", "pagemap",
					     "environ", "status" };
	char path[64];
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", self->target.pid,
			 names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd) TH_LOG("%s", path);
		ALL_SAY(EMEDIUMTYPE, fd);
		close(fd);
	}
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ALL_SAY(EMEDIUMTYPE, fd);
	close(fd);
}

TEST_F(access, deny_path_only_mem_fd)
{
	const int mem = lab_open_mem(self->target.pid, O_PATH);

	ASSERT_LE(0, mem);
	ALL_SAY(EBADF, mem);
	close(mem);
}

TEST_F(access, deny_old_mem_fd_after_exec)
{
	int mem;

	target_exec(&self->target);
	ALL_SAY(ESRCH, self->target.mem_fd);
	/*
	 * A mem fd that is opened after the exec refers to the new mm, so it can be
	 * used.
	 */
	mem = lab_open_mem(self->target.pid, O_RDWR);
	ASSERT_LE(0, mem);
	EXPECT_EQ(0, try_read(self, mem, 0));
	close(mem);
}

TEST_F(access, deny_dead_target)
{
	kill(self->target.pid, SIGKILL);
	target_reap(&self->target);
	ALL_SAY(ESRCH, self->target.mem_fd);
}

/* Check that the mem file of a thread gives access to the same address space. */
TEST_F(access, allow_task_mem)
{
	char path[64];
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", self->target.pid,
		 self->target.pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mem);
	ALL_SAY(0, mem);
	close(mem);
}

/*
 * Check that FORCE requires the parameter allow_force. Another test checks that FORCE
 * also requires CAP_SYS_PTRACE.
 */
TEST_F(access, deny_force_without_parameter)
{
	lab_set_param("allow_force", false);
	EXPECT_EQ(EPERM, try_pin(self, self->target.mem_fd, GUPX_F_FORCE));
	EXPECT_EQ(EPERM, try_read(self, self->target.mem_fd, GUPX_F_FORCE));
	lab_set_param("allow_force", true);
	EXPECT_EQ(0, try_pin(self, self->target.mem_fd, GUPX_F_FORCE));
	EXPECT_EQ(0, try_read(self, self->target.mem_fd, GUPX_F_FORCE));
}

/*
 * Drop all capabilities of the target. Otherwise, a caller with fewer capabilities
 * than the target could not access the target.
 */
static long drop_capabilities_of(const struct target *target)
{
	static struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	static struct __user_cap_data_struct none[2];

	return TARGET_CALL(target, SYS_capset, (long)&header, (long)none);
}

TEST_F(access, deny_force_without_CAP_SYS_PTRACE)
{
	lab_set_param("allow_force", true);
	ASSERT_EQ(0, drop_capabilities_of(&self->target));
	ASSERT_EQ(0, lab_drop_capability(CAP_SYS_PTRACE));
	EXPECT_EQ(EPERM, try_pin(self, self->target.mem_fd, GUPX_F_FORCE));
	EXPECT_EQ(EPERM, try_read(self, self->target.mem_fd, GUPX_F_FORCE));
	EXPECT_EQ(0, try_pin(self, self->target.mem_fd, 0));
}

TEST_F(access, deny_short_pin_without_parameter)
{
	lab_set_param("allow_short_pins", false);
	EXPECT_EQ(EPERM, try_pin(self, self->target.mem_fd, GUPX_F_SHORT));
	lab_set_param("allow_short_pins", true);
	EXPECT_EQ(0, try_pin(self, self->target.mem_fd, GUPX_F_SHORT));
}

TEST_F(access, deny_short_pin_without_CAP_SYS_ADMIN)
{
	lab_set_param("allow_short_pins", true);
	ASSERT_EQ(0, lab_drop_capability(CAP_SYS_ADMIN));
	EXPECT_EQ(EPERM, try_pin(self, self->target.mem_fd, GUPX_F_SHORT));
	EXPECT_EQ(0, try_pin(self, self->target.mem_fd, 0));
}

/*
 * Check that PIN, READ and POPULATE return @error for the mem fd @mem if they are asked to
 * use the kernel's engine.
 */
#define ALL_BY_KERNEL_SAY(error, mem)                                        \
	do {                                                                 \
		EXPECT_EQ(error, try_pin(self, mem, GUPX_F_ENGINE_KERNEL));  \
		EXPECT_EQ(error, try_read(self, mem, GUPX_F_ENGINE_KERNEL)); \
		EXPECT_EQ(error,                                             \
			  try_populate(self, mem, GUPX_F_ENGINE_KERNEL));    \
	} while (0)

/*
 * The kernel's engine holds the target's mmap_lock longer than gupx's own loop. Check
 * that GUPX_F_ENGINE_KERNEL requires either the parameter allow_kernel_engine or
 * CAP_SYS_ADMIN.
 */
TEST_F(access, deny_kernel_engine_without_parameter_and_CAP_SYS_ADMIN)
{
	lab_set_param("allow_kernel_engine", false);
	ALL_BY_KERNEL_SAY(0, self->target.mem_fd);
	lab_set_param("allow_kernel_engine", true);
	ASSERT_EQ(0, lab_drop_capability(CAP_SYS_ADMIN));
	ALL_BY_KERNEL_SAY(0, self->target.mem_fd);
	lab_set_param("allow_kernel_engine", false);
	ALL_BY_KERNEL_SAY(EPERM, self->target.mem_fd);
	/*
	 * The permission for GUPX_F_ENGINE_KERNEL is checked before the descriptors.
	 * Requests without this flag need no such permission.
	 */
	ALL_BY_KERNEL_SAY(EPERM, -1);
	ALL_SAY(0, self->target.mem_fd);
}

TEST_F(access, deny_kernel_engine_to_nobody)
{
	struct target target;
	struct memory memory;

	lab_set_param("allow_kernel_engine", false);
	ASSERT_EQ(0, lab_become(NOBODY));
	ASSERT_EQ(0, target_start(&target));
	EXPECT_EQ(NULL, memory_build(&target, MEMORY_ANON, &memory));
	self->memory = memory;
	ALL_SAY(0, target.mem_fd);
	ALL_BY_KERNEL_SAY(EPERM, target.mem_fd);
	target_stop(&target);
}

/*
 * Check that new pins are refused to all users while allow_pins is off, and that
 * existing pins are not released.
 */
TEST_F(access, deny_pins_while_they_are_switched_off)
{
	const uint64_t page = lab_page();
	const struct lab_answer answer = lab_pin(
		self->target.mem_fd, self->memory.addr, self->memory.len, 0);
	struct gupx_extents head;
	unsigned char byte = 0;

	ASSERT_EQ(self->memory.len, answer.done);
	lab_set_param("allow_pins", false);
	EXPECT_EQ(EPERM, try_pin(self, self->target.mem_fd, 0));
	EXPECT_EQ(EPERM, try_pin(self, self->target.mem_fd, GUPX_F_WRITE));
	EXPECT_EQ(EPERM, lab_pin_more(answer.pin_fd, self->target.mem_fd,
				      self->memory.addr, page, 0)
				 .failed);
	/*
	 * PIN checks the parameter allow_pins after the address and length, but before
	 * the descriptors.
	 */
	EXPECT_EQ(EPERM, try_pin(self, -1, 0));
	EXPECT_EQ(EINVAL, lab_pin(-1, self->memory.addr + 1, page, 0).failed);
	EXPECT_EQ(0, try_read(self, self->target.mem_fd, 0));
	EXPECT_EQ(0, try_populate(self, self->target.mem_fd, 0));
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, NULL, 0));
	EXPECT_EQ(self->memory.len, head.bytes);
	EXPECT_EQ(1, pread(answer.pin_fd, &byte, 1, 0));
	EXPECT_EQ('s', byte);
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 0, page, NULL));
	lab_set_param("allow_pins", true);
	EXPECT_EQ(0, try_pin(self, self->target.mem_fd, 0));
	close(answer.pin_fd);
}

/*
 * Page frame numbers must stay secret, because attacks such as Rowhammer use them.
 * Check that EXTENTS shows them only to callers with CAP_SYS_ADMIN.
 */
TEST_F(access, deny_page_frames_without_CAP_SYS_ADMIN)
{
	const struct lab_answer answer = lab_pin(
		self->target.mem_fd, self->memory.addr, self->memory.len, 0);
	struct gupx_extent runs[64];
	struct gupx_extents head;

	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, runs, ARRAY_SIZE(runs)));
	ASSERT_LT(0U, head.count);
	for (uint32_t i = 0; i < head.count; i++)
		EXPECT_NE(GUPX_PFN_HIDDEN, runs[i].pfn);
	ASSERT_EQ(0, lab_drop_capability(CAP_SYS_ADMIN));
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, runs, ARRAY_SIZE(runs)));
	ASSERT_LT(0U, head.count);
	for (uint32_t i = 0; i < head.count; i++)
		EXPECT_EQ(GUPX_PFN_HIDDEN, runs[i].pfn);
	close(answer.pin_fd);
}

/* Check that a caller cannot add pins that would be charged to another user. */
TEST_F(access, deny_adding_to_a_pin_fd_of_another_user)
{
	struct lab_answer answer;

	/* Make the target accessible to both users. */
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_setresgid, NOBODY, NOBODY,
				 NOBODY));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_setresuid, NOBODY, NOBODY,
				 NOBODY));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_prctl, PR_SET_DUMPABLE, 1));
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, 0);
	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(0, lab_become(NOBODY));
	EXPECT_EQ(0, try_read(self, self->target.mem_fd, 0));
	EXPECT_EQ(EXDEV, lab_pin_more(answer.pin_fd, self->target.mem_fd,
				      self->memory.addr, lab_page(), 0)
				 .failed);
	close(answer.pin_fd);
}

/*
 * Map an anonymous page that is followed by a page of secret memory. Returns 0 if the
 * kernel does not support secret memory.
 */
static uint64_t map_secret(const struct target *target)
{
	const uint64_t page = lab_page();
	const uint64_t addr = TARGET_CALL(target, SYS_mmap, 0, 2 * page,
					  PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const long fd = TARGET_CALL(target, SYS_memfd_secret, 0);

	if (fd < 0 || TARGET_CALL(target, SYS_ftruncate, fd, page) ||
	    TARGET_CALL(target, SYS_mmap, addr + page, page,
			PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			0) != (long)(addr + page) ||
	    target_poke(target, addr, 2 * page, 's'))
		return 0;
	return addr;
}

/*
 * Check that secret memory is refused with any flags, even to root. The request must
 * process the page before the secret memory, and a read of the pin fd must return only
 * this page.
 */
TEST_F(access, deny_secret_memory)
{
	static const uint32_t flags[] = {
		0,
		GUPX_F_FORCE,
		GUPX_F_SHORT,
		GUPX_F_FORCE | GUPX_F_SHORT,
		GUPX_F_NOFAULT,
		GUPX_F_ENGINE_KERNEL,
		GUPX_F_FORCE | GUPX_F_ENGINE_KERNEL,
	};
	const uint64_t page = lab_page();
	const uint64_t addr = map_secret(&self->target);
	unsigned char bytes[2 * page];
	struct lab_answer answer;
	unsigned char *window;

	if (!addr)
		SKIP(return, "no memfd_secret: boot with secretmem.enable=1");
	lab_set_param("allow_force", true);
	lab_set_param("allow_short_pins", true);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		answer = lab_pin(self->target.mem_fd, addr, 2 * page, flags[i]);
		EXPECT_EQ(page, answer.done) TH_LOG("flags %#x", flags[i]);
		EXPECT_EQ((ssize_t)page,
			  pread(answer.pin_fd, bytes, 2 * page, 0));
		EXPECT_EQ(0, pread(answer.pin_fd, bytes, 1, page));
		close(answer.pin_fd);
		if (flags[i] & GUPX_F_SHORT)
			continue;
		answer = lab_read(self->target.mem_fd, addr, 2 * page, bytes,
				  flags[i]);
		EXPECT_EQ(page, answer.done) TH_LOG("flags %#x", flags[i]);
	}
	answer = lab_pin(self->target.mem_fd, addr, 2 * page, 0);
	window = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, answer.pin_fd, 0);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_TRUE(lab_can_read(window));
	EXPECT_FALSE(lab_can_read(window + page));
	munmap(window, 2 * page);
	close(answer.pin_fd);
}

/* Check that a caller without CAP_IPC_LOCK cannot pin more than the memlock limit. */
TEST_F(access, deny_pins_beyond_the_limit_without_CAP_IPC_LOCK)
{
	struct gupx_info info;

	ASSERT_EQ(0, lab_set_memlock(0));
	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ(~0ULL, info.memlock_limit);
	EXPECT_EQ(0, try_pin(self, self->target.mem_fd, 0));
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ(0ULL, info.memlock_limit);
	EXPECT_EQ(ENOBUFS, try_pin(self, self->target.mem_fd, 0));
	/* READ and POPULATE do not hold pages, so they are not charged. */
	EXPECT_EQ(0, try_read(self, self->target.mem_fd, 0));
	EXPECT_EQ(0, try_populate(self, self->target.mem_fd, 0));
}

TEST_HARNESS_MAIN
