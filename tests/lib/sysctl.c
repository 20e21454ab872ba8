// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "sysctl.h"
#include "lab.h"

#define POOL "/proc/sys/vm/nr_hugepages"

long sysctl_get(const char *path)
{
	return lab_number(path, "");
}

bool sysctl_set(const char *path, long value)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool taken;

	if (fd < 0)
		return false;
	taken = dprintf(fd, "%ld\n", value) > 0;
	return !close(fd) && taken;
}

bool sysctl_reserve_huge(long nr)
{
	const long free = lab_number("/proc/meminfo", "HugePages_Free:");
	const long all = sysctl_get(POOL);

	if (free < nr && all >= 0)
		sysctl_set(POOL, all + nr - free);
	return lab_number("/proc/meminfo", "HugePages_Free:") >= nr;
}
