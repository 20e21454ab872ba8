// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fail_nth.h"
#include "sysctl.h"

#define SETTINGS "/sys/kernel/debug/"
/*
 * Maximum value of @nth. A test increments @nth until no failure is injected, because
 * @nth exceeds the number of allocations and user copies of the call. No tested call
 * makes this many of them. So with a larger @nth, the test would never end, and the
 * program aborts.
 */
#define MANY 20000

/*
 * Open the fail-nth file and change the settings of the fault injection, so that
 * allocations that may sleep and allocations of single pages can also fail. The
 * settings affect only threads that use fail-nth, so they are not restored.
 */
const char *fail_nth_open(struct fail_nth *fail_nth)
{
	*fail_nth = (struct fail_nth){
		.file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC),
	};
	if (fail_nth->file < 0)
		return "no fault injection: /proc/thread-self/fail-nth";
	if (!sysctl_set(SETTINGS "failslab/ignore-gfp-wait", 0) ||
	    !sysctl_set(SETTINGS "fail_page_alloc/ignore-gfp-wait", 0) ||
	    !sysctl_set(SETTINGS "fail_page_alloc/ignore-gfp-highmem", 0) ||
	    !sysctl_set(SETTINGS "fail_page_alloc/min-order", 0))
		return "no fault injection in debugfs";
	sysctl_set(SETTINGS "failslab/verbose", 0);
	sysctl_set(SETTINGS "fail_page_alloc/verbose", 0);
	sysctl_set(SETTINGS "fail_usercopy/verbose", 0);
	return NULL;
}

void fail_nth_arm(struct fail_nth *fail_nth)
{
	char text[16];
	const int len = snprintf(text, sizeof(text), "%u", ++fail_nth->nth);

	if (fail_nth->nth > MANY || pwrite(fail_nth->file, text, len, 0) != len)
		abort();
}

bool fail_nth_disarm(struct fail_nth *fail_nth)
{
	const int error = errno;
	char text[16] = "";
	/*
	 * The injected failure may hit this read instead of the call under test. The
	 * read fails then, and no failure was injected into the call.
	 */
	const bool hit = pread(fail_nth->file, text, sizeof(text) - 1, 0) > 0 &&
			 strtoul(text, NULL, 10) == 0;

	/*
	 * The injected failure may also hit this write, which then fails with EFAULT.
	 * Retry the write in this case.
	 */
	while (pwrite(fail_nth->file, "0", 1, 0) != 1)
		if (errno != EFAULT)
			abort();
	fail_nth->hits += hit;
	errno = error;
	return hit;
}
