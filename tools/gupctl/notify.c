// SPDX-License-Identifier: GPL-2.0
/* Report the state of a service to systemd. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"
#include "out.h"

/*
 * Fill in the address of a path, or of an abstract name, which begins with "@". Return: its
 * length, or 0 if @name is neither.
 */
static socklen_t fill_address(struct sockaddr_un *address, const char *name)
{
	const size_t length = strlen(name);

	if ((*name != '/' && *name != '@') || length < 2 ||
	    length >= sizeof(address->sun_path))
		return 0;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path, name, length);
	if (*name == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
			   (*name == '/'));
}

/* Return: 0 or an errno. */
static int send_text(const char *name, const char *text)
{
	struct sockaddr_un address;
	const socklen_t length = fill_address(&address, name);
	ssize_t sent;
	int error;
	int fd;

	if (!length)
		return EAFNOSUPPORT;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL,
		      (struct sockaddr *)&address, length);
	error = sent < 0 ? errno : 0;
	close(fd);
	return error;
}

void gupx_notify(const char *format, ...)
{
	const char *name = getenv("NOTIFY_SOCKET");
	char text[256];
	va_list args;
	int error;

	if (!name)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error = send_text(name, text);
	if (error)
		gupx_out_warn("cannot notify the service manager at %s: %s",
			      name, strerror(error));
}
