// SPDX-License-Identifier: GPL-2.0
/*
 * The harness ends a test after 30 s, by alarm(). That is meant for a stock
 * kernel, emulated; the lab says by PACE how many times longer this one may take.
 * A program's own alarm() stands before the C library's.
 */
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static unsigned int pace(void)
{
	const char *word = getenv("PACE");
	const unsigned long times = word ? strtoul(word, NULL, 10) : 1;

	return times ? times : 1;
}

unsigned int alarm(unsigned int seconds)
{
	struct itimerval timer = { .it_value.tv_sec = seconds * pace() };
	struct itimerval before;

	setitimer(ITIMER_REAL, &timer, &before);
	return before.it_value.tv_sec + !!before.it_value.tv_usec;
}
