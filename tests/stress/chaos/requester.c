// SPDX-License-Identifier: GPL-2.0
/*
 * A requester makes random requests for memory of random targets. It keeps the pages
 * pinned for a while, checks their content, shares the pin fds with a child, and closes
 * the pin fds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "flags.h"
#include "lab.h"
#include "requester.h"

#define HOLDS 8
#define READ_MAX (64 * PAGE)
#define JUDGEMENTS 32

/*
 * RLIMIT_MEMLOCK of the first requester. The limit is small, so that some requests
 * exceed it.
 */
#define MEMLOCK (6UL << 20)

/**
 * struct requester - state of a requester
 * @prng: random numbers for the requests
 * @mem_fd: descriptor of /proc/PID/mem of the current target, or -1
 * @life: process number, parent's process number and PID of the current target
 * @holds: pin fds of the requester
 */
struct requester {
	struct prng prng;
	int mem_fd;
	struct life life;
	struct hold holds[HOLDS];
};

struct request {
	uint64_t addr;
	uint64_t len;
	uint32_t flags;
};

/*
 * Open the memory of a random target. If the target's slot contains the same process
 * before and after the open(), @mem_fd refers to the address space of that process.
 * Return: true on success, else false.
 */
static bool find_target(struct requester *requester)
{
	unsigned int slot = prng_below(&requester->prng, TARGETS);

	if (prng_chance(&requester->prng, 40))
		slot += TARGETS;
	if (requester->mem_fd >= 0)
		close(requester->mem_fd);
	requester->mem_fd = -1;
	if (!world_look(slot, &requester->life))
		return false;
	requester->mem_fd = lab_open_mem(requester->life.pid, O_RDWR);
	if (requester->mem_fd < 0)
		return false;
	if (world_is_still(slot, &requester->life))
		return true;
	close(requester->mem_fd);
	requester->mem_fd = -1;
	return false;
}

/*
 * Pick a random address in the stack, in the text, in unmapped memory or in the kernel
 * half. For these addresses, only the result of a request is checked, not the content
 * of pages.
 */
static uint64_t draw_odd_address(struct prng *prng)
{
	static const uint64_t addresses[] = {
		0,
		0x400000,
		0x401000,
		0x7ffffffde000,
		0x7fffffffe000,
		0x7ffffffff000,
		0x800000000000,
		0xffff888000000000,
		0xffffffffff600000,
	};

	return addresses[prng_below(prng,
				    sizeof(addresses) / sizeof(addresses[0]))];
}

static void draw_range(struct prng *prng, struct request *request)
{
	const struct span span = draw_span(prng, REGION_PAGES);
	const enum region region = draw_region(prng);
	/* Targets use only the first address range of a REGION_STEADY_* region. */
	const unsigned int window =
		stamp_is_steady(region) ? 0 : prng_below(prng, WINDOWS);

	request->addr = stamp_addr(region, window, span.page);
	request->len = span.nr * PAGE;
	if (prng_chance(prng, 3))
		request->addr = draw_odd_address(prng);
	/* Sometimes extend the range, so that it may reach beyond the region. */
	if (prng_chance(prng, 3))
		request->len += prng_below(prng, REGION_BYTES) & -PAGE;
}

/*
 * Pick random flags. PIN rejects SHORT together with ENGINE_KERNEL, and this test only
 * makes well-formed requests, so remove ENGINE_KERNEL if SHORT is set. Never pick
 * READ_ONLY, because its only effect in this test would be that writable windows fail.
 */
static uint32_t draw_flags(struct prng *prng, uint32_t allowed)
{
	const uint32_t flags = flags_draw(prng, allowed & ~GUPX_F_READ_ONLY);

	return (flags & GUPX_F_SHORT) ? flags & ~GUPX_F_ENGINE_KERNEL : flags;
}

static struct request draw_request(struct requester *requester,
				   uint32_t allowed)
{
	struct request request;

	draw_range(&requester->prng, &request);
	request.flags = draw_flags(&requester->prng, allowed);
	return request;
}

static struct hold *draw_hold(struct requester *requester)
{
	return &requester->holds[prng_below(&requester->prng, HOLDS)];
}

static void release_hold(struct hold *hold)
{
	if (hold->fd < 0)
		return;
	close(hold->fd);
	hold->fd = -1;
	count_event(&world->tally.requests[REQUEST_RELEASE]);
}

static void request_pin(struct requester *requester)
{
	const struct request request = draw_request(requester, GUPX_PIN_FLAGS);
	struct hold *hold = draw_hold(requester);
	struct lab_answer answer;

	release_hold(hold);
	answer = lab_pin(requester->mem_fd, request.addr, request.len,
			 request.flags);
	judge_request(REQUEST_PIN, &answer, request.addr, request.len,
		      request.flags);
	if (answer.pin_fd < 0)
		return;
	*hold = (struct hold){ .fd = answer.pin_fd, .life = requester->life };
	check_hold(&requester->prng, hold);
}

/*
 * Add pins to a pin fd. If the pin fd contains pins of another address space, the
 * request must fail.
 */
static void request_pin_more(struct requester *requester)
{
	const struct request request = draw_request(requester, GUPX_PIN_FLAGS);
	struct hold *hold = draw_hold(requester);
	struct lab_answer answer;

	if (hold->fd < 0)
		return;
	answer = lab_pin_more(hold->fd, requester->mem_fd, request.addr,
			      request.len, request.flags);
	judge_request(REQUEST_PIN_MORE, &answer, request.addr, request.len,
		      request.flags);
	if (!answer.failed && hold->life.number != requester->life.number)
		complain(RULE_CONTRACT, "pins of two address spaces in one fd");
	if (!answer.failed)
		check_hold(&requester->prng, hold);
}

static void request_populate(struct requester *requester)
{
	const struct request request =
		draw_request(requester, GUPX_POPULATE_FLAGS);
	const struct lab_answer answer = lab_populate(
		requester->mem_fd, request.addr, request.len, request.flags);

	judge_request(REQUEST_POPULATE, &answer, request.addr, request.len,
		      request.flags);
}

static void request_read(struct requester *requester)
{
	static unsigned char buffer[READ_MAX];
	struct request request = draw_request(requester, GUPX_READ_FLAGS);
	struct lab_answer answer;

	if (request.len > READ_MAX)
		request.len = READ_MAX;
	if (prng_chance(&requester->prng, 50)) {
		request.addr += prng_below(&requester->prng, PAGE);
		request.len -= prng_below(&requester->prng, PAGE);
	}
	answer = lab_read(requester->mem_fd, request.addr, request.len, buffer,
			  request.flags);
	judge_request(REQUEST_READ, &answer, request.addr, request.len,
		      request.flags);
	if (!answer.failed)
		check_read(&requester->life, request.addr, answer.done, buffer);
}

static void request_explain(struct requester *requester)
{
	const uint32_t verb = prng_below(&requester->prng, 3);
	const struct request request = draw_request(
		requester, flags_of_verb(verb) & GUPX_EXPLAIN_FLAGS);
	struct gupx_judgement judgements[JUDGEMENTS];
	struct gupx_explain explain = {
		.size = sizeof(explain),
		.flags = request.flags,
		.mem_fd = requester->mem_fd,
		.verb = verb,
		.addr = request.addr,
		.len = request.len,
		.buf = (uintptr_t)judgements,
		.capacity = 1 + prng_below(&requester->prng, JUDGEMENTS),
		.entry_size = sizeof(judgements[0]),
	};
	const int error =
		ioctl(lab_device(), GUPX_IOC_EXPLAIN, &explain) ? errno : 0;
	/*
	 * EXPLAIN does not end at a page at which a request would stop, so check it
	 * like a request that completed the whole range.
	 */
	const struct lab_answer answer = {
		.failed = error,
		.done = request.len,
		.stop.addr = request.addr + request.len,
	};

	judge_request(REQUEST_EXPLAIN, &answer, request.addr, request.len,
		      request.flags);
	if (!error)
		judge_judgements(&explain);
}

static void check_random_hold(struct requester *requester)
{
	struct hold *hold = draw_hold(requester);

	if (hold->fd < 0)
		return;
	if (prng_chance(&requester->prng, 50))
		check_hold(&requester->prng, hold);
	else
		check_window(&requester->prng, hold,
			     prng_chance(&requester->prng, 30));
}

/* Fork a child that shares the pin fds, uses them concurrently and exits soon. */
static void share_with_child(struct requester *requester)
{
	pid_t pid;

	count_event(&world->tally.requests[REQUEST_SHARE]);
	pid = fork();
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	requester->prng.state ^= 0x4348494c44;
	for (unsigned int i = 0; i < 6; i++) {
		check_random_hold(requester);
		if (requester->mem_fd >= 0)
			request_pin_more(requester);
	}
	_exit(0);
}

static void make_request(struct requester *requester)
{
	static void (*const requests[])(struct requester *) = {
		request_pin,  request_pin_more, request_populate,
		request_read, request_explain,
	};
	static const unsigned char weights[] = { 40, 10, 15, 20, 10 };

	if (requester->mem_fd < 0 || prng_chance(&requester->prng, 30))
		if (!find_target(requester))
			return;
	requests[prng_pick(&requester->prng, weights, 5)](requester);
}

static void limit_memlock(void)
{
	if (lab_set_memlock(MEMLOCK) || lab_drop_capability(CAP_IPC_LOCK))
		exit(1);
}

void requester_live(unsigned int worker, uint64_t seed)
{
	struct requester requester = { .prng.state = seed, .mem_fd = -1 };

	signal(SIGCHLD, SIG_IGN);
	for (unsigned int i = 0; i < HOLDS; i++)
		requester.holds[i].fd = -1;
	if (worker == TARGETS)
		limit_memlock();
	for (;;) {
		count_event(&world->beats[worker]);
		make_request(&requester);
		if (prng_chance(&requester.prng, 25))
			check_random_hold(&requester);
		if (prng_chance(&requester.prng, 8))
			release_hold(draw_hold(&requester));
		if (prng_chance(&requester.prng, 2))
			share_with_child(&requester);
	}
}
