// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "knob.h"
#include "lab.h"

#define POOL "/proc/sys/vm/nr_hugepages"

long knob_get(const char *path)
{
	return lab_number(path, "");
}

bool knob_set(const char *path, long value)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool taken;

	if (fd < 0)
		return false;
	taken = dprintf(fd, "%ld\n", value) > 0;
	return !close(fd) && taken;
}

bool knob_reserve_huge(long nr)
{
	const long free = lab_number("/proc/meminfo", "HugePages_Free:");
	const long all = knob_get(POOL);

	if (free < nr && all >= 0)
		knob_set(POOL, all + nr - free);
	return lab_number("/proc/meminfo", "HugePages_Free:") >= nr;
}
