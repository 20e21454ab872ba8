/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file that a command writes, such as a copy of memory. The bytes go to a temporary
 * file with mode 0600 in the same directory, which replaces the file only at the end. So a
 * command that fails leaves the old file as it was, and no symbolic link is followed.
 */
#ifndef GUPX_OUTPUT_H
#define GUPX_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/**
 * struct gupx_output - output file
 * @path: name of the file
 * @temp: name of the temporary file, or NULL if the bytes are written to a device or to
 *	a pipe that exists already
 * @fd: file descriptor, or -1
 * @written: number of bytes written
 */
struct gupx_output {
	const char *path;
	char *temp;
	int fd;
	__u64 written;
};

/*
 * Open the output file. On failure, print the cause and exit. @cure is what to do if
 * @path is a link to a device. If gupctl exits before gupx_output_keep(), the temporary file
 * is removed.
 */
void gupx_output_open(struct gupx_output *output, const char *path,
		      const char *cure);

/* Return: 0 or an errno. */
int gupx_output_write(struct gupx_output *output, const unsigned char *bytes,
		      size_t len);

/* Give the file its name. Return: 0 or an errno; the file is then removed. */
int gupx_output_keep(struct gupx_output *output);

/* Remove what was written. */
void gupx_output_discard(struct gupx_output *output);

#endif
