/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where gupctl runs. A page that no memory policy of its mapping places goes to
 * the node of whoever faults it in: that is gupctl, so it moves to the target's
 * CPUs first.
 */
#ifndef GUPX_PLACEMENT_H
#define GUPX_PLACEMENT_H

#include <stdbool.h>

/**
 * struct gupx_placement - where the work runs
 * @moved: on the target's CPUs, not on the caller's own
 * @cpus: of the two the one in force, "0-3,8"; to be freed
 */
struct gupx_placement {
	bool moved;
	char *cpus;
};

/* @here: stay. Where moving fails it warns and stays. */
void gupx_placement_set(struct gupx_placement *placement, int pid, bool here);

#endif
