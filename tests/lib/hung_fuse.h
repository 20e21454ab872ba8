/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file system whose one file can be opened and mapped, but whose pages never
 * come: FUSE, with a server of ours that does not answer READ.
 */
#ifndef GUPX_TESTS_HUNG_FUSE_H
#define GUPX_TESTS_HUNG_FUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define HUNG_FUSE_FILE "file"

/**
 * struct hung_fuse - that file system
 * @server: the process that serves it; 0: none
 * @asked: a byte comes here for each page that is waited for
 * @dir: where it is mounted
 */
struct hung_fuse {
	pid_t server;
	int asked;
	char dir[32];
};

/* Whether this kernel can do it at all. */
bool hung_fuse_is_possible(void);
/* The file has @len bytes. 0 or errno; stop it, whatever start said. */
int hung_fuse_start(struct hung_fuse *fuse, uint64_t len);
/* Whoever still waits gets an error. Harmless where nothing was started. */
void hung_fuse_stop(struct hung_fuse *fuse);
/* Waits, for five seconds at most, for somebody to wait for a page. */
bool hung_fuse_has_waiter(const struct hung_fuse *fuse);

#endif /* GUPX_TESTS_HUNG_FUSE_H */
