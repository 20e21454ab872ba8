// SPDX-License-Identifier: GPL-2.0
/*
 * The life of an asker: random requests of random targets, pins held for a while,
 * looked at, shared with a child, and let go in one way or another.
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

#include "../lab.h"
#include "asker.h"

#define HOLDS 8
#define READ_MAX (64 * PAGE)
#define JUDGEMENTS 32

/* One asker has a limit, small enough to be met. */
#define MEMLOCK (6UL << 20)

/**
 * struct asker - who asks
 * @dice: of it
 * @mem_fd: of the current target, or -1
 * @life: of the current target
 * @holds: what it holds
 */
struct asker {
	struct dice dice;
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
 * The number of the slot, before and after: in between it had one address space,
 * and that is the one that was opened.
 */
static bool find_target(struct asker *asker)
{
	unsigned int slot = dice_below(&asker->dice, VICTIMS);

	if (dice_chance(&asker->dice, 40))
		slot += VICTIMS;
	if (asker->mem_fd >= 0)
		close(asker->mem_fd);
	asker->mem_fd = -1;
	if (!world_look(slot, &asker->life))
		return false;
	asker->mem_fd = lab_open_mem(asker->life.pid, O_RDWR);
	if (asker->mem_fd < 0)
		return false;
	if (world_is_still(slot, &asker->life))
		return true;
	close(asker->mem_fd);
	asker->mem_fd = -1;
	return false;
}

/* Stack, text, nothing, the kernel's half: for the answers, not the content. */
static uint64_t draw_odd_address(struct dice *dice)
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

	return addresses[dice_below(dice,
				    sizeof(addresses) / sizeof(addresses[0]))];
}

static void draw_range(struct dice *dice, struct request *request)
{
	const struct span span = dice_span(dice, REGION_PAGES);
	const enum region region = dice_region(dice);
	/* What is steady has one window only. */
	const unsigned int window =
		stamp_is_steady(region) ? 0 : dice_below(dice, WINDOWS);

	request->addr = stamp_addr(region, window, span.page);
	request->len = span.nr * PAGE;
	if (dice_chance(dice, 3))
		request->addr = draw_odd_address(dice);
	/* Across the end of a region, and of its window. */
	if (dice_chance(dice, 3))
		request->len += dice_below(dice, REGION_BYTES) & -PAGE;
}

static uint32_t draw_flags(struct dice *dice, uint32_t allowed)
{
	static const struct {
		uint32_t flag;
		unsigned int percent;
	} flags[] = {
		{ GUPX_F_WRITE, 45 },	      { GUPX_F_FORCE, 8 },
		{ GUPX_F_NOFAULT, 12 },	      { GUPX_F_NOWAIT, 5 },
		{ GUPX_F_ANON, 5 },	      { GUPX_F_DUMP, 5 },
		{ GUPX_F_HWPOISON, 10 },      { GUPX_F_INTERRUPTIBLE, 10 },
		{ GUPX_F_HONOR_NUMA, 10 },    { GUPX_F_SHORT, 4 },
		{ GUPX_F_ENGINE_KERNEL, 25 },
	};
	uint32_t drawn = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (dice_chance(dice, flags[i].percent))
			drawn |= flags[i].flag;
	/* These two contradict each other. */
	if (drawn & GUPX_F_SHORT)
		drawn &= ~GUPX_F_ENGINE_KERNEL;
	return drawn & allowed;
}

static struct request draw_request(struct asker *asker, uint32_t allowed)
{
	struct request request;

	draw_range(&asker->dice, &request);
	request.flags = draw_flags(&asker->dice, allowed);
	return request;
}

static struct hold *draw_hold(struct asker *asker)
{
	return &asker->holds[dice_below(&asker->dice, HOLDS)];
}

static void release(struct hold *hold)
{
	if (hold->fd < 0)
		return;
	close(hold->fd);
	hold->fd = -1;
	count(&world->tally.asks[ASK_RELEASE]);
}

static void ask_pin(struct asker *asker)
{
	const struct request request = draw_request(asker, GUPX_PIN_FLAGS);
	struct hold *hold = draw_hold(asker);
	struct lab_answer answer;

	release(hold);
	answer = lab_pin(asker->mem_fd, request.addr, request.len,
			 request.flags);
	contract_check(ASK_PIN, &answer, request.addr, request.len,
		       request.flags);
	if (answer.pin_fd < 0)
		return;
	*hold = (struct hold){ .fd = answer.pin_fd, .life = asker->life };
	check_hold(&asker->dice, hold);
}

/* To what is held already; another address space, now and then, is refused. */
static void ask_pin_more(struct asker *asker)
{
	const struct request request = draw_request(asker, GUPX_PIN_FLAGS);
	struct hold *hold = draw_hold(asker);
	struct lab_answer answer;

	if (hold->fd < 0)
		return;
	answer = lab_pin_more(hold->fd, asker->mem_fd, request.addr,
			      request.len, request.flags);
	contract_check(ASK_PIN_MORE, &answer, request.addr, request.len,
		       request.flags);
	if (!answer.failed && hold->life.number != asker->life.number)
		complain(RULE_CONTRACT, "pins of two address spaces in one fd");
	if (!answer.failed)
		check_hold(&asker->dice, hold);
}

static void ask_populate(struct asker *asker)
{
	const struct request request = draw_request(asker, GUPX_POPULATE_FLAGS);
	const struct lab_answer answer = lab_populate(
		asker->mem_fd, request.addr, request.len, request.flags);

	contract_check(ASK_POPULATE, &answer, request.addr, request.len,
		       request.flags);
}

static void ask_read(struct asker *asker)
{
	static unsigned char buffer[READ_MAX];
	struct request request = draw_request(asker, GUPX_READ_FLAGS);
	struct lab_answer answer;

	if (request.len > READ_MAX)
		request.len = READ_MAX;
	if (dice_chance(&asker->dice, 50)) {
		request.addr += dice_below(&asker->dice, PAGE);
		request.len -= dice_below(&asker->dice, PAGE);
	}
	answer = lab_read(asker->mem_fd, request.addr, request.len, buffer,
			  request.flags);
	contract_check(ASK_READ, &answer, request.addr, request.len,
		       request.flags);
	if (!answer.failed)
		check_read(&asker->life, request.addr, answer.done, buffer);
}

static void ask_explain(struct asker *asker)
{
	static const uint32_t flags[] = {
		[GUPX_VERB_PIN] = GUPX_PIN_FLAGS,
		[GUPX_VERB_POPULATE] = GUPX_POPULATE_FLAGS,
		[GUPX_VERB_READ] = GUPX_READ_FLAGS,
	};
	const uint32_t verb = dice_below(&asker->dice, 3);
	const struct request request =
		draw_request(asker, flags[verb] & ~GUPX_F_ENGINE_KERNEL);
	struct gupx_judgement judgements[JUDGEMENTS];
	struct gupx_explain explain = {
		.size = sizeof(explain),
		.flags = request.flags,
		.mem_fd = asker->mem_fd,
		.verb = verb,
		.addr = request.addr,
		.len = request.len,
		.buf = (uintptr_t)judgements,
		.capacity = 1 + dice_below(&asker->dice, JUDGEMENTS),
		.entry_size = sizeof(judgements[0]),
	};
	const int error =
		ioctl(lab_device(), GUPX_IOC_EXPLAIN, &explain) ? errno : 0;
	/* It judges on behind a stop, so it has none of its own. */
	const struct lab_answer answer = {
		.failed = error,
		.done = request.len,
		.stop.addr = request.addr + request.len,
	};

	contract_check(ASK_EXPLAIN, &answer, request.addr, request.len,
		       request.flags);
	if (!error)
		contract_check_judgements(&explain);
}

static void look_at_hold(struct asker *asker)
{
	struct hold *hold = draw_hold(asker);

	if (hold->fd < 0)
		return;
	if (dice_chance(&asker->dice, 50))
		check_hold(&asker->dice, hold);
	else
		check_window(&asker->dice, hold, dice_chance(&asker->dice, 30));
}

/* A child that holds what we hold, uses it while we do, and is soon gone. */
static void share(struct asker *asker)
{
	pid_t pid;

	count(&world->tally.asks[ASK_SHARE]);
	pid = fork();
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	asker->dice.state ^= 0x4348494c44;
	for (unsigned int i = 0; i < 6; i++) {
		look_at_hold(asker);
		if (asker->mem_fd >= 0)
			ask_pin_more(asker);
	}
	_exit(0);
}

static void act(struct asker *asker)
{
	static void (*const ways[])(struct asker *) = {
		ask_pin, ask_pin_more, ask_populate, ask_read, ask_explain,
	};
	static const unsigned char weights[] = { 40, 10, 15, 20, 10 };

	if (asker->mem_fd < 0 || dice_chance(&asker->dice, 30))
		if (!find_target(asker))
			return;
	ways[dice_pick(&asker->dice, weights, 5)](asker);
}

static void become_weak(void)
{
	if (lab_set_memlock(MEMLOCK) || lab_drop_capability(CAP_IPC_LOCK))
		exit(1);
}

void asker_live(unsigned int worker, uint64_t seed)
{
	struct asker asker = { .dice.state = seed, .mem_fd = -1 };

	signal(SIGCHLD, SIG_IGN);
	for (unsigned int i = 0; i < HOLDS; i++)
		asker.holds[i].fd = -1;
	if (worker == VICTIMS)
		become_weak();
	for (;;) {
		count(&world->beats[worker]);
		act(&asker);
		if (dice_chance(&asker.dice, 25))
			look_at_hold(&asker);
		if (dice_chance(&asker.dice, 8))
			release(draw_hold(&asker));
		if (dice_chance(&asker.dice, 2))
			share(&asker);
	}
}
