// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slow_uffd.h"
#include "uffd_rwp.h"

static int get_fd_of(pid_t pid, int fd)
{
	const int pidfd = syscall(SYS_pidfd_open, pid, 0);
	const int copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return copy;
}

/* Create a userfaultfd in the target. Returns a copy of the descriptor, or -1. */
static int open_uffd(const struct target *target, int flags, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	/* poll() works on a nonblocking userfaultfd only. */
	const long fd = TARGET_CALL(target, SYS_userfaultfd,
				    O_CLOEXEC | O_NONBLOCK | flags);
	const int uffd = fd < 0 ? -1 : get_fd_of(target->pid, fd);

	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		return -1;
	}
	return uffd;
}

bool slow_uffd_is_possible(void)
{
	return !access("/proc/sys/vm/unprivileged_userfaultfd", F_OK);
}

int slow_uffd_create(struct slow_uffd *slow_uffd, const struct target *target,
		     const struct memory *memory, int flags)
{
	struct uffdio_register range = {
		.range = { .start = memory->addr, .len = memory->len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	slow_uffd->memory = *memory;
	slow_uffd->uffd = open_uffd(target, flags, 0);
	if (slow_uffd->uffd < 0 ||
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

bool slow_uffd_can_trap(const struct target *target)
{
	const int uffd = open_uffd(target, 0, UFFD_FEATURE_RWP);

	close(uffd);
	return uffd >= 0;
}

static int set_trap(const struct slow_uffd *slow_uffd, uint64_t mode)
{
	struct uffdio_rwprotect range = {
		.range = { .start = slow_uffd->memory.addr,
			   .len = slow_uffd->memory.len },
		.mode = mode,
	};

	return ioctl(slow_uffd->uffd, UFFDIO_RWPROTECT, &range);
}

int slow_uffd_trap(struct slow_uffd *slow_uffd, const struct target *target,
		   const struct memory *memory)
{
	struct uffdio_register range = {
		.range = { .start = memory->addr, .len = memory->len },
		.mode = UFFDIO_REGISTER_MODE_RWP,
	};

	slow_uffd->memory = *memory;
	slow_uffd->uffd = open_uffd(target, 0, UFFD_FEATURE_RWP);
	if (slow_uffd->uffd < 0 ||
	    ioctl(slow_uffd->uffd, UFFDIO_REGISTER, &range))
		return -1;
	return set_trap(slow_uffd, UFFDIO_RWPROTECT_MODE_RWP);
}

int slow_uffd_untrap(const struct slow_uffd *slow_uffd)
{
	return set_trap(slow_uffd, 0);
}

bool slow_uffd_has_trapped(const struct slow_uffd *slow_uffd)
{
	struct uffd_msg message;

	return slow_uffd_has_waiter(slow_uffd) &&
	       read(slow_uffd->uffd, &message, sizeof(message)) ==
		       sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT &&
	       (message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_RWP);
}
