// SPDX-License-Identifier: GPL-2.0
/*
 * Row E3b: memory under read-write protection (RWP) of a userfaultfd. The pages are
 * present, but each access to them causes a fault, which the owner of the userfaultfd
 * handles. A request must cause this fault too, as get_user_pages() does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "lab.h"
#include "memory.h"
#include "slow_uffd.h"
#include "target.h"

FIXTURE(rwp)
{
	struct target target;
	struct memory memory;
	struct slow_uffd slow_uffd;
	long held;
	const char *missing;
};

FIXTURE_VARIANT(rwp)
{
	enum memory_kind kind;
};

#define KIND(name, memory_kind)        \
	FIXTURE_VARIANT_ADD(rwp, name) \
	{                              \
		.kind = memory_kind,   \
	}

KIND(anonymous, MEMORY_ANON);
KIND(huge_page, MEMORY_THP);
KIND(shared, MEMORY_SHMEM);

FIXTURE_SETUP(rwp)
{
	self->slow_uffd.uffd = -1;
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->held = lab_pins_held();
	if (!slow_uffd_can_trap(&self->target)) {
		self->missing = "no read-write protection by userfaultfd";
		return;
	}
	self->missing =
		memory_build(&self->target, variant->kind, &self->memory);
	if (self->missing)
		return;
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'r'));
	ASSERT_EQ(0, slow_uffd_trap(&self->slow_uffd, &self->target,
				    &self->memory));
}

FIXTURE_TEARDOWN(rwp)
{
	close(self->slow_uffd.uffd);
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

/* Make one request for all of the memory. Returns true if all of it was done. */
typedef bool request_fn(const struct target *target,
			const struct memory *memory, uint32_t flags);

static bool pin_memory(const struct target *target, const struct memory *memory,
		       uint32_t flags)
{
	return holder_pin_all(target, memory, flags) >= 0;
}

static bool populate_memory(const struct target *target,
			    const struct memory *memory, uint32_t flags)
{
	const struct lab_answer answer =
		lab_populate(target->mem_fd, memory->addr, memory->len, flags);

	return !answer.failed && answer.done == memory->len;
}

static bool read_memory(const struct target *target,
			const struct memory *memory, uint32_t flags)
{
	char *const bytes = malloc(memory->len);
	const struct lab_answer answer = lab_read(target->mem_fd, memory->addr,
						  memory->len, bytes, flags);

	return !answer.failed && answer.done == memory->len &&
	       bytes[0] == 'r' && bytes[memory->len - lab_page()] == 'r';
}

/*
 * Check that the request waits for the owner of the userfaultfd, and completes after
 * the owner removes the protection.
 */
static void check_trapped(struct __test_metadata *_metadata,
			  FIXTURE_DATA(rwp) * self, request_fn *request,
			  uint32_t flags)
{
	const pid_t pid = fork();
	bool trapped, ended;
	int status;

	if (pid == 0)
		_exit(!request(&self->target, &self->memory, flags));
	trapped = slow_uffd_has_trapped(&self->slow_uffd);
	EXPECT_TRUE(trapped);
	EXPECT_EQ(0, slow_uffd_untrap(&self->slow_uffd));
	ended = holder_ends_within(pid, 10000, &status);
	EXPECT_TRUE(ended);
	if (!ended) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return;
	}
	EXPECT_EQ(0, status);
}

TEST_F(rwp, E3b_pin_for_reading_is_trapped)
{
	SKIP_IF_MISSING();
	check_trapped(_metadata, self, pin_memory, 0);
}

TEST_F(rwp, E3b_pin_for_writing_is_trapped)
{
	SKIP_IF_MISSING();
	check_trapped(_metadata, self, pin_memory, GUPX_F_WRITE);
}

/*
 * Check that the kernel's engine waits for the userfaultfd too. This shows that the
 * other tests expect the right behaviour.
 */
TEST_F(rwp, E3b_pin_by_the_kernel_is_trapped)
{
	SKIP_IF_MISSING();
	check_trapped(_metadata, self, pin_memory, GUPX_F_ENGINE_KERNEL);
}

TEST_F(rwp, E3b_populate_is_trapped)
{
	SKIP_IF_MISSING();
	check_trapped(_metadata, self, populate_memory, 0);
}

TEST_F(rwp, E3b_populate_for_writing_is_trapped)
{
	SKIP_IF_MISSING();
	check_trapped(_metadata, self, populate_memory, GUPX_F_WRITE);
}

TEST_F(rwp, E3b_read_is_trapped)
{
	SKIP_IF_MISSING();
	check_trapped(_metadata, self, read_memory, 0);
}

/* Check that a request that must not fault stops at the first page, with either engine. */
TEST_F(rwp, E3b_O5_nofault_stops)
{
	struct lab_answer answer;

	SKIP_IF_MISSING();
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, GUPX_F_NOFAULT);
	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
	EXPECT_EQ(GUPX_STAGE_FOLLOW, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_NOFAULT, answer.stop.reason);
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len,
			 GUPX_F_NOFAULT | GUPX_F_ENGINE_KERNEL);
	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
}

/* Check that EXPLAIN predicts the fault, and does not cause the fault itself. */
TEST_F(rwp, E3b_explain_announces_the_fault)
{
	struct gupx_judgement judgement[4] = { 0 };
	struct gupx_explain request = {
		.size = sizeof(request),
		.mem_fd = self->target.mem_fd,
		.verb = GUPX_VERB_PIN,
		.addr = self->memory.addr,
		.len = self->memory.len,
		.buf = (uintptr_t)judgement,
		.capacity = 4,
		.entry_size = sizeof(judgement[0]),
	};

	SKIP_IF_MISSING();
	ASSERT_EQ(0, ioctl(lab_device(), GUPX_IOC_EXPLAIN, &request));
	EXPECT_EQ(self->memory.len, request.done);
	for (__u32 i = 0; i < request.count; i++)
		EXPECT_EQ(GUPX_OUTCOME_FAULT, judgement[i].outcome);
	ASSERT_EQ(0, slow_uffd_untrap(&self->slow_uffd));
	ASSERT_EQ(0, ioctl(lab_device(), GUPX_IOC_EXPLAIN, &request));
	EXPECT_EQ(GUPX_OUTCOME_TAKE, judgement[0].outcome);
}

TEST_HARNESS_MAIN
