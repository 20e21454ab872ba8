// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for module/policy.h. Any combination of facts is a valid input, even
 * one that cannot occur. policy_test.c checks the exact verdict of each possible input.
 * This program checks invariants that hold for all inputs.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy.h"

/**
 * struct input - input from the fuzzer
 * @facts: facts of a page table entry, or the result of a fault; for the gate page, bit
 *	0 is set if the page is readable
 * @vma: facts of the mapping
 * @request: flags of the request
 */
struct input {
	uint32_t facts;
	uint32_t vma;
	uint32_t request;
};

static bool is_stop(struct gupx_verdict verdict)
{
	return verdict.action == GUPX_STOP;
}

/*
 * A verdict that stops the request must have a stage and a reason. Any other verdict
 * must have neither a stage nor a reason.
 */
static void check_verdict(struct gupx_verdict verdict)
{
	assert(verdict.action <= GUPX_STOP);
	assert(verdict.stage <= GUPX_STAGE_ENGINE);
	assert(is_stop(verdict) == (verdict.stage != GUPX_STAGE_NONE));
	assert(is_stop(verdict) == (verdict.reason != GUPX_REASON_NONE));
	assert(is_stop(verdict) || !verdict.error);
	assert(!is_stop(verdict) || verdict.error ||
	       verdict.reason == GUPX_REASON_WOULD_WAIT);
}

static void check_hole(const struct input *input)
{
	const struct gupx_verdict verdict =
		gupx_policy_judge_hole(input->request);

	check_verdict(verdict);
	assert(is_stop(verdict));
}

static void check_gate(const struct input *input)
{
	const bool readable = input->facts & 1;
	const struct gupx_verdict verdict =
		gupx_policy_judge_gate(readable, input->request);

	check_verdict(verdict);
	assert(is_stop(verdict) || readable);
	assert(is_stop(verdict) || !(input->request & GUPX_R_WRITE));
}

/*
 * If the policy accepts a mapping for a request, check that the request is allowed to
 * access this mapping.
 */
static void check_vma(const struct input *input)
{
	const uint32_t vma = input->vma, request = input->request;
	const bool held = (request & GUPX_R_PIN) &&
			  (request & (GUPX_R_LONGTERM | GUPX_R_SHORT));
	const struct gupx_verdict verdict = gupx_policy_judge_vma(vma, request);

	check_verdict(verdict);
	if (is_stop(verdict))
		return;
	assert(verdict.action == GUPX_GO);
	assert(!(vma & (GUPX_V_IO | GUPX_V_PFNMAP | GUPX_V_SECRETMEM)));
	assert(!(request & GUPX_R_ANON) || (vma & GUPX_V_ANON));
	assert(!held || !(vma & GUPX_V_FSDAX));
	/*
	 * A request without FORCE must respect the protection of the mapping. FORCE may
	 * write to a read-only mapping only if the mapping is copy-on-write.
	 */
	if (request & GUPX_R_FORCE)
		assert(!(request & GUPX_R_WRITE) || (vma & GUPX_V_WRITE) ||
		       gupx_policy_is_cow(vma));
	else if (request & GUPX_R_WRITE)
		assert((vma & GUPX_V_WRITE) && !(vma & GUPX_V_SHADOW_STACK));
	else
		assert(vma & GUPX_V_READ);
}

static bool is_there(uint32_t entry)
{
	const uint32_t kind = entry & GUPX_E_KIND;

	return kind != GUPX_E_EMPTY && kind != GUPX_E_ABSENT &&
	       kind != GUPX_E_GUARD && kind != GUPX_E_BAD;
}

/*
 * Rows E1 to E9 (follow_page_pte() and its counterparts): check that the request is
 * allowed to use the page of this page table entry.
 */
static void check_taken(const struct input *input)
{
	const uint32_t entry = input->facts, request = input->request;

	assert(is_there(entry));
	assert((entry & GUPX_E_KIND) != GUPX_E_NO_PAGE);
	assert((entry & GUPX_E_KIND) != GUPX_E_DEVMAP);
	assert(!(entry & (GUPX_E_REFCOUNT_BAD | GUPX_E_P2PDMA)));
	assert(!(request & GUPX_R_LONGTERM) ||
	       !(entry & GUPX_E_NOT_LONGTERM_PINNABLE));
	assert(!(request & GUPX_R_HONOR_NUMA) || !(entry & GUPX_E_PROTNONE));
	if ((request & GUPX_R_WRITE) && !(entry & GUPX_E_WRITABLE)) {
		assert(request & GUPX_R_FORCE);
		assert(entry & GUPX_E_PAGE_ANON);
		assert(entry & GUPX_E_PAGE_EXCLUSIVE);
		assert(!(entry & GUPX_E_UFFD_WP));
		assert(!(input->vma & (GUPX_V_SHARED | GUPX_V_MAYSHARE)));
	}
	/* Do not pin an anonymous page that a later COW fault would replace. */
	if ((request & GUPX_R_PIN) && (entry & GUPX_E_PAGE_ANON))
		assert((entry & (GUPX_E_WRITABLE | GUPX_E_PAGE_EXCLUSIVE)) ||
		       (request & GUPX_R_WRITE));
}

static void check_entry(const struct input *input)
{
	const uint32_t entry = input->facts, request = input->request;
	const struct gupx_verdict verdict =
		gupx_policy_judge_entry(entry, input->vma, request);

	check_verdict(verdict);
	assert(verdict.action != GUPX_LOOK_AGAIN);
	assert(verdict.action != GUPX_RELOCK);
	if (request & GUPX_R_NOFAULT)
		assert(!gupx_policy_wants_fault(verdict));
	else
		assert(verdict.reason != GUPX_REASON_NOFAULT);
	if (verdict.action == GUPX_GO)
		check_taken(input);
	if (verdict.action == GUPX_SKIP)
		assert(!(request & GUPX_R_WANTS_PAGES) && is_there(entry));
	if (verdict.action == GUPX_DELEGATE)
		assert(is_there(entry));
	/*
	 * Only a pin without WRITE unshares a page, and only if the page table entry is
	 * not writable.
	 */
	if (verdict.action == GUPX_UNSHARE || verdict.action == GUPX_BREAK_COW)
		assert((request & GUPX_R_PIN) && !(request & GUPX_R_WRITE) &&
		       !(entry & GUPX_E_WRITABLE));
	if (verdict.action == GUPX_BREAK_COW)
		assert(gupx_policy_is_cow(input->vma) &&
		       (input->vma & GUPX_V_WRITE));
	if ((entry & GUPX_E_KIND) == GUPX_E_BAD)
		assert(verdict.reason == GUPX_REASON_BAD_ENTRY);
}

static void check_fault(const struct input *input)
{
	const uint32_t errors = GUPX_H_OOM | GUPX_H_HWPOISON | GUPX_H_SIGBUS |
				GUPX_H_SIGSEGV | GUPX_H_OTHER_ERROR;
	const uint32_t fault = input->facts;
	const struct gupx_verdict verdict =
		gupx_policy_judge_fault(fault, input->request);

	check_verdict(verdict);
	assert(is_stop(verdict) || verdict.action == GUPX_RELOCK ||
	       verdict.action == GUPX_LOOK_AGAIN);
	/*
	 * If the request continues, it must acquire mmap_lock again if and only if the
	 * fault handler has dropped mmap_lock.
	 */
	if (verdict.action == GUPX_RELOCK)
		assert(fault & (GUPX_H_COMPLETED | GUPX_H_RETRY));
	if (verdict.action == GUPX_LOOK_AGAIN)
		assert(!(fault & (errors | GUPX_H_COMPLETED | GUPX_H_RETRY)));
	if ((fault & errors) && !(fault & GUPX_H_COMPLETED))
		assert(is_stop(verdict) && verdict.error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input;

	if (size < sizeof(input))
		return -1;
	memcpy(&input, data, sizeof(input));
	check_hole(&input);
	check_gate(&input);
	check_vma(&input);
	check_entry(&input);
	check_fault(&input);
	return 0;
}
