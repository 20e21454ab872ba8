// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of row L2: each verb first clears the tag bits of the address. On arm64 all
 * processes may use tags. The test machines of x86 do not support address tags. Therefore
 * the test build of the module has a parameter that sets the mask of the tag bits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "lab.h"
#include "memory.h"
#include "row.h"
#include "target.h"

#ifndef ARCH_ENABLE_TAGGED_ADDR
#define ARCH_ENABLE_TAGGED_ADDR 0x4002
#endif

#define MASK "/sys/module/gupx/parameters/tag_mask"
/* Bits 57 to 62, the tag bits of linear address masking. On arm64, bits 56 to 63 are tags. */
#define TAG_BITS 6
#define TAG(bits) ((uint64_t)(bits) << 57)

/* Check if the kernel itself clears these bits of a resident address. */
static bool kernel_clears(const struct target *target, uint64_t addr,
			  uint64_t bits)
{
	char byte;
	const struct iovec local = { .iov_base = &byte, .iov_len = 1 };
	const struct iovec remote = { .iov_base = (void *)(addr | bits),
				      .iov_len = 1 };

	return process_vm_readv(target->pid, &local, 1, &remote, 1, 0) == 1;
}

/**
 * A mapping of 16 pages that is followed by a hole. The first four pages are resident.
 * @plain: address of the mapping, without a tag
 * @addr: the same address, with the tag
 */
FIXTURE(tag)
{
	struct target target;
	const char *missing;
	uint64_t plain;
	uint64_t addr;
	uint64_t len;
	uint64_t page;
	long mask;
};

FIXTURE_VARIANT(tag)
{
	uint64_t tag;
};

FIXTURE_VARIANT_ADD(tag, of_some_bits){
	.tag = TAG(0x15),
};

FIXTURE_VARIANT_ADD(tag, of_all_bits){
	.tag = TAG(0x3f),
};

FIXTURE_SETUP(tag)
{
	struct memory memory;

	ASSERT_LE(0, lab_device());
	self->page = lab_page();
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL, memory_build(&self->target, MEMORY_ANON, &memory));
	ASSERT_TRUE(memory.sealed_end);
	self->plain = memory.addr;
	self->addr = memory.addr | variant->tag;
	self->len = memory.len;
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, target_poke(&self->target,
					 self->plain + i * self->page, 1,
					 'a' + i));
	self->mask = sysctl_get(MASK);
	if (kernel_clears(&self->target, self->plain, variant->tag))
		return;
	if (self->mask < 0 || !sysctl_set(MASK, TAG(0x3f)))
		self->missing = "this module cannot be told of tags";
}

FIXTURE_TEARDOWN(tag)
{
	if (self->mask >= 0)
		sysctl_set(MASK, self->mask);
	target_stop(&self->target);
}

/*
 * Check that @answer reports @done bytes, and that its stop address contains the
 * caller's tag.
 */
static void check_answer(struct __test_metadata *_metadata,
			 const struct lab_answer *answer, uint64_t addr,
			 uint64_t done)
{
	EXPECT_EQ(0, answer->failed);
	EXPECT_EQ(done, answer->done)
	TH_LOG("stage %u, reason %u", answer->stop.stage, answer->stop.reason);
	EXPECT_EQ(addr + done, answer->stop.addr);
}

static void check_pin(struct __test_metadata *_metadata,
		      FIXTURE_DATA(tag) * self, uint32_t engine)
{
	struct gupx_extents head;
	struct gupx_extent run;
	struct lab_answer answer;

	answer = lab_pin(self->target.mem_fd, self->addr, self->len,
			 GUPX_F_WRITE | engine);
	check_answer(_metadata, &answer, self->addr, self->len);
	/* EXTENTS returns the address without the tag. */
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, &run, 1));
	EXPECT_EQ(self->plain, run.addr);
	close(answer.pin_fd);
	answer = pin_once(&self->target, self->addr, self->len + self->page,
			  engine);
	check_answer(_metadata, &answer, self->addr, self->len);
	answer = pin_once(&self->target, self->addr + self->len, self->page,
			  engine);
	check_answer(_metadata, &answer, self->addr + self->len, 0);
	EXPECT_EQ((__u32)EFAULT, answer.stop.error);
}

TEST_F(tag, L2_pin_of_an_address_with_a_tag)
{
	SKIP_IF_MISSING();
	check_pin(_metadata, self, 0);
	check_pin(_metadata, self, GUPX_F_ENGINE_KERNEL);
}

TEST_F(tag, L2_populate_of_an_address_with_a_tag)
{
	const size_t nr = self->len / self->page;
	struct lab_answer answer;

	SKIP_IF_MISSING();
	answer = lab_populate(self->target.mem_fd, self->addr + 4 * self->page,
			      2 * self->page, GUPX_F_WRITE);
	check_answer(_metadata, &answer, self->addr + 4 * self->page,
		     2 * self->page);
	EXPECT_EQ(6U, lab_resident(self->target.pid, self->plain, nr));
}

TEST_F(tag, L2_stop_is_told_with_the_tag)
{
	const uint64_t last = self->addr + self->len - self->page;
	struct lab_answer answer;

	SKIP_IF_MISSING();
	answer = lab_populate(self->target.mem_fd, last, 2 * self->page, 0);
	check_answer(_metadata, &answer, last, self->page);
	EXPECT_EQ(GUPX_REASON_NO_MAPPING, answer.stop.reason);
}

static void check_read(struct __test_metadata *_metadata,
		       FIXTURE_DATA(tag) * self, uint32_t engine)
{
	const uint64_t page = self->page, at = self->addr + page - 5;
	char bytes[2 * 4096 + 7];
	struct lab_answer answer;

	memset(bytes, 0, sizeof(bytes));
	answer =
		lab_read(self->target.mem_fd, at, sizeof(bytes), bytes, engine);
	check_answer(_metadata, &answer, at, sizeof(bytes));
	EXPECT_EQ('b', bytes[5]);
	EXPECT_EQ('c', bytes[5 + page]);
}

TEST_F(tag, L2_read_copies_and_brings_in_no_more)
{
	const uint64_t last = self->addr + self->len - self->page;
	char bytes[2 * 4096];
	struct lab_answer answer;

	SKIP_IF_MISSING();
	check_read(_metadata, self, 0);
	check_read(_metadata, self, GUPX_F_ENGINE_KERNEL);
	EXPECT_EQ(4U, lab_resident(self->target.pid, self->plain,
				   self->len / self->page));
	answer = lab_read(self->target.mem_fd, last, 2 * self->page, bytes, 0);
	check_answer(_metadata, &answer, last, self->page);
	EXPECT_EQ(GUPX_REASON_NO_MAPPING, answer.stop.reason);
}

TEST_F(tag, L2_explain_tells_what_is_there)
{
	struct gupx_judgement judged;

	SKIP_IF_MISSING();
	for (uint32_t verb = 0; verb <= GUPX_VERB_READ; verb++) {
		judged = explain_page(&self->target, self->addr, verb, 0);
		EXPECT_EQ(GUPX_OUTCOME_TAKE, judged.outcome);
		EXPECT_EQ(GUPX_CONTENT_ANON, judged.content);
		EXPECT_EQ(self->addr, judged.addr);
		EXPECT_EQ(self->page, judged.len);
	}
	judged = explain_page(&self->target, self->addr + 9 * self->page,
			      GUPX_VERB_PIN, 0);
	EXPECT_EQ(GUPX_OUTCOME_FAULT, judged.outcome);
}

/*
 * Bit 63 is not part of the mask, so it must not be cleared. Check that a request
 * completes nothing if this bit is set, because nothing is mapped at such an address.
 */
TEST_F(tag, L2_other_high_bits_are_no_tag)
{
	const uint64_t odd = self->plain | 1ULL << 63;
	struct lab_answer answer;
	char byte;

	SKIP_IF_MISSING();
	if (kernel_clears(&self->target, self->plain, 1ULL << 63))
		SKIP(return, "bit 63 is part of the tag on this machine");
	answer = lab_pin(self->target.mem_fd, odd, self->page, 0);
	EXPECT_EQ(0ULL, answer.done);
	answer = lab_read(self->target.mem_fd, odd, 1, &byte, 0);
	check_answer(_metadata, &answer, odd, 0);
}

/*
 * Row L2 (clear tag bits): test with the tag mask in the target's mm. The target has a
 * tag mask only if the CPU supports address tags.
 */
TEST_F(row, L2_tag_by_the_mask_of_the_target)
{
#ifdef SYS_arch_prctl
	TARGET_CALL(&self->target, SYS_arch_prctl, ARCH_ENABLE_TAGGED_ADDR,
		    TAG_BITS);
#endif
	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr, 1, 'a'));
	if (!kernel_clears(&self->target, self->memory.addr, TAG(0x15)))
		SKIP(return, "this CPU or kernel has no address tags");
	check_taken(_metadata, &self->target, self->memory.addr | TAG(0x15),
		    self->memory.len, GUPX_F_WRITE);
}

TEST_HARNESS_MAIN
