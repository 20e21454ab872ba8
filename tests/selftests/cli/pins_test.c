// SPDX-License-Identifier: GPL-2.0
/*
 * Check that gupctl lists the pin fds of all processes, each once, and that it starts and
 * ends processes that hold pins, but no others.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "shell.h"
#include "target.h"

#define PAGES 16

FIXTURE(pins)
{
	struct target target;
	struct shell shell;
	const char *missing;
	int pid;
	uint64_t len;
	uint64_t addr;
};

FIXTURE_SETUP(pins)
{
	if (access(SHELL_GUPCTL, X_OK)) {
		self->missing = "no gupctl";
		return;
	}
	self->len = PAGES * lab_page();
	ASSERT_EQ(0, memory_start_target(&self->target, self->len, self->len,
					 &self->addr));
	self->pid = self->target.pid;
}

FIXTURE_TEARDOWN(pins)
{
	if (self->missing)
		return;
	shell_run(&self->shell, "killall -q gupctl sleep");
	target_stop(&self->target);
}

/* The format and the arguments of the PID and of a range of @pages pages in the target. */
#define RANGE "%d %#llx+%lluK"
#define RANGE_OF(pages)                            \
	self->pid, (unsigned long long)self->addr, \
		(unsigned long long)((pages)*lab_page() / 1024)

/* Get the number of kB that are pinned in the target. */
static long pinned_kb(const FIXTURE_DATA(pins) * self)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", self->pid);
	return lab_number(path, "VmPin:");
}

static int pin_pages(const FIXTURE_DATA(pins) * self, unsigned int pages)
{
	return lab_pin(self->target.mem_fd, self->addr, pages * lab_page(), 0)
		.pin_fd;
}

TEST_F(pins, list_two_holders_and_end_each_by_its_name)
{
	const long page_kb = (long)lab_page() / 1024;

	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl pin --detach --name one " RANGE, RANGE_OF(4));
	EXPECT_PRINTS("to release them: gupctl unpin one\n");
	EXPECT_EXIT(0, "gupctl pin --detach --name two " RANGE, RANGE_OF(2));
	EXPECT_EQ(6 * page_kb, pinned_kb(self));
	EXPECT_EXIT(0, "gupctl pins %d -r -n -o target,bytes,comm,name",
		    self->pid);
	EXPECT_PRINTED(2, "\n");
	EXPECT_PRINTED(1, " gupctl one\n");
	EXPECT_PRINTED(1, " gupctl two\n");
	EXPECT_EXIT(1, "gupctl pin --detach --name one " RANGE, RANGE_OF(1));
	EXPECT_PRINTS("already holds pins with the name 'one'");
	EXPECT_EXIT(0, "gupctl unpin one");
	/* The pins are gone as soon as unpin returns. */
	EXPECT_EQ(2 * page_kb, pinned_kb(self));
	EXPECT_EXIT(1, "gupctl unpin one");
	EXPECT_EXIT(0, "gupctl unpin $(gupctl pins -r -n -o id)");
	EXPECT_EQ(0, pinned_kb(self));
	EXPECT_EXIT(0, "gupctl pins --json");
	EXPECT_PRINTS("\"pins\": [ ]");
}

TEST_F(pins, end_a_stopped_holder)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl pin --detach --name one " RANGE, RANGE_OF(4));
	EXPECT_EXIT(0, "kill -STOP $(gupctl pins -r -n -o pid)");
	EXPECT_EXIT(0, "timeout 20 gupctl unpin one");
	EXPECT_EQ(0, pinned_kb(self));
}

/* Before Linux 6.7 all pin fds have the same inode, so only kcmp() can compare them. */
TEST_F(pins, list_a_pin_fd_once_that_is_open_several_times)
{
	int fd, copy, other, child;
	char fds[128];

	SKIP_IF_MISSING();
	fd = pin_pages(self, 4);
	ASSERT_LE(0, fd);
	/* The shell must not inherit it. */
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	other = pin_pages(self, 4);
	ASSERT_LE(0, other);
	snprintf(fds, sizeof(fds), "%d:%d,\\x20%d:%d,\\x20%d:%d,\\x20%d:%d\n",
		 getpid(), fd, getpid(), copy, child, fd, child, copy);
	EXPECT_EXIT(0, "gupctl pins %d -r -n -o fds", self->pid);
	EXPECT_PRINTED(2, "\n");
	EXPECT_PRINTED(1, fds);
	snprintf(fds, sizeof(fds), "%d:%d\n", getpid(), other);
	EXPECT_PRINTED(1, fds);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static int thread_pipe[2];

/* Keep the descriptors in a table of this thread. */
static void *leave_table(void *unused)
{
	int tid = gettid();

	if (unshare(CLONE_FILES) ||
	    write(thread_pipe[1], &tid, sizeof(tid)) < 0)
		return unused;
	for (;;)
		pause();
}

TEST_F(pins, list_a_pin_fd_that_only_a_thread_has)
{
	pthread_t thread;
	char fds[64];
	int fd, tid;

	SKIP_IF_MISSING();
	fd = pin_pages(self, 4);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(thread_pipe));
	ASSERT_EQ(0, pthread_create(&thread, NULL, leave_table, NULL));
	ASSERT_EQ((ssize_t)sizeof(tid),
		  read(thread_pipe[0], &tid, sizeof(tid)));
	close(fd);
	snprintf(fds, sizeof(fds), "%d/%d:%d\n", getpid(), tid, fd);
	EXPECT_EXIT(0, "gupctl pins -r -n -o fds");
	EXPECT_PRINTED(1, fds);
	EXPECT_PRINTED(1, "\n");
}

TEST_F(pins, say_that_pins_are_still_held_after_unpin)
{
	int words, pid, pidfd, fd, copy;

	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl pin --detach --name one " RANGE, RANGE_OF(4));
	EXPECT_EXIT(0, "gupctl pins -r -n -o fds");
	words = sscanf(self->shell.output, "%d:%d", &pid, &fd);
	ASSERT_EQ(2, words);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	ASSERT_LE(0, copy);
	EXPECT_EXIT(1, "gupctl unpin one");
	EXPECT_PRINTS(" has its pin fd open and holds ");
	EXPECT_LT(0, pinned_kb(self));
	close(copy);
	EXPECT_EQ(0, pinned_kb(self));
}

TEST_F(pins, end_no_process_that_is_not_gupctl)
{
	int fd, marker;

	SKIP_IF_MISSING();
	fd = pin_pages(self, 4);
	/* Both could have been sent to this process by another user. */
	marker = memfd_create("gupctl-pin:victim", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, marker);
	EXPECT_EXIT(1, "gupctl unpin %d", getpid());
	EXPECT_PRINTS("holds pins, but is not a process of this gupctl pin");
	EXPECT_EXIT(1, "gupctl unpin victim");
	EXPECT_PRINTS("no holder of pins 'victim'");
	EXPECT_EXIT(1, "gupctl unpin %d", self->pid);
	EXPECT_PRINTS("holds no pins");
	EXPECT_EXIT(1, "gupctl unpin $(gupctl pins -r -n -o id | "
		       "sed 's/-.*/-1/')");
	EXPECT_PRINTS("no holder of pins '");
}

TEST_F(pins, escape_the_names_of_processes)
{
	static const char name[] = "\033[31mT\n)x";
	int fd, marker;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_prctl, PR_SET_NAME,
				 (long)name));
	fd = pin_pages(self, 4);
	marker = memfd_create("gupctl-pin:\033c\n\377 (deleted)", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, marker);
	ASSERT_EQ(0, prctl(PR_SET_NAME, "\033]0;H\a"));
	EXPECT_EXIT(0, "gupctl pins");
	EXPECT_PRINTED(0, "\033");
	EXPECT_PRINTED(2, "\n");
	EXPECT_PRINTED(1, "\\x1b[31mT\\x0a)x");
	EXPECT_PRINTED(1, "\\x1b]0;H\\x07");
	EXPECT_PRINTED(1, "\\x1bc\\x0a\\xff (deleted)");
	EXPECT_EXIT(0, "gupctl pins --json '\\x1b[31mT\\x0a)x'");
	EXPECT_PRINTED(1, "\"target_comm\": \"\\\\x1b[31mT\\\\x0a)x\"");
	EXPECT_PRINTED(1, "\n");
}

TEST_F(pins, name_no_target_that_has_exited)
{
	int fd;

	SKIP_IF_MISSING();
	fd = pin_pages(self, 4);
	ASSERT_LE(0, fd);
	EXPECT_EXIT(0, "gupctl pins %d --json", self->pid);
	EXPECT_PRINTS("\"target_exited\": false");
	target_stop(&self->target);
	EXPECT_EXIT(0, "gupctl pins %d --json", self->pid);
	EXPECT_PRINTS("\"target_comm\": null, \"target_exited\": true");
}

TEST_F(pins, show_users_their_own_pins_only)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl pin --detach --name one " RANGE, RANGE_OF(4));
	EXPECT_EXIT(0, "su -s /bin/sh nobody -c 'gupctl pins'");
	EXPECT_PRINTED(1, "no pins\n");
	EXPECT_PRINTED(1, " could not be read; root sees all pins\n");
	EXPECT_PRINTED(2, "\n");
	EXPECT_EXIT(1, "su -s /bin/sh nobody -c \"gupctl unpin "
		       "$(gupctl pins -r -n -o pid)\"");
	EXPECT_PRINTS("it belongs to another user");
	EXPECT_EXIT(1, "su -s /bin/sh nobody -c 'gupctl unpin one'");
	EXPECT_EXIT(0, "gupctl unpin one");
}

/* A user can give his holder any name, so root does not find it by its name. */
TEST_F(pins, find_only_names_of_the_same_user)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(
		0,
		"chmod 666 /dev/gupx; su -s /bin/sh nobody -c 'sleep 100 >/dev/null 2>&1 &"
		"gupctl pin --detach --name one $! \"[stack]\"'; s=$?;"
		"chmod 600 /dev/gupx; exit $s");
	EXPECT_EXIT(1, "gupctl unpin one");
	EXPECT_EXIT(0, "gupctl pin --detach --name one " RANGE, RANGE_OF(4));
	EXPECT_EXIT(0, "gupctl unpin one");
	EXPECT_EQ(0, pinned_kb(self));
	EXPECT_EXIT(0, "gupctl unpin $(gupctl pins -r -n -o pid)");
}

TEST_F(pins, are_held_while_a_command_runs)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(7,
		    "gupctl pin " RANGE " --exec sh -c "
		    "'grep VmPin: /proc/%d/status; ls /proc/self/fd; exit 7'"
		    " 2>/dev/null",
		    RANGE_OF(4), self->pid);
	EXPECT_PRINTED(0, "\t       0 kB");
	EXPECT_PRINTED(1, "VmPin:");
	EXPECT_EQ(0, pinned_kb(self));
	EXPECT_EXIT(127, "gupctl pin " RANGE " --exec /nothing", RANGE_OF(4));
	EXPECT_EXIT(137, "gupctl pin " RANGE " --exec sh -c 'kill -9 $$'",
		    RANGE_OF(4));
	EXPECT_EXIT(1, "gupctl pin %d 0x1000+4K --exec echo ran", self->pid);
	EXPECT_PRINTED(0, "ran\n");
	EXPECT_EXIT(9,
		    "gupctl pin " RANGE " --exec sh -c "
		    "'trap \"exit 9\" TERM; sleep 50 & wait' >/dev/null 2>&1 &"
		    "sleep 1; kill $!; wait $!",
		    RANGE_OF(4));
	EXPECT_EXIT(9,
		    "gupctl pin --name job " RANGE " --exec sh -c "
		    "'trap \"exit 9\" TERM; sleep 50 & wait' >/dev/null 2>&1 &"
		    "sleep 1; gupctl unpin job >/dev/null || exit 3; wait $!",
		    RANGE_OF(4));
	EXPECT_EQ(0, pinned_kb(self));
}

TEST_F(pins, are_not_held_in_the_background_if_detach_fails)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(1, "timeout 20 gupctl pin --detach %d 0x1000+4K",
		    self->pid);
	EXPECT_EXIT(1, "timeout 20 gupctl pin --detach " RANGE " >&-",
		    RANGE_OF(4));
	EXPECT_EXIT(
		1,
		"timeout 20 gupctl pin --detach --holder-pidfile /no/pid " RANGE,
		RANGE_OF(4));
	EXPECT_EXIT(0, "gupctl pins");
	EXPECT_PRINTED(1, "no pins\n");
	/* Other closed descriptors are no failure. */
	EXPECT_EXIT(0,
		    "gupctl pin --detach --name one " RANGE
		    " <&- 2>&- >/dev/null",
		    RANGE_OF(4));
	EXPECT_EXIT(0, "for fd in 0 1 2; do readlink "
		       "/proc/$(gupctl pins -r -n -o pid)/fd/$fd; done");
	EXPECT_PRINTED(3, "/dev/null\n");
	EXPECT_EXIT(0, "gupctl unpin one");
	EXPECT_EQ(0, pinned_kb(self));
}

TEST_HARNESS_MAIN
