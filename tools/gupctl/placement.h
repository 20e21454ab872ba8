/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Choose the CPUs that gupctl runs on. Without a memory policy, a page is allocated on
 * the node of the CPU that faults in the page. gupctl therefore moves to the CPUs of
 * the target before it starts.
 */
#ifndef GUPX_PLACEMENT_H
#define GUPX_PLACEMENT_H

#include <stdbool.h>

/**
 * struct gupx_placement - CPUs that gupctl runs on
 * @moved: true if gupctl has moved to the CPUs of the target
 * @cpus: list of these CPUs, for example "0-3,8"; the caller frees it
 * @count: number of these CPUs; 0 if it is unknown
 */
struct gupx_placement {
	bool moved;
	char *cpus;
	unsigned int count;
};

/*
 * Move to the CPUs of @pid, unless @here is set. On failure, print a warning and stay
 * on the current CPUs.
 */
void gupx_placement_set(struct gupx_placement *placement, int pid, bool here);

#endif
