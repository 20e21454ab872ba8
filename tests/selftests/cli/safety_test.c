// SPDX-License-Identifier: GPL-2.0
/*
 * Check that gupctl harms neither its target nor its user: it writes only where it was
 * asked to, and it says so if it did less than it was asked to.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
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

FIXTURE(safety)
{
	struct target target;
	struct shell shell;
	const char *missing;
	int pid;
	uint64_t len;
	/* The memory of the target. Each page begins with the byte 'T'. */
	uint64_t addr;
};

FIXTURE_SETUP(safety)
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

FIXTURE_TEARDOWN(safety)
{
	if (!self->missing)
		target_stop(&self->target);
}

/* The format and the arguments of a range of @pages pages in the target. */
#define RANGE "%#llx+%lluK"
#define RANGE_OF(pages)                 \
	(unsigned long long)self->addr, \
		(unsigned long long)((pages)*lab_page() / 1024)

/* D6: descriptor 1 is closed, so an open() in gupctl could become standard output. */
TEST_F(safety, writes_no_report_into_the_target)
{
	SKIP_IF_MISSING();
	/* A report would be written to offset 0 of /proc/PID/mem, so map address 0. */
	ASSERT_EQ(0,
		  TARGET_CALL(&self->target, SYS_mmap, 0, lab_page(),
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EXIT(1, "gupctl populate -w %d " RANGE " 0<&- >&-", self->pid,
		    RANGE_OF(PAGES));
	EXPECT_PRINTED(1, "\n");
	EXPECT_PRINTED(1, "gupctl: write error: Bad file descriptor");
	EXPECT_EXIT(0, "gupctl read %d 0+4096 2>/dev/null", self->pid);
	EXPECT_PRINTED(0, "populated");
	EXPECT_EXIT(0, "gupctl populate -w %d " RANGE " 0<&- 2>&-", self->pid,
		    RANGE_OF(PAGES));
}

/* D7 */
TEST_F(safety, fails_if_its_output_cannot_be_written)
{
	static const char *const words[] = { "pin --hold 0", "populate",
					     "read",	     "read --raw",
					     "explain",	     "read --json" };

	SKIP_IF_MISSING();
	for (unsigned int i = 0; i < 6; i++) {
		EXPECT_EXIT(1, "gupctl %s %d " RANGE " >/dev/full", words[i],
			    self->pid, RANGE_OF(PAGES));
		EXPECT_PRINTS("gupctl: write error: No space left on device");
	}
	EXPECT_EXIT(1, "gupctl info >/dev/full");
	/* A pin must not be held if the user cannot know of it. */
	EXPECT_EXIT(1, "gupctl pin --json %d " RANGE " >/dev/full", self->pid,
		    RANGE_OF(PAGES));
}

/* D8: "\033" clears nothing, and "\377" is not UTF-8. The names must not get through. */
TEST_F(safety, escapes_the_names_of_a_process)
{
	static const char comm[] = "\033[31mE\n\377)x";
	static const char file[] = "a [x]\n\033c\377";
	long fd;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_prctl, PR_SET_NAME,
				 (long)comm));
	fd = TARGET_CALL(&self->target, SYS_memfd_create, (long)file, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_ftruncate, fd,
				 2 * lab_page()));
	ASSERT_LT(0, TARGET_CALL(&self->target, SYS_mmap, 0, lab_page(),
				 PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EXIT(0, "gupctl populate %d " RANGE, self->pid, RANGE_OF(1));
	EXPECT_PRINTS("(\\x1b[31mE\\x0a\\xff)x)");
	EXPECT_EXIT(0, "gupctl populate %d " RANGE " --json", self->pid,
		    RANGE_OF(1));
	EXPECT_PRINTS("\"comm\": \"\\\\x1b[31mE\\\\x0a\\\\xff)x\"");
	EXPECT_EXIT(0, "gupctl explain %d --all --for read | grep a.\\\\[x",
		    self->pid);
	EXPECT_PRINTED(1, "/memfd:a [x]\\012\\x1bc\\xff (deleted)");
	/* The name can be typed as it was printed. */
	EXPECT_EXIT(
		0,
		"gupctl populate %d '/memfd:a [x]\\012\\x1bc\\xff (deleted)'",
		self->pid);
	EXPECT_EXIT(0, "gupctl populate %d 'memfd:a [x]\\012\\x1bc\\xff'",
		    self->pid);
}

/* D9 */
TEST_F(safety, replaces_an_output_file_only_by_a_whole_copy)
{
	static const char mode[] = "stat -c %a-%s /tmp/o/out";

	SKIP_IF_MISSING();
	ASSERT_EQ(0, shell_run(&self->shell,
			       "rm -rf /tmp/o; mkdir /tmp/o; cd /tmp/o &&"
			       "echo keep >victim; chmod 644 victim;"
			       "ln -s victim out"));
	EXPECT_EXIT(0, "gupctl read -o /tmp/o/out %d " RANGE, self->pid,
		    RANGE_OF(2));
	EXPECT_EXIT(0, "%s; cat /tmp/o/victim; ls -A /tmp/o | wc -l", mode);
	EXPECT_PRINTED(1, "600-8192\nkeep\n2\n");
	/* The range ends behind the mapping, so the copy fails. */
	EXPECT_EXIT(1, "gupctl read -o /tmp/o/victim %d 0x%llx+0x10000000",
		    self->pid, (unsigned long long)self->addr);
	EXPECT_PRINTS("use --partial to keep");
	EXPECT_EXIT(0, "cat /tmp/o/victim; ls -A /tmp/o | wc -l");
	EXPECT_PRINTED(1, "keep\n2\n");
	EXPECT_EXIT(
		1, "gupctl read --partial -o /tmp/o/out %d 0x%llx-0x%llx",
		self->pid, (unsigned long long)self->addr,
		(unsigned long long)(self->addr + self->len + (1ULL << 30)));
	EXPECT_EXIT(0, "%s", mode);
	EXPECT_PRINTED(1, "600-");
	/* A device is written to, and stays a device. */
	EXPECT_EXIT(0,
		    "gupctl read -o /dev/null %d " RANGE " && [ -c /dev/null ]",
		    self->pid, RANGE_OF(2));
	EXPECT_EXIT(
		1,
		"ln -s /proc/self/fd/1 /tmp/o/std; gupctl read -o /tmp/o/std %d " RANGE,
		self->pid, RANGE_OF(2));
	EXPECT_PRINTS("it is a symbolic link");
	EXPECT_EXIT(0, "[ -h /tmp/o/std ]");
}

TEST_F(safety, says_how_far_a_copy_to_a_full_disk_came)
{
	SKIP_IF_MISSING();
	ASSERT_EQ(0, shell_run(&self->shell,
			       "mkdir -p /tmp/small &&"
			       "mount -t tmpfs -o size=16k small /tmp/small &&"
			       "echo keep >/tmp/small/out"));
	EXPECT_EXIT(1, "gupctl read -o /tmp/small/out %d " RANGE, self->pid,
		    RANGE_OF(PAGES));
	EXPECT_PRINTS("No space left on device, after 12 KiB of 64 KiB");
	EXPECT_EXIT(0, "cat /tmp/small/out; ls -A /tmp/small | wc -l");
	EXPECT_PRINTED(1, "keep\n1\n");
	EXPECT_EXIT(1, "gupctl read --partial -o /tmp/small/out %d " RANGE,
		    self->pid, RANGE_OF(PAGES));
	EXPECT_EXIT(0, "stat -c %%s /tmp/small/out; umount /tmp/small");
	EXPECT_PRINTED(1, "12288\n");
}

/* D13 */
TEST_F(safety, holds_no_pin_that_failed)
{
	const unsigned long long addr = self->addr;

	SKIP_IF_MISSING();
	EXPECT_EXIT(1, "timeout 20 gupctl pin %d 0x%llx+1G", self->pid, addr);
	EXPECT_PRINTS("nothing is held, because not everything was pinned");
	EXPECT_PRINTED(0, "holding");
	EXPECT_EXIT(1, "timeout 20 gupctl pin --json %d 0x%llx+1G", self->pid,
		    addr);
	EXPECT_PRINTED(1, "\n");
	EXPECT_PRINTED(0, "\"event\"");
	EXPECT_PRINTED(0, "\"held\"");
	EXPECT_EXIT(1, "gupctl pin --partial --hold 0 %d 0x%llx+1G", self->pid,
		    addr);
	EXPECT_PRINTS("released ");
}

/* D17 */
TEST_F(safety, prints_what_becomes_of_a_pin)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl pin --json --hold 0 %d " RANGE, self->pid,
		    RANGE_OF(2));
	EXPECT_PRINTED(2, "\n");
	EXPECT_PRINTED(1, "\"event\": \"held\"");
	EXPECT_PRINTED(1, "{ \"event\": \"released\", \"bytes\": 8192, ");
	EXPECT_PRINTED(1, "\"signal\": null }");
	EXPECT_EXIT(0,
		    "gupctl pin --json %d " RANGE
		    " & sleep 2; kill -INT $!; wait $!",
		    self->pid, RANGE_OF(2));
	EXPECT_PRINTED(1, "\"signal\": \"SIGINT\" }");
	EXPECT_EXIT(0, "sleep 100 & gupctl pin --json --hold 4 $! '[stack]' &"
		       "sleep 2; kill %%1; wait %%2");
	EXPECT_PRINTED(1, "{ \"event\": \"target_exited\", \"pid\": ");
	EXPECT_PRINTED(1, "{ \"event\": \"released\"");
}

/* Map a page at a fixed address of the target. Returns true if that succeeded. */
static bool map_at(FIXTURE_DATA(safety) * self, long addr)
{
	return TARGET_CALL(&self->target, SYS_mmap, addr, lab_page(),
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			   -1, 0) == addr;
}

/* D11: addresses from /proc/PID/maps may have decimal digits only. */
TEST_F(safety, reads_digits_as_the_mappings_say)
{
	SKIP_IF_MISSING();
	ASSERT_TRUE(map_at(self, 0x80000000));
	EXPECT_EXIT(0, "gupctl read %d 80000000-80000010", self->pid);
	EXPECT_PRINTS("000080000000  00 00");
	EXPECT_EXIT(0, "gupctl read %d 80000000+16", self->pid);
	EXPECT_PRINTS("000080000000  00 00");
	/* Now 80000000 is mapped too: it is 0x4c4b400. */
	ASSERT_TRUE(map_at(self, 0x4c4b000));
	EXPECT_EXIT(1, "gupctl read %d 80000000+16", self->pid);
	EXPECT_PRINTED(1, "\n");
	EXPECT_PRINTS("0x4c4b400-0x4c4b410 (decimal), "
		      "0x80000000-0x80000010 (hexadecimal)");
	EXPECT_EXIT(0, "gupctl read %d 0x80000000+16", self->pid);
	EXPECT_EXIT(0, "gupctl read %d 0x4c4b400+16", self->pid);
	/* Nothing is mapped at either address, so the address is decimal. */
	EXPECT_EXIT(1, "gupctl read %d 4096+16", self->pid);
	EXPECT_PRINTS("0x1000");
	EXPECT_EXIT(2, "gupctl read %d 2024-11-25.log", self->pid);
	EXPECT_PRINTS("invalid range '2024-11-25.log'");
}

TEST_F(safety, finds_names_that_look_like_ranges)
{
	static const char *const names[] = { "2024-11-25.log",
					     "0a1b2c3d-0000-4e5f.db",
					     "12345678-87654321", "4096+1" };

	SKIP_IF_MISSING();
	for (unsigned int i = 0; i < 4; i++) {
		const long fd = TARGET_CALL(&self->target, SYS_memfd_create,
					    (long)names[i], 0);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_ftruncate, fd,
					 lab_page()));
		ASSERT_LT(0, TARGET_CALL(&self->target, SYS_mmap, 0, lab_page(),
					 PROT_READ, MAP_SHARED, fd, 0));
		EXPECT_EXIT(0, "gupctl populate %d 'memfd:%s'", self->pid,
			    names[i]);
	}
}

/* D19 */
TEST_F(safety, takes_overlapping_ranges_once)
{
	const unsigned long long addr = self->addr;

	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl pin --hold 0 %d " RANGE " " RANGE " 0x%llx+8K",
		    self->pid, RANGE_OF(PAGES), RANGE_OF(PAGES), addr + 4096);
	EXPECT_PRINTS("pinned 64 KiB");
	EXPECT_EXIT(0, "gupctl pin --hold 0 %d 0x%llx+8K 0x%llx+8K", self->pid,
		    addr + 4096, addr);
	EXPECT_PRINTS("pinned 12 KiB");
	/* A copy has the bytes that were asked for. */
	EXPECT_EXIT(0, "gupctl read --raw %d 0x%llx+8 0x%llx+8 | wc -c",
		    self->pid, addr, addr);
	EXPECT_PRINTED(1, "16\n");
}

static void *sleep_forever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static int start_without_main_thread(void)
{
	pthread_t thread;
	const int pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_create(&thread, NULL, sleep_forever, NULL);
	syscall(SYS_exit, 0);
	_exit(1);
}

/* D5 */
TEST_F(safety, accesses_a_process_whose_main_thread_has_exited)
{
	const unsigned long long addr = (uintptr_t)self;
	int pid;

	SKIP_IF_MISSING();
	pid = start_without_main_thread();
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, shell_run(&self->shell,
			       "while ! grep -q 'State:.Z' /proc/%d/status;"
			       "do usleep 10000; done",
			       pid));
	EXPECT_EXIT(0, "gupctl populate %d 0x%llx+1", pid, addr);
	EXPECT_EXIT(0, "gupctl pin --hold 0 %d '[heap]'", pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* D15 */
TEST_F(safety, names_the_reason_why_a_process_cannot_be_seen)
{
	SKIP_IF_MISSING();
	ASSERT_EQ(0,
		  TARGET_CALL(&self->target, SYS_setresuid, 1000, 1000, 1000));
	for (int hide = 1; hide <= 2; hide++) {
		EXPECT_EXIT(
			1,
			"unshare -m sh -c \"mount -t proc -o hidepid=%d p /proc;"
			"su -s /bin/sh nobody -c 'gupctl read %d " RANGE "'\"",
			hide, self->pid, RANGE_OF(1));
		EXPECT_PRINTS("is hidden: /proc is mounted with hidepid");
	}
}

/* D15: the capabilities of a user namespace do not count for the module. */
TEST_F(safety, knows_that_it_runs_in_a_user_namespace)
{
	SKIP_IF_MISSING();
	if (shell_run(&self->shell, "unshare -Ur true"))
		SKIP(return, "no user namespaces");
	EXPECT_EXIT(1, "chmod 666 /dev/gupx; unshare -Ur gupctl read %d " RANGE,
		    self->pid, RANGE_OF(1));
	EXPECT_PRINTS("not in the user namespace of gupctl");
	shell_run(
		&self->shell,
		"ulimit -l 64; unshare -Ur gupctl doctor; chmod 600 /dev/gupx");
	EXPECT_PRINTS("all users may open /dev/gupx (mode 0666)");
	EXPECT_PRINTS("RLIMIT_MEMLOCK is 64 KiB");
	EXPECT_PRINTED(0, "CAP_");
}

TEST_HARNESS_MAIN
