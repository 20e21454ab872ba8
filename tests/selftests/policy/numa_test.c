// SPDX-License-Identifier: GPL-2.0
/*
 * Tests with two NUMA nodes: the hints of NUMA balancing, migration between the
 * nodes, and interleaved memory. Each node of the machine needs a CPU and memory.
 */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "row.h"

#define BALANCING "/proc/sys/kernel/numa_balancing"
#define SCAN "/sys/kernel/debug/sched/numa_balancing/"
#define NODE(nr) "/sys/devices/system/node/node" #nr "/cpulist"
#define BURN (8UL << 20)

static const char *const scan_settings[] = {
	SCAN "scan_delay_ms",
	SCAN "scan_period_min_ms",
	SCAN "scan_period_max_ms",
};

FIXTURE(numa)
{
	struct target target;
	struct memory memory;
	const char *missing;
	uint64_t burn;
	long held;
	bool force;
	long scan[3];
	long balancing;
};

FIXTURE_VARIANT(numa)
{
	enum memory_kind kind;
};

FIXTURE_VARIANT_ADD(numa, anon){
	.kind = MEMORY_ANON,
};

FIXTURE_VARIANT_ADD(numa, thp){
	.kind = MEMORY_THP,
};

/* Run the target on @cpu, so that its next pages are allocated on the node of @cpu. */
static bool run_on(const struct target *target, unsigned int cpu)
{
	static const unsigned long masks[] = { 1, 2 };

	return TARGET_CALL(target, SYS_sched_setaffinity, 0, sizeof(masks[0]),
			   (long)&masks[cpu]) >= 0;
}

static const char *find_missing(FIXTURE_DATA(numa) * self)
{
	if (sysctl_get(NODE(0)) != 0 || sysctl_get(NODE(1)) != 1)
		return "not CPU 0 on node 0 and CPU 1 on node 1";
	self->balancing = sysctl_get(BALANCING);
	if (self->balancing < 0)
		return "no NUMA balancing";
	for (size_t i = 0; i < ARRAY_SIZE(scan_settings); i++) {
		self->scan[i] = sysctl_get(scan_settings[i]);
		if (self->scan[i] < 0)
			return "no debugfs to tune NUMA balancing by";
	}
	return NULL;
}

FIXTURE_SETUP(numa)
{
	ASSERT_LE(0, lab_device());
	self->held = lab_pins_held();
	self->missing = find_missing(self);
	if (self->missing)
		return;
	self->force = lab_param("allow_force");
	lab_set_param("allow_force", true);
	sysctl_set(BALANCING, 0);
	/*
	 * fork() copies the NUMA balancing setting scan_delay_ms. Therefore change the
	 * setting before the target is forked.
	 */
	for (size_t i = 0; i < ARRAY_SIZE(scan_settings); i++)
		sysctl_set(scan_settings[i], 10);
	ASSERT_EQ(0, target_start(&self->target));
	self->burn = memory_map_aligned(&self->target, BURN);
	ASSERT_NE(0ULL, self->burn);
	ASSERT_TRUE(run_on(&self->target, 1));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, variant->kind, &self->memory));
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'n'));
}

FIXTURE_TEARDOWN(numa)
{
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
	if (self->missing)
		return;
	lab_set_param("allow_force", self->force);
	sysctl_set(BALANCING, self->balancing);
	for (size_t i = 0; i < ARRAY_SIZE(scan_settings); i++)
		sysctl_set(scan_settings[i], self->scan[i]);
}

/*
 * Returns true if the page has a NUMA hint, else false. NOFAULT prevents a fault that
 * would remove the hint.
 */
static bool is_hinted(const FIXTURE_DATA(numa) * self, uint64_t addr)
{
	return pin_once(&self->target, addr, lab_page(),
			GUPX_F_NOFAULT | GUPX_F_HONOR_NUMA)
		       .stop.reason == GUPX_REASON_NOFAULT;
}

/*
 * Run the target on node 0 until the kernel sets a NUMA hint on the target's memory,
 * which is on node 1. Meanwhile, the target accesses only other memory. Returns true
 * if a hint was set in time, else false.
 */
static bool wait_for_hints(FIXTURE_DATA(numa) * self)
{
	const time_t end = time(NULL) + 8;
	bool hinted = false;

	run_on(&self->target, 0);
	sysctl_set(BALANCING, 1);
	while (!hinted && time(NULL) < end) {
		target_peek(&self->target, self->burn, BURN);
		hinted = is_hinted(self, self->memory.addr);
	}
	sysctl_set(BALANCING, 0);
	return hinted;
}

TEST_F(numa, E3_hint_is_honoured_only_when_asked)
{
	const uint64_t page = lab_page(), addr = self->memory.addr;
	struct lab_answer answer;

	SKIP_IF_MISSING();
	if (!wait_for_hints(self))
		SKIP(return, "NUMA balancing left no hint in the time given");
	/* Without HONOR_NUMA, the page is pinned and keeps its NUMA hint. */
	answer = pin_once(&self->target, addr, page, GUPX_F_NOFAULT);
	EXPECT_EQ(page, answer.done);
	EXPECT_TRUE(is_hinted(self, addr));
	/*
	 * The GUP of Linux 6.1 honours NUMA hints unless FORCE is set. Set FORCE to get
	 * the same result with both engines.
	 */
	check_taken(_metadata, &self->target, addr, page,
		    GUPX_F_NOFAULT | GUPX_F_FORCE);
	answer = pin_once(&self->target, addr, page,
			  GUPX_F_NOFAULT | GUPX_F_HONOR_NUMA |
				  GUPX_F_ENGINE_KERNEL);
	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
	/*
	 * Row E2 (DUMP fails at an empty entry): with HONOR_NUMA, DUMP treats a PMD with
	 * a NUMA hint as empty. So the request stops with EFAULT.
	 */
	if (variant->kind == MEMORY_THP)
		check_refused(_metadata, &self->target, addr,
			      GUPX_F_DUMP | GUPX_F_HONOR_NUMA,
			      GUPX_STAGE_FOLLOW, GUPX_REASON_DUMP_EMPTY);
	EXPECT_TRUE(is_hinted(self, addr));
	answer = pin_once(&self->target, addr, page, GUPX_F_HONOR_NUMA);
	EXPECT_EQ(page, answer.done);
	EXPECT_FALSE(is_hinted(self, addr));
	EXPECT_EQ('n', target_peek(&self->target, addr, 1));
}

/*
 * Migrate the target's pages between the nodes repeatedly, until the process is
 * killed.
 */
static void keep_moving(pid_t pid)
{
	static const unsigned long nodes[] = { 1, 2 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int i = 0;; i ^= 1)
		syscall(SYS_migrate_pages, pid, 3UL, &nodes[i], &nodes[i ^ 1]);
}

/*
 * Row E1: check that the fault on a migration entry waits, and that the page is then
 * pinned.
 */
TEST_F(numa, E1_pages_on_the_move_are_waited_for)
{
	const uint64_t len = self->memory.len;
	unsigned char *buffer;
	uint64_t before, moved = 0;
	pid_t pid;

	SKIP_IF_MISSING();
	buffer = malloc(len);
	ASSERT_NE(NULL, buffer);
	before = lab_pagemap_word(self->target.pid, self->memory.addr);
	pid = fork();
	if (pid == 0)
		keep_moving(self->target.pid);
	for (unsigned int i = 0; i < 5000 && moved < 5; i++) {
		const uint64_t now =
			lab_pagemap_word(self->target.pid, self->memory.addr);

		moved += now != before;
		before = now;
		ASSERT_EQ(len, lab_read(self->target.mem_fd, self->memory.addr,
					len, buffer, 0)
				       .done);
		for (uint64_t at = 0; at < len; at += lab_page())
			ASSERT_EQ('n', buffer[at]);
		ASSERT_EQ(len, pin_once(&self->target, self->memory.addr, len,
					i & 1 ? GUPX_F_WRITE : 0)
				       .done);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free(buffer);
	EXPECT_EQ(5ULL, moved);
}

/*
 * Number of pages. Neighbouring pages are on different nodes, so each page is an
 * extent. One storage block of the module cannot store all of these extents.
 */
#define TURNS 1200

FIXTURE(interleaved)
{
	struct target target;
	uint64_t addr;
	const char *missing;
	/*
	 * For each node: the number of pages of the target, and the number of pins
	 * before the test.
	 */
	long pages[2];
	long before[2];
};

FIXTURE_VARIANT(interleaved)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(interleaved, ours){
	.flags = GUPX_F_WRITE,
};

FIXTURE_VARIANT_ADD(interleaved, of_the_kernel){
	.flags = GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL,
};

static long held_on(int node)
{
	char file[64];

	/*
	 * The kernel first counts pins for each CPU, and adds them to the counters of
	 * the node later. lab_pins_held() makes the kernel add them now.
	 */
	lab_pins_held();
	snprintf(file, sizeof(file), "/sys/devices/system/node/node%d/vmstat",
		 node);
	return lab_number(file, "nr_foll_pin_acquired ") -
	       lab_number(file, "nr_foll_pin_released ");
}

/*
 * Count the pages on each node. Returns false if a page is on neither of the two
 * nodes.
 */
static bool count_pages(const struct target *target, uint64_t addr,
			long pages[2])
{
	void *where[TURNS];
	int nodes[TURNS];

	for (int i = 0; i < TURNS; i++)
		where[i] = (void *)(addr + i * lab_page());
	if (syscall(SYS_move_pages, target->pid, (long)TURNS, where, NULL,
		    nodes, 0))
		return false;
	pages[0] = 0;
	pages[1] = 0;
	for (int i = 0; i < TURNS; i++) {
		if (nodes[i] != 0 && nodes[i] != 1)
			return false;
		pages[nodes[i]]++;
	}
	return true;
}

FIXTURE_SETUP(interleaved)
{
	static const unsigned long second = 2, both = 3;
	const struct target *target = &self->target;
	const uint64_t len = TURNS * lab_page();

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = memory_map_small(target, len);
	ASSERT_NE(0ULL, self->addr);
	/* MPOL_BIND to node 1 fails if node 1 has no memory. */
	if (TARGET_CALL(target, SYS_mbind, self->addr, len, MPOL_BIND,
			(long)&second, 3, 0)) {
		self->missing = "no memory on node 1";
		return;
	}
	ASSERT_EQ(0, TARGET_CALL(target, SYS_mbind, self->addr, len,
				 MPOL_INTERLEAVE, (long)&both, 3, 0));
	ASSERT_EQ(0, target_poke(target, self->addr, len, 't'));
	ASSERT_TRUE(count_pages(target, self->addr, self->pages));
	ASSERT_LT(TURNS / 4, self->pages[0]);
	ASSERT_LT(TURNS / 4, self->pages[1]);
	for (int node = 0; node < 2; node++)
		self->before[node] = held_on(node);
}

FIXTURE_TEARDOWN(interleaved)
{
	target_stop(&self->target);
}

/* Row E8: check that each pin is counted in the statistics of the page's node. */
TEST_F(interleaved, E8_pins_are_counted_where_they_are)
{
	struct lab_answer answer;

	SKIP_IF_MISSING();
	answer = lab_pin(self->target.mem_fd, self->addr, TURNS * lab_page(),
			 variant->flags);
	ASSERT_EQ(TURNS * lab_page(), answer.done);
	for (int node = 0; node < 2; node++)
		EXPECT_EQ(self->before[node] + self->pages[node],
			  held_on(node));
	close(answer.pin_fd);
	for (int node = 0; node < 2; node++)
		EXPECT_EQ(self->before[node], held_on(node));
}

TEST_HARNESS_MAIN
