// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of a fault that never completes, because a userfaultfd or a FUSE server does
 * not reply. The caller of the request waits and can be killed. The target and other
 * callers must not have to wait.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "lab.h"
#include "slow_uffd.h"
#include "memory.h"
#include "hung_fuse.h"
#include "target.h"

#define LEN (8 * lab_page())

enum verb { VERB_PIN, VERB_POPULATE, VERB_READ };

FIXTURE(hung_fuse)
{
	struct target target;
	struct memory memory;
	struct memory other;
	struct slow_uffd slow_uffd;
	struct hung_fuse file;
	const char *missing;
	pid_t caller;
	long held;
};

FIXTURE_VARIANT(hung_fuse)
{
	bool fuse;
	enum verb verb;
	uint32_t flags;
};

#define WAIT(name, how, what, more)                                  \
	FIXTURE_VARIANT_ADD(hung_fuse, name)                         \
	{                                                            \
		.fuse = (how), .verb = VERB_##what, .flags = (more), \
	}

WAIT(uffd_pin, false, PIN, 0);
WAIT(uffd_pin_write, false, PIN, GUPX_F_WRITE);
WAIT(uffd_populate, false, POPULATE, 0);
WAIT(uffd_read, false, READ, 0);
WAIT(fuse_pin, true, PIN, 0);
WAIT(fuse_populate, true, POPULATE, 0);
WAIT(fuse_read, true, READ, 0);

static char path[64];

/*
 * Map the file in the target. The target can read @path, because @path was set before
 * the target was forked.
 */
static const char *map_file(FIXTURE_DATA(hung_fuse) * self)
{
	long fd, addr;

	fd = TARGET_CALL(&self->target, SYS_openat, AT_FDCWD, (long)path,
			 O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "the file does not open";
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, LEN, PROT_READ,
			   MAP_SHARED, fd, 0);
	if (addr < 0)
		return "the file cannot be mapped";
	self->memory = (struct memory){ .addr = addr, .len = LEN };
	return NULL;
}

FIXTURE_SETUP(hung_fuse)
{
	ASSERT_LE(0, lab_device());
	self->held = lab_pins_held();
	self->slow_uffd.uffd = -1;
	if (variant->fuse ? !hung_fuse_is_possible()
			  : !slow_uffd_is_possible()) {
		self->missing = "this kernel has neither";
		return;
	}
	if (variant->fuse) {
		ASSERT_EQ(0, hung_fuse_start(&self->file, LEN));
		snprintf(path, sizeof(path), "%s/" HUNG_FUSE_FILE,
			 self->file.dir);
	}
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL, memory_build(&self->target, MEMORY_ANON, &self->other));
	if (variant->fuse) {
		ASSERT_EQ(NULL, map_file(self));
	} else {
		ASSERT_EQ(NULL, memory_build(&self->target, MEMORY_ANON,
					     &self->memory));
		ASSERT_EQ(0, slow_uffd_create(&self->slow_uffd, &self->target,
					      &self->memory, 0));
	}
}

/*
 * End the pending faults first, because a caller that still runs waits for these
 * faults.
 */
FIXTURE_TEARDOWN(hung_fuse)
{
	hung_fuse_stop(&self->file);
	if (self->slow_uffd.uffd >= 0)
		close(self->slow_uffd.uffd);
	if (self->caller > 0) {
		kill(self->caller, SIGKILL);
		waitpid(self->caller, NULL, 0);
	}
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

static struct lab_answer send_request(const struct target *target,
				      enum verb verb,
				      const struct memory *memory,
				      uint32_t flags)
{
	static char buffer[1 << 16];

	switch (verb) {
	case VERB_PIN:
		return lab_pin(target->mem_fd, memory->addr, memory->len,
			       flags);
	case VERB_POPULATE:
		return lab_populate(target->mem_fd, memory->addr, memory->len,
				    flags);
	default:
		return lab_read(target->mem_fd, memory->addr,
				memory->len < sizeof(buffer) ? memory->len
							     : sizeof(buffer),
				buffer, flags);
	}
}

static void start_caller(struct __test_metadata *_metadata,
			 FIXTURE_DATA(hung_fuse) * self,
			 const FIXTURE_VARIANT(hung_fuse) * variant)
{
	self->caller = fork();
	ASSERT_LE(0, self->caller);
	if (self->caller == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		send_request(&self->target, variant->verb, &self->memory,
			     variant->flags);
		_exit(0);
	}
	ASSERT_TRUE(variant->fuse ? hung_fuse_has_waiter(&self->file)
				  : slow_uffd_has_waiter(&self->slow_uffd));
	/* The caller is still waiting, so its request has not failed. */
	ASSERT_FALSE(holder_ends_within(self->caller, 200, NULL));
}

TEST_F(hung_fuse, caller_is_killed_at_once)
{
	int status = 0;

	SKIP_IF_MISSING();
	start_caller(_metadata, self, variant);
	kill(self->caller, SIGKILL);
	ASSERT_TRUE(holder_ends_within(self->caller, 2000, &status));
	self->caller = 0;
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(self->held, lab_pins_held());
}

/* Check that a waiting caller does not hold the target's mmap_lock. */
TEST_F(hung_fuse, target_goes_on)
{
	long addr;

	SKIP_IF_MISSING();
	start_caller(_metadata, self, variant);
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, LEN,
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	ASSERT_LT(0, addr);
	EXPECT_EQ(0, target_poke(&self->target, addr, LEN, 'x'));
	EXPECT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect, addr, LEN,
				 PROT_READ));
	EXPECT_EQ(0, TARGET_CALL(&self->target, SYS_munmap, addr, LEN));
	EXPECT_FALSE(holder_ends_within(self->caller, 20, NULL));
}

TEST_F(hung_fuse, other_callers_go_on)
{
	static const enum verb verbs[] = { VERB_PIN, VERB_POPULATE, VERB_READ };

	SKIP_IF_MISSING();
	start_caller(_metadata, self, variant);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		struct lab_answer answer =
			send_request(&self->target, verbs[i], &self->other, 0);

		EXPECT_EQ(0, answer.failed);
		EXPECT_EQ(GUPX_REASON_NONE, answer.stop.reason);
		if (answer.pin_fd >= 0)
			close(answer.pin_fd);
		/*
		 * Repeat the request with the kernel's engine. This request must not
		 * wait for the pending fault either.
		 */
		answer = send_request(&self->target, verbs[i], &self->other,
				      GUPX_F_ENGINE_KERNEL);
		EXPECT_EQ(GUPX_REASON_NONE, answer.stop.reason);
		if (answer.pin_fd >= 0)
			close(answer.pin_fd);
	}
	EXPECT_FALSE(holder_ends_within(self->caller, 20, NULL));
}

/*
 * Check that the target can be killed, although the waiting caller holds a reference to
 * the target's address space.
 */
TEST_F(hung_fuse, target_is_killed_meanwhile)
{
	SKIP_IF_MISSING();
	start_caller(_metadata, self, variant);
	kill(self->target.pid, SIGKILL);
	target_reap(&self->target);
	EXPECT_FALSE(holder_ends_within(self->caller, 200, NULL));
	kill(self->caller, SIGKILL);
	EXPECT_TRUE(holder_ends_within(self->caller, 2000, NULL));
	self->caller = 0;
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_HARNESS_MAIN
