/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A FUSE filesystem with one file. The file can be opened and mapped, but a fault
 * on its pages never completes, because the server does not answer READ.
 */
#ifndef GUPX_TESTS_HUNG_FUSE_H
#define GUPX_TESTS_HUNG_FUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define HUNG_FUSE_FILE "file"

/**
 * struct hung_fuse - a mounted filesystem that does not answer READ
 * @server: process ID of the server; 0: not running
 * @asked: pipe from which one byte can be read for each READ request
 * @dir: mount point
 */
struct hung_fuse {
	pid_t server;
	int asked;
	char dir[32];
};

/* Returns whether this kernel has FUSE. Loads the module if necessary. */
bool hung_fuse_is_possible(void);
/*
 * Mount the filesystem, with a file of @len bytes. Returns 0 or errno; call
 * hung_fuse_stop() in both cases.
 */
int hung_fuse_start(struct hung_fuse *fuse, uint64_t len);
/* Kill the server and unmount; pending faults fail. No-op if nothing was started. */
void hung_fuse_stop(struct hung_fuse *fuse);
/* Wait up to five seconds for a READ request. Returns whether one arrived. */
bool hung_fuse_has_waiter(const struct hung_fuse *fuse);

#endif /* GUPX_TESTS_HUNG_FUSE_H */
