/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that all processes of the chaos test share: the slots of the running targets,
 * the counters and the complaints.
 *
 *   target       changes its own memory at random: chaos_target.c
 *   child        forked by a target; performs some operations, then exits
 *   requester    makes requests, holds pins, checks the results: requester.c
 *   mm_pressure  migrates, reclaims and compacts memory: mm_pressure.c
 *
 * A process may be killed at any time, also while it writes to this memory. So each
 * field is a single word, and a reader must accept any combination of field values.
 */
#ifndef GUPX_TESTS_CHAOS_WORLD_H
#define GUPX_TESTS_CHAOS_WORLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/gupx.h>

#include "contract.h"
#include "prng.h"
#include "stamp.h"

#define TARGETS 4
#define REQUESTERS 4
#define WORKERS (TARGETS + REQUESTERS + 1)
#define SLOTS (2 * TARGETS)
#define ROWS 1024
#define ERRNOS 140
#define COMPLAINTS 16

/*
 * Operations of the targets, then operations of mm_pressure. report.c contains the
 * names of the operations.
 */
enum op {
	OP_WRITE,
	OP_LOOK,
	OP_MMAP,
	OP_MUNMAP,
	OP_MPROTECT,
	OP_MREMAP,
	OP_MLOCK,
	OP_MUNLOCK,
	OP_DONTNEED,
	OP_FREE,
	OP_PAGEOUT,
	OP_COLD,
	OP_COLLAPSE,
	OP_HUGEPAGE,
	OP_NOHUGEPAGE,
	OP_MERGEABLE,
	OP_UNMERGEABLE,
	OP_POPULATE,
	OP_GUARD,
	OP_REMOVE,
	OP_TRUNCATE,
	OP_FORK,
	OP_EXEC,
	OP_EXIT,
	OP_MOVE_PAGES,
	OP_MIGRATE,
	OP_COMPACT,
	OP_DROP_CACHES,
	OP_PAGEOUT_OF_OTHERS,
	OP_CLEAR_REFS,
	OPS,
};

enum request_kind {
	REQUEST_PIN,
	REQUEST_PIN_MORE,
	REQUEST_POPULATE,
	REQUEST_READ,
	REQUEST_EXPLAIN,
	REQUEST_PREAD,
	REQUEST_WINDOW,
	REQUEST_WINDOW_WRITE,
	REQUEST_SHARE,
	REQUEST_RELEASE,
	REQUESTS,
};

/**
 * struct slot - entry in which requesters find a target or a child
 * @life: number of the process; 0 if the slot is empty or about to change
 * @parent: number of the parent if the process is a child of a target, or 0
 * @pid: PID of the process; valid only while @life is not 0
 */
struct slot {
	_Atomic uint32_t life;
	_Atomic uint32_t parent;
	_Atomic int pid;
};

/**
 * struct row - published write counts of the pages of REGION_STEADY_* regions
 * @life: process number of the process that owns the pages
 * @count: published count of each page; never larger than the count in the page, because
 *	the process writes the count to the page before it publishes the count
 */
struct row {
	_Atomic uint32_t life;
	_Atomic uint32_t count[STEADY_PAGES];
};

/**
 * struct tally - counters of the test
 * @ops: operations performed, by enum op
 * @refused_ops: operations that the kernel refused, by enum op
 * @requests: requests made, by enum request_kind
 * @by_kernel: requests with GUPX_F_ENGINE_KERNEL
 * @short_requests: requests that stopped early
 * @pages: pages that requests completed
 * @checked: pages whose stamps were checked
 * @coherent: pages of REGION_STEADY_* regions whose count was compared with the
 *	published count
 * @reasons: requests that stopped early, by reason
 * @errnos: failed ioctls, by errno
 * @kills: processes killed by the main process
 * @stops: processes that the main process stopped, to continue them later
 * @lives: process numbers given to targets and children
 */
struct tally {
	_Atomic uint64_t ops[OPS];
	_Atomic uint64_t refused_ops[OPS];
	_Atomic uint64_t requests[REQUESTS];
	_Atomic uint64_t by_kernel;
	_Atomic uint64_t short_requests;
	_Atomic uint64_t pages;
	_Atomic uint64_t checked;
	_Atomic uint64_t coherent;
	_Atomic uint64_t reasons[CONTRACT_REASONS];
	_Atomic uint64_t errnos[ERRNOS];
	_Atomic uint64_t kills;
	_Atomic uint64_t stops;
	_Atomic uint64_t lives;
};

/*
 * The rules that the test checks. print_verdicts() in chaos.c prints the text of each
 * rule.
 */
enum rule {
	RULE_CONTENT,
	RULE_COHERENCE,
	RULE_CONTRACT,
	RULE_LIVENESS,
	RULE_BALANCE,
	RULE_VARIETY,
	RULES,
};

/**
 * struct world - the shared memory
 * @slots: slots of the targets, then of their children
 * @rows: published counts; a process uses the row with its process number modulo ROWS
 * @beats: heartbeat count of each worker
 * @next_life: how many process numbers have been given so far
 * @tally: counters
 * @broken: number of complaints, by rule
 * @complaints: number of complaints, including those that did not fit into @complaint
 * @complaint: text of the first complaints
 */
struct world {
	struct slot slots[SLOTS];
	struct row rows[ROWS];
	_Atomic uint64_t beats[WORKERS];
	_Atomic uint32_t next_life;
	struct tally tally;
	_Atomic uint32_t broken[RULES];
	_Atomic uint32_t complaints;
	char complaint[COMPLAINTS][240];
};

extern struct world *world;

/* A range of pages of a region. */
struct span {
	uint64_t page;
	uint64_t nr;
};

struct span draw_span(struct prng *prng, uint64_t pages);
/*
 * Pick a random region. Pick REGION_STEADY_* regions more often, because only their
 * pages are compared with published counts.
 */
enum region draw_region(struct prng *prng);

static inline void count_event(_Atomic uint64_t *counter)
{
	atomic_fetch_add(counter, 1);
}

void count_op(enum op op, bool refused);

void complain(enum rule rule, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Copy of a slot: process number, parent's process number and PID of a target or child.
 */
struct life {
	uint32_t number;
	uint32_t parent;
	pid_t pid;
};

/*
 * Copy a slot. Return: true on success, false if the slot is empty or changes during
 * the copy.
 */
bool world_look(unsigned int slot, struct life *life);
/*
 * Return: true if the slot still contains the process @life, else false. It is
 * sufficient to compare process numbers, because a number is reused only after all
 * other numbers were used.
 */
bool world_is_still(unsigned int slot, const struct life *life);
void world_enter(unsigned int slot, uint32_t parent, struct life *life);
void world_leave(unsigned int slot);

struct row *world_row(uint32_t life);

/* Main functions of the workers. These functions do not return. */
void chaos_target_live(unsigned int worker, uint64_t seed);
void requester_live(unsigned int worker, uint64_t seed);
void mm_pressure_live(unsigned int worker, uint64_t seed);

/* Call exec to become a new target. @worker is the worker number of the new target. */
void world_exec(unsigned int worker, uint64_t seed);

struct lab_answer;

/*
 * Check the result of a request, and complain if <linux/gupx.h> does not allow it. See
 * judge.c.
 */
void judge_request(enum request_kind kind, const struct lab_answer *answer,
		   uint64_t addr, uint64_t len, uint32_t flags);
void judge_judgements(const struct gupx_explain *request);

void report_begin(void);
void report_progress(uint64_t seconds);
void report_print(void);

#endif /* GUPX_TESTS_CHAOS_WORLD_H */
