// SPDX-License-Identifier: GPL-2.0
/* Check gupctl map on a process with each kind of page and a hostile name. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "shell.h"
#include "target.h"

#define PAGES 16

FIXTURE(map)
{
	struct target target;
	struct shell shell;
	const char *missing;
	int pid;
	/* The first half of this memory is resident. */
	uint64_t addr;
};

FIXTURE_SETUP(map)
{
	if (access(SHELL_GUPCTL, X_OK)) {
		self->missing = "no gupctl";
		return;
	}
	ASSERT_EQ(0, memory_start_target(&self->target, PAGES * lab_page(),
					 PAGES / 2 * lab_page(), &self->addr));
	self->pid = self->target.pid;
}

FIXTURE_TEARDOWN(map)
{
	if (!self->missing)
		target_stop(&self->target);
}

TEST_F(map, shows_what_is_resident_and_changes_nothing)
{
	const unsigned long long addr = self->addr;
	const unsigned long long len = PAGES * lab_page() / 1024;

	SKIP_IF_MISSING();
	for (unsigned int i = 0; i < 2; i++) {
		EXPECT_EXIT(0, "gupctl map %d %#llx+%lluK", self->pid, addr,
			    len);
		EXPECT_PRINTS("RRRRRRRR........\n");
	}
	EXPECT_EXIT(0, "gupctl map --json %d %#llx+%lluK", self->pid, addr,
		    len);
	EXPECT_PRINTED(2, "\"absent\": 32768");
	EXPECT_EXIT(0, "gupctl map --groups %d", self->pid);
	EXPECT_PRINTED(1, "[anon]\n");
}

TEST_F(map, escapes_a_hostile_name)
{
	static const char comm[] = "\033[31m<x>&\n";

	SKIP_IF_MISSING();
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_prctl, PR_SET_NAME,
				 (long)comm));
	EXPECT_EXIT(0, "gupctl map %d --svg /tmp/map.svg", self->pid);
	EXPECT_PRINTED(0, "\033");
	EXPECT_PRINTS("wrote /tmp/map.svg");
	EXPECT_EXIT(0, "cat /tmp/map.svg | head -c 400; rm /tmp/map.svg");
	EXPECT_PRINTS("\\x1b[31m&lt;x&gt;&amp;\\x0a");
}

TEST_F(map, fails_if_its_output_cannot_be_written)
{
	SKIP_IF_MISSING();
	EXPECT_EXIT(1, "gupctl map %d >&-", self->pid);
	EXPECT_PRINTS("gupctl: write error: Bad file descriptor");
}

TEST_HARNESS_MAIN
