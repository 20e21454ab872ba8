// SPDX-License-Identifier: GPL-2.0
/*
 * Check results of ioctls against the rules in <linux/gupx.h>. The header must list the
 * errno for the call. `done` must not exceed the length of the request. If the request
 * stopped early, there must be a reason, and the stage and the errno must be valid for
 * that reason. If the request was completed, there must be no reason. The call must
 * write only to output fields and to the output buffer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "call.h"

#define PAGE 4096UL

#define FAIL(call, format, ...)                  \
	world_fail((call)->world, "%s: " format, \
		   op_verb_name((call)->op->verb), ##__VA_ARGS__)

static bool is_listed(int error, const int *list)
{
	while (*list && *list != error)
		list++;
	return *list == error;
}

/* Return: true if the header lists the errno for the verb, else false. */
static bool is_in_contract(const struct call *call)
{
	static const int any[] = { EFAULT, EINVAL, E2BIG, EOPNOTSUPP, 0 };
	static const int mem[] = { EBADF, EMEDIUMTYPE, EACCES, ESRCH, 0 };
	static const int pin[] = { EXDEV,  EFBIG, ENOBUFS, EMFILE,
				   ENOMEM, EPERM, 0 };
	static const int look[] = { ENOMEM, EPERM, 0 };
	static const int file[] = { ENOTTY, EBADF, ENOMEM, 0 };
	static const int change[] = { EXDEV, EPERM, EBUSY, ENOBUFS, 0 };
	const int error = call->error;

	if (is_listed(error, any))
		return true;
	switch (call->op->verb) {
	case VERB_PIN:
		return is_listed(error, mem) || is_listed(error, pin);
	case VERB_POPULATE:
		return is_listed(error, mem) || error == EPERM;
	case VERB_UNPIN:
	case VERB_SEAL:
		return is_listed(error, file) || is_listed(error, change);
	case VERB_READ:
	case VERB_READV:
	case VERB_EXPLAIN:
		return is_listed(error, mem) || is_listed(error, look);
	case VERB_EXTENTS:
	case VERB_STRANGE:
		return is_listed(error, file);
	}
	return false;
}

/* Return: true if a call with valid arguments may fail with this errno, else false. */
static bool may_fail(const struct call *call)
{
	const bool writes = call->op->verb == VERB_EXPLAIN ||
			    call->op->verb == VERB_EXTENTS;

	switch (call->error) {
	case ENOBUFS:
		return (call->op->verb == VERB_PIN ||
			call->op->verb == VERB_UNPIN) &&
		       call->world->limited;
	case EPERM:
		return (call->op->verb == VERB_PIN ||
			call->op->verb == VERB_UNPIN) &&
		       call->world->sealed;
	case EBUSY:
		return call->op->verb == VERB_SEAL;
	case EMFILE:
		return call->op->verb == VERB_PIN && call->world->few_files;
	case ENOMEM:
		return call->op->verb != VERB_INFO &&
		       call->op->verb != VERB_POPULATE;
	case EFAULT:
		return writes && (call->op->buffer != BUFFER_GOOD ||
				  call->op->number > 100);
	}
	return false;
}

static void judge_errno(const struct call *call)
{
	const int error = call->error;

	if (call->foreseen > 0 && error != call->foreseen)
		FAIL(call, "answered %s, where %s is due",
		     error ? strerrorname_np(error) : "0",
		     strerrorname_np(call->foreseen));
	else if (error && call->foreseen == 0 && !may_fail(call))
		FAIL(call, "a good call was refused: %s",
		     strerrorname_np(error));
	else if (error && !is_in_contract(call))
		FAIL(call, "not in the contract of this call: %s",
		     strerrorname_np(error));
}

/* Check that input fields and the bytes around the struct are unchanged. */
static void judge_bytes(const struct call *call)
{
	const bool answered = !call->error || call->error == ENOBUFS;
	const size_t from = answered ? call->exact : 0;
	/*
	 * The structs of PIN, POPULATE, READ and EXPLAIN contain mem_fd at byte 8, addr
	 * at byte 16 and len at byte 24.
	 */
	const bool has_range =
		call->op->verb == VERB_PIN || call->op->verb == VERB_POPULATE ||
		call->op->verb == VERB_READ || call->op->verb == VERB_EXPLAIN;

	if (call->room <= from)
		return;
	if (memcmp(call->at + from, call->before + from, call->room - from))
		FAIL(call, "wrote where it had no business to");
	if (!answered)
		return;
	if (memcmp(call->at, call->before, 2 * sizeof(uint32_t)))
		FAIL(call, "changed size or flags");
	if (has_range && (memcmp(call->at + 8, call->before + 8, 4) ||
			  memcmp(call->at + 16, call->before + 16, 16)))
		FAIL(call, "changed what was asked");
}

static void judge_stop(const struct call *call, uint64_t done,
		       const struct gupx_stop *stop)
{
	if (done > call->len)
		FAIL(call, "done %#lx of %#lx", done, call->len);
	else if (call->op->verb != VERB_READ && done % PAGE)
		FAIL(call, "done %#lx: not pages", done);
	else if (stop->addr != call->addr + done)
		FAIL(call, "stopped at %#llx, done to %#lx", stop->addr,
		     call->addr + done);
	else if (done == call->len &&
		 (stop->stage || stop->reason || stop->error))
		FAIL(call, "all is done, but stage %u reason %u error %u",
		     stop->stage, stop->reason, stop->error);
	else if (done < call->len &&
		 !contract_allows_stop(stop->reason, stop->stage, stop->error))
		FAIL(call, "short, with stage %u reason %u error %u",
		     stop->stage, stop->reason, stop->error);
	if (stop->reason < CONTRACT_REASONS)
		call->world->tally->reasons[stop->reason]++;
}

static int count_bytes(int fd, uint64_t *bytes)
{
	struct gupx_extents head;
	const int error = lab_extents(fd, &head, NULL, 0);

	*bytes = head.bytes;
	return error;
}

static void judge_new_fd(const struct call *call, const struct gupx_pin *pin)
{
	uint64_t bytes;

	if (fcntl(pin->pin_fd, F_GETFD) != FD_CLOEXEC)
		FAIL(call, "pin fd %d: not close-on-exec", pin->pin_fd);
	if (count_bytes(pin->pin_fd, &bytes) || bytes != pin->done)
		FAIL(call, "pin fd %d holds %#lx, not %#llx", pin->pin_fd,
		     bytes, pin->done);
}

static void judge_pin(const struct call *call)
{
	const struct gupx_pin pin = ((union body *)call->at)->pin;

	judge_stop(call, pin.done, &pin.stop);
	if (call->len && pin.memlock_asked != call->len)
		FAIL(call, "asked for %#lx, charged for %#llx", call->len,
		     pin.memlock_asked);
	if (call->body.pin.pin_fd != -1) {
		if (pin.pin_fd != call->body.pin.pin_fd)
			FAIL(call, "another pin fd: %d", pin.pin_fd);
		return;
	}
	if (pin.done ? pin.pin_fd < 0 : pin.pin_fd != -1)
		FAIL(call, "pin fd %d, done %#llx", pin.pin_fd, pin.done);
	if (pin.pin_fd < 0)
		return;
	if (!call->world->racing)
		judge_new_fd(call, &pin);
	world_fill_slot(call->world, call->op->number % PIN_SLOTS, pin.pin_fd,
			call_space_of(call->op->mem), call->world->user);
}

static void judge_limit(const struct call *call)
{
	const struct gupx_pin pin = ((union body *)call->at)->pin;

	if (pin.memlock_asked != call->len || pin.memlock_limit == -1ULL)
		FAIL(call, "ENOBUFS: limit %#llx, asked %#llx",
		     pin.memlock_limit, pin.memlock_asked);
}

/* Check that the buffer is unchanged after the first @used bytes. */
static void judge_buffer(const struct call *call, uint64_t used)
{
	const size_t room = world_buffer_room(call->op);
	const uint8_t *const buffer = (void *)call->buffer;

	for (size_t i = used; i < room; i++) {
		if (buffer[i] == BUFFER_MARK)
			continue;
		FAIL(call, "wrote byte %zu of the buffer, of %#lx", i, used);
		return;
	}
}

static void judge_judgements(const struct call *call,
			     const struct gupx_explain *explain)
{
	const struct gupx_judgement *run = (void *)call->buffer;
	uint64_t at = call->addr;

	for (uint32_t i = 0; i < explain->count; i++, run++) {
		const bool stops = run->outcome == GUPX_OUTCOME_STOP;

		if (run->addr != at || !run->len || run->len % PAGE)
			FAIL(call, "run %u: %#llx+%#llx, expected at %#lx", i,
			     run->addr, run->len, at);
		else if (run->outcome > GUPX_OUTCOME_STOP ||
			 run->content > GUPX_CONTENT_GUARD || run->reserved)
			FAIL(call, "run %u: outcome %u content %u", i,
			     run->outcome, run->content);
		else if (stops ? !contract_allows_stop(run->reason, run->stage,
						       run->error)
			       : run->reason || run->stage || run->error)
			FAIL(call, "run %u: outcome %u stage %u reason %u", i,
			     run->outcome, run->stage, run->reason);
		at += run->len;
	}
	if (at != call->addr + explain->done)
		FAIL(call, "runs to %#lx, done to %#llx", at,
		     call->addr + explain->done);
}

static void judge_explain(const struct call *call)
{
	const struct gupx_explain explain = ((union body *)call->at)->explain;
	const struct gupx_explain *asked = &call->body.explain;

	if (explain.count > asked->capacity || explain.done > asked->len ||
	    explain.done % PAGE)
		FAIL(call, "count %u of %u, done %#llx of %#llx", explain.count,
		     asked->capacity, explain.done, asked->len);
	else if (explain.count < asked->capacity && explain.done != asked->len)
		FAIL(call, "room for more, but done %#llx of %#llx",
		     explain.done, asked->len);
	else if (call->op->buffer == BUFFER_GOOD && !call->world->racing) {
		judge_judgements(call, &explain);
		judge_buffer(call,
			     explain.count * sizeof(struct gupx_judgement));
	}
}

static void judge_runs(const struct call *call, const struct gupx_extents *head)
{
	const struct gupx_extent *run = (void *)call->buffer;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < head->count; i++) {
		bytes += run[i].len;
		if (!run[i].len || (run[i].addr | run[i].len) % PAGE)
			FAIL(call, "run %u: %#llx+%#llx", i, run[i].addr,
			     run[i].len);
		if (run[i].pfn == GUPX_PFN_HIDDEN ? call->world->admin
						  : !call->world->admin)
			FAIL(call, "run %u: frame %#llx", i, run[i].pfn);
	}
	if (bytes > head->bytes ||
	    (head->count == head->total && bytes != head->bytes))
		FAIL(call, "%u of %llu runs have %#lx bytes, not %#llx",
		     head->count, head->total, bytes, head->bytes);
	judge_buffer(call, head->count * sizeof(*run));
}

static void judge_extents(const struct call *call)
{
	const struct gupx_extents head = ((union body *)call->at)->extents;
	const struct gupx_extents *asked = &call->body.extents;
	uint64_t due = 0;

	/*
	 * While threads run concurrently, @total may be larger than @count, because
	 * another thread may have added extents.
	 */
	if (head.count > asked->capacity)
		FAIL(call, "count %u of %u", head.count, asked->capacity);
	if (call->world->racing || call->error)
		return;
	if (asked->first < head.total)
		due = head.total - asked->first;
	if (due > asked->capacity)
		due = asked->capacity;
	if (head.count != due)
		FAIL(call, "count %u, where %lu are due", head.count, due);
	else if (call->op->buffer == BUFFER_GOOD)
		judge_runs(call, &head);
}

static void judge_segment(const struct call *call,
			  const struct gupx_segment *segment)
{
	if (segment->done > segment->len)
		FAIL(call, "segment: done %#llx of %#llx", segment->done,
		     segment->len);
	else if (segment->done == segment->len
			 ? segment->stage || segment->reason || segment->error
			 : !contract_allows_stop(segment->reason,
						 segment->stage,
						 segment->error))
		FAIL(call,
		     "segment: done %#llx of %#llx, stage %u reason %u error %u",
		     segment->done, segment->len, segment->stage,
		     segment->reason, segment->error);
	if (segment->reason < CONTRACT_REASONS)
		call->world->tally->reasons[segment->reason]++;
}

static void judge_readv(const struct call *call)
{
	const struct gupx_readv readv = ((union body *)call->at)->readv;
	uint64_t done = 0;

	for (uint32_t i = 0; i < readv.nr; i++) {
		judge_segment(call, &call->segment[i]);
		done += call->segment[i].done;
	}
	if (readv.done != done)
		FAIL(call, "done %#llx, segments %#lx", readv.done, done);
	if (!call->world->racing)
		judge_buffer(call, readv.buf_len);
}

static void judge_answer(const struct call *call)
{
	const union body *const answer = (void *)call->at;

	switch (call->op->verb) {
	case VERB_PIN:
		judge_pin(call);
		break;
	case VERB_POPULATE: {
		const struct gupx_populate populate = answer->populate;

		judge_stop(call, populate.done, &populate.stop);
		break;
	}
	case VERB_READ: {
		const struct gupx_read read = answer->read;

		judge_stop(call, read.done, &read.stop);
		if (!call->world->racing)
			judge_buffer(call, read.done);
		break;
	}
	case VERB_READV:
		judge_readv(call);
		break;
	case VERB_EXPLAIN:
		judge_explain(call);
		break;
	case VERB_EXTENTS:
		judge_extents(call);
		break;
	case VERB_STRANGE:
		FAIL(call, "an unknown number was answered");
	}
}

void judge_call(struct call *call)
{
	judge_errno(call);
	judge_bytes(call);
	if (call->op->place == PLACE_READ_ONLY || call->room < call->exact)
		return;
	if (!call->error)
		judge_answer(call);
	else if (call->error == ENOBUFS && call->op->verb == VERB_PIN)
		judge_limit(call);
}
