// SPDX-License-Identifier: GPL-2.0
/*
 * The harness ends a test by alarm(), by default after 30 s. This is long enough for
 * a stock kernel in an emulated machine. For slower kernels, the environment variable
 * PACE multiplies the timeout. The alarm() in this file replaces the function of the
 * C library.
 */
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static unsigned int read_pace(void)
{
	const char *word = getenv("PACE");
	const unsigned long times = word ? strtoul(word, NULL, 10) : 1;

	return times ? times : 1;
}

unsigned int alarm(unsigned int seconds)
{
	struct itimerval timer = { .it_value.tv_sec = seconds * read_pace() };
	struct itimerval before;

	setitimer(ITIMER_REAL, &timer, &before);
	return before.it_value.tv_sec + !!before.it_value.tv_usec;
}
