// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for the module in hold_test.sh: a library that LD_PRELOAD puts before the C
 * library. A pin fd is an eventfd here, whose link and fdinfo are shown like those of a pin
 * fd. The target's PID and start time are those of $FAKE_TARGET, "PID START". Nothing is
 * pinned.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/gupx.h>

static uint64_t held;

int open(const char *path, int flags, ...)
{
	if (!strcmp(path, "/dev/gupx"))
		path = "/dev/null";
	/* Only mkostemp() of the C library creates files, and does not call this. */
	return openat(AT_FDCWD, path, flags);
}

static int run_info(struct gupx_info *info)
{
	info->abi = GUPX_ABI;
	info->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	info->pin_flags = GUPX_PIN_FLAGS;
	info->params = GUPX_PARAM_PINS;
	info->memlock_limit = ~0ULL;
	return 0;
}

/* $FAKE_DELAY is the time in microseconds that a PIN takes. */
static int run_pin(struct gupx_pin *pin)
{
	const char *delay = getenv("FAKE_DELAY");

	if (delay && usleep((useconds_t)atoi(delay)))
		return -1;
	if (pin->pin_fd < 0)
		pin->pin_fd = eventfd(0, EFD_CLOEXEC);
	held += pin->len;
	pin->done = pin->len;
	pin->stop.addr = pin->addr + pin->len;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct gupx_extents *extents;
	va_list args;
	void *arg;

	(void)fd;
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case GUPX_IOC_INFO:
		return run_info(arg);
	case GUPX_IOC_PIN:
		return run_pin(arg);
	case GUPX_IOC_EXTENTS:
		extents = arg;
		extents->count = 0;
		extents->total = 0;
		extents->bytes = held;
		extents->charged = held;
		return 0;
	}
	errno = ENOTTY;
	return -1;
}

ssize_t readlinkat(int dir_fd, const char *path, char *link, size_t room)
{
	static const char pins[] = "anon_inode:[gupx-pins]";
	static ssize_t (*next)(int, const char *, char *, size_t);
	ssize_t length;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "readlinkat");
	length = next(dir_fd, path, link, room);
	if (length == 20 && !memcmp(link, "anon_inode:[eventfd]", 20)) {
		memcpy(link, pins, strlen(pins));
		length = (ssize_t)strlen(pins);
	}
	return length;
}

/* Copy the fdinfo of an eventfd to a memfd, and add the lines of a pin fd. */
static int fake_fdinfo(int real)
{
	const char *target = getenv("FAKE_TARGET");
	int pid = 0, start = 0;
	char text[4096];
	ssize_t length;
	int fd;

	length = read(real, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	if (!strstr(text, "eventfd-count")) {
		lseek(real, 0, SEEK_SET);
		return real;
	}
	close(real);
	if (target)
		sscanf(target, "%d %d", &pid, &start);
	fd = memfd_create("fdinfo", MFD_CLOEXEC);
	dprintf(fd, "%s", text);
	dprintf(fd, "gupx-target-pid:\t%d\ngupx-target-start:\t%d\n", pid,
		start);
	dprintf(fd, "gupx-pinned:\t64 kB\ngupx-charged:\t64 kB\n"
		    "gupx-range:\t1000-11000 w 7\n");
	lseek(fd, 0, SEEK_SET);
	return fd;
}

int openat(int dir_fd, const char *path, int flags, ...)
{
	static int (*next)(int, const char *, int, ...);
	int fd;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "openat");
	fd = next(dir_fd, path, flags);
	return fd >= 0 && strstr(path, "/fdinfo/") ? fake_fdinfo(fd) : fd;
}
