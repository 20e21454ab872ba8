// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of memory hot-unplug while a target's memory is pinned long-term. Before the
 * pin, the pages are migrated out of movable memory, so that this memory can go
 * offline. The machine needs a DIMM that is online as movable memory.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define BLOCKS "/sys/devices/system/memory"
#define DIMMS "/sys/bus/acpi/devices"
#define MAX_BLOCKS 64
#define MAX_PAGES 4096
#define OFFLINE_SECONDS 20

/**
 * struct block - a block of memory that can go offline
 * @number: number N of /sys/devices/system/memory/memoryN
 * @first: first page frame
 * @end: page frame after the last one
 */
struct block {
	unsigned int number;
	uint64_t first;
	uint64_t end;
};

FIXTURE(unplug)
{
	struct target target;
	struct memory memory;
	struct block blocks[MAX_BLOCKS];
	const char *missing;
	size_t nr_blocks;
	size_t nr;
	long held;
	uint64_t frames[MAX_PAGES];
};

FIXTURE_VARIANT(unplug)
{
	enum memory_kind kind;
	uint32_t flags;
};

#define KIND(name, which, how)                   \
	FIXTURE_VARIANT_ADD(unplug, name)        \
	{                                        \
		.kind = (which), .flags = (how), \
	}

KIND(anon_read, MEMORY_ANON, 0);
KIND(anon_write, MEMORY_ANON, GUPX_F_WRITE);
KIND(thp_write, MEMORY_THP, GUPX_F_WRITE);
KIND(shmem_write, MEMORY_SHMEM, GUPX_F_WRITE);
KIND(anon_write_by_kernel, MEMORY_ANON, GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL);

static bool read_word(unsigned int block, const char *name, char *text,
		      size_t size)
{
	char path[128];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), BLOCKS "/memory%u/%s", block, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, size - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static void note_alarm(int signal)
{
	(void)signal;
}

/*
 * Write the state of a memory block. The kernel keeps trying to take the block offline
 * until a signal arrives, so set an alarm.
 */
static bool set_state(unsigned int block, const char *state)
{
	const struct sigaction action = { .sa_handler = note_alarm };
	struct sigaction before;
	char path[128];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), BLOCKS "/memory%u/state", block);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	/* Replace the SIGALRM handler and the alarm of the test harness. */
	sigaction(SIGALRM, &action, &before);
	alarm(OFFLINE_SECONDS);
	size = write(fd, state, strlen(state));
	alarm(0);
	sigaction(SIGALRM, &before, NULL);
	close(fd);
	return size > 0;
}

static uint64_t block_frames(void)
{
	char text[32] = "";
	const int fd = open(BLOCKS "/block_size_bytes", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '0';
	if (fd >= 0)
		close(fd);
	return strtoull(text, NULL, 16) / lab_page();
}

/* Returns true if the block is online, movable, and on a device such as a DIMM. */
static bool is_of_dimm(unsigned int block)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), BLOCKS "/memory%u/firmware_node", block);
	return read_word(block, "valid_zones", text, sizeof(text)) &&
	       !strncmp(text, "Movable", 7) && !access(path, F_OK) &&
	       read_word(block, "state", text, sizeof(text)) &&
	       !strncmp(text, "online", 6);
}

static size_t find_blocks(struct block *blocks)
{
	const uint64_t frames = block_frames();
	DIR *all = opendir(BLOCKS);
	struct dirent *entry;
	size_t nr = 0;

	while (all && nr < MAX_BLOCKS && (entry = readdir(all))) {
		unsigned int number;

		if (sscanf(entry->d_name, "memory%u", &number) != 1 ||
		    !is_of_dimm(number))
			continue;
		blocks[nr++] = (struct block){
			.number = number,
			.first = number * frames,
			.end = (number + 1) * frames,
		};
	}
	if (all)
		closedir(all);
	return nr;
}

static bool is_inside(const struct block *blocks, size_t nr, uint64_t frame)
{
	for (size_t i = 0; i < nr; i++)
		if (frame >= blocks[i].first && frame < blocks[i].end)
			return true;
	return false;
}

FIXTURE_SETUP(unplug)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->missing =
		memory_build(&self->target, variant->kind, &self->memory);
	if (self->missing)
		return;
	self->nr = self->memory.len / lab_page();
	ASSERT_GE(MAX_PAGES, self->nr);
	self->nr_blocks = find_blocks(self->blocks);
	if (!self->nr_blocks)
		self->missing = "no DIMM that is movable memory";
	self->held = lab_pins_held();
}

static bool bring_back(const struct block *blocks, size_t nr)
{
	char state[64];
	bool all = true;

	for (size_t i = 0; i < nr; i++)
		if (!read_word(blocks[i].number, "state", state,
			       sizeof(state)) ||
		    (strncmp(state, "online", 6) &&
		     !set_state(blocks[i].number, "online_movable")))
			all = false;
	return all;
}

FIXTURE_TEARDOWN(unplug)
{
	EXPECT_TRUE(bring_back(self->blocks, self->nr_blocks));
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

static size_t count_inside(struct __test_metadata *_metadata,
			   FIXTURE_DATA(unplug) * self)
{
	size_t inside = 0;

	EXPECT_EQ(self->nr, lab_pagemap(self->target.pid, self->memory.addr,
					self->nr, self->frames));
	for (size_t i = 0; i < self->nr; i++)
		inside += is_inside(self->blocks, self->nr_blocks,
				    LAB_PM_FRAME(self->frames[i]));
	return inside;
}

static void check_bytes(struct __test_metadata *_metadata,
			const FIXTURE_DATA(unplug) * self, int pin_fd)
{
	size_t wrong = 0;
	char byte;

	for (size_t i = 0; i < self->nr; i++)
		wrong += pread(pin_fd, &byte, 1, i * lab_page()) != 1 ||
			 byte != 7;
	EXPECT_EQ(0UL, wrong);
	EXPECT_EQ(7 * (long)self->nr,
		  target_peek(&self->target, self->memory.addr,
			      self->memory.len));
}

static void take_all_offline(struct __test_metadata *_metadata,
			     const FIXTURE_DATA(unplug) * self)
{
	for (size_t i = 0; i < self->nr_blocks; i++) {
		const unsigned int block = self->blocks[i].number;

		EXPECT_TRUE(set_state(block, "offline"))
		TH_LOG("memory%u stays: %s", block, strerror(errno));
	}
}

/*
 * A long-term pin first moves the pages out of movable memory. Check that the block of
 * movable memory that contained them can therefore go offline while they are pinned.
 */
TEST_F_TIMEOUT(unplug, memory_goes_offline_under_long_pins, 120)
{
	struct lab_answer answer;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 7));
	if (!count_inside(_metadata, self))
		SKIP(return, "not one page came from the DIMM");
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, variant->flags);
	ASSERT_EQ(self->memory.len, answer.done);
	EXPECT_EQ(0UL, count_inside(_metadata, self));
	take_all_offline(_metadata, self);
	check_bytes(_metadata, self, answer.pin_fd);
	EXPECT_EQ(self->held + (long)self->nr, lab_pins_held());
	close(answer.pin_fd);
}

/*
 * Check that the memory can go offline and online again three times while pages are
 * pinned.
 */
TEST_F_TIMEOUT(unplug, memory_comes_and_goes, 120)
{
	SKIP_IF_MISSING();
	for (unsigned int round = 0; round < 3; round++) {
		struct lab_answer answer;

		ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
					 self->memory.len, 7));
		answer = lab_pin(self->target.mem_fd, self->memory.addr,
				 self->memory.len, variant->flags);
		ASSERT_EQ(self->memory.len, answer.done);
		take_all_offline(_metadata, self);
		ASSERT_TRUE(bring_back(self->blocks, self->nr_blocks));
		check_bytes(_metadata, self, answer.pin_fd);
		close(answer.pin_fd);
		/*
		 * Page out the target's memory, so that its next faults may allocate
		 * pages on the DIMM.
		 */
		ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise,
					 self->memory.addr, self->memory.len,
					 MADV_PAGEOUT));
	}
}

TEST_HARNESS_MAIN
