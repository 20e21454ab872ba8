// SPDX-License-Identifier: GPL-2.0
/*
 * Make the same request on both twins and compare the results. The policy engine serves
 * the request on twin a. The kernel serves the request on twin b: PIN, and READ with
 * flags, use the kernel's get_user_pages(). For POPULATE, the twin calls madvise(). For
 * READ without flags, the tester calls process_vm_readv().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lab.h"
#include "pair.h"

#define FRAMES_MAX (ARENA_PAGES + 64)
#define READ_MAX (FRAMES_MAX * 4096)

static uint64_t frames_of_one[FRAMES_MAX];
static uint64_t frames_of_other[FRAMES_MAX];

static uint64_t first_part_len(const struct op *op)
{
	return op->split && op->split < op->len ? op->split : op->len;
}

static void count_request(struct pair *pair, const struct lab_answer *answer)
{
	pair->report->requests++;
	pair->report->pages += answer->done / lab_page();
	pair->report->refused += answer->stop.reason != GUPX_REASON_NONE;
}

static void compare_answers(struct pair *pair, const char *engine,
			    const struct lab_answer *policy,
			    const struct lab_answer *other)
{
	if (policy->failed == other->failed && policy->done == other->done &&
	    policy->stop.error == other->stop.error &&
	    policy->stop.addr == other->stop.addr)
		return;
	pair_differs(pair,
		     "policy did 0x%" PRIx64
		     ", error %u at 0x%llx (stage %u, reason %u), refused %d; "
		     "%s did 0x%" PRIx64 ", error %u at 0x%llx, refused %d",
		     policy->done, policy->stop.error, policy->stop.addr,
		     policy->stop.stage, policy->stop.reason, policy->failed,
		     engine, other->done, other->stop.error, other->stop.addr,
		     other->failed);
}

/*
 * Pin the first @op->split bytes of the range, then add pins of the other bytes to the
 * same pin fd.
 */
static struct lab_answer pin_split(const struct twin *twin, uint64_t addr,
				   const struct op *op)
{
	const uint64_t first = first_part_len(op);
	const uint32_t flags = op_gupx_flags(op);
	struct lab_answer answer =
		lab_pin(twin->target.mem_fd, addr, first, flags);
	struct lab_answer more;

	if (first == op->len || answer.failed || answer.done < first)
		return answer;
	more = lab_pin_more(answer.pin_fd, twin->target.mem_fd, addr + first,
			    op->len - first, flags);
	more.done += answer.done;
	more.pin_fd = answer.pin_fd;
	return more;
}

/*
 * Check that the extents of the pin fd list the frames that the page tables of the twin
 * map.
 */
static void check_frames(struct pair *pair, const char *engine,
			 const struct state *state,
			 const struct lab_answer *answer, uint64_t addr)
{
	const size_t nr = answer->done / lab_page();
	size_t found = 0;

	if (answer->pin_fd >= 0)
		found = lab_pinned_frames(answer->pin_fd, addr, nr,
					  frames_of_one);
	if (found != nr)
		pair_differs(pair, "%s: %zu pages done, %zu in extents", engine,
			     nr, found);
	if (addr < ARENA)
		return;
	for (size_t i = 0; i < nr; i++) {
		const size_t page = (addr - ARENA) / lab_page() + i;

		if (page >= state->nr)
			return;
		if ((state->words[page] & LAB_PM_PRESENT) &&
		    frames_of_one[i] == LAB_PM_FRAME(state->words[page]))
			continue;
		pair_differs(pair,
			     "%s: page 0x%zx: frame 0x%" PRIx64
			     " is pinned, 0x%llx is mapped",
			     engine, page, frames_of_one[i],
			     LAB_PM_FRAME(state->words[page]));
	}
}

/*
 * Pin the pages that @held pins in @twin again: with the kernel engine if @kernel, else
 * with the policy engine. Check that both engines pin the same frames.
 */
static void compare_frames(struct pair *pair, const struct twin *twin,
			   uint64_t addr, const struct op *op,
			   const struct lab_answer *held, bool kernel)
{
	const char *const other = kernel ? "kernel, of the policy's twin"
					 : "policy, of the kernel's twin";
	const size_t nr = held->done / lab_page();
	struct lab_answer again;

	if (!nr)
		return;
	again = lab_pin(twin->target.mem_fd, addr, held->done,
			op_gupx_flags(op) |
				(kernel ? GUPX_F_ENGINE_KERNEL : 0));
	if (again.done != held->done)
		pair_differs(pair,
			     "%s: 0x%" PRIx64 " of 0x%" PRIx64
			     " that are pinned, error %u at 0x%llx",
			     other, again.done, held->done, again.stop.error,
			     again.stop.addr);
	lab_pinned_frames(held->pin_fd, addr, nr, frames_of_one);
	if (again.pin_fd >= 0) {
		lab_pinned_frames(again.pin_fd, addr, nr, frames_of_other);
		close(again.pin_fd);
	}
	for (size_t i = 0; again.done == held->done && i < nr; i++) {
		if (frames_of_one[i] != frames_of_other[i])
			pair_differs(pair, "%s: page %zu is another", other, i);
	}
}

static void compare_counters(struct pair *pair,
			     const struct pin_counters counters[3],
			     const struct settled *settled)
{
	const long acquired = counters[1].acquired - counters[0].acquired;
	const long released = counters[1].released - counters[0].released;
	const long acquired_b = counters[2].acquired - counters[1].acquired;
	const long released_b = counters[2].released - counters[1].released;

	if (acquired != acquired_b + (long)settled->uncounted || released ||
	    released_b)
		pair_differs(pair,
			     "policy acquired %ld pins and released %ld, "
			     "kernel %ld and %ld",
			     acquired, released, acquired_b, released_b);
}

static void keep_or_close(struct pair *pair, const struct op *op, int fd_a,
			  int fd_b)
{
	/*
	 * Keep the pin fds of both twins open or close both, so that the twins stay
	 * equal.
	 */
	if ((op->flags & OP_F_HOLD) && fd_a >= 0 && fd_b >= 0) {
		twin_hold(&pair->a, fd_a);
		twin_hold(&pair->b, fd_b);
		return;
	}
	if (fd_a >= 0)
		close(fd_a);
	if (fd_b >= 0)
		close(fd_b);
}

static long held_now(const struct pin_counters *counters)
{
	return counters->acquired - counters->released;
}

static struct lab_answer pin_by_kernel(struct pair *pair, uint64_t addr,
				       const struct op *op,
				       const struct lab_answer *policy)
{
	const enum known cut = known_cut(pair, op, policy);
	const uint64_t len = cut ? policy->done : op->len;
	struct lab_answer answer = { .pin_fd = -1 };

	if (!cut || len)
		answer = lab_pin(pair->b.target.mem_fd,
				 twin_address(&pair->b, op), len,
				 op_gupx_flags(op) | GUPX_F_ENGINE_KERNEL);
	if (cut) {
		pair->report->explained[cut]++;
		answer.stop = policy->stop;
		answer.stop.addr -= addr - twin_address(&pair->b, op);
	}
	/*
	 * In twin a, the policy engine faulted in the page before it failed to break
	 * COW of the page. So fault in the page in twin b, too.
	 */
	if (cut == KNOWN_E7B && !(op->flags & GUPX_F_NOFAULT))
		twin_populate(&pair->b, answer.stop.addr, lab_page(), false);
	/*
	 * The [vvar] mappings of the twins may be at different addresses, so convert
	 * the address to that of twin a.
	 */
	answer.stop.addr += addr - twin_address(&pair->b, op);
	return answer;
}

/*
 * known_settle_pin() replaced pages that the kernel engine had pinned. Close the pin fd,
 * which still holds the old pages, and pin the range again.
 */
static void pin_settled(struct pair *pair, const struct op *op, uint64_t addr,
			struct lab_answer *kernel)
{
	const struct lab_answer again =
		lab_pin(pair->b.target.mem_fd, addr, kernel->done,
			op_gupx_flags(op) | GUPX_F_ENGINE_KERNEL);

	close(kernel->pin_fd);
	kernel->pin_fd = again.pin_fd;
	if (again.done != kernel->done)
		pair_differs(pair, "kernel did 0x%" PRIx64 ", then 0x%" PRIx64,
			     kernel->done, again.done);
	kernel->done = again.done;
	check_frames(pair, "kernel", &pair->seen_b, kernel, addr);
}

static void request_pin(struct pair *pair, const struct op *op)
{
	const uint64_t addr = twin_address(&pair->a, op);
	struct pin_counters counters[4];
	struct lab_answer policy, kernel;
	struct settled settled;

	counters[0] = state_pin_counters();
	policy = pin_split(&pair->a, addr, op);
	count_request(pair, &policy);
	counters[1] = state_pin_counters();
	state_take(&pair->seen_a, &pair->a, pair->pages);
	kernel = pin_by_kernel(pair, addr, op, &policy);
	counters[2] = state_pin_counters();
	state_take(&pair->seen_b, &pair->b, pair->pages);

	compare_answers(pair, "kernel", &policy, &kernel);
	check_frames(pair, "policy", &pair->seen_a, &policy, addr);
	check_frames(pair, "kernel", &pair->seen_b, &kernel, addr);
	settled = known_settle_pin(pair, op, addr, policy.done);
	compare_counters(pair, counters, &settled);
	pair_compare(pair, true);
	if (settled.pages)
		pin_settled(pair, op, addr, &kernel);
	if (op->flags & OP_F_CROSS) {
		compare_frames(pair, &pair->a, addr, op, &policy, true);
		compare_frames(pair, &pair->b, addr, op, &kernel, false);
		pair_look(pair);
		pair_compare(pair, true);
	}
	keep_or_close(pair, op, policy.pin_fd, kernel.pin_fd);
	if (op->flags & OP_F_HOLD)
		return;
	counters[3] = state_pin_counters();
	if (held_now(&counters[3]) != held_now(&counters[0]))
		pair_differs(pair, "pins held before: %ld, after: %ld",
			     held_now(&counters[0]), held_now(&counters[3]));
}

static long populate_by_kernel(struct pair *pair, const struct op *op,
			       const struct lab_answer *policy)
{
	const uint64_t addr = twin_address(&pair->b, op);
	const bool write = op->flags & GUPX_F_WRITE;
	const enum known cut = known_cut(pair, op, policy);

	if (!cut)
		return twin_populate(&pair->b, addr, op->len, write);
	pair->report->explained[cut]++;
	if (policy->done && twin_populate(&pair->b, addr, policy->done, write))
		pair_differs(pair,
			     "policy populated 0x%" PRIx64
			     ", madvise() did not",
			     policy->done);
	/*
	 * The policy engine refuses [vvar], but the twin's own madvise() faults it in.
	 * So do not call madvise(), and return the errno of the policy engine.
	 */
	if (cut == KNOWN_V1)
		return -(long)policy->stop.error;
	/*
	 * madvise() must also fail for a range that begins at the page where the policy
	 * engine stopped.
	 */
	return twin_populate(&pair->b, addr + policy->done, lab_page(), write);
}

static void request_populate(struct pair *pair, const struct op *op)
{
	const uint64_t addr = twin_address(&pair->a, op);
	const uint64_t first = first_part_len(op);
	struct lab_answer policy = lab_populate(pair->a.target.mem_fd, addr,
						first, op_gupx_flags(op));
	long kernel;

	if (first < op->len && policy.done == first) {
		policy = lab_populate(pair->a.target.mem_fd, addr + first,
				      op->len - first, op_gupx_flags(op));
		policy.done += first;
	}
	count_request(pair, &policy);
	kernel = populate_by_kernel(pair, op, &policy);
	if (-kernel != (long)policy.stop.error || policy.failed ||
	    (kernel ? policy.done == op->len : policy.done != op->len))
		pair_differs(pair,
			     "policy populated 0x%" PRIx64
			     ", error %u at 0x%llx (reason %u), refused %d; "
			     "madvise() said %ld",
			     policy.done, policy.stop.error, policy.stop.addr,
			     policy.stop.reason, policy.failed, kernel);
	pair_look(pair);
	pair_compare(pair, true);
	for (uint64_t at = addr; at < addr + policy.done; at += lab_page()) {
		const size_t page = (at - ARENA) / lab_page();

		if (op->space == SPACE_ARENA && page < pair->pages &&
		    !(pair->seen_a.words[page] & LAB_PM_PRESENT))
			pair_differs(pair, "page 0x%zx is not populated", page);
	}
}

/*
 * Allocate a buffer for READ. The buffer is shared memory, because fork() would make
 * private memory copy-on-write.
 */
static unsigned char *make_buffer(void)
{
	unsigned char *buffer = mmap(NULL, READ_MAX, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (buffer == MAP_FAILED)
		exit(1);
	return buffer;
}

static struct lab_answer read_split(const struct twin *twin, uint64_t addr,
				    const struct op *op, unsigned char *buffer)
{
	const uint64_t first = first_part_len(op);
	struct lab_answer answer = lab_read(twin->target.mem_fd, addr, first,
					    buffer, op_gupx_flags(op));
	struct lab_answer more;

	if (first == op->len || answer.failed || answer.done < first)
		return answer;
	more = lab_read(twin->target.mem_fd, addr + first, op->len - first,
			buffer + first, op_gupx_flags(op));
	more.done += answer.done;
	return more;
}

/*
 * Read with the kernel engine. If the policy engine stopped because of a known
 * difference, the kernel would not stop there. In that case, read only the bytes before
 * the address at which the policy engine stopped, and assume its errno.
 */
static struct lab_answer read_by_engine(struct pair *pair, uint64_t addr,
					const struct op *op, void *buffer,
					const struct lab_answer *policy)
{
	const enum known cut = known_cut(pair, op, policy);
	struct lab_answer answer;

	answer = lab_read(pair->b.target.mem_fd, addr,
			  cut ? policy->done : op->len, buffer,
			  op_gupx_flags(op) | GUPX_F_ENGINE_KERNEL);
	if (cut) {
		pair->report->explained[cut]++;
		answer.stop.error = policy->stop.error;
	}
	return answer;
}

/*
 * Read with process_vm_readv(). After a partial read, process_vm_readv() reports no
 * errno, so assume the errno of the policy engine.
 */
static struct lab_answer read_by_call(struct pair *pair, uint64_t addr,
				      const struct op *op, void *buffer,
				      const struct lab_answer *policy)
{
	const struct iovec local = { buffer, op->len };
	const struct iovec remote = { (void *)addr, op->len };
	const ssize_t done =
		process_vm_readv(pair->b.target.pid, &local, 1, &remote, 1, 0);
	struct lab_answer answer = {
		.pin_fd = -1,
		.done = done < 0 ? 0 : done,
	};

	answer.stop.addr = addr + answer.done;
	if (done < 0)
		answer.stop.error = errno;
	else if (answer.done < op->len)
		answer.stop.error = policy->stop.error;
	return answer;
}

static void request_read(struct pair *pair, const struct op *op)
{
	static unsigned char *mine, *theirs;
	const uint64_t addr = twin_address(&pair->a, op);
	const uint64_t addr_b = twin_address(&pair->b, op);
	struct lab_answer policy, kernel;

	if (!mine) {
		mine = make_buffer();
		theirs = make_buffer();
	}
	policy = read_split(&pair->a, addr, op, mine);
	count_request(pair, &policy);
	kernel = op_gupx_flags(op) || known_cut(pair, op, &policy)
			 ? read_by_engine(pair, addr_b, op, theirs, &policy)
			 : read_by_call(pair, addr_b, op, theirs, &policy);
	kernel.stop.addr += addr - addr_b;
	compare_answers(pair,
			op_gupx_flags(op) ? "kernel" : "process_vm_readv()",
			&policy, &kernel);
	if (policy.done == kernel.done &&
	    !pair_same_bytes(pair, addr, mine, theirs, policy.done))
		pair_differs(pair, "bytes differ");
	pair_look(pair);
	if (op_gupx_flags(op)) {
		pair_compare(pair, true);
		return;
	}
	known_settle_watch(pair);
	pair_compare(pair, false);
	known_settle_read(pair, addr, policy.done, theirs);
	pair_compare(pair, true);
}

void pair_request(struct pair *pair, const struct op *op)
{
	if (op->kind == OP_PIN)
		request_pin(pair, op);
	else if (op->kind == OP_POPULATE)
		request_populate(pair, op);
	else
		request_read(pair, op);
}
