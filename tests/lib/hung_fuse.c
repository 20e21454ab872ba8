// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hung_fuse.h"

#define FUSE_DEVICE "/dev/fuse"
#define FILE_NODE 2
/*
 * Size in bytes of the buffer for FUSE requests. All requests to this filesystem fit
 * into the buffer.
 */
#define ROOM (256 << 10)

static void send_reply(int device, uint64_t unique, int error, const void *data,
		       size_t size)
{
	struct fuse_out_header header = {
		.len = sizeof(header) + size,
		.error = -error,
		.unique = unique,
	};
	const struct iovec parts[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)data, .iov_len = size },
	};

	if (writev(device, parts, 2) < 0 && errno != ENOENT)
		_exit(1);
}

static struct fuse_attr make_attr(uint64_t node, uint64_t len)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == FILE_NODE ? len : 0,
		.mode = node == FILE_NODE ? S_IFREG | 0644 : S_IFDIR | 0755,
		.nlink = 1,
		.blksize = 4096,
	};
}

/*
 * Accept the kernel's version of the protocol. Set FUSE_ASYNC_READ, so that a reader
 * waits for the page lock: a fatal signal interrupts this wait. Without the flag, the
 * reader would wait for the reply of the server, and could not be killed.
 */
static void answer_init(int device, const struct fuse_in_header *in)
{
	const struct fuse_init_in *const offered = (const void *)(in + 1);
	const struct fuse_init_out out = {
		.major = offered->major,
		.minor = offered->minor,
		.max_readahead = 4096,
		.flags = FUSE_ASYNC_READ,
		.max_background = 64,
		.congestion_threshold = 64,
		.max_write = 4096,
	};

	send_reply(device, in->unique, 0, &out, sizeof(out));
}

static void serve_one(int device, const struct fuse_in_header *in, uint64_t len,
		      int asked)
{
	const struct fuse_entry_out entry = {
		.nodeid = FILE_NODE,
		.attr_valid = 1000,
		.entry_valid = 1000,
		.attr = make_attr(FILE_NODE, len),
	};
	const struct fuse_attr_out attr = {
		.attr_valid = 1000,
		.attr = make_attr(in->nodeid, len),
	};
	const struct fuse_open_out opened = { 0 };

	switch (in->opcode) {
	case FUSE_INIT:
		answer_init(device, in);
		break;
	case FUSE_LOOKUP:
		send_reply(device, in->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		send_reply(device, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		send_reply(device, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		if (write(asked, "", 1) != 1)
			_exit(1);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		send_reply(device, in->unique, EOPNOTSUPP, NULL, 0);
	}
}

static void serve_requests(int device, uint64_t len, int asked)
{
	char *const room = malloc(ROOM);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (room && read(device, room, ROOM) > 0)
		serve_one(device, (const struct fuse_in_header *)room, len,
			  asked);
	_exit(0);
}

static void load_module(void)
{
	const pid_t pid = fork();

	if (pid == 0) {
		execlp("modprobe", "modprobe", "-q", "fuse", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

bool hung_fuse_is_possible(void)
{
	if (access(FUSE_DEVICE, F_OK))
		load_module();
	return !access(FUSE_DEVICE, F_OK);
}

int hung_fuse_start(struct hung_fuse *fuse, uint64_t len)
{
	char options[96];
	int device, line[2];

	*fuse = (struct hung_fuse){ .asked = -1,
				    .dir = "/tmp/hung-fuse-XXXXXX" };
	device = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0 || !mkdtemp(fuse->dir) || pipe2(line, O_CLOEXEC))
		return errno;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (mount("hung-fuse", fuse->dir, "fuse", MS_NOSUID | MS_NODEV,
		  options))
		return errno;
	fuse->asked = line[0];
	fuse->server = fork();
	if (fuse->server == 0)
		serve_requests(device, len, line[1]);
	close(line[1]);
	/*
	 * Only the server keeps the device open, so the connection ends when the
	 * server is killed.
	 */
	close(device);
	return fuse->server < 0 ? errno : 0;
}

void hung_fuse_stop(struct hung_fuse *fuse)
{
	if (fuse->server <= 0)
		return;
	kill(fuse->server, SIGKILL);
	waitpid(fuse->server, NULL, 0);
	umount2(fuse->dir, MNT_DETACH);
	rmdir(fuse->dir);
	close(fuse->asked);
	fuse->server = 0;
}

bool hung_fuse_has_waiter(const struct hung_fuse *fuse)
{
	struct pollfd event = { .fd = fuse->asked, .events = POLLIN };
	char byte;

	return poll(&event, 1, 5000) == 1 && read(fuse->asked, &byte, 1) == 1;
}
