/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State of a case: the target, the file descriptors, the windows, and the memory for
 * the arguments of calls. Each case runs in its own process, the worker. The worker
 * counts results in the tally, which is in memory that the worker shares with its
 * parent.
 */
#ifndef GUPX_TESTS_FUZZ_WORLD_H
#define GUPX_TESTS_FUZZ_WORLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "contract.h"
#include "lab.h"
#include "memory.h"
#include "target.h"
#include "guard.h"
#include "op.h"

#define ERRNOS 134
#define WINDOWS 4
#define THREADS 5

/**
 * struct tally - results of all cases so far
 * @operations: number of operations performed
 * @answers: number of results, by verb and errno
 * @reasons: number of requests that stopped early, by reason
 * @failed: true if the current case has failed
 * @text: description of the failure
 */
struct tally {
	_Atomic uint64_t operations;
	_Atomic uint64_t answers[VERBS][ERRNOS];
	_Atomic uint64_t reasons[CONTRACT_REASONS];
	_Atomic bool failed;
	char text[400];
};

/* Whether an address space exists, no longer exists, or may or may not exist. */
enum life { LIFE_ON, LIFE_GONE, LIFE_UNSURE };

/**
 * struct slot - a pin fd
 * @fd: the descriptor, or -1 if there is none. A thread that replaces the descriptor
 *	closes the previous one.
 * @mem: handle that stands for the pinned address space, see call_space_of()
 * @user: value of world.user when the pin fd was created
 */
struct slot {
	_Atomic int fd;
	uint8_t mem;
	unsigned int user;
};

/*
 * A mapping of a pin fd. The kernel places no other mappings at the address of a
 * window.
 */
struct window {
	uint64_t addr;
	_Atomic uint64_t len;
	int protection;
};

/**
 * struct arena - memory for the arguments of calls, below 4 GiB
 * @read_only: one read-only page
 * @rooms: two pages for structs, between guard pages
 * @buffer: output buffer of BUFFER_BYTES, between guard pages
 */
struct arena {
	uint8_t *read_only;
	uint8_t *rooms;
	uint8_t *buffer;
};

#define BUFFER_BYTES (16UL << 12)
#define ROOMS_BYTES (2UL << 12)

/**
 * struct world - state of a case
 * @tally: results of all cases
 * @target: the target process
 * @target_child: forked child of the target; its pid is 0 if there is no child
 * @region: regions of memory in the target
 * @handle: file descriptors by enum handle, except for the pin fds, which are in @slot
 * @slot: the pin fds
 * @window: the windows
 * @arena: memory for the arguments of calls; the first arena is for the main thread, the
 *	others are for the threads of TOGETHER
 * @guarded: address of each kind of guarded bytes; 0 if there is none
 * @line: lock that is held while the target executes a call
 * @target_life: whether the target's address space still exists
 * @target_child_life: whether the address space of the target's child still exists
 * @user: number of times that the worker changed its user
 * @largest_pin: maximum length of one PIN request, in bytes
 * @admin: true if the worker is root, with or without CAP_IPC_LOCK
 * @limited: true if RLIMIT_MEMLOCK applies to the worker
 * @released: true if parts of a pin fd may have been unpinned, so that pread() may find
 *	gaps
 * @sealed: true if some pin fd may have a seal
 * @few_files: true if calls may fail because of RLIMIT_NOFILE
 * @racing: true while threads run concurrently; then only results that do not depend on
 *	races are checked
 * @child: true if this process is a CHILD, which cannot send calls to the target
 * @sleeper: PID of a child that holds copies of the descriptors; 0 if there is none
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

/*
 * Open the descriptors that all cases share. Set all other elements of @handle to -1.
 */
void world_prepare(int handle[HANDLE_PIN0]);
/*
 * Start the target and build the target's memory. Return: true on success, else false.
 */
bool world_build(struct world *world, const struct sketch *sketch);

/*
 * Limit the time for which we wait until the target has executed a call. A target that
 * exceeds the limit is treated like a target that died.
 */
void world_bound_wait(const struct target *target);

int world_fd(struct world *world, unsigned int handle);
bool world_is_slot(unsigned int handle);
struct slot *world_slot(struct world *world, unsigned int handle);
/* Store @fd in the slot and close the descriptor that the slot contained before. */
void world_fill_slot(struct world *world, unsigned int slot, int fd,
		     uint8_t mem, unsigned int user);

uint64_t world_addr(struct world *world, const struct arena *arena,
		    const struct op *op);
uint64_t world_len(struct world *world, const struct op *op, uint64_t addr);
uint64_t world_buffer(struct world *world, const struct arena *arena,
		      const struct op *op);
/*
 * Return: number of writable bytes at the address that world_buffer() returns, or 0 if
 * the address is not in the arena's output buffer. These bytes are checked after the
 * call.
 */
size_t world_buffer_room(const struct op *op);

/* Record a failure. Only the first failure of a case is recorded. */
void world_fail(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void world_count(struct world *world, const struct op *op, int error);

/*
 * Perform an operation. call_run() performs ioctls, and act_run() performs all other
 * verbs.
 */
void call_run(struct world *world, struct arena *arena, const struct op *op);
void act_run(struct world *world, struct arena *arena, const struct op *op);
/* Install the handlers for faults in windows and for SIGALRM. */
void act_prepare(void);
/* Close all pin fds, unmap all windows and kill the sleeper. */
void act_end(struct world *world);
/* Run all operations of a case. */
void script_run(struct world *world, const struct sketch *sketch);

#endif /* GUPX_TESTS_FUZZ_WORLD_H */
