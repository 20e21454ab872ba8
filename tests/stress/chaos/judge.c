// SPDX-License-Identifier: GPL-2.0
/*
 * Check results against the rules in <linux/gupx.h> that can be checked from the result
 * alone. These rules say with which errnos a well-formed request may fail, which stages
 * and errnos each reason has, and at which address a request may stop early.
 */
#include <errno.h>
#include <string.h>

#include "lab.h"
#include "world.h"

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

/*
 * Return: true if a request with these flags may stop for this reason in this test,
 * else false. This check is stricter than <linux/gupx.h>. Some reasons cannot occur,
 * because the targets have no memory that causes them, and because READ gets a writable
 * buffer. The kernel's engine can return only the errnos below, because the targets
 * have no memory that causes other errnos.
 */
static bool is_possible_here(const struct gupx_stop *stop, uint32_t flags)
{
	switch (stop->reason) {
	case GUPX_REASON_FSDAX:
	case GUPX_REASON_SECRETMEM:
	case GUPX_REASON_FAULT_HWPOISON:
	case GUPX_REASON_REFCOUNT:
	case GUPX_REASON_BUFFER:
	case GUPX_REASON_NO_PROGRESS:
		return false;
	case GUPX_REASON_NOFAULT:
		return flags & GUPX_F_NOFAULT;
	case GUPX_REASON_WOULD_WAIT:
		return flags & GUPX_F_NOWAIT;
	case GUPX_REASON_KERNEL_ENGINE:
		return stop->error == EFAULT || stop->error == ENOMEM ||
		       stop->error == EBUSY || stop->error == EINTR;
	}
	return true;
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

	return answer->done < len && is_possible_here(stop, flags) &&
	       contract_allows_stop(stop->reason, stop->stage, stop->error);
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
	count_event(
		&world->tally.reasons[answer->stop.reason % CONTRACT_REASONS]);
}

void judge_request(enum request_kind kind, const struct lab_answer *answer,
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
	       judged->content <= GUPX_CONTENT_GUARD && stops == has_reason;
}

void judge_judgements(const struct gupx_explain *explain)
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
