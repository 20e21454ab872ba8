// SPDX-License-Identifier: GPL-2.0
/*
 * Audit records. One record is written for each PIN that has the flag FORCE or SHORT
 * or whose target belongs to another user, and for each READ with FORCE. The record
 * contains the fields of the request. No other request writes a record.
 *
 * The tests read the records from the multicast group that auditctl and journald also
 * use. The kernel queues all records in order. Therefore a test sends a message of
 * its own after each request, which marks the end of the records of that request. So
 * a test does not have to wait for a record that may never arrive.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define NOBODY 65534
#define PAGES 4
#define MAX_RECORDS 4
#define TIMEOUT 10
/* Maximum length of a record, as in libaudit. */
#define MAX_TEXT 8970

/**
 * struct audit - a connection to the kernel's audit subsystem
 * @control: socket for requests and replies
 * @listener: socket that receives the multicast group
 * @was_enabled: state of auditing before the test
 * @marks: number of messages sent so far to mark the end of the records of a request
 */
struct audit {
	int control;
	int listener;
	unsigned int was_enabled;
	unsigned int marks;
};

struct message {
	struct nlmsghdr head;
	char data[MAX_TEXT];
};

static int open_socket(unsigned int groups)
{
	const struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = groups,
	};
	const struct timeval timeout = { .tv_sec = TIMEOUT };
	const int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	if (fd >= 0 &&
	    (bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	     setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
			sizeof(timeout)))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool send_message(int fd, int type, const void *data, size_t size,
			 unsigned int number)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct message message = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(size),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
			.nlmsg_seq = number,
		},
	};

	memcpy(message.data, data, size);
	return sendto(fd, &message, message.head.nlmsg_len, 0,
		      (const struct sockaddr *)&kernel,
		      sizeof(kernel)) == (ssize_t)message.head.nlmsg_len;
}

/* Receive a message and terminate its data with a NUL. Returns false on a timeout. */
static bool receive_message(int fd, struct message *message)
{
	const ssize_t size = recv(fd, message, sizeof(*message) - 1, 0);

	if (size < (ssize_t)sizeof(message->head))
		return false;
	((char *)message)[size] = 0;
	return true;
}

/*
 * Send a request and wait for a reply of type @wanted. An acknowledgment may arrive
 * before or after the reply. Returns true if the reply arrived.
 */
static bool ask_kernel(int fd, int type, const void *data, size_t size,
		       int wanted, struct message *answer)
{
	static unsigned int number;

	if (!send_message(fd, type, data, size, ++number))
		return false;
	do {
		if (!receive_message(fd, answer))
			return false;
	} while (answer->head.nlmsg_seq != number ||
		 answer->head.nlmsg_type != wanted);
	return true;
}

/*
 * Send a request and wait for the acknowledgment. Returns true if the request
 * succeeded.
 */
static bool tell_kernel(int fd, int type, const void *data, size_t size)
{
	struct message message;
	struct nlmsgerr error;

	if (!ask_kernel(fd, type, data, size, NLMSG_ERROR, &message))
		return false;
	memcpy(&error, message.data, sizeof(error));
	return !error.error;
}

static bool set_enabled(const struct audit *audit, unsigned int enabled)
{
	const struct audit_status status = {
		.mask = AUDIT_STATUS_ENABLED,
		.enabled = enabled,
	};

	return tell_kernel(audit->control, AUDIT_SET, &status, sizeof(status));
}

/* Read the state of auditing. Returns false if the kernel does not reply. */
static bool get_enabled(const struct audit *audit, unsigned int *enabled)
{
	struct audit_status status = { 0 };
	struct message message;

	if (!ask_kernel(audit->control, AUDIT_GET, &status, sizeof(status),
			AUDIT_GET, &message))
		return false;
	memcpy(&status, message.data, sizeof(status));
	*enabled = status.enabled;
	return true;
}

/*
 * Open the sockets and enable auditing. Returns NULL on success, else the missing
 * feature as text.
 */
static const char *open_audit(struct audit *audit)
{
	unsigned int enabled;

	audit->control = open_socket(0);
	audit->listener = -1;
	if (audit->control < 0)
		return "no NETLINK_AUDIT in this kernel, or audit=0";
	if (!get_enabled(audit, &audit->was_enabled))
		return "the kernel does not say whether auditing is on";
	audit->listener = open_socket(1U << (AUDIT_NLGRP_READLOG - 1));
	if (audit->listener < 0)
		return "no multicast group of audit records";
	if (!set_enabled(audit, 1) || !get_enabled(audit, &enabled) || !enabled)
		return "auditing cannot be switched on";
	return NULL;
}

static void close_audit(struct audit *audit)
{
	if (audit->listener >= 0) {
		set_enabled(audit, audit->was_enabled);
		close(audit->listener);
	}
	if (audit->control >= 0)
		close(audit->control);
}

/*
 * Copy the value of the field " key=value" of a record. Returns false if the record
 * does not contain the field.
 */
static bool find_field(const char *text, const char *key, char *value,
		       size_t room)
{
	char word[32];
	const char *at;

	snprintf(word, sizeof(word), " %s=", key);
	at = strstr(text, word);
	if (!at)
		return false;
	at += strlen(word);
	snprintf(value, room, "%.*s", (int)strcspn(at, " "), at);
	return true;
}

/*
 * Returns the number in a field of a record. The number is decimal, or hexadecimal with
 * the prefix 0x. Returns ~0 if the record does not contain the field.
 */
static uint64_t find_number(const char *text, const char *key)
{
	char value[64];

	if (!find_field(text, key, value, sizeof(value)))
		return ~0ULL;
	return strtoull(value, NULL, 0);
}

/*
 * Receive the module's records since the last call, and store at most @room of them in
 * @records. Returns the number of records, or -1 if the message that marks the end of
 * the records did not arrive.
 */
static int collect_records(struct audit *audit, struct message *records,
			   int room)
{
	struct message message;
	char mark[64] = "";
	int nr = 0;

	snprintf(mark, sizeof(mark), "gupx mark %d.%u", getpid(),
		 ++audit->marks);
	if (!tell_kernel(audit->control, AUDIT_USER, mark, sizeof(mark)))
		return -1;
	for (;;) {
		if (!receive_message(audit->listener, &message))
			return -1;
		if (message.head.nlmsg_type == AUDIT_USER &&
		    strstr(message.data, mark))
			return nr;
		/*
		 * Skip the records that the kernel itself writes about the system call,
		 * such as AUDIT_SYSCALL.
		 */
		if (!strstr(message.data, "op=gupx"))
			continue;
		if (nr < room)
			records[nr] = message;
		nr++;
	}
}

FIXTURE(audit)
{
	struct audit audit;
	struct target target;
	struct memory memory;
	const char *missing;
	struct message records[MAX_RECORDS];
	bool force, shorts;
};

FIXTURE_SETUP(audit)
{
	ASSERT_LE(0, lab_device());
	self->force = lab_param("allow_force");
	self->shorts = lab_param("allow_short_pins");
	self->missing = open_audit(&self->audit);
	if (self->missing)
		return;
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'a'));
	lab_set_param("allow_force", true);
	lab_set_param("allow_short_pins", true);
	ASSERT_EQ(0, collect_records(&self->audit, self->records, MAX_RECORDS));
}

FIXTURE_TEARDOWN(audit)
{
	lab_set_param("allow_force", self->force);
	lab_set_param("allow_short_pins", self->shorts);
	lab_set_param("allow_pins", true);
	target_stop(&self->target);
	close_audit(&self->audit);
}

/* Change the uid of the target. This process can still use the mem fd. */
static void give_target_away(struct __test_metadata *_metadata,
			     const struct target *target)
{
	ASSERT_EQ(0,
		  TARGET_CALL(target, SYS_setresuid, NOBODY, NOBODY, NOBODY));
}

static void pin_pages(struct __test_metadata *_metadata,
		      FIXTURE_DATA(audit) * self, uint32_t flags)
{
	const struct lab_answer answer =
		lab_pin(self->target.mem_fd, self->memory.addr,
			PAGES * lab_page(), flags);

	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(PAGES * lab_page(), answer.done);
	close(answer.pin_fd);
}

/*
 * Check that one record was written since the last call, and that it describes this
 * request.
 */
static void check_record(struct __test_metadata *_metadata,
			 FIXTURE_DATA(audit) * self, const char *op,
			 uint32_t flags, uint64_t addr, uint64_t len,
			 uint64_t done, uint64_t ouid)
{
	const struct message *record = &self->records[0];
	char value[256];

	ASSERT_EQ(1, collect_records(&self->audit, self->records, MAX_RECORDS));
	EXPECT_EQ(AUDIT_KERNEL_OTHER, record->head.nlmsg_type);
	ASSERT_TRUE(find_field(record->data, "op", value, sizeof(value)));
	EXPECT_STREQ(op, value);
	EXPECT_EQ(flags, find_number(record->data, "flags"));
	EXPECT_EQ(addr, find_number(record->data, "addr"));
	EXPECT_EQ(len, find_number(record->data, "len"));
	EXPECT_EQ(done, find_number(record->data, "done"));
	EXPECT_EQ((uint64_t)self->target.pid,
		  find_number(record->data, "opid"));
	EXPECT_EQ(ouid, find_number(record->data, "ouid"));
	EXPECT_EQ((uint64_t)getpid(), find_number(record->data, "pid"));
	EXPECT_EQ((uint64_t)getuid(), find_number(record->data, "uid"));
	EXPECT_TRUE(find_field(record->data, "exe", value, sizeof(value)) &&
		    strstr(value, "audit_test"))
	TH_LOG("%s", record->data);
}

static void check_silence(struct __test_metadata *_metadata,
			  FIXTURE_DATA(audit) * self)
{
	EXPECT_EQ(0, collect_records(&self->audit, self->records, MAX_RECORDS))
	TH_LOG("%s", self->records[0].data);
}

TEST_F(audit, records_a_pin_with_force)
{
	const uint32_t flags = GUPX_F_FORCE | GUPX_F_WRITE;

	SKIP_IF_MISSING();
	pin_pages(_metadata, self, flags);
	check_record(_metadata, self, "gupx-pin", flags, self->memory.addr,
		     PAGES * lab_page(), PAGES * lab_page(), getuid());
}

TEST_F(audit, records_a_short_pin)
{
	SKIP_IF_MISSING();
	pin_pages(_metadata, self, GUPX_F_SHORT);
	check_record(_metadata, self, "gupx-pin", GUPX_F_SHORT,
		     self->memory.addr, PAGES * lab_page(), PAGES * lab_page(),
		     getuid());
}

TEST_F(audit, records_a_pin_of_a_process_of_another_uid)
{
	SKIP_IF_MISSING();
	give_target_away(_metadata, &self->target);
	pin_pages(_metadata, self, GUPX_F_WRITE);
	check_record(_metadata, self, "gupx-pin", GUPX_F_WRITE,
		     self->memory.addr, PAGES * lab_page(), PAGES * lab_page(),
		     NOBODY);
}

/*
 * Check that adding pins to an existing pin fd also writes a record, with either
 * engine.
 */
TEST_F(audit, records_each_pin_added_to_a_pin_fd)
{
	const uint64_t page = lab_page(), next = self->memory.addr + page;
	struct lab_answer answer;

	SKIP_IF_MISSING();
	give_target_away(_metadata, &self->target);
	answer = lab_pin(self->target.mem_fd, self->memory.addr, page, 0);
	ASSERT_EQ(page, answer.done);
	check_record(_metadata, self, "gupx-pin", 0, self->memory.addr, page,
		     page, NOBODY);
	EXPECT_EQ(page, lab_pin_more(answer.pin_fd, self->target.mem_fd, next,
				     page, GUPX_F_ENGINE_KERNEL)
				.done);
	check_record(_metadata, self, "gupx-pin", GUPX_F_ENGINE_KERNEL, next,
		     page, page, NOBODY);
	close(answer.pin_fd);
}

/*
 * Pin an unmapped page. Check that the record contains the requested range, and that
 * nothing of it was pinned.
 */
TEST_F(audit, records_a_pin_that_took_nothing)
{
	const uint64_t hole = self->memory.addr + self->memory.len;
	struct lab_answer answer;

	SKIP_IF_MISSING();
	ASSERT_TRUE(self->memory.sealed_end);
	answer = lab_pin(self->target.mem_fd, hole, lab_page(), GUPX_F_FORCE);
	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(0ULL, answer.done);
	check_record(_metadata, self, "gupx-pin", GUPX_F_FORCE, hole,
		     lab_page(), 0, getuid());
}

/* Pin a mapped and an unmapped page. Check that the record says that one was pinned. */
TEST_F(audit, records_a_pin_that_stopped)
{
	const uint64_t page = lab_page();
	const uint64_t last = self->memory.addr + self->memory.len - page;
	struct lab_answer answer;

	SKIP_IF_MISSING();
	ASSERT_TRUE(self->memory.sealed_end);
	answer = lab_pin(self->target.mem_fd, last, 2 * page, GUPX_F_FORCE);
	ASSERT_EQ(0, answer.failed);
	ASSERT_EQ(page, answer.done);
	check_record(_metadata, self, "gupx-pin", GUPX_F_FORCE, last, 2 * page,
		     page, getuid());
	close(answer.pin_fd);
}

TEST_F(audit, records_a_read_with_force)
{
	char bytes[100];

	SKIP_IF_MISSING();
	ASSERT_EQ(sizeof(bytes),
		  lab_read(self->target.mem_fd, self->memory.addr + 7,
			   sizeof(bytes), bytes, GUPX_F_FORCE)
			  .done);
	/* A READ is logged before it begins, so its record does not contain "done". */
	check_record(_metadata, self, "gupx-read", GUPX_F_FORCE,
		     self->memory.addr + 7, sizeof(bytes), ~0ULL, getuid());
}

TEST_F(audit, records_a_segment_read_with_force)
{
	struct gupx_segment segment = { .addr = self->memory.addr + 9,
					.len = 50 };
	char bytes[50];

	SKIP_IF_MISSING();
	ASSERT_EQ(0, lab_readv(self->target.mem_fd, &segment, 1, bytes,
			       sizeof(bytes), GUPX_F_FORCE, NULL));
	check_record(_metadata, self, "gupx-read", GUPX_F_FORCE,
		     self->memory.addr + 9, sizeof(bytes), ~0ULL, getuid());
}

TEST_F(audit, records_nothing_of_an_ordinary_request)
{
	const uint64_t addr = self->memory.addr, page = lab_page();
	struct lab_answer answer;
	char byte;

	SKIP_IF_MISSING();
	answer = lab_pin(self->target.mem_fd, addr, PAGES * page, GUPX_F_WRITE);
	ASSERT_EQ(PAGES * page, answer.done);
	EXPECT_EQ(page, lab_pin_more(answer.pin_fd, self->target.mem_fd, addr,
				     page, GUPX_F_ENGINE_KERNEL)
				.done);
	EXPECT_EQ(1, pread(answer.pin_fd, &byte, 1, 0));
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 0, page, NULL));
	EXPECT_EQ(0, lab_seal(answer.pin_fd, GUPX_SEALS, NULL));
	close(answer.pin_fd);
	EXPECT_EQ(page, lab_populate(self->target.mem_fd, addr, page, 0).done);
	EXPECT_EQ(1ULL, lab_read(self->target.mem_fd, addr, 1, &byte, 0).done);
	check_silence(_metadata, self);
	/*
	 * READ and POPULATE do not hold pages. So they do not write a record for
	 * another user's process.
	 */
	give_target_away(_metadata, &self->target);
	EXPECT_EQ(page, lab_populate(self->target.mem_fd, addr, page, 0).done);
	EXPECT_EQ(1ULL, lab_read(self->target.mem_fd, addr, 1, &byte, 0).done);
	check_silence(_metadata, self);
}

/* Check that a refused PIN or READ does not write a record. */
TEST_F(audit, records_nothing_of_a_refused_request)
{
	const uint64_t addr = self->memory.addr, page = lab_page();
	const int mem_fd = self->target.mem_fd;
	char byte;

	SKIP_IF_MISSING();
	give_target_away(_metadata, &self->target);
	lab_set_param("allow_force", false);
	lab_set_param("allow_short_pins", false);
	EXPECT_EQ(EPERM, lab_pin(mem_fd, addr, page, GUPX_F_FORCE).failed);
	EXPECT_EQ(EPERM, lab_pin(mem_fd, addr, page, GUPX_F_SHORT).failed);
	EXPECT_EQ(EPERM, lab_read(mem_fd, addr, 1, &byte, GUPX_F_FORCE).failed);
	EXPECT_EQ(EINVAL, lab_pin(mem_fd, addr + 1, page, 0).failed);
	EXPECT_EQ(EBADF, lab_pin(-1, addr, page, 0).failed);
	lab_set_param("allow_pins", false);
	EXPECT_EQ(EPERM, lab_pin(mem_fd, addr, page, 0).failed);
	lab_set_param("allow_pins", true);
	ASSERT_EQ(0, lab_set_memlock(0));
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	EXPECT_EQ(ENOBUFS, lab_pin(mem_fd, addr, page, 0).failed);
	check_silence(_metadata, self);
}

TEST_F(audit, records_nothing_while_auditing_is_off)
{
	SKIP_IF_MISSING();
	if (!set_enabled(&self->audit, 0))
		SKIP(return, "auditing cannot be switched off");
	pin_pages(_metadata, self, GUPX_F_FORCE);
	ASSERT_TRUE(set_enabled(&self->audit, 1));
	check_silence(_metadata, self);
	pin_pages(_metadata, self, GUPX_F_FORCE);
	check_record(_metadata, self, "gupx-pin", GUPX_F_FORCE,
		     self->memory.addr, PAGES * lab_page(), PAGES * lab_page(),
		     getuid());
}

TEST_HARNESS_MAIN
