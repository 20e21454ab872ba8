// SPDX-License-Identifier: GPL-2.0
/* Run a function in several threads. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "jobs.h"
#include "signals.h"

/* Nanoseconds between two signals to a thread that must end after Ctrl-C. */
#define RETRY_NS (20 * 1000 * 1000)

struct job {
	void (*run)(void *element);
	void *element;
	pthread_t thread;
	bool threaded;
};

static void *run_job(void *data)
{
	const struct job *job = data;

	job->run(job->element);
	return NULL;
}

/*
 * Start a thread. Block all signals except SIGUSR1 in the thread, so that Ctrl-C
 * interrupts the main thread.
 */
static bool start_thread(struct job *job)
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

static void ignore_signal(int number)
{
	(void)number;
}

/*
 * Wait for a thread. After Ctrl-C, send SIGUSR1 repeatedly until the thread ends. A
 * single signal is not enough: if it arrives before the thread enters the ioctl, it
 * does not interrupt the ioctl.
 */
static void join_thread(const struct job *job)
{
	struct timespec until;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += RETRY_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		if (!pthread_timedjoin_np(job->thread, NULL, &until))
			return;
		if (gupx_signals_received())
			pthread_kill(job->thread, SIGUSR1);
	}
}

void gupx_jobs_run(void (*run)(void *element), void *elements, size_t count,
		   size_t size)
{
	const struct sigaction action = { .sa_handler = ignore_signal };
	struct job job[GUPX_JOBS_MAX];
	size_t i;

	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < count; i++) {
		job[i] = (struct job){
			.run = run,
			.element = (char *)elements + i * size,
		};
		job[i].threaded = i && start_thread(&job[i]);
	}
	for (i = 0; i < count; i++)
		if (!job[i].threaded)
			run_job(&job[i]);
	for (i = 0; i < count; i++)
		if (job[i].threaded)
			join_thread(&job[i]);
}
