/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixture and checks for the tests of the rows in module/POLICY.md. The name of each
 * test begins with the ID of its row. Most checks also send the request to the kernel's
 * engine (GUPX_F_ENGINE_KERNEL) and expect the same result.
 *
 * Include this file once in a test program, after the harness.
 */
#ifndef GUPX_TESTS_ROW_H
#define GUPX_TESTS_ROW_H

#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lab.h"
#include "memory.h"
#include "target.h"

FIXTURE(row)
{
	struct target target;
	struct memory memory;
	bool force, shorts;
	long held;
};

FIXTURE_SETUP(row)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->held = lab_pins_held();
	self->force = lab_param("allow_force");
	self->shorts = lab_param("allow_short_pins");
	lab_set_param("allow_force", true);
	lab_set_param("allow_short_pins", true);
}

FIXTURE_TEARDOWN(row)
{
	lab_set_param("allow_force", self->force);
	lab_set_param("allow_short_pins", self->shorts);
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

#define BUILD(kind)                                                       \
	do {                                                              \
		const char *missing_ =                                    \
			memory_build(&self->target, kind, &self->memory); \
		if (missing_)                                             \
			SKIP(return, "%s", missing_);                     \
	} while (0)

/*
 * Pin a range and release it. Returns the result of the PIN request; the pin fd in
 * this result is closed.
 */
static inline struct lab_answer pin_once(const struct target *target,
					 uint64_t addr, uint64_t len,
					 uint32_t flags)
{
	const struct lab_answer answer =
		lab_pin(target->mem_fd, addr, len, flags);

	if (answer.pin_fd >= 0)
		close(answer.pin_fd);
	return answer;
}

static inline void check_stops(struct __test_metadata *_metadata,
			       const struct lab_answer *answer, uint32_t error,
			       uint16_t stage, uint16_t reason)
{
	EXPECT_EQ(0, answer->failed);
	EXPECT_EQ(error, answer->stop.error);
	EXPECT_EQ(stage, answer->stop.stage);
	EXPECT_EQ(reason, answer->stop.reason);
}

/* Check that both engines refuse to pin the first page, with EFAULT. */
static inline void check_refused(struct __test_metadata *_metadata,
				 const struct target *target, uint64_t addr,
				 uint32_t flags, uint16_t stage,
				 uint16_t reason)
{
	const struct lab_answer mine =
		pin_once(target, addr, lab_page(), flags);
	const struct lab_answer kernel = pin_once(target, addr, lab_page(),
						  flags | GUPX_F_ENGINE_KERNEL);

	check_stops(_metadata, &mine, EFAULT, stage, reason);
	EXPECT_EQ(0ULL, mine.done);
	EXPECT_EQ(-EFAULT, lab_gup_return(&kernel));
}

static inline void check_taken(struct __test_metadata *_metadata,
			       const struct target *target, uint64_t addr,
			       uint64_t len, uint32_t flags)
{
	const struct lab_answer mine = pin_once(target, addr, len, flags);
	const struct lab_answer kernel =
		pin_once(target, addr, len, flags | GUPX_F_ENGINE_KERNEL);

	EXPECT_EQ((long)(len / lab_page()), lab_gup_return(&mine))
	TH_LOG("stage %u, reason %u", mine.stop.stage, mine.stop.reason);
	EXPECT_EQ(lab_gup_return(&mine), lab_gup_return(&kernel));
}

/* Returns the outcome that EXPLAIN predicts for the page at @addr. */
static inline struct gupx_judgement explain_page(const struct target *target,
						 uint64_t addr, uint32_t verb,
						 uint32_t flags)
{
	struct gupx_judgement judged = { .outcome = 0xff };
	struct gupx_explain explain = {
		.size = sizeof(explain),
		.flags = flags,
		.mem_fd = target->mem_fd,
		.verb = verb,
		.addr = addr,
		.len = lab_page(),
		.buf = (uintptr_t)&judged,
		.capacity = 1,
		.entry_size = sizeof(struct gupx_judgement),
	};

	ioctl(lab_device(), GUPX_IOC_EXPLAIN, &explain);
	return judged;
}

/*
 * Check that EXPLAIN for the page at @addr predicts the result of a PIN request for
 * this page.
 */
static inline void check_explained(struct __test_metadata *_metadata,
				   const struct target *target, uint64_t addr,
				   uint32_t flags, uint8_t content)
{
	const struct gupx_judgement judged =
		explain_page(target, addr, GUPX_VERB_PIN, flags);
	const struct lab_answer answer =
		pin_once(target, addr, lab_page(), flags);

	EXPECT_EQ(content, judged.content);
	EXPECT_EQ(lab_page(), judged.len);
	EXPECT_EQ(answer.done == 0, judged.outcome == GUPX_OUTCOME_STOP);
	if (!answer.done)
		check_stops(_metadata, &answer, judged.error, judged.stage,
			    judged.reason);
}

#endif /* GUPX_TESTS_ROW_H */
