// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"
#include "pair.h"

void pair_differs(struct pair *pair, const char *format, ...)
{
	va_list arguments;

	if (pair->report->differs)
		return;
	pair->report->differs = true;
	va_start(arguments, format);
	vsnprintf(pair->report->text, sizeof(pair->report->text), format,
		  arguments);
	va_end(arguments);
}

void pair_look(struct pair *pair)
{
	state_take(&pair->seen_a, &pair->a, pair->pages);
	state_take(&pair->seen_b, &pair->b, pair->pages);
}

void pair_compare(struct pair *pair, bool sharing)
{
	const struct state *a = &pair->seen_a, *b = &pair->seen_b;
	const size_t page = state_differs(a, b, 0, sharing);
	const char *sum = sharing ? state_sum_differs(a, b) : NULL;
	char text_a[128], text_b[128];

	if (page < a->nr)
		pair_differs(pair, "page 0x%zx:%s; of the kernel's twin:%s",
			     page,
			     state_describe(a, page, text_a, sizeof(text_a)),
			     state_describe(b, page, text_b, sizeof(text_b)));
	else if (sum)
		pair_differs(pair, "the two differ in %s", sum);
}

/*
 * Return: true if @addr is in a perf buffer, else false. A perf buffer contains
 * timestamps and ids, which differ between the twins.
 */
static bool is_of_perf(const struct pair *pair, uint64_t addr)
{
	char protection[5], name[256];

	return state_mapping(&pair->a, addr, protection, name, sizeof(name)) &&
	       strstr(name, "[perf_event]");
}

bool pair_same_bytes(const struct pair *pair, uint64_t addr, const void *a,
		     const void *b, size_t size)
{
	uint64_t done = 0;

	while (done < size) {
		const uint64_t left = size - done;
		const uint64_t end = lab_page() - (addr + done) % lab_page();
		const uint64_t nr = left < end ? left : end;

		if (memcmp((const char *)a + done, (const char *)b + done,
			   nr) &&
		    !is_of_perf(pair, addr + done))
			return false;
		done += nr;
	}
	return true;
}

static void apply_change(struct pair *pair, const struct op *op, size_t index)
{
	const long a = twin_do(&pair->a, op, index);
	const long b = twin_do(&pair->b, op, index);

	if (a != b)
		pair_differs(pair, "the twins say %ld and %ld", a, b);
	pair_look(pair);
	pair_compare(pair, true);
}

static bool is_used(uint64_t word)
{
	return word & (LAB_PM_PRESENT | LAB_PM_SWAP);
}

/* Compare the bytes of all pages that are present or swapped out. */
static void compare_contents(struct pair *pair)
{
	unsigned char a[4096], b[4096];

	for (size_t i = 0; i < pair->pages && !pair->report->differs; i++) {
		const off_t at = ARENA + i * sizeof(a);
		ssize_t size_a, size_b;

		if (!is_used(pair->seen_a.words[i]))
			continue;
		size_a = pread(pair->a.target.mem_fd, a, sizeof(a), at);
		size_b = pread(pair->b.target.mem_fd, b, sizeof(b), at);
		if (size_a != size_b ||
		    (size_a > 0 && !pair_same_bytes(pair, at, a, b, size_a)))
			pair_differs(pair, "page 0x%zx: contents differ", i);
	}
}

static size_t pages_used(const struct op *ops, size_t nr)
{
	uint64_t end = 0;

	for (size_t i = 0; i < nr; i++) {
		if (ops[i].space == SPACE_ARENA && op_is_map(&ops[i]) &&
		    ops[i].at + ops[i].len > end)
			end = ops[i].at + ops[i].len;
	}
	end = (end + lab_page() - 1) / lab_page();
	return end < ARENA_PAGES ? end : ARENA_PAGES;
}

static void run_operations(struct pair *pair, const struct op *ops, size_t nr)
{
	for (size_t i = 0; i < nr && !pair->report->differs; i++) {
		pair->report->op = i;
		if (op_is_request(&ops[i]))
			pair_request(pair, &ops[i]);
		else
			apply_change(pair, &ops[i], i);
	}
	if (pair->report->differs)
		return;
	pair->report->op = nr;
	compare_contents(pair);
}

void case_run(const struct op *ops, size_t nr, struct report *report)
{
	static struct pair pair;
	const struct pin_counters before = state_pin_counters();
	struct pin_counters after;

	*report = (struct report){ 0 };
	pair.report = report;
	pair.pages = pages_used(ops, nr);
	pair.seen_a.nr = 0;
	pair.seen_b.nr = 0;
	if (twin_start(&pair.a, ops, nr) || twin_start(&pair.b, ops, nr))
		pair_differs(&pair, "the twins do not start");
	else
		run_operations(&pair, ops, nr);
	twin_stop(&pair.b);
	twin_stop(&pair.a);
	after = state_pin_counters();
	if (after.acquired - after.released !=
	    before.acquired - before.released)
		pair_differs(&pair, "%ld pins are left behind",
			     after.acquired - after.released - before.acquired +
				     before.released);
}

/* Seconds after which case_shrink() stops trying. */
#define SHRINK_SECONDS 30

static time_t shrink_until;

/*
 * Run the case twice. A difference that occurs only sometimes must not mislead the
 * shrinking. Return: true if the twins differ both times, else false.
 */
static bool still_differs(const struct op *ops, size_t nr,
			  struct report *report)
{
	if (time(NULL) > shrink_until)
		return false;
	for (int i = 0; i < 2; i++) {
		case_run(ops, nr, report);
		if (!report->differs)
			return false;
	}
	return true;
}

static size_t copy_without(struct op *to, const struct op *ops, size_t nr,
			   size_t from, size_t count)
{
	memcpy(to, ops, from * sizeof(*ops));
	memcpy(to + from, ops + from + count,
	       (nr - from - count) * sizeof(*ops));
	return nr - count;
}

/*
 * Try to remove half of the operations, then a quarter, and so on, down to single
 * operations. Keep each removal after which the case still differs. Return: number of
 * operations left.
 */
static size_t drop_operations(struct op *ops, size_t nr, struct report *report)
{
	struct op less[OPS_MAX];

	for (size_t count = nr / 2; count; count /= 2) {
		size_t from = 0;

		while (from + count <= nr) {
			const size_t left =
				copy_without(less, ops, nr, from, count);

			if (still_differs(less, left, report)) {
				nr = left;
				memcpy(ops, less, nr * sizeof(*ops));
			} else {
				from += count;
			}
		}
	}
	return nr;
}

static bool try_change(struct op *ops, size_t nr, size_t i,
		       const struct op *changed, struct report *report)
{
	const struct op kept = ops[i];

	ops[i] = *changed;
	if (still_differs(ops, nr, report))
		return true;
	ops[i] = kept;
	return false;
}

/*
 * Shorten the range of an operation. Try to remove half of the range, then a single
 * page. Each time, try the end of the range first, then the start. Never change the
 * start if the operation creates a mapping. Keep each change after which the twins
 * still differ.
 */
static void shrink_range(struct op *ops, size_t nr, size_t i,
			 struct report *report)
{
	const uint64_t page = lab_page();
	bool shrunk = true;

	while (shrunk && ops[i].len > page) {
		struct op changed = ops[i];
		const uint64_t half = ops[i].len / 2 / page * page ?: page;

		shrunk = false;
		for (uint64_t less = half; !shrunk && less;
		     less = less > page ? page : 0) {
			changed.len = ops[i].len - less;
			changed.at = ops[i].at;
			shrunk = try_change(ops, nr, i, &changed, report);
			changed.at += less;
			if (!shrunk && !op_is_map(&changed))
				shrunk = try_change(ops, nr, i, &changed,
						    report);
		}
	}
}

static void drop_flags(struct op *ops, size_t nr, size_t i,
		       struct report *report)
{
	struct op changed = ops[i];

	changed.split = 0;
	if (ops[i].split)
		try_change(ops, nr, i, &changed, report);
	for (uint32_t flag = 1; flag; flag <<= 1) {
		changed = ops[i];
		changed.flags &= ~flag;
		if (op_is_request(&ops[i]) && (ops[i].flags & flag))
			try_change(ops, nr, i, &changed, report);
	}
}

size_t case_shrink(struct op *ops, size_t nr, struct report *report)
{
	shrink_until = time(NULL) + SHRINK_SECONDS;
	if (!still_differs(ops, nr, report))
		return nr;
	nr = drop_operations(ops, nr, report);
	for (size_t i = 0; i < nr; i++) {
		drop_flags(ops, nr, i, report);
		shrink_range(ops, nr, i, report);
	}
	nr = drop_operations(ops, nr, report);
	case_run(ops, nr, report);
	return nr;
}
