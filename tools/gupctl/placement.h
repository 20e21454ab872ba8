/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Choose the CPUs that gupctl runs on. Without a memory policy, a page is allocated
 * on the node of the CPU that faults it in. gupctl therefore moves to the target's
 * CPUs before it starts.
 */
#ifndef GUPX_PLACEMENT_H
#define GUPX_PLACEMENT_H

#include <stdbool.h>

/**
 * struct gupx_placement - CPUs that gupctl runs on
 * @moved: gupctl runs on the target's CPUs, not on the caller's
 * @cpus: list of these CPUs, for example "0-3,8"; the caller frees it
 */
struct gupx_placement {
	bool moved;
	char *cpus;
};

/*
 * Move to the CPUs of @pid, unless @here is set. If that fails, print a warning and
 * stay.
 */
void gupx_placement_set(struct gupx_placement *placement, int pid, bool here);

#endif
