// SPDX-License-Identifier: GPL-2.0
/*
 * Check results against the rules in <linux/gupx.h> that can be checked from the result
 * alone. These rules say with which errnos a well-formed request may fail, which errnos
 * each reason has, and at which address a request may stop early.
 */
#include <errno.h>
#include <string.h>

#include "lab.h"
#include "world.h"

#define MAX_ERRORS 4

/*
 * The errnos that are valid for each reason. Reasons that are not in the table must not
 * occur in this test.
 */
static const struct {
	bool may;
	uint32_t errors[MAX_ERRORS];
} reasons[REASONS] = {
	/*
	 * POPULATE stops with EINVAL where madvise(MADV_POPULATE_*) fails with EINVAL.
	 */
	[GUPX_REASON_NO_MAPPING] = { true, { EFAULT, ENOMEM } },
	[GUPX_REASON_GATE_WRITE] = { true, { EFAULT } },
	[GUPX_REASON_GATE_EMPTY] = { true, { EFAULT } },
	[GUPX_REASON_IO_MAPPING] = { true, { EFAULT, EINVAL } },
	[GUPX_REASON_NOT_ANON] = { true, { EFAULT } },
	[GUPX_REASON_DIRTY_TRACKING] = { true, { EFAULT } },
	[GUPX_REASON_NO_WRITE] = { true, { EFAULT, EINVAL } },
	[GUPX_REASON_FORCE_HUGETLB] = { true, { EFAULT } },
	[GUPX_REASON_FORCE_SHARED] = { true, { EFAULT } },
	[GUPX_REASON_NO_READ] = { true, { EFAULT, EINVAL } },
	[GUPX_REASON_NO_PAGE] = { true, { EEXIST } },
	[GUPX_REASON_DUMP_EMPTY] = { true, { EFAULT } },
	[GUPX_REASON_DUMP_SPECIAL] = { true, { EFAULT } },
	[GUPX_REASON_NOFAULT] = { true, { EFAULT } },
	[GUPX_REASON_WOULD_WAIT] = { true, { 0 } },
	[GUPX_REASON_FAULT_OOM] = { true, { ENOMEM } },
	/*
	 * A fault raises SIGBUS if no hugetlb page is free. A fault in a guard page
	 * raises SIGSEGV.
	 */
	[GUPX_REASON_FAULT_SIGBUS] = { true, { EFAULT } },
	[GUPX_REASON_FAULT_SIGSEGV] = { true, { EFAULT } },
	[GUPX_REASON_MIGRATE] = { true, { ENOMEM, EBUSY } },
	[GUPX_REASON_SIGNAL] = { true, { EINTR } },
	[GUPX_REASON_MEMLOCK] = { true, { ENOBUFS } },
	[GUPX_REASON_NO_KERNEL_MEMORY] = { true, { ENOMEM } },
	[GUPX_REASON_KERNEL_ENGINE] = { true,
					{ EFAULT, ENOMEM, EBUSY, EINTR } },
	[GUPX_REASON_UNSUPPORTED] = { true, { EOPNOTSUPP } },
	[GUPX_REASON_EXTENTS] = { true, { EDQUOT } },
};

/* Return: true if a well-formed request may fail with this errno, else false. */
static bool may_fail_with(enum request_kind kind, int error)
{
	switch (error) {
	case ESRCH:
	case ENOMEM:
	case EINTR:
		return true;
	case ENOBUFS:
		return kind == REQUEST_PIN || kind == REQUEST_PIN_MORE;
	case EMFILE:
	case ENFILE:
		return kind == REQUEST_PIN;
	case EXDEV:
		return kind == REQUEST_PIN_MORE;
	default:
		return false;
	}
}

static bool has_error(uint16_t reason, uint32_t error)
{
	if (reason >= REASONS || !reasons[reason].may)
		return false;
	for (unsigned int i = 0; i < MAX_ERRORS; i++)
		if (reasons[reason].errors[i] == error)
			/*
			 * Unused elements of @errors are 0. An errno of 0 is valid only
			 * for WOULD_WAIT.
			 */
			return error || reason == GUPX_REASON_WOULD_WAIT;
	return false;
}

static bool is_whole(const struct lab_answer *answer, uint64_t len)
{
	return answer->done == len && !answer->stop.error &&
	       answer->stop.stage == GUPX_STAGE_NONE;
}

static bool is_short(const struct lab_answer *answer, uint64_t len,
		     uint32_t flags)
{
	const struct gupx_stop *stop = &answer->stop;

	if (answer->done >= len || stop->stage == GUPX_STAGE_NONE ||
	    stop->stage > GUPX_STAGE_ENGINE)
		return false;
	if (stop->reason == GUPX_REASON_WOULD_WAIT && !(flags & GUPX_F_NOWAIT))
		return false;
	if (stop->reason == GUPX_REASON_NOFAULT && !(flags & GUPX_F_NOFAULT))
		return false;
	return has_error(stop->reason, stop->error);
}

static void count_request(enum request_kind kind,
			  const struct lab_answer *answer, uint32_t flags)
{
	count_event(&world->tally.requests[kind]);
	if (flags & GUPX_F_ENGINE_KERNEL)
		count_event(&world->tally.by_kernel);
	if (answer->failed) {
		count_event(&world->tally.errnos[answer->failed % ERRNOS]);
		return;
	}
	atomic_fetch_add(&world->tally.pages, answer->done / PAGE);
	if (answer->stop.reason == GUPX_REASON_NONE)
		return;
	count_event(&world->tally.short_requests);
	count_event(&world->tally.reasons[answer->stop.reason % REASONS]);
}

void contract_check(enum request_kind kind, const struct lab_answer *answer,
		    uint64_t addr, uint64_t len, uint32_t flags)
{
	const struct gupx_stop *stop = &answer->stop;

	count_request(kind, answer, flags);
	if (answer->failed) {
		if (!may_fail_with(kind, answer->failed))
			complain(
				RULE_CONTRACT,
				"request %d of %#lx+%#lx, flags %#x, fails: %s",
				kind, addr, len, flags,
				strerror(answer->failed));
		return;
	}
	if (stop->addr != addr + answer->done ||
	    !(stop->reason == GUPX_REASON_NONE ? is_whole(answer, len)
					       : is_short(answer, len, flags)))
		complain(
			RULE_CONTRACT,
			"request %d of %#lx+%#lx, flags %#x: done %#lx, stop at %#llx, stage %u, reason %u, %s",
			kind, addr, len, flags, answer->done, stop->addr,
			stop->stage, stop->reason, strerror(stop->error));
}

static bool is_judgement(const struct gupx_judgement *judged)
{
	const bool stops = judged->outcome == GUPX_OUTCOME_STOP;
	const bool has_reason = judged->reason != GUPX_REASON_NONE;

	return judged->len && judged->outcome <= GUPX_OUTCOME_STOP &&
	       judged->content <= GUPX_CONTENT_BAD && stops == has_reason;
}

void contract_check_judgements(const struct gupx_explain *explain)
{
	const struct gupx_judgement *judged =
		(const struct gupx_judgement *)(uintptr_t)explain->buf;
	uint64_t at = explain->addr;

	for (uint32_t i = 0; i < explain->count; i++) {
		if (judged[i].addr != at || !is_judgement(&judged[i]))
			complain(
				RULE_CONTRACT,
				"judgement %u: %#llx+%#llx, outcome %u, content %u, reason %u, at %#lx",
				i, judged[i].addr, judged[i].len,
				judged[i].outcome, judged[i].content,
				judged[i].reason, at);
		at += judged[i].len;
	}
	if (at != explain->addr + explain->done ||
	    explain->done > explain->len || explain->count > explain->capacity)
		complain(RULE_CONTRACT, "explain: %u entries end at %#lx",
			 explain->count, at);
}
