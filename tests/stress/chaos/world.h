/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all processes of the chaos share: who lives, what was done and counted,
 * and what was found wrong.
 *
 *   victim   does things to its own memory: chaos_target.c
 *   heir     a fork of a victim, that goes on for a while
 *   asker    makes requests, holds pins, checks what it gets: requester.c
 *   weather  does things to the machine, and to victims from outside: mm_pressure.c
 *
 * Everything here may be written by a process in the moment it is killed: so
 * only single words that are true at any time.
 */
#ifndef GUPX_TESTS_CHAOS_WORLD_H
#define GUPX_TESTS_CHAOS_WORLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/gupx.h>

#include "prng.h"
#include "stamp.h"

#define TARGETS 4
#define REQUESTERS 4
#define WORKERS (TARGETS + REQUESTERS + 1)
#define SLOTS (2 * TARGETS)
#define ROWS 1024
#define REASONS (GUPX_REASON_EXTENTS + 1)
#define ERRNOS 140
#define COMPLAINTS 16

/* What victims and the weather do: names are in report.c. */
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

enum ask {
	ASK_PIN,
	ASK_PIN_MORE,
	ASK_POPULATE,
	ASK_READ,
	ASK_EXPLAIN,
	ASK_PREAD,
	ASK_WINDOW,
	ASK_WINDOW_WRITE,
	ASK_SHARE,
	ASK_RELEASE,
	ASKS,
};

/**
 * struct slot - a victim or an heir, as askers find it
 * @life: its number; 0: nobody, or one that is just becoming another
 * @parent: the life it was forked from, or 0
 * @pid: valid while @life is
 */
struct slot {
	_Atomic uint32_t life;
	_Atomic uint32_t parent;
	_Atomic int pid;
};

/**
 * struct row - what a life has written to its steady pages, at the least
 * @life: whose it is
 * @count: by page; published after the page was written
 */
struct row {
	_Atomic uint32_t life;
	_Atomic uint32_t count[STEADY_PAGES];
};

/**
 * struct tally - what happened, in numbers
 * @ops: done
 * @refused_ops: that the kernel refused
 * @asks: requests made
 * @by_kernel: of them, by the kernel's engine
 * @short_asks: of them, that ended short
 * @pages: done
 * @checked: pages whose content was looked at
 * @coherent: of them, those whose owner's last word was compared
 * @reasons: of those that ended short
 * @errnos: of ioctls that failed
 * @kills: by whom: victims, heirs, askers, weather
 * @stops: SIGSTOP, and SIGCONT later
 * @lives: of victims and heirs
 */
struct tally {
	_Atomic uint64_t ops[OPS];
	_Atomic uint64_t refused_ops[OPS];
	_Atomic uint64_t asks[ASKS];
	_Atomic uint64_t by_kernel;
	_Atomic uint64_t short_asks;
	_Atomic uint64_t pages;
	_Atomic uint64_t checked;
	_Atomic uint64_t coherent;
	_Atomic uint64_t reasons[REASONS];
	_Atomic uint64_t errnos[ERRNOS];
	_Atomic uint64_t kills;
	_Atomic uint64_t stops;
	_Atomic uint64_t lives;
};

/* Which of the rules a complaint is about. */
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
 * struct world - all that is shared
 * @slots: victims, then their heirs
 * @rows: by life, in turn
 * @beats: of each worker: does it go on?
 * @next_life: lives so far
 * @tally: numbers
 * @broken: complaints, by rule
 * @complaints: how many, also those that had no room
 * @complaint: the first ones, in words
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

/* Part of a region: mostly small. */
struct span {
	uint64_t page;
	uint64_t nr;
};

struct span draw_span(struct prng *prng, uint64_t pages);
/* More often a steady one, of which more can be said. */
enum region draw_region(struct prng *prng);

static inline void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add(counter, 1);
}

void count_op(enum op op, bool refused);

void complain(enum rule rule, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A copy of a slot that was true for a moment; false: nobody is there. */
struct life {
	uint32_t number;
	uint32_t parent;
	pid_t pid;
};

bool world_look(unsigned int slot, struct life *life);
/* Whether that is still so. A life's number never comes back in time. */
bool world_is_still(unsigned int slot, const struct life *life);
void world_enter(unsigned int slot, uint32_t parent, struct life *life);
void world_leave(unsigned int slot);

struct row *world_row(uint32_t life);

/* The lives of the workers; they do not return. */
void chaos_target_live(unsigned int worker, uint64_t seed);
void requester_live(unsigned int worker, uint64_t seed);
void mm_pressure_live(unsigned int worker, uint64_t seed);

/* The whole program again, as the victim of @worker: what exec does to it. */
void world_exec(unsigned int worker, uint64_t seed);

struct lab_answer;

/* Whether an answer keeps to the header's contract: contract.c. */
void contract_check(enum ask ask, const struct lab_answer *answer,
		    uint64_t addr, uint64_t len, uint32_t flags);
void contract_check_judgements(const struct gupx_explain *request);

void report_begin(void);
void report_progress(uint64_t seconds);
void report_print(void);

#endif /* GUPX_TESTS_CHAOS_WORLD_H */
