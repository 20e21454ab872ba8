// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "holder.h"
#include "lab.h"

int holder_pin_all(const struct target *target, const struct memory *memory,
		   uint32_t flags)
{
	const struct lab_answer answer =
		lab_pin(target->mem_fd, memory->addr, memory->len, flags);

	return answer.done == memory->len ? answer.pin_fd : -1;
}

void holder_start(struct holder *holder, const struct target *target,
		  const struct memory *memory)
{
	int line[2];
	int pin_fd;

	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line);
	holder->line = line[0];
	holder->pid = fork();
	if (holder->pid == 0) {
		close(line[0]);
		pin_fd = holder_pin_all(target, memory, GUPX_F_WRITE);
		send(line[1], &pin_fd, sizeof(pin_fd), 0);
		for (;;)
			pause();
	}
	close(line[1]);
}

int holder_send_fd(int line, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	char byte = 0;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(line, &message, 0) == 1 ? 0 : -1;
}

int holder_receive_fd(int line)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	int fd = -1;

	if (recvmsg(line, &message, MSG_CMSG_CLOEXEC) == 1 &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

bool holder_ends_within(pid_t pid, unsigned int milliseconds, int *status)
{
	const struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };

	for (unsigned int waited = 0; waited < milliseconds; waited += 10) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}
