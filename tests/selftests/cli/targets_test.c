// SPDX-License-Identifier: GPL-2.0
/* Check how gupctl selects processes and mappings. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "shell.h"
#include "target.h"

#define LEN (32ULL << 20)

FIXTURE(targets)
{
	struct shell shell;
	const char *missing;
};

FIXTURE_SETUP(targets)
{
	if (access(SHELL_GUPCTL, X_OK))
		self->missing = "no gupctl";
}

FIXTURE_TEARDOWN(targets)
{
	shell_run(&self->shell, "killall sleep 2>/dev/null");
}

/* Start two processes, $a and $b. The shell ends them. */
#define TWO "sleep 100 & a=$!; sleep 100 & b=$!; sleep 0.2;"
#define END "; e=$?; kill $a $b 2>/dev/null; exit $e"

TEST_F(targets, take_several_pids)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, TWO "gupctl populate $a $b '[stack]'" END);
	EXPECT_PRINTED(2, " in 1 range of process ");
	EXPECT_PRINTED(1, " in 2 of 2 processes, ");
	EXPECT_EXIT(0, TWO "gupctl explain --for read $a $b '[stack]'" END);
	EXPECT_EXIT(0, TWO "gupctl read --json $a $b '[heap]' | wc -l" END);
	EXPECT_PRINTED(1, "1\n");
	EXPECT_EXIT(2, TWO "gupctl read --raw $a $b '[heap]'" END);
}

TEST_F(targets, go_on_after_one_that_refuses)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(1, TWO "gupctl populate $a 4000000 $b '[stack]'" END);
	EXPECT_PRINTED(1, "no process with PID 4000000");
	EXPECT_PRINTED(1, " in 2 of 3 processes, ");
	EXPECT_EXIT(1, TWO "gupctl populate --json $a 4000000 '[stack]'" END);
	EXPECT_PRINTED(1, "\"kind\": \"no_such_process\"");
	EXPECT_PRINTED(1, "\"targets\": [ {");
	EXPECT_PRINTED(1, "\"targets\": 2, \"complete\": 1, ");
	EXPECT_EXIT(1, TWO "timeout 20 gupctl pin $a 4000000 '[stack]'" END);
	EXPECT_PRINTS("nothing is held");
	EXPECT_EXIT(1, TWO
		    "gupctl pin --partial --hold 0 $a 4000000 '[stack]'" END);
	EXPECT_PRINTS("released ");
}

TEST_F(targets, are_found_by_name_file_and_tree)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, TWO "gupctl populate sleep '[stack]'" END);
	EXPECT_PRINTED(1, " in 2 of 2 processes, ");
	EXPECT_EXIT(1, "gupctl populate no-such-name '[stack]'");
	EXPECT_PRINTED(1, "no process with the name 'no-such-name'");
	EXPECT_EXIT(0, TWO "echo $a >/tmp/pid;"
			   "gupctl populate --pidfile /tmp/pid '[stack]'" END);
	EXPECT_PRINTED(1, " in 1 of 1 processes, ");
	EXPECT_EXIT(0, "sh -c 'sleep 100 & sleep 100 & wait' & sleep 0.5;"
		       "gupctl populate --tree $! '[stack]'; e=$?;"
		       "killall sleep; exit $e");
	EXPECT_PRINTED(1, " in 3 of 3 processes, ");
}

TEST_F(targets, are_found_by_cgroup_and_unit)
{
	SKIP_IF_MISSING();
	if (shell_run(&self->shell,
		      "mkdir -p /sys/fs/cgroup/test.slice/a.service/sub"))
		SKIP(return, "no cgroups");
	EXPECT_EXIT(
		0, TWO
		"cd /sys/fs/cgroup/test.slice/a.service;"
		"echo $a >cgroup.procs; echo $b >sub/cgroup.procs;"
		"for t in '--cgroup test.slice' --cgroup=$PWD '--unit a'"
		" '--unit a.service'; do gupctl populate $t '[stack]'; done" END);
	EXPECT_PRINTED(4, " in 2 of 2 processes, ");
	shell_run(&self->shell, "cd /sys/fs/cgroup; sleep 0.2;"
				"rmdir test.slice/a.service/sub"
				" test.slice/a.service test.slice");
	EXPECT_EXIT(1, "gupctl populate --unit a '[stack]'");
	EXPECT_PRINTS("no running unit 'a.service'");
}

TEST_F(targets, are_held_until_the_end)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, TWO
		    "(sleep 2; kill $a; sleep 1; kill -TERM $(pidof gupctl)) &"
		    "gupctl pin --json $a $b '[stack]'" END);
	EXPECT_PRINTED(1, "\"event\": \"held\"");
	EXPECT_PRINTED(1, "\"event\": \"target_exited\"");
	EXPECT_PRINTED(1, "\"signal\": \"SIGTERM\"");
}

FIXTURE(groups)
{
	struct target target;
	struct shell shell;
	const char *missing;
	int pid;
	uint64_t anon, shared;
};

FIXTURE_SETUP(groups)
{
	if (access(SHELL_GUPCTL, X_OK)) {
		self->missing = "no gupctl";
		return;
	}
	ASSERT_EQ(0, target_start(&self->target));
	self->pid = self->target.pid;
	self->anon = memory_map_small(&self->target, LEN);
	ASSERT_NE(0ULL, self->anon);
	self->shared = TARGET_CALL(&self->target, SYS_mmap, 0, LEN,
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_LT(0, (long)self->shared);
}

FIXTURE_TEARDOWN(groups)
{
	if (!self->missing)
		target_stop(&self->target);
}

static uint64_t count_resident(const FIXTURE_DATA(groups) * self, uint64_t addr)
{
	return lab_resident(self->pid, addr, LEN / lab_page()) * lab_page();
}

/* D3 */
TEST_F(groups, shared_memory_is_not_missed)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl populate %d '[anon]'", self->pid);
	EXPECT_PRINTS(" of shared memory, which [anon] does not select; "
		      "add '[shared]'");
	EXPECT_EQ(0ULL, count_resident(self, self->shared));
	EXPECT_EXIT(0, "gupctl populate %d '[anon]' '[shared]'", self->pid);
	EXPECT_PRINTED(0, "add '[shared]'");
	EXPECT_EQ(LEN, count_resident(self, self->shared));
	EXPECT_EQ(LEN, count_resident(self, self->anon));
}

TEST_F(groups, filters_select_mappings)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl populate %d '[writable]' --min 32M --json",
		    self->pid);
	EXPECT_PRINTS("\"ranges\": 2, \"len\": 67108864,");
	EXPECT_EXIT(0, "gupctl populate %d --all --min 1T", self->pid);
	EXPECT_PRINTS("has no such mapping that --min");
	if (!lab_swap_is_on())
		SKIP(return, "no swap");
	EXPECT_EXIT(0, "gupctl populate %d '[anon]' --only-swapped", self->pid);
	EXPECT_PRINTS("has no such mapping that --min");
	ASSERT_EQ(0, target_poke(&self->target, self->anon, LEN, 1));
	TARGET_CALL(&self->target, SYS_madvise, self->anon, LEN, MADV_PAGEOUT);
	ASSERT_GT(LEN, count_resident(self, self->anon));
	EXPECT_EXIT(0, "gupctl populate %d '[anon]' --only-swapped --json",
		    self->pid);
	EXPECT_PRINTS("\"ranges\": 1, \"len\": 33554432,");
	EXPECT_EQ(LEN, count_resident(self, self->anon));
}

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* D1: newer libraries have guard regions inside of a writable mapping. */
TEST_F(groups, go_on_past_guard_regions)
{
	const uint64_t page = lab_page();

	SKIP_IF_MISSING();
	if (TARGET_CALL(&self->target, SYS_madvise, self->anon + 4 * page,
			4 * page, MADV_GUARD_INSTALL))
		SKIP(return, "no guard regions");
	EXPECT_EXIT(0, "gupctl explain --for populate %d '[anon]'", self->pid);
	EXPECT_PRINTS("guard region");
	EXPECT_PRINTS("skip 16 KiB");
	EXPECT_EXIT(0, "gupctl populate %d '[anon]' --json", self->pid);
	EXPECT_PRINTS("\"len\": 16384, \"name\": \"\", \"reason\": \"guard\"");
	EXPECT_EQ(LEN - 4 * page, count_resident(self, self->anon));
	EXPECT_EXIT(0, "gupctl pin --hold 0 %d '[anon]'", self->pid);
	EXPECT_PRINTED(1, "left out 16 KiB that refuses the request");
	EXPECT_EXIT(1, "gupctl populate %d 0x%llx+64K", self->pid,
		    (unsigned long long)self->anon);
	EXPECT_EXIT(0, "gupctl populate --best-effort %d 0x%llx+64K", self->pid,
		    (unsigned long long)self->anon);
	EXPECT_PRINTS("populated 48 KiB");
}

TEST_F(groups, go_on_past_the_end_of_a_file)
{
	const uint64_t page = lab_page();
	const long fd =
		TARGET_CALL(&self->target, SYS_memfd_create, (long)"short", 0);
	uint64_t addr;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_ftruncate, fd, 5 * page));
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, LEN,
			   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_LT(0, (long)addr);
	EXPECT_EXIT(0, "gupctl populate %d '[shared]' --json", self->pid);
	EXPECT_PRINTED(1, "\"reason\": \"fault_sigbus\"");
	EXPECT_EQ(5 * page, count_resident(self, addr));
}

/* Holes and mappings without access, in a range that --best-effort goes through */
TEST_F(groups, are_not_the_only_way_past_holes)
{
	const unsigned long long addr = self->anon;
	const uint64_t page = lab_page();

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, self->anon, 64 * page, 'x'));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_munmap,
				 self->anon + 4 * page, 4 * page));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect,
				 self->anon + 16 * page, page, PROT_NONE));
	EXPECT_EXIT(1, "gupctl pin --hold 0 %d 0x%llx+256K", self->pid, addr);
	EXPECT_EXIT(0, "gupctl pin --best-effort --hold 0 %d 0x%llx+256K",
		    self->pid, addr);
	EXPECT_PRINTS("pinned 236 KiB");
	EXPECT_PRINTS("nothing is mapped there");
	EXPECT_PRINTS("the mapping is not readable");
	/* A copy keeps the offsets of the bytes. */
	EXPECT_EXIT(0,
		    "gupctl read --best-effort -o /tmp/copy %d 0x%llx+256K &&"
		    "stat -c %%s /tmp/copy && tr -d '\\0' </tmp/copy | wc -c",
		    self->pid, addr);
	EXPECT_PRINTED(1, "262144\n59\n");
	EXPECT_EXIT(0, "gupctl read --best-effort %d 0x%llx+256K | grep -c x",
		    self->pid, addr);
	EXPECT_PRINTED(1, "59\n");
}

/* D10 */
TEST_F(groups, read_what_is_resident_behind_what_is_not)
{
	const uint64_t page = lab_page();

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, self->anon + 8 * page, 8 * page,
				 'x'));
	EXPECT_EXIT(0,
		    "gupctl read --nofault --best-effort --raw %d 0x%llx+64K |"
		    " tr -d '\\0' | wc -c",
		    self->pid, (unsigned long long)self->anon);
	EXPECT_PRINTED(1, "\n8\n");
}

FIXTURE(room)
{
	struct target target;
	struct shell shell;
	const char *missing;
	int pid;
	uint64_t addr;
};

FIXTURE_SETUP(room)
{
	if (access(SHELL_GUPCTL, X_OK)) {
		self->missing = "no gupctl";
		return;
	}
	ASSERT_EQ(0, memory_start_target(&self->target, LEN, 0, &self->addr));
	self->pid = self->target.pid;
}

FIXTURE_TEARDOWN(room)
{
	if (!self->missing)
		target_stop(&self->target);
}

static long get_anonymous(const FIXTURE_DATA(room) * self)
{
	return target_smaps(&self->target, self->addr, "Anonymous:");
}

/* D2 */
TEST_F(room, is_filled_with_pages_and_not_with_the_zero_page)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(0, "gupctl populate --read %d 0x%llx+32M", self->pid,
		    (unsigned long long)self->addr);
	EXPECT_EQ(0, get_anonymous(self));
	EXPECT_EXIT(0, "gupctl populate %d 0x%llx+32M --json", self->pid,
		    (unsigned long long)self->addr);
	EXPECT_PRINTS("\"now\": { \"resident\": 33554432, ");
	EXPECT_EQ((long)(LEN >> 10), get_anonymous(self));
	EXPECT_EXIT(2, "gupctl populate --read --write %d '[heap]'", self->pid);
}

/* Leave programs only the capabilities that gupctl@.service leaves. */
static void keep_capabilities_of_service(void)
{
	int cap;

	for (cap = 0; cap < cap_max_bits(); cap++)
		if (cap != CAP_SYS_PTRACE && cap != CAP_DAC_OVERRIDE &&
		    cap != CAP_SYS_NICE)
			cap_drop_bound(cap);
}

TEST_F(room, of_another_user_is_filled_by_the_service)
{
	SKIP_IF_MISSING();
	ASSERT_EQ(0,
		  TARGET_CALL(&self->target, SYS_setresuid, 1000, 1000, 1000));
	/* Only then does the file of its memory belong to the other user. */
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_prctl, PR_SET_DUMPABLE, 1));
	keep_capabilities_of_service();
	EXPECT_EXIT(0, "gupctl populate %d 0x%llx+32M", self->pid,
		    (unsigned long long)self->addr);
	EXPECT_EQ((long)(LEN >> 10), get_anonymous(self));
}

/* A write fault on a shared file would make the kernel write the file back. */
TEST_F(room, shared_files_stay_clean)
{
	const char *disk = memory_disk();
	long addr, fd;

	SKIP_IF_MISSING();
	if (!disk)
		SKIP(return, "no disk");
	fd = memory_open_file(&self->target, disk, 16 * lab_page());
	ASSERT_LE(0, fd);
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, 16 * lab_page(),
			   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_LT(0, addr);
	TARGET_CALL(&self->target, SYS_fsync, fd);
	EXPECT_EXIT(0, "gupctl populate %d %#lx+64K", self->pid, addr);
	EXPECT_EQ(64, target_smaps(&self->target, addr, "Rss:"));
	EXPECT_EQ(0,
		  target_smaps(&self->target, addr, "Shared_Dirty:") +
			  target_smaps(&self->target, addr, "Private_Dirty:"));
}

TEST_F(room, dry_run_changes_nothing)
{
	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, self->addr, 4096 * 16, 1));
	EXPECT_EXIT(0, "gupctl populate --dry-run --json %d 0x%llx+32M",
		    self->pid, (unsigned long long)self->addr);
	EXPECT_PRINTS("\"resident\": 65536, \"swapped\": 0, "
		      "\"absent\": 33488896, \"refused\": 0, "
		      "\"added\": 33488896, ");
	EXPECT_PRINTS("\"fits\": true");
	EXPECT_EXIT(0, "gupctl pin --dry-run %d 0x%llx+32M", self->pid,
		    (unsigned long long)self->addr);
	EXPECT_PRINTS("would be charged  32 MiB");
	EXPECT_EQ(16ULL, lab_resident(self->pid, self->addr, LEN / 4096));
}

/* D4 */
TEST_F(room, is_too_small_for_a_terabyte)
{
	const long addr =
		TARGET_CALL(&self->target, SYS_mmap, 0, 1L << 40,
			    PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	SKIP_IF_MISSING();
	ASSERT_LT(0, addr);
	EXPECT_EXIT(1, "gupctl populate %d '[anon]'", self->pid);
	EXPECT_PRINTS("2.0 GiB of page tables, but only ");
	EXPECT_PRINTS("is available (MemAvailable)");
	/* Page tables alone are too much. */
	EXPECT_EXIT(1, "gupctl populate --read %d %#lx+1T", self->pid, addr);
	EXPECT_PRINTS("would add 0 B and 2 GiB of page tables");
	EXPECT_EXIT(0, "gupctl populate --dry-run %d %#lx+1T", self->pid, addr);
	EXPECT_PRINTS("fits            no");
}

#define ROOT "/sys/fs/cgroup"
#define GROUP ROOT "/small"

TEST_F(room, of_the_memory_cgroup_is_respected)
{
	SKIP_IF_MISSING();
	if (shell_run(&self->shell,
		      "echo +memory >" ROOT "/cgroup.subtree_control &&"
		      "mkdir -p " GROUP " && echo 16M >" GROUP "/memory.max &&"
		      "echo %d >" GROUP "/cgroup.procs",
		      self->pid))
		SKIP(return, "no memory cgroups");
	EXPECT_EXIT(1, "gupctl populate %d 0x%llx+32M", self->pid,
		    (unsigned long long)self->addr);
	EXPECT_PRINTS("(memory.max of cgroup /small)");
	EXPECT_EXIT(0, "gupctl populate %d 0x%llx+4M", self->pid,
		    (unsigned long long)self->addr);
	if (lab_swap_is_on()) {
		EXPECT_EXIT(1, "gupctl populate --force %d 0x%llx+32M",
			    self->pid, (unsigned long long)self->addr);
		EXPECT_PRINTS(" are resident now: ");
	}
	target_stop(&self->target);
	shell_run(&self->shell, "sleep 0.2; rmdir " GROUP);
}

TEST_HARNESS_MAIN
