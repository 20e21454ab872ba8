/* SPDX-License-Identifier: GPL-2.0 */
/* A file with the PID of this process, which is removed at its end. */
#ifndef GUPX_PIDFILE_H
#define GUPX_PIDFILE_H

#include <sys/types.h>

/**
 * struct gupx_pidfile - PID file
 * @dir_fd: its directory, or -1 if there is no file
 * @name: last component of its path
 * @device: file system of the file
 * @inode: inode number of the file
 */
struct gupx_pidfile {
	int dir_fd;
	const char *name;
	dev_t device;
	ino_t inode;
};

/*
 * Write the PID to a temporary file, and rename it to @path: no symbolic link is followed,
 * and no reader sees a part. On failure, print the cause and exit.
 */
void gupx_pidfile_write(struct gupx_pidfile *file, const char *path);

/* Remove the file, unless another file has replaced it. */
void gupx_pidfile_remove(struct gupx_pidfile *file);

#endif
