// SPDX-License-Identifier: GPL-2.0
/*
 * Tools with which an administrator sees and controls pins: VmPin, fdinfo, and the
 * parameter allow_pins, with which new pins can be refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

FIXTURE(admin)
{
	struct target target;
	struct memory memory;
	int pin_fd;
};

FIXTURE_SETUP(admin)
{
	struct lab_answer answer;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	answer = lab_pin(self->target.mem_fd, self->memory.addr, 8 * lab_page(),
			 GUPX_F_WRITE);
	ASSERT_EQ(8 * lab_page(), answer.done);
	self->pin_fd = answer.pin_fd;
}

FIXTURE_TEARDOWN(admin)
{
	lab_set_param("allow_pins", true);
	if (self->pin_fd >= 0)
		close(self->pin_fd);
	target_stop(&self->target);
}

static long vm_pin(const struct target *target)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", target->pid);
	return lab_number(path, "VmPin:");
}

TEST_F(admin, sees_VmPin_of_the_target)
{
	const long kib = lab_page() >> 10;
	struct lab_answer zero;
	long addr;

	EXPECT_EQ(8 * kib, vm_pin(&self->target));
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 0, 3 * lab_page(), NULL));
	EXPECT_EQ(5 * kib, vm_pin(&self->target));
	/* The zero page is not added to VmPin of the process that maps it. */
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, 4 * lab_page(), 1, 0x22,
			   -1, 0);
	ASSERT_LT(0, addr);
	zero = lab_pin(self->target.mem_fd, addr, 4 * lab_page(), 0);
	ASSERT_EQ(0, zero.failed);
	close(zero.pin_fd);
	close(self->pin_fd);
	self->pin_fd = -1;
	EXPECT_EQ(0, vm_pin(&self->target));
}

/*
 * Find the line of /proc/PID/fdinfo/FD that starts with @key, and copy the rest of
 * the line to @value.
 */
static bool read_fdinfo_of(pid_t pid, int fd, const char *key, char *value,
			   size_t room)
{
	bool found = false;
	char line[256];
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/fdinfo/%d", pid, fd);
	file = fopen(line, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)))
			continue;
		snprintf(value, room, "%s", line + strlen(key));
		value[strcspn(value, "\n")] = 0;
		found = true;
	}
	if (file)
		fclose(file);
	return found;
}

static bool read_fdinfo(int fd, const char *key, char *value, size_t room)
{
	return read_fdinfo_of(getpid(), fd, key, value, room);
}

/* Read the PID of the target from the fdinfo of process @pid. Returns -1 on failure. */
static pid_t read_target_pid(pid_t pid, int fd)
{
	char value[256];

	if (!read_fdinfo_of(pid, fd, "gupx-target-pid:\t", value,
			    sizeof(value)))
		return -1;
	return atoi(value);
}

/*
 * Returns field 22 of /proc/PID/stat. Field 2 is the name, which may contain spaces
 * and parentheses. Therefore search for the last parenthesis first.
 */
static uint64_t start_time(pid_t pid)
{
	char path[64], text[1024] = "", *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	(void)!fgets(text, sizeof(text), file);
	fclose(file);
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

TEST_F(admin, sees_whose_memory_it_is_in_fdinfo)
{
	char value[256];

	ASSERT_TRUE(read_fdinfo(self->pin_fd, "gupx-target-pid:\t", value,
				sizeof(value)));
	EXPECT_EQ(self->target.pid, atoi(value));
	ASSERT_TRUE(read_fdinfo(self->pin_fd, "gupx-target-start:\t", value,
				sizeof(value)));
	EXPECT_EQ(start_time(self->target.pid), strtoull(value, NULL, 10));
	ASSERT_TRUE(read_fdinfo(self->pin_fd, "gupx-released:\t", value,
				sizeof(value)));
	EXPECT_STREQ("0 kB", value);
}

/**
 * struct inside - results of a process in a new PID namespace
 * @missing: errno if the process could not mount a /proc of its own; 0 otherwise
 * @pid: PID of the process in the new namespace
 * @other: target PID in the fdinfo of a pin fd whose target is outside the namespace
 * @own: target PID in the fdinfo of a pin fd whose target is the process itself
 * @own_fd: pin fd whose target is the process itself
 */
struct inside {
	int missing;
	pid_t pid;
	pid_t other;
	pid_t own;
	int own_fd;
};

/*
 * Mount a new /proc. Read the fdinfo of @pin_fd, and of a new pin fd whose target is
 * this process. Then write a byte to @line: the peer may now read @inside, and the
 * fdinfo of this process. Exit when the peer closes its end of @line.
 */
static void run_inside(struct inside *inside, int pin_fd, int line)
{
	struct lab_answer answer;
	const char *page = mmap(NULL, lab_page(), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte = 0;

	inside->pid = getpid();
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL)) {
		inside->missing = errno;
	} else {
		inside->other = read_target_pid(getpid(), pin_fd);
		answer = lab_pin(lab_open_mem(getpid(), O_RDWR),
				 (uintptr_t)page, lab_page(), GUPX_F_WRITE);
		inside->own_fd = answer.pin_fd;
		inside->own = read_target_pid(getpid(), answer.pin_fd);
	}
	(void)!write(line, &byte, 1);
	(void)!read(line, &byte, 1);
	_exit(0);
}

/*
 * Check that fdinfo shows the target's PID in the PID namespace of the reader, or 0
 * if the target has no PID in that namespace.
 */
TEST_F(admin, sees_the_pid_of_its_own_namespace_in_fdinfo)
{
	struct inside *inside =
		mmap(NULL, sizeof(*inside), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int line[2];
	pid_t pid;
	char byte;

	ASSERT_NE(MAP_FAILED, inside);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line));
	if (unshare(CLONE_NEWPID))
		SKIP(return, "no pid namespaces in this kernel");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(line[1]);
		run_inside(inside, self->pin_fd, line[0]);
	}
	close(line[0]);
	ASSERT_EQ(1, read(line[1], &byte, 1));
	if (!inside->missing) {
		EXPECT_EQ(1, inside->pid);
		EXPECT_EQ(0, inside->other);
		EXPECT_EQ(inside->pid, inside->own);
		/* Read the fdinfo of the same pin fds from outside the namespace. */
		EXPECT_NE(inside->pid, pid);
		EXPECT_EQ(pid, read_target_pid(pid, inside->own_fd));
		EXPECT_EQ(self->target.pid, read_target_pid(pid, self->pin_fd));
	}
	close(line[1]);
	waitpid(pid, NULL, 0);
	if (inside->missing)
		SKIP(return, "no /proc of its own: %s",
			   strerror(inside->missing));
}

TEST_F(admin, sees_ranges_flags_and_age_in_fdinfo)
{
	const uint64_t addr = self->memory.addr;
	char value[256], flags[8];
	uint64_t first, end;
	unsigned int age;
	int fields;

	ASSERT_TRUE(read_fdinfo(self->pin_fd, "gupx-range:\t", value,
				sizeof(value)));
	fields = sscanf(value, "%" SCNx64 "-%" SCNx64 " %7s %u", &first, &end,
			flags, &age);
	ASSERT_EQ(4, fields);
	EXPECT_EQ(addr, first);
	EXPECT_EQ(addr + 8 * lab_page(), end);
	EXPECT_STREQ("w", flags);
	EXPECT_GT(60U, age);
}

TEST_F(admin, refuses_new_pins_while_held_ones_live_on)
{
	struct gupx_info info;
	char byte;

	lab_set_param("allow_pins", false);
	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ(0U, info.params & GUPX_PARAM_PINS);
	EXPECT_EQ(EPERM,
		  lab_pin(self->target.mem_fd, self->memory.addr, lab_page(), 0)
			  .failed);
	EXPECT_EQ(EPERM, lab_pin_more(self->pin_fd, self->target.mem_fd,
				      self->memory.addr, lab_page(), 0)
				 .failed);
	EXPECT_EQ(1, pread(self->pin_fd, &byte, 1, 0));
	EXPECT_EQ(lab_page(), lab_populate(self->target.mem_fd,
					   self->memory.addr, lab_page(), 0)
				      .done);
	lab_set_param("allow_pins", true);
	EXPECT_EQ(lab_page(),
		  lab_pin_more(self->pin_fd, self->target.mem_fd,
			       self->memory.addr, lab_page(), GUPX_F_WRITE)
			  .done);
}

TEST_HARNESS_MAIN
