/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A FUSE filesystem that contains one file. The file can be opened and mapped, but a
 * fault on its pages never completes, because the server does not reply to READ.
 */
#ifndef GUPX_TESTS_HUNG_FUSE_H
#define GUPX_TESTS_HUNG_FUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define HUNG_FUSE_FILE "file"

/**
 * struct hung_fuse - a mounted filesystem that does not reply to READ
 * @server: process ID of the server; 0 if the server is not running
 * @asked: read end of a pipe to which the server writes one byte for each READ request
 * @dir: mount point
 */
struct hung_fuse {
	pid_t server;
	int asked;
	char dir[32];
};

/*
 * Load the FUSE module if necessary. Returns true if this kernel supports FUSE, else
 * false.
 */
bool hung_fuse_is_possible(void);
/*
 * Mount the filesystem, with a file of @len bytes. Returns 0 or a positive errno. The
 * caller must call hung_fuse_stop() in both cases.
 */
int hung_fuse_start(struct hung_fuse *fuse, uint64_t len);
/*
 * Kill the server and unmount the filesystem. Pending faults fail. Does nothing if
 * the server is not running.
 */
void hung_fuse_stop(struct hung_fuse *fuse);
/*
 * Wait up to five seconds for a READ request. Returns true if a request arrived, else
 * false.
 */
bool hung_fuse_has_waiter(const struct hung_fuse *fuse);

#endif /* GUPX_TESTS_HUNG_FUSE_H */
