// SPDX-License-Identifier: GPL-2.0
/* A file with the PID of this process, which is removed at its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out.h"
#include "output.h"
#include "pidfile.h"

static __attribute__((noreturn)) void die_no_pidfile(const char *path,
						     int error)
{
	gupx_out_die(GUPX_EXIT_REFUSED, "output", NULL,
		     "cannot write the PID file %s: %s", path, strerror(error));
}

/* Open the directory of a path, because gupctl leaves the current directory later. */
static int open_directory(const char *path, const char *name)
{
	char *directory = strndup(path, (size_t)(name - path));
	int fd;

	if (!directory)
		gupx_out_no_memory();
	fd = open(*directory ? directory : ".",
		  O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	return fd;
}

void gupx_pidfile_write(struct gupx_pidfile *file, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct gupx_output output;
	struct stat written = { 0 };
	char text[32];
	int error;

	file->name = slash ? slash + 1 : path;
	file->dir_fd = open_directory(path, file->name);
	if (file->dir_fd < 0)
		die_no_pidfile(path, errno);
	gupx_output_open(&output, path, "name the file that it leads to");
	snprintf(text, sizeof(text), "%d\n", getpid());
	error = gupx_output_write(&output, (const unsigned char *)text,
				  strlen(text));
	/* A temporary file has mode 0600. A device or a pipe keeps its mode. */
	if (!error && fstat(output.fd, &written))
		error = errno;
	if (!error && output.temp && fchmod(output.fd, 0644))
		error = errno;
	if (!error)
		error = gupx_output_keep(&output);
	else
		gupx_output_discard(&output);
	if (error)
		die_no_pidfile(path, error);
	file->device = written.st_dev;
	file->inode = S_ISREG(written.st_mode) ? written.st_ino : 0;
}

void gupx_pidfile_remove(struct gupx_pidfile *file)
{
	struct stat now;

	if (file->dir_fd < 0)
		return;
	if (file->inode &&
	    !fstatat(file->dir_fd, file->name, &now, AT_SYMLINK_NOFOLLOW) &&
	    now.st_dev == file->device && now.st_ino == file->inode)
		unlinkat(file->dir_fd, file->name, 0);
	close(file->dir_fd);
	file->dir_fd = -1;
}
