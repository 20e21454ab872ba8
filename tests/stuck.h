/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file system whose one file can be opened and mapped, but whose pages never
 * come: FUSE, with a server of ours that does not answer READ.
 */
#ifndef GUPX_TESTS_STUCK_H
#define GUPX_TESTS_STUCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STUCK_FILE "file"

/**
 * struct stuck - that file system
 * @server: the process that serves it; 0: none
 * @asked: a byte comes here for each page that is waited for
 * @dir: where it is mounted
 */
struct stuck {
	pid_t server;
	int asked;
	char dir[32];
};

/* Whether this kernel can do it at all. */
bool stuck_is_possible(void);
/* The file has @len bytes. 0 or errno; stop it, whatever start said. */
int stuck_start(struct stuck *stuck, uint64_t len);
/* Whoever still waits gets an error. Harmless where nothing was started. */
void stuck_stop(struct stuck *stuck);
/* Waits, for five seconds at most, for somebody to wait for a page. */
bool stuck_is_waited_for(const struct stuck *stuck);

#endif /* GUPX_TESTS_STUCK_H */
