// SPDX-License-Identifier: GPL-2.0
/*
 * Row L2: tag bits of an address are removed before anything goes by it, once for all
 * verbs. The lab's module is told which bits those are, for no address of these machines
 * has any.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "knob.h"
#include "lab.h"
#include "memory.h"
#include "row.h"
#include "target.h"

#define MASK "/sys/module/gupx/parameters/tag_mask"
/* Bits 57 to 62, as linear address masking has them. */
#define BITS 0x7e00000000000000UL
#define TAG 0x2a00000000000000UL

FIXTURE(tag)
{
	struct target target;
	uint64_t addr;
	uint64_t page;
	bool masked;
};

FIXTURE_SETUP(tag)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->page = lab_page();
	self->addr = memory_map_small(&self->target, 64 * self->page);
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0,
		  target_poke(&self->target, self->addr, 4 * self->page, 't'));
	self->masked = knob_set(MASK, BITS);
}

FIXTURE_TEARDOWN(tag)
{
	knob_set(MASK, 0);
	target_stop(&self->target);
}

#define SKIP_IF_NOT_MASKED()                                                \
	do {                                                                \
		if (!self->masked)                                          \
			SKIP(return, "this module cannot be told of tags"); \
	} while (0)

TEST_F(tag, L2_pin_of_an_address_with_a_tag)
{
	struct gupx_extents head;
	struct gupx_extent run;
	struct lab_answer answer;

	SKIP_IF_NOT_MASKED();
	answer = lab_pin(self->target.mem_fd, self->addr | TAG, 4 * self->page,
			 GUPX_F_WRITE);
	ASSERT_EQ(4 * self->page, answer.done);
	EXPECT_EQ((self->addr | TAG) + 4 * self->page, answer.stop.addr);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, &run, 1));
	EXPECT_EQ(self->addr, run.addr);
	close(answer.pin_fd);
}

/* The answer speaks of the address that was asked for. */
TEST_F(tag, L2_stop_is_told_with_the_tag)
{
	const uint64_t end = self->addr + 64 * self->page;
	struct lab_answer answer;

	SKIP_IF_NOT_MASKED();
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_munmap, end - self->page,
				 self->page));
	answer = lab_populate(self->target.mem_fd, (end - 2 * self->page) | TAG,
			      2 * self->page, 0);
	EXPECT_EQ(self->page, answer.done);
	EXPECT_EQ((end - self->page) | TAG, answer.stop.addr);
	EXPECT_EQ(GUPX_REASON_NO_MAPPING, answer.stop.reason);
}

TEST_F(tag, L2_read_copies_and_brings_in_no_more)
{
	char bytes[2 * 4096 + 7];
	struct lab_answer answer;

	SKIP_IF_NOT_MASKED();
	memset(bytes, 0, sizeof(bytes));
	answer = lab_read(self->target.mem_fd, (self->addr + 5) | TAG,
			  sizeof(bytes), bytes, 0);
	EXPECT_EQ(sizeof(bytes), answer.done);
	EXPECT_EQ('t', bytes[self->page - 5]);
	EXPECT_EQ('t', bytes[2 * self->page - 5]);
	EXPECT_EQ(4U, lab_resident(self->target.pid, self->addr, 64));
}

TEST_F(tag, L2_explain_tells_what_is_there)
{
	struct gupx_judgement judged;

	SKIP_IF_NOT_MASKED();
	judged =
		explain_page(&self->target, self->addr | TAG, GUPX_VERB_PIN, 0);
	EXPECT_EQ(GUPX_OUTCOME_TAKE, judged.outcome);
	EXPECT_EQ(GUPX_CONTENT_ANON, judged.content);
	EXPECT_EQ(self->addr | TAG, judged.addr);
	judged =
		explain_page(&self->target, (self->addr + 9 * self->page) | TAG,
			     GUPX_VERB_PIN, 0);
	EXPECT_EQ(GUPX_OUTCOME_FAULT, judged.outcome);
}

TEST_HARNESS_MAIN
