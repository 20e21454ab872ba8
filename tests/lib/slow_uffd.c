// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slow_uffd.h"

static int get_fd_of(pid_t pid, int fd)
{
	const int pidfd = syscall(SYS_pidfd_open, pid, 0);
	const int copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return copy;
}

bool slow_uffd_is_possible(void)
{
	return !access("/proc/sys/vm/unprivileged_userfaultfd", F_OK);
}

int slow_uffd_create(struct slow_uffd *slow_uffd, const struct target *target,
		     const struct memory *memory, int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = memory->addr, .len = memory->len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	/* poll() works on a nonblocking userfaultfd only. */
	const long fd = TARGET_CALL(target, SYS_userfaultfd,
				    O_CLOEXEC | O_NONBLOCK | flags);

	slow_uffd->memory = *memory;
	slow_uffd->uffd = fd < 0 ? -1 : get_fd_of(target->pid, fd);
	if (slow_uffd->uffd < 0 || ioctl(slow_uffd->uffd, UFFDIO_API, &api) ||
	    TARGET_CALL(target, SYS_madvise, memory->addr, memory->len,
			MADV_DONTNEED) ||
	    ioctl(slow_uffd->uffd, UFFDIO_REGISTER, &range))
		return -1;
	return 0;
}

bool slow_uffd_has_waiter(const struct slow_uffd *slow_uffd)
{
	struct pollfd event = { .fd = slow_uffd->uffd, .events = POLLIN };

	return poll(&event, 1, 5000) == 1 && event.revents == POLLIN;
}

int slow_uffd_fill(const struct slow_uffd *slow_uffd, uint64_t len)
{
	struct uffdio_zeropage page = {
		.range = { .start = slow_uffd->memory.addr, .len = len },
	};

	return ioctl(slow_uffd->uffd, UFFDIO_ZEROPAGE, &page);
}
