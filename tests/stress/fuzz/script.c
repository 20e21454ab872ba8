// SPDX-License-Identifier: GPL-2.0
/*
 * Run the operations of a case in order. Operations that belong to TOGETHER run
 * concurrently.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define ROUNDS_MAX 24
#define CHILD_MICROSECONDS 4000

static void run_op(struct world *world, struct arena *arena,
		   const struct op *op)
{
	if (op->verb <= VERB_STRANGE)
		call_run(world, arena, op);
	else
		act_run(world, arena, op);
}

/**
 * struct thread - one of the threads that the operation TOGETHER starts
 * @world: state of the case
 * @arena: the thread's own memory for the arguments of calls
 * @op: operation that the thread repeats
 * @start: barrier at which all threads begin
 * @rounds: number of times that the thread performs @op
 * @id: thread ID
 */
struct thread {
	struct world *world;
	struct arena *arena;
	const struct op *op;
	pthread_barrier_t *start;
	unsigned int rounds;
	pthread_t id;
};

static void *run_thread(void *argument)
{
	const struct thread *thread = argument;

	pthread_barrier_wait(thread->start);
	for (unsigned int i = 0; i < thread->rounds; i++)
		run_op(thread->world, thread->arena, thread->op);
	return NULL;
}

static void run_together(struct world *world, const struct op *op, size_t nr,
			 unsigned int rounds)
{
	struct thread thread[THREADS];
	pthread_barrier_t start;

	/* No operation belongs to this TOGETHER, so there is nothing to run. */
	if (!nr)
		return;
	pthread_barrier_init(&start, NULL, nr);
	world->racing = true;
	for (size_t i = 0; i < nr; i++) {
		thread[i] = (struct thread){
			.world = world,
			.arena = &world->arena[1 + i],
			.op = &op[i],
			.start = &start,
			.rounds = rounds,
		};
		if (pthread_create(&thread[i].id, NULL, run_thread, &thread[i]))
			_exit(3);
	}
	for (size_t i = 0; i < nr; i++)
		pthread_join(thread[i].id, NULL);
	world->racing = false;
	pthread_barrier_destroy(&start);
}

static void live_as_child(struct world *world, const struct op *op, size_t nr)
{
	world->child = true;
	for (;;)
		for (size_t i = 0; i < nr; i++)
			run_op(world, &world->arena[0], &op[i]);
}

/*
 * Run operations in a child process. Kill the child after @microseconds, while it is
 * still running the operations.
 */
static void run_child(struct world *world, const struct op *op, size_t nr,
		      unsigned int microseconds)
{
	const struct timespec nap = { .tv_nsec = microseconds * 1000 };
	const pid_t pid = fork();

	if (pid == 0)
		live_as_child(world, op, nr);
	if (pid < 0)
		return;
	/*
	 * The child shares our pin fds. It may unpin pages of these pin fds or seal
	 * them, so expect gaps and seals from now on.
	 */
	world->released = true;
	world->sealed = true;
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

void script_run(struct world *world, const struct sketch *sketch)
{
	for (size_t i = 0; i < sketch->nr && !world->tally->failed; i++) {
		const struct op *op = &sketch->op[i];
		const size_t nr = min_size(op->count, sketch->nr - i - 1);

		switch (op->verb) {
		case VERB_TOGETHER:
			run_together(world, op + 1, min_size(nr, THREADS),
				     1 + op->number % ROUNDS_MAX);
			i += nr;
			break;
		case VERB_CHILD:
			run_child(world, op + 1, nr,
				  op->number % CHILD_MICROSECONDS);
			i += nr;
			break;
		default:
			run_op(world, &world->arena[0], op);
		}
	}
}
