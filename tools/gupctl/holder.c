// SPDX-License-Identifier: GPL-2.0
/* How a holder of pins, which is a process of "gupctl pin", is named. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "holder.h"

/* The kernel puts this before and after the name of a memfd. */
#define LINK_START "/memfd:"
#define LINK_END " (deleted)"

#define MARKER "gupctl-pin:"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

bool gupx_holder_is_name(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@:+";
	/* The letters of this array come first. */
	const char *first = *name ? strchr(allowed, *name) : NULL;
	const size_t length = strlen(name);

	return length && length <= GUPX_HOLDER_NAME_MAX && first &&
	       first - allowed < 2 * 26 && strspn(name, allowed) == length;
}

int gupx_holder_mark(const char *name)
{
	char text[sizeof(MARKER) + GUPX_HOLDER_NAME_MAX];
	int fd;

	snprintf(text, sizeof(text), "%s%s", MARKER, name);
	/* Before Linux 6.3 there is no such flag; from then on, a sysctl may require it. */
	fd = memfd_create(text, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(text, MFD_CLOEXEC);
	return fd;
}

bool gupx_holder_parse_marker(const char *link, char *name, size_t room)
{
	static const char start[] = LINK_START MARKER;
	const size_t length = strlen(link);
	const size_t rest = strlen(start) + strlen(LINK_END);

	if (strncmp(link, start, strlen(start)) || length < rest ||
	    strcmp(link + length - strlen(LINK_END), LINK_END) ||
	    length - rest >= room)
		return false;
	memcpy(name, link + strlen(start), length - rest);
	name[length - rest] = '\0';
	return true;
}

struct gupx_holder_id gupx_holder_format_id(int pid, __u64 start)
{
	struct gupx_holder_id id;

	snprintf(id.text, sizeof(id.text), "%d-%llx", pid, start);
	return id;
}

bool gupx_holder_parse_id(const char *text, int *pid, __u64 *start)
{
	unsigned long long ticks;
	long process;
	char *end;

	/* strtol() would accept blanks and a sign. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	process = strtol(text, &end, 10);
	if (errno || *end != '-' || process < 1 || process > INT_MAX ||
	    !end[1] || end[1 + strspn(end + 1, "0123456789abcdef")])
		return false;
	ticks = strtoull(end + 1, NULL, 16);
	if (errno)
		return false;
	*pid = (int)process;
	*start = ticks;
	return true;
}
