// SPDX-License-Identifier: GPL-2.0
/* The file that a command writes, such as a copy of memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out.h"
#include "output.h"

/* The output whose temporary file has to be removed at exit, or NULL. */
static struct gupx_output *pending;

static void discard_pending(void)
{
	if (pending)
		gupx_output_discard(pending);
}

static __attribute__((noreturn)) void die_no_output(const char *path)
{
	gupx_out_die(GUPX_EXIT_REFUSED, "output", NULL,
		     "cannot write to %s: %s", path, strerror(errno));
}

/* Format the name of the temporary file: a hidden file in the directory of @path. */
static char *format_temp(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char *temp = NULL;

	if (asprintf(&temp, "%.*s.%.200s.XXXXXX", (int)(base - path), path,
		     base) < 0)
		gupx_out_no_memory();
	return temp;
}

/*
 * Return: true if @path is a device, a pipe or a socket, so that the bytes have to be
 * written to it. Refuse directories, and links to anything that is no file: a rename would
 * replace the link, for example /dev/stdout.
 */
static bool is_special(const char *path, const char *cure)
{
	struct stat file, leads_to;

	if (lstat(path, &file))
		return false;
	if (S_ISLNK(file.st_mode) && !stat(path, &leads_to) &&
	    !S_ISREG(leads_to.st_mode))
		gupx_out_die(GUPX_EXIT_REFUSED, "output", cure,
			     "cannot write to %s: it is a symbolic link", path);
	if (S_ISDIR(file.st_mode)) {
		errno = EISDIR;
		die_no_output(path);
	}
	return !S_ISREG(file.st_mode) && !S_ISLNK(file.st_mode);
}

void gupx_output_open(struct gupx_output *output, const char *path,
		      const char *cure)
{
	*output = (struct gupx_output){ .path = path };
	if (is_special(path, cure)) {
		output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		if (output->fd < 0)
			die_no_output(path);
		return;
	}
	output->temp = format_temp(path);
	/* mkostemp() creates the file with mode 0600. */
	output->fd = mkostemp(output->temp, O_CLOEXEC);
	if (output->fd < 0)
		die_no_output(path);
	pending = output;
	atexit(discard_pending);
}

int gupx_output_write(struct gupx_output *output, const unsigned char *bytes,
		      size_t len)
{
	while (len) {
		const ssize_t written = write(output->fd, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		output->written += (__u64)written;
		bytes += written;
		len -= (size_t)written;
	}
	return 0;
}

int gupx_output_keep(struct gupx_output *output)
{
	int error = close(output->fd) ? errno : 0;

	output->fd = -1;
	if (!error && output->temp && rename(output->temp, output->path))
		error = errno;
	if (error) {
		gupx_output_discard(output);
		return error;
	}
	pending = NULL;
	free(output->temp);
	output->temp = NULL;
	return 0;
}

void gupx_output_discard(struct gupx_output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	if (output->temp)
		unlink(output->temp);
	free(output->temp);
	*output = (struct gupx_output){ .path = output->path, .fd = -1 };
	pending = NULL;
}
