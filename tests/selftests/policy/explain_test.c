// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of EXPLAIN, which must predict the result of a request and must not change
 * the target's memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define ROOM 64

/*
 * Result of EXPLAIN for a range. @count is the number of entries in @run, or -errno.
 * Each run starts where the previous run ends.
 */
struct story {
	int count;
	uint64_t done;
	struct gupx_judgement run[ROOM];
};

static void explain_range(struct story *story, const struct target *target,
			  uint64_t addr, uint64_t len, uint32_t verb,
			  uint32_t flags, uint32_t capacity)
{
	struct gupx_explain request = {
		.size = sizeof(request),
		.flags = flags,
		.mem_fd = target->mem_fd,
		.verb = verb,
		.addr = addr,
		.len = len,
		.buf = (uintptr_t)story->run,
		.capacity = capacity,
		.entry_size = sizeof(struct gupx_judgement),
	};

	if (ioctl(lab_device(), GUPX_IOC_EXPLAIN, &request)) {
		story->count = -errno;
		return;
	}
	story->count = request.count;
	story->done = request.done;
}

static const struct gupx_judgement *judgement_at(const struct story *story,
						 uint64_t addr)
{
	for (int i = 0; i < story->count; i++)
		if (addr >= story->run[i].addr &&
		    addr - story->run[i].addr < story->run[i].len)
			return &story->run[i];
	return NULL;
}

FIXTURE(explain)
{
	struct target target;
	struct memory memory;
	struct story story;
	const char *missing;
};

FIXTURE_VARIANT(explain)
{
	enum memory_kind kind;
};

#define KIND(name, which)                  \
	FIXTURE_VARIANT_ADD(explain, name) \
	{                                  \
		.kind = (which)            \
	}

KIND(anon, MEMORY_ANON);
KIND(thp, MEMORY_THP);
KIND(shmem, MEMORY_SHMEM);
KIND(file_private, MEMORY_FILE_PRIVATE);
KIND(file_shared, MEMORY_FILE_SHARED);
KIND(disk_shared, MEMORY_DISK_SHARED);
KIND(stack, MEMORY_STACK);
KIND(heap, MEMORY_HEAP);
KIND(prot_none, MEMORY_PROT_NONE);
KIND(read_only, MEMORY_READ_ONLY);
KIND(shmem_read_only, MEMORY_SHMEM_READ_ONLY);
KIND(hole, MEMORY_HOLE);
KIND(pfnmap, MEMORY_PFNMAP);

FIXTURE_SETUP(explain)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->missing =
		memory_build(&self->target, variant->kind, &self->memory);
}

FIXTURE_TEARDOWN(explain)
{
	target_stop(&self->target);
}

static struct lab_answer send_request(const struct target *target,
				      uint32_t verb, uint64_t addr,
				      uint64_t len, uint32_t flags)
{
	static char page[4096];

	switch (verb) {
	case GUPX_VERB_PIN:
		return lab_pin(target->mem_fd, addr, len, flags);
	case GUPX_VERB_POPULATE:
		return lab_populate(target->mem_fd, addr, len, flags);
	}
	return lab_read(target->mem_fd, addr, len, page, flags);
}

/* Check that EXPLAIN for one page predicts the result of the request. */
static void compare_page(struct __test_metadata *_metadata,
			 const struct target *target, uint64_t addr,
			 uint32_t verb, uint32_t flags)
{
	const uint64_t page = lab_page();
	const struct gupx_judgement *judged;
	struct lab_answer answer;
	struct story story;

	explain_range(&story, target, addr, page, verb, flags, 1);
	ASSERT_EQ(1, story.count);
	judged = &story.run[0];
	answer = send_request(target, verb, addr, page, flags);
	ASSERT_EQ(0, answer.failed);
	if (judged->outcome == GUPX_OUTCOME_STOP) {
		EXPECT_EQ(0U, answer.done);
		EXPECT_EQ(judged->stage, answer.stop.stage);
		EXPECT_EQ(judged->reason, answer.stop.reason);
		EXPECT_EQ(judged->error, answer.stop.error);
	} else {
		EXPECT_EQ(page, answer.done)
		TH_LOG("outcome %u, reason %u", judged->outcome,
		       answer.stop.reason);
	}
	if (answer.pin_fd >= 0)
		close(answer.pin_fd);
}

TEST_F(explain, foretells_each_verb)
{
	const uint64_t addr = self->memory.addr, page = lab_page();
	uint64_t next = addr;

	SKIP_IF_MISSING();
	for (uint32_t flags = 0; flags <= GUPX_F_NOFAULT; flags++) {
		if (flags & ~(GUPX_F_WRITE | GUPX_F_NOFAULT))
			continue;
		compare_page(_metadata, &self->target, next, GUPX_VERB_PIN,
			     flags);
		if (flags & GUPX_F_NOFAULT)
			continue;
		next += page;
		compare_page(_metadata, &self->target, next, GUPX_VERB_POPULATE,
			     flags);
		next += page;
	}
	compare_page(_metadata, &self->target, next, GUPX_VERB_READ, 0);
	compare_page(_metadata, &self->target, next, GUPX_VERB_READ,
		     GUPX_F_NOFAULT);
}

TEST_F(explain, leaves_no_trace)
{
	const uint64_t addr = self->memory.addr, len = self->memory.len;
	const size_t nr = len / lab_page();
	const long held = lab_pins_held();
	const size_t resident = lab_resident(self->target.pid, addr, nr);

	SKIP_IF_MISSING();
	for (uint32_t verb = 0; verb <= GUPX_VERB_READ; verb++) {
		explain_range(&self->story, &self->target, addr, len, verb, 0,
			      ROOM);
		ASSERT_LE(1, self->story.count);
	}
	explain_range(&self->story, &self->target, addr, len, GUPX_VERB_PIN,
		      GUPX_F_WRITE, ROOM);
	EXPECT_EQ(resident, lab_resident(self->target.pid, addr, nr));
	EXPECT_EQ(held, lab_pins_held());
}

TEST_F(explain, runs_have_no_gaps)
{
	const uint64_t len = self->memory.len + 2 * lab_page();
	const uint64_t addr = self->memory.addr - lab_page();
	uint64_t next = addr;

	SKIP_IF_MISSING();
	explain_range(&self->story, &self->target, addr, len, GUPX_VERB_PIN, 0,
		      ROOM);
	ASSERT_LE(1, self->story.count);
	ASSERT_GT(ROOM, self->story.count);
	for (int i = 0; i < self->story.count; i++) {
		EXPECT_EQ(next, self->story.run[i].addr);
		EXPECT_NE(0U, self->story.run[i].len);
		EXPECT_EQ(0, self->story.run[i].reserved);
		next += self->story.run[i].len;
	}
	EXPECT_EQ(addr + len, next);
	EXPECT_EQ(len, self->story.done);
}

/*
 * Check that EXPLAIN with a buffer for one entry returns one run in each call, and that
 * these runs are the same as with a large buffer.
 */
TEST_F(explain, goes_on_where_room_ran_out)
{
	const uint64_t addr = self->memory.addr, len = self->memory.len;
	uint64_t done = 0;
	struct story one;

	SKIP_IF_MISSING();
	explain_range(&self->story, &self->target, addr, len, GUPX_VERB_PIN, 0,
		      ROOM);
	ASSERT_LE(1, self->story.count);
	for (int i = 0; i < self->story.count; i++) {
		explain_range(&one, &self->target, addr + done, len - done,
			      GUPX_VERB_PIN, 0, 1);
		ASSERT_EQ(1, one.count);
		EXPECT_EQ(self->story.run[i].addr, one.run[0].addr);
		EXPECT_EQ(self->story.run[i].len, one.run[0].len);
		EXPECT_EQ(self->story.run[i].outcome, one.run[0].outcome);
		done += one.done;
	}
	EXPECT_EQ(len, done);
}

FIXTURE(content)
{
	struct target target;
	struct story story;
	uint64_t addr;
	uint64_t len;
};

FIXTURE_SETUP(content)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->len = 512 * lab_page();
	self->addr = memory_map_aligned(&self->target, self->len);
	ASSERT_NE(0U, self->addr);
}

FIXTURE_TEARDOWN(content)
{
	target_stop(&self->target);
}

#define EXPLAIN(verb, flags)                                              \
	explain_range(&self->story, &self->target, self->addr, self->len, \
		      (verb), (flags), ROOM)

TEST_F(content, huge_page_is_one_run_of_shift_21)
{
	if (lab_huge_page() != self->len)
		SKIP(return, "no huge pages of this size");
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, self->addr,
				 self->len, MADV_HUGEPAGE));
	ASSERT_EQ(0, target_poke(&self->target, self->addr, 1, 1));
	if (!target_smaps(&self->target, self->addr, "AnonHugePages:"))
		SKIP(return, "no huge page to be had");
	EXPLAIN(GUPX_VERB_PIN, GUPX_F_WRITE);
	ASSERT_EQ(1, self->story.count);
	EXPECT_EQ(21, self->story.run[0].shift);
	EXPECT_EQ(GUPX_CONTENT_ANON, self->story.run[0].content);
	EXPECT_EQ(GUPX_OUTCOME_TAKE, self->story.run[0].outcome);
	EXPECT_EQ((__u32)(GUPX_JUDGED_WRITABLE | GUPX_JUDGED_EXCLUSIVE),
		  self->story.run[0].flags);
}

TEST_F(content, E7a_shared_after_fork_is_unshared_for_a_pin_only)
{
	struct target child;

	ASSERT_EQ(0, memory_forbid_huge(&self->target, self->addr, self->len));
	ASSERT_EQ(0, target_poke(&self->target, self->addr, 1, 1));
	ASSERT_EQ(0, target_fork(&self->target, &child));
	EXPLAIN(GUPX_VERB_PIN, 0);
	ASSERT_LE(1, self->story.count);
	EXPECT_EQ(GUPX_OUTCOME_UNSHARE, self->story.run[0].outcome);
	EXPECT_EQ(0U, self->story.run[0].flags);
	EXPLAIN(GUPX_VERB_READ, 0);
	EXPECT_EQ(GUPX_OUTCOME_TAKE, self->story.run[0].outcome);
	EXPLAIN(GUPX_VERB_PIN, GUPX_F_WRITE);
	EXPECT_EQ(GUPX_OUTCOME_FAULT, self->story.run[0].outcome);
	target_stop(&child);
}

TEST_F(content, E1_swapped_out_is_absent)
{
	const uint64_t page = lab_page();

	if (!lab_swap_is_on())
		SKIP(return, "no swap");
	ASSERT_EQ(0, memory_forbid_huge(&self->target, self->addr, self->len));
	ASSERT_EQ(0, target_poke(&self->target, self->addr, page, 1));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, self->addr, page,
				 MADV_PAGEOUT));
	if (!(lab_pagemap_word(self->target.pid, self->addr) & LAB_PM_SWAP))
		SKIP(return, "the page did not go to swap");
	EXPLAIN(GUPX_VERB_PIN, 0);
	ASSERT_LE(2, self->story.count);
	EXPECT_EQ(GUPX_CONTENT_ABSENT, self->story.run[0].content);
	EXPECT_EQ(GUPX_OUTCOME_FAULT, self->story.run[0].outcome);
	EXPECT_EQ(page, self->story.run[0].len);
	EXPECT_EQ(GUPX_CONTENT_EMPTY, self->story.run[1].content);
	EXPECT_TRUE(lab_pagemap_word(self->target.pid, self->addr) &
		    LAB_PM_SWAP);
}

TEST_F(content, O5_nofault_names_itself)
{
	EXPLAIN(GUPX_VERB_PIN, GUPX_F_NOFAULT);
	ASSERT_EQ(1, self->story.count);
	EXPECT_EQ(GUPX_REASON_NOFAULT, self->story.run[0].reason);
	EXPECT_EQ((__u32)EFAULT, self->story.run[0].error);
}

TEST_F(content, tells_all_obstacles_not_the_first)
{
	const uint64_t page = lab_page();
	const struct gupx_judgement *judged;

	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_munmap, self->addr + page,
				 page));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect,
				 self->addr + 3 * page, page, PROT_READ));
	EXPLAIN(GUPX_VERB_PIN, GUPX_F_WRITE);
	judged = judgement_at(&self->story, self->addr + page);
	ASSERT_NE(NULL, judged);
	EXPECT_EQ(GUPX_REASON_NO_MAPPING, judged->reason);
	EXPECT_EQ(GUPX_CONTENT_HOLE, judged->content);
	judged = judgement_at(&self->story, self->addr + 3 * page);
	ASSERT_NE(NULL, judged);
	EXPECT_EQ(GUPX_REASON_NO_WRITE, judged->reason);
	EXPECT_EQ(GUPX_CONTENT_UNSEEN, judged->content);
	judged = judgement_at(&self->story, self->addr + 4 * page);
	ASSERT_NE(NULL, judged);
	EXPECT_EQ(GUPX_OUTCOME_FAULT, judged->outcome);
}

TEST_F(content, L5_L6_populate_has_errnos_of_its_own)
{
	const uint64_t page = lab_page();

	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_munmap, self->addr, page));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect, self->addr + page,
				 page, PROT_NONE));
	EXPLAIN(GUPX_VERB_POPULATE, 0);
	ASSERT_LE(2, self->story.count);
	EXPECT_EQ((__u32)ENOMEM, self->story.run[0].error);
	EXPECT_EQ((__u32)EINVAL, self->story.run[1].error);
}

TEST_F(content, unknown_verb_is_EOPNOTSUPP)
{
	EXPLAIN(GUPX_VERB_READ + 1, 0);
	EXPECT_EQ(-EOPNOTSUPP, self->story.count);
	EXPLAIN(GUPX_VERB_POPULATE, GUPX_F_NOFAULT);
	EXPECT_EQ(-EOPNOTSUPP, self->story.count);
	EXPLAIN(GUPX_VERB_READ, GUPX_F_ENGINE_KERNEL);
	EXPECT_EQ(-EOPNOTSUPP, self->story.count);
}

TEST_HARNESS_MAIN
