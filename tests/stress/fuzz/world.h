/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a case works on: a target, descriptors, windows, and memory of its own to
 * call from. A case lives in a process of its own, the worker; what it finds goes
 * to the tally, which lies in memory shared with the parent.
 */
#ifndef GUPX_TESTS_FUZZ_WORLD_H
#define GUPX_TESTS_FUZZ_WORLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lab.h"
#include "memory.h"
#include "target.h"
#include "guard.h"
#include "op.h"

#define ERRNOS 134
#define REASONS 64
#define WINDOWS 4
#define THREADS 5

/**
 * struct tally - what came of all cases so far
 * @operations: done
 * @answers: by verb and errno
 * @reasons: that requests ended short for
 * @failed: in this case; the text is set
 */
struct tally {
	_Atomic uint64_t operations;
	_Atomic uint64_t answers[VERBS][ERRNOS];
	_Atomic uint64_t reasons[REASONS];
	_Atomic bool failed;
	char text[400];
};

/* Is an address space still there? */
enum life { LIFE_ON, LIFE_GONE, LIFE_UNSURE };

/**
 * struct slot - a pin fd
 * @fd: -1: none. Whoever swaps a number out of it closes it.
 * @mem: handle of the address space, %HANDLE_TARGET of all the target's
 * @user: that made it
 */
struct slot {
	_Atomic int fd;
	uint8_t mem;
	unsigned int user;
};

/* A mapping of a pin fd, in a zone of addresses that nothing else is put into. */
struct window {
	uint64_t addr;
	_Atomic uint64_t len;
	int protection;
};

/**
 * struct arena - a caller's own memory, below 4 GiB
 * @read_only: one page
 * @rooms: two pages for structs, guarded
 * @buffer: BUFFER_BYTES, guarded
 */
struct arena {
	uint8_t *read_only;
	uint8_t *rooms;
	uint8_t *buffer;
};

#define BUFFER_BYTES (16UL << 12)
#define ROOMS_BYTES (2UL << 12)

/**
 * struct world - see above
 * @handle: descriptors of each kind, up to the pin fds
 * @guarded: mappings of bytes that must not change; 0: none of that kind
 * @line: one order to the target at a time
 * @target_life, @target_child_life: of their address spaces
 * @user: counts how often we became someone else
 * @largest_pin: bytes that one PIN may ask for
 * @admin: all capabilities but perhaps CAP_IPC_LOCK
 * @limited: RLIMIT_MEMLOCK holds for us
 * @released: parts of pin fds were released, so what is read of them has gaps
 * @sealed: some pin fd refuses pins, windows or releases
 * @few_files: RLIMIT_NOFILE may be met
 * @racing: others are at work: only what holds at all times is expected
 * @child: a copy of the worker, without a line to the target
 * @sleeper: a child that holds copies of all descriptors
 */
struct world {
	struct tally *tally;
	struct target target;
	struct target target_child;
	struct memory region[REGIONS];
	int handle[HANDLE_PIN0];
	struct slot slot[PIN_SLOTS];
	struct window window[WINDOWS];
	struct arena arena[THREADS + 1];
	uint64_t guarded[GUARDS];
	pthread_mutex_t line;
	enum life target_life;
	enum life target_child_life;
	unsigned int user;
	uint64_t largest_pin;
	bool admin;
	bool limited;
	bool released;
	bool sealed;
	bool few_files;
	bool racing;
	bool child;
	pid_t sleeper;
};

/* Handles that do not depend on the case; the others are -1. */
void world_prepare(int handle[HANDLE_PIN0]);
/* False: no target to be had. */
bool world_build(struct world *world, const struct sketch *sketch);

/* Who does not answer in time is taken for dead. */
void world_bound_wait(const struct target *target);

int world_fd(struct world *world, unsigned int handle);
bool world_is_slot(unsigned int handle);
struct slot *world_slot(struct world *world, unsigned int handle);
/* Closes what was there. */
void world_fill_slot(struct world *world, unsigned int slot, int fd,
		     uint8_t mem, unsigned int user);

uint64_t world_addr(struct world *world, const struct arena *arena,
		    const struct op *op);
uint64_t world_len(struct world *world, const struct op *op, uint64_t addr);
uint64_t world_buffer(struct world *world, const struct arena *arena,
		      const struct op *op);
/* Bytes that may be written from there on, 0 where none are known. */
size_t world_buffer_room(const struct op *op);

/* The first failure of a case is kept. */
void world_fail(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void world_count(struct world *world, const struct op *op, int error);

/* What the ioctls do, and what the others do. */
void call_run(struct world *world, struct arena *arena, const struct op *op);
void act_run(struct world *world, struct arena *arena, const struct op *op);
/* Signals, for touches and alarms. */
void act_prepare(void);
/* Lets go of all that the world holds. */
void act_end(struct world *world);
/* All of a case. */
void script_run(struct world *world, const struct sketch *sketch);

#endif /* GUPX_TESTS_FUZZ_WORLD_H */
