// SPDX-License-Identifier: GPL-2.0
/*
 * UNPIN and SEAL: a part of a pin fd is released, the rest stays where it is, in
 * EXTENTS, pread() and windows; and what a seal rules out is ruled out for good.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "knob.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define NOBODY 65534
#define BYTE 0x5a
#define PAGES 16

FIXTURE(unpin)
{
	struct target target;
	struct memory memory;
	const char *missing;
	long held;
	int pin_fd;
	uint64_t page;
};

FIXTURE_VARIANT(unpin)
{
	enum memory_kind kind;
	bool untouched;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(unpin, small){ MEMORY_ANON, false, GUPX_F_WRITE };
FIXTURE_VARIANT_ADD(unpin, huge){ MEMORY_THP, false, GUPX_F_WRITE };
FIXTURE_VARIANT_ADD(unpin, shared){ MEMORY_SHMEM, false, GUPX_F_WRITE };
/* Never written: on 6.1 the zero page, on others the target's own pages. */
FIXTURE_VARIANT_ADD(unpin, zero){ MEMORY_HOLE, true, 0 };
FIXTURE_VARIANT_ADD(unpin,
		    by_the_kernel){ MEMORY_ANON, false,
				    GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL };

static const char *map_untouched(const struct target *target,
				 struct memory *memory)
{
	const long addr =
		TARGET_CALL(target, SYS_mmap, 0, PAGES * lab_page(), PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memory->addr = addr;
	memory->len = PAGES * lab_page();
	return addr > 0 ? NULL : "no memory";
}

/* Root that is charged as others are. */
FIXTURE_SETUP(unpin)
{
	struct lab_answer answer;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->page = lab_page();
	self->pin_fd = -1;
	if (variant->untouched)
		self->missing = map_untouched(&self->target, &self->memory);
	else
		self->missing = memory_build(&self->target, variant->kind,
					     &self->memory);
	if (self->missing)
		return;
	if (self->memory.len < PAGES * self->page) {
		self->missing = "not enough of this memory";
		return;
	}
	if (!variant->untouched)
		ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
					 self->memory.len, BYTE));
	ASSERT_EQ(0, lab_set_memlock(64UL << 20));
	ASSERT_EQ(0, lab_drop_capability(14 /* CAP_IPC_LOCK */));
	self->held = lab_pins_held();
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 PAGES * self->page, variant->flags);
	ASSERT_EQ(PAGES * self->page, answer.done);
	self->pin_fd = answer.pin_fd;
}

FIXTURE_TEARDOWN(unpin)
{
	struct gupx_info info;

	if (self->pin_fd >= 0)
		close(self->pin_fd);
	target_stop(&self->target);
	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ(0ULL, info.memlock_used);
	EXPECT_EQ(0ULL, info.extents_used);
}

static struct gupx_extents extents_of(int pin_fd)
{
	struct gupx_extents head = { 0 };

	lab_extents(pin_fd, &head, NULL, 0);
	return head;
}

/* Pages by their offsets: which does EXTENTS list? A bit each. */
static uint32_t pages_listed(int pin_fd)
{
	struct gupx_extent run[2 * PAGES];
	struct gupx_extents head;
	uint32_t listed = 0;

	if (lab_extents(pin_fd, &head, run, 2 * PAGES))
		return 0;
	for (uint32_t i = 0; i < head.count; i++)
		for (uint64_t at = 0; at < run[i].len; at += lab_page())
			listed |= 1U << (run[i].offset + at) / lab_page();
	return listed;
}

TEST_F(unpin, keeps_the_rest_where_it_is)
{
	const uint64_t page = self->page;
	struct gupx_extents head;
	uint64_t released = 0;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 5 * page, 3 * page, &released));
	EXPECT_EQ(3 * page, released);
	head = extents_of(self->pin_fd);
	EXPECT_EQ((PAGES - 3) * page, head.bytes);
	EXPECT_EQ(PAGES * page, head.length);
	EXPECT_EQ(0xffffU & ~(7U << 5), pages_listed(self->pin_fd));
	/* What is gone is passed over. */
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 4 * page, 6 * page, &released));
	EXPECT_EQ(3 * page, released);
	EXPECT_EQ(0xffffU & ~(63U << 4), pages_listed(self->pin_fd));
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 0, 1 << 30, &released));
	EXPECT_EQ((PAGES - 6) * page, released);
	EXPECT_EQ(0U, pages_listed(self->pin_fd));
	EXPECT_EQ(self->held, lab_pins_held());
	EXPECT_EQ(0ULL, extents_of(self->pin_fd).charged);
	EXPECT_EQ(0ULL, extents_of(self->pin_fd).total);
}

TEST_F(unpin, each_page_alone_in_any_order)
{
	uint32_t left = 0xffffU;

	SKIP_IF_MISSING();
	for (unsigned int i = 0; i < PAGES; i++) {
		const unsigned int at = i * 7 % PAGES;
		uint64_t released = 0;

		ASSERT_EQ(0, lab_unpin(self->pin_fd, at * self->page,
				       self->page, &released));
		EXPECT_EQ(self->page, released);
		left &= ~(1U << at);
		EXPECT_EQ(left, pages_listed(self->pin_fd));
	}
	EXPECT_EQ(self->held, lab_pins_held());
	EXPECT_EQ(0ULL, extents_of(self->pin_fd).charged);
}

TEST_F(unpin, pread_of_what_is_gone_is_ENODATA)
{
	const uint64_t page = self->page;
	char bytes[3 * 4096];

	SKIP_IF_MISSING();
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 2 * page, 2 * page, NULL));
	EXPECT_EQ((ssize_t)(2 * page), pread(self->pin_fd, bytes, 3 * page, 0));
	EXPECT_EQ(-1, pread(self->pin_fd, bytes, 1, 2 * page));
	EXPECT_EQ(ENODATA, errno);
	EXPECT_EQ(-1, pread(self->pin_fd, bytes, page, 4 * page - 1));
	EXPECT_EQ(ENODATA, errno);
	EXPECT_EQ((ssize_t)page, pread(self->pin_fd, bytes, page, 4 * page));
	EXPECT_EQ(0, pread(self->pin_fd, bytes, page, PAGES * page));
}

static sigjmp_buf hit;

static void note_hit(int signal)
{
	siglongjmp(hit, signal);
}

static int signal_of_read(const volatile char *byte)
{
	const int signal = sigsetjmp(hit, 1);

	if (!signal)
		(void)*byte;
	return signal;
}

TEST_F(unpin, window_loses_what_is_gone_and_keeps_the_rest)
{
	const struct sigaction action = { .sa_handler = note_hit };
	const size_t len = PAGES * self->page;
	char *window;

	SKIP_IF_MISSING();
	window = mmap(NULL, len, PROT_READ, MAP_SHARED, self->pin_fd, 0);
	ASSERT_NE(MAP_FAILED, window);
	for (size_t at = 0; at < len; at += self->page)
		EXPECT_EQ(window[0], window[at]);
	sigaction(SIGBUS, &action, NULL);
	ASSERT_EQ(0, lab_unpin(self->pin_fd, 3 * self->page, 2 * self->page,
			       NULL));
	for (unsigned int i = 0; i < PAGES; i++) {
		EXPECT_EQ(i == 3 || i == 4 ? SIGBUS : 0,
			  signal_of_read(window + i * self->page))
		TH_LOG("page %u", i);
	}
	munmap(window, len);
}

/* More pins come behind the end, whatever is gone before it. */
TEST_F(unpin, offsets_are_never_used_again)
{
	const uint64_t page = self->page;
	struct lab_answer answer;

	SKIP_IF_MISSING();
	ASSERT_EQ(0,
		  lab_unpin(self->pin_fd, (PAGES - 2) * page, 2 * page, NULL));
	answer = lab_pin_more(self->pin_fd, self->target.mem_fd,
			      self->memory.addr + (PAGES - 2) * page, 2 * page,
			      variant->flags);
	ASSERT_EQ(2 * page, answer.done);
	EXPECT_EQ((PAGES + 2) * page, extents_of(self->pin_fd).length);
	EXPECT_EQ(PAGES * page, extents_of(self->pin_fd).bytes);
	EXPECT_EQ(0x3ffffU & ~(3U << (PAGES - 2)), pages_listed(self->pin_fd));
}

TEST_F(unpin, wants_whole_pages)
{
	SKIP_IF_MISSING();
	EXPECT_EQ(EINVAL, lab_unpin(self->pin_fd, 1, self->page, NULL));
	EXPECT_EQ(EINVAL, lab_unpin(self->pin_fd, 0, 1, NULL));
	EXPECT_EQ(EINVAL,
		  lab_unpin(self->pin_fd, self->page, -self->page, NULL));
	EXPECT_EQ(0, lab_unpin(self->pin_fd, 0, 0, NULL));
	EXPECT_EQ(0, lab_unpin(self->pin_fd, 1UL << 50, self->page, NULL));
	EXPECT_EQ(0xffffU, pages_listed(self->pin_fd));
}

TEST_F(unpin, and_seals_are_for_the_maker_alone)
{
	pid_t pid;
	int status;

	SKIP_IF_MISSING();
	pid = fork();
	if (!pid) {
		const int pin_fd = self->pin_fd;

		if (lab_become(NOBODY))
			_exit(1);
		_exit(lab_unpin(pin_fd, 0, self->page, NULL) != EXDEV ||
		      lab_seal(pin_fd, GUPX_SEAL_PIN, NULL) != EXDEV ||
		      lab_seal(pin_fd, 0, NULL));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0xffffU, pages_listed(self->pin_fd));
}

TEST_F(unpin, seals_rule_out_for_good)
{
	const size_t len = PAGES * self->page;
	uint32_t sealed = 0;
	char *window;

	SKIP_IF_MISSING();
	EXPECT_EQ(EOPNOTSUPP, lab_seal(self->pin_fd, 1U << 5, NULL));
	ASSERT_EQ(0, lab_seal(self->pin_fd, GUPX_SEAL_UNPIN, &sealed));
	EXPECT_EQ(GUPX_SEAL_UNPIN, sealed);
	EXPECT_EQ(EPERM, lab_unpin(self->pin_fd, 0, self->page, NULL));
	ASSERT_EQ(0, lab_seal(self->pin_fd, GUPX_SEAL_PIN, &sealed));
	EXPECT_EQ(GUPX_SEAL_UNPIN | GUPX_SEAL_PIN, sealed);
	EXPECT_EQ(EPERM,
		  lab_pin_more(self->pin_fd, self->target.mem_fd,
			       self->memory.addr, self->page, variant->flags)
			  .failed);
	if (!(variant->flags & GUPX_F_WRITE))
		return;
	window = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED,
		      self->pin_fd, 0);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(EBUSY, lab_seal(self->pin_fd, GUPX_SEAL_WRITE, NULL));
	/* A part of it is one, too, wherever it has gone. */
	ASSERT_EQ(0, munmap(window + self->page, len - 2 * self->page));
	ASSERT_EQ(0, munmap(window, self->page));
	EXPECT_EQ(EBUSY, lab_seal(self->pin_fd, GUPX_SEAL_WRITE, NULL));
	ASSERT_EQ(0, munmap(window + len - self->page, self->page));
	ASSERT_EQ(0, lab_seal(self->pin_fd, GUPX_SEAL_WRITE, &sealed));
	EXPECT_EQ(GUPX_SEALS, sealed);
	EXPECT_EQ(GUPX_SEALS, extents_of(self->pin_fd).seals);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, len, PROT_READ | PROT_WRITE,
				   MAP_SHARED, self->pin_fd, 0));
	EXPECT_EQ(EPERM, errno);
	window = mmap(NULL, len, PROT_READ, MAP_SHARED, self->pin_fd, 0);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(-1, mprotect(window, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(window, len);
}

TEST_F(unpin, read_only_pin_fd_is_never_mapped_for_writing)
{
	const size_t len = PAGES * self->page;
	struct lab_answer answer;
	char *window;

	SKIP_IF_MISSING();
	EXPECT_EQ(EINVAL, lab_pin_more(self->pin_fd, self->target.mem_fd,
				       self->memory.addr, self->page,
				       variant->flags | GUPX_F_READ_ONLY)
				  .failed);
	answer = lab_pin(self->target.mem_fd, self->memory.addr, len,
			 variant->flags | GUPX_F_READ_ONLY);
	ASSERT_EQ(len, answer.done);
	EXPECT_EQ(GUPX_SEAL_WRITE, extents_of(answer.pin_fd).seals);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, len, PROT_READ | PROT_WRITE,
				   MAP_SHARED, answer.pin_fd, 0));
	EXPECT_EQ(EACCES, errno);
	window = mmap(NULL, len, PROT_READ, MAP_SHARED, answer.pin_fd, 0);
	EXPECT_NE(MAP_FAILED, window);
	munmap(window, len);
	close(answer.pin_fd);
}

/**
 * struct race - who touches, reads and asks while pages go
 * @over: no more rounds
 */
struct race {
	int pin_fd;
	char *window;
	volatile bool over;
};

static __thread sigjmp_buf hit_in_thread;

static void note_hit_in_thread(int signal)
{
	siglongjmp(hit_in_thread, signal);
}

static void *touch_all(void *argument)
{
	struct race *race = argument;

	while (!race->over)
		for (volatile size_t i = 0; i < PAGES; i++)
			if (!sigsetjmp(hit_in_thread, 1))
				race->window[i * lab_page()] = BYTE;
	return NULL;
}

static void *read_all(void *argument)
{
	struct race *race = argument;
	char bytes[4096];

	while (!race->over)
		for (size_t i = 0; i < PAGES; i++)
			(void)!pread(race->pin_fd, bytes, sizeof(bytes),
				     i * lab_page());
	return NULL;
}

TEST_F(unpin, races_with_touches_and_reads)
{
	const struct sigaction action = { .sa_handler = note_hit_in_thread,
					  .sa_flags = SA_NODEFER };
	const size_t len = PAGES * self->page;
	pthread_t thread[2];

	SKIP_IF_MISSING();
	if (!(variant->flags & GUPX_F_WRITE))
		SKIP(return, "not to be written to");
	sigaction(SIGBUS, &action, NULL);
	for (int round = 0; round < 40; round++) {
		struct race race = {
			.pin_fd =
				lab_pin(self->target.mem_fd, self->memory.addr,
					len, variant->flags)
					.pin_fd,
		};

		ASSERT_LE(0, race.pin_fd);
		race.window = mmap(NULL, len, PROT_READ | PROT_WRITE,
				   MAP_SHARED, race.pin_fd, 0);
		ASSERT_NE(MAP_FAILED, race.window);
		pthread_create(&thread[0], NULL, touch_all, &race);
		pthread_create(&thread[1], NULL, read_all, &race);
		for (size_t i = 0; i < PAGES; i++)
			EXPECT_EQ(0, lab_unpin(race.pin_fd,
					       i * 5 % PAGES * self->page,
					       self->page, NULL));
		race.over = true;
		pthread_join(thread[0], NULL);
		pthread_join(thread[1], NULL);
		munmap(race.window, len);
		close(race.pin_fd);
	}
	close(self->pin_fd);
	self->pin_fd = -1;
	EXPECT_EQ(self->held, lab_pins_held());
}

TEST_HARNESS_MAIN
