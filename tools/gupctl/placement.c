// SPDX-License-Identifier: GPL-2.0
/* Choose the CPUs that gupctl runs on. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "placement.h"

/* Maximum number of CPUs. It is larger than NR_CPUS of any kernel. */
#define CPUS_MAX 65536

struct cpus {
	cpu_set_t *set;
	int count;
};

/*
 * Load the CPUs that @pid may run on. sched_getaffinity() fails with EINVAL if the
 * passed set has fewer bits than the CPU masks of the kernel. In this case, retry with
 * a larger set.
 */
static int load_cpus(struct cpus *cpus, int pid)
{
	int error = EINVAL;

	for (cpus->count = 1024; cpus->count <= CPUS_MAX; cpus->count *= 2) {
		cpus->set = CPU_ALLOC(cpus->count);
		if (!cpus->set)
			return -ENOMEM;
		if (!sched_getaffinity(pid, CPU_ALLOC_SIZE(cpus->count),
				       cpus->set))
			return 0;
		error = errno;
		CPU_FREE(cpus->set);
		cpus->set = NULL;
		if (error != EINVAL)
			break;
	}
	return -error;
}

static bool has_cpu(const struct cpus *cpus, int cpu)
{
	return cpu < cpus->count &&
	       CPU_ISSET_S(cpu, CPU_ALLOC_SIZE(cpus->count), cpus->set);
}

/* Format a list of CPUs as text, such as "0-3,8". The caller frees the text. */
static char *print_cpus(const struct cpus *cpus)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	int first, cpu;

	if (!stream)
		return NULL;
	for (cpu = 0; cpu < cpus->count; cpu++) {
		if (!has_cpu(cpus, cpu))
			continue;
		first = cpu;
		while (has_cpu(cpus, cpu + 1))
			cpu++;
		fprintf(stream, ftell(stream) > 0 ? ",%d" : "%d", first);
		if (cpu > first)
			fprintf(stream, "-%d", cpu);
	}
	fclose(stream);
	return text;
}

void gupx_placement_set(struct gupx_placement *placement, int pid, bool here)
{
	struct cpus cpus = { 0 };
	int error;

	*placement = (struct gupx_placement){ 0 };
	error = load_cpus(&cpus, here ? 0 : pid);
	if (!error && !here) {
		if (sched_setaffinity(0, CPU_ALLOC_SIZE(cpus.count), cpus.set))
			error = -errno;
		else
			placement->moved = true;
	}
	if (!error) {
		placement->cpus = print_cpus(&cpus);
		placement->count = (unsigned int)CPU_COUNT_S(
			CPU_ALLOC_SIZE(cpus.count), cpus.set);
	} else {
		gupx_out_warn(
			"cannot move to the target's CPUs: %s; without a memory policy, pages may be allocated on another node",
			strerror(-error));
	}
	CPU_FREE(cpus.set);
}
