// SPDX-License-Identifier: GPL-2.0
/* Threads: jobs.h. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "jobs.h"
#include "signals.h"

/* How long an interrupted thread has, until it is interrupted again. */
#define PATIENCE_NS (20 * 1000 * 1000)

struct job {
	void (*run)(void *thing);
	void *thing;
	pthread_t thread;
	bool threaded;
};

static void *run_job(void *data)
{
	const struct job *job = data;

	job->run(job->thing);
	return NULL;
}

/* Ctrl-C is the main thread's to hear, or it would not know. */
static bool start(struct job *job)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&job->thread, NULL, run_job, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !error;
}

static void note_nothing(int number)
{
	(void)number;
}

/*
 * A signal that came before the thread was in its ioctl is lost on it, so it gets
 * another one, until it ends.
 */
static void finish(const struct job *job)
{
	struct timespec until;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += PATIENCE_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		if (!pthread_timedjoin_np(job->thread, NULL, &until))
			return;
		if (gupx_signals_came())
			pthread_kill(job->thread, SIGUSR1);
	}
}

void gupx_jobs_run(void (*run)(void *thing), void *things, size_t count,
		   size_t size)
{
	const struct sigaction action = { .sa_handler = note_nothing };
	struct job job[GUPX_JOBS_MAX];
	size_t i;

	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < count; i++) {
		job[i] = (struct job){
			.run = run,
			.thing = (char *)things + i * size,
		};
		job[i].threaded = i && start(&job[i]);
	}
	for (i = 0; i < count; i++)
		if (!job[i].threaded)
			run_job(&job[i]);
	for (i = 0; i < count; i++)
		if (job[i].threaded)
			finish(&job[i]);
}
