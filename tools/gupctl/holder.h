/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a holder of pins, which is a process of "gupctl pin", is named.
 *
 * The marker of a holder is an empty memfd whose name contains the name of --name, so that
 * /proc/PID/fd shows it. It needs no directory that others could write to, other users
 * cannot replace it, and it vanishes with its process. A process can choose any name for
 * itself, and can send a marker to another process: the marker is a label and proves nothing.
 */
#ifndef GUPX_HOLDER_H
#define GUPX_HOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* Maximum length of the name of a holder, without the NUL */
#define GUPX_HOLDER_NAME_MAX 63

/*
 * Return: true if a name is valid: a letter, then letters, digits and ".", "_", "-", "@",
 * ":", "+". So it is neither a PID nor an ID, and needs no quotes in a shell.
 */
bool gupx_holder_is_name(const char *name);

/*
 * Create the marker of this process. @name is valid, or "" for a holder without a name. The
 * descriptor is closed on exec. Return: the descriptor, or -1 with errno.
 */
int gupx_holder_mark(const char *name);

/*
 * Find the name in the link of a marker, "/memfd:gupctl-pin:NAME (deleted)". @name has @room
 * bytes. Return: true if it is a marker.
 */
bool gupx_holder_parse_marker(const char *link, char *name, size_t room);

/* The ID of a holder: its PID and its start time, so that no other process ever has it. */
struct gupx_holder_id {
	char text[40];
};

struct gupx_holder_id gupx_holder_format_id(int pid, __u64 start);

/* Parse an ID. Return: true if @text is an ID. */
bool gupx_holder_parse_id(const char *text, int *pid, __u64 *start);

#endif
