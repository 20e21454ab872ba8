// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "inject.h"
#include "knob.h"

#define SETTINGS "/sys/kernel/debug/"
/* More than any call needs: a sweep must end. */
#define MANY 20000

/*
 * Those that could wait fail too, and single pages. Who asks for no failure is not
 * concerned by these settings: they stay.
 */
const char *inject_open(struct inject *inject)
{
	*inject = (struct inject){
		.file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC),
	};
	if (inject->file < 0)
		return "no fault injection: /proc/thread-self/fail-nth";
	if (!knob_set(SETTINGS "failslab/ignore-gfp-wait", 0) ||
	    !knob_set(SETTINGS "fail_page_alloc/ignore-gfp-wait", 0) ||
	    !knob_set(SETTINGS "fail_page_alloc/ignore-gfp-highmem", 0) ||
	    !knob_set(SETTINGS "fail_page_alloc/min-order", 0))
		return "no fault injection in debugfs";
	knob_set(SETTINGS "failslab/verbose", 0);
	knob_set(SETTINGS "fail_page_alloc/verbose", 0);
	knob_set(SETTINGS "fail_usercopy/verbose", 0);
	return NULL;
}

void inject_arm(struct inject *inject)
{
	char text[16];
	const int len = snprintf(text, sizeof(text), "%u", ++inject->nth);

	if (inject->nth > MANY || pwrite(inject->file, text, len, 0) != len)
		abort();
}

bool inject_disarm(struct inject *inject)
{
	const int error = errno;
	char text[16] = "";
	/* Where this very read fails, none had. */
	const bool hit = pread(inject->file, text, sizeof(text) - 1, 0) > 0 &&
			 strtoul(text, NULL, 10) == 0;

	/* The write may be the nth, once. */
	while (pwrite(inject->file, "0", 1, 0) != 1)
		if (errno != EFAULT)
			abort();
	inject->hits += hit;
	errno = error;
	return hit;
}
