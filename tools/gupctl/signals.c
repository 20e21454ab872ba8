// SPDX-License-Identifier: GPL-2.0
/* Handle SIGINT, SIGTERM and SIGHUP. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "signals.h"

static const int handled[] = { SIGINT, SIGTERM, SIGHUP };

/* Number of the last signal, or 0 */
static volatile sig_atomic_t received;

/* 1 after SIGWINCH */
static volatile sig_atomic_t resized;

static void note_signal(int number)
{
	received = number;
}

static void note_resize(int number)
{
	(void)number;
	resized = 1;
}

bool gupx_signals_resized(void)
{
	const bool was = resized;

	resized = 0;
	return was;
}

/*
 * Install the handlers without SA_RESTART, so that a signal interrupts an ioctl that
 * waits for a page.
 */
void gupx_signals_init(void)
{
	struct sigaction action = { .sa_handler = note_signal };
	const struct sigaction resize = { .sa_handler = note_resize };
	struct sigaction before;
	size_t i;

	sigemptyset(&action.sa_mask);
	/*
	 * This signal interrupts an ioctl, too, so that the progress is drawn again at
	 * once. The request continues afterwards.
	 */
	sigaction(SIGWINCH, &resize, NULL);
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
		/*
		 * Under nohup, SIGHUP is ignored, and must stay ignored. SIGINT is
		 * handled even if it was ignored, because shells ignore it in all
		 * background jobs of scripts.
		 */
		if (handled[i] == SIGHUP &&
		    !sigaction(handled[i], NULL, &before) &&
		    before.sa_handler == SIG_IGN)
			continue;
		sigaction(handled[i], &action, NULL);
	}
}

int gupx_signals_received(void)
{
	return received;
}

const char *gupx_signals_name(void)
{
	switch (received) {
	case SIGINT:
		return "SIGINT";
	case SIGTERM:
		return "SIGTERM";
	case SIGHUP:
		return "SIGHUP";
	}
	return NULL;
}

double gupx_signals_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void block_handled(sigset_t *before)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaddset(&set, handled[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

/*
 * Block SIGINT, SIGTERM and SIGHUP except inside ppoll(). If they were not blocked, a
 * signal that arrives after the check of "received" but before ppoll() would not end
 * the wait.
 */
enum gupx_signals_end gupx_signals_wait(double deadline, struct pollfd *files,
					size_t count)
{
	enum gupx_signals_end end = GUPX_SIGNALS_END_SIGNAL;
	sigset_t before;

	block_handled(&before);
	while (!received) {
		double left = deadline - gupx_signals_now();
		struct timespec timeout;
		int ready;

		if (deadline >= 0 && left <= 0) {
			end = GUPX_SIGNALS_END_TIME;
			break;
		}
		timeout.tv_sec = (time_t)left;
		timeout.tv_nsec = (long)((left - (double)(time_t)left) * 1e9);
		ready = ppoll(files, count, deadline >= 0 ? &timeout : NULL,
			      &before);
		if (ready > 0 || (ready < 0 && errno != EINTR)) {
			end = GUPX_SIGNALS_END_FD;
			break;
		}
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return end;
}
