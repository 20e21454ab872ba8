// SPDX-License-Identifier: GPL-2.0
/*
 * calm COMMAND...: the command, with one perf event open for as long as it lives.
 *
 * The tests map perf buffers. The first event of all, and the last one, have the
 * kernel patch its scheduler under running processors; an emulated one (QEMU's
 * TCG) may later run the breakpoint that was there for a moment, and the kernel
 * dies of "Oops: int3" in __schedule(). With an event open, nothing is patched.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
	};

	if (argc < 2)
		return 2;
	/* Open through exec, for the life of what comes of it. */
	if (syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) < 0) {
		perror("calm: perf_event_open");
		return 1;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
