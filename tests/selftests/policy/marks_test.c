// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of pages and entries that are marked by other features of the kernel:
 * soft-dirty, userfaultfd, KSM, guard regions, shadow stacks, peer-to-peer memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "row.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif

#define KSM "/sys/kernel/mm/ksm/"
#define PM_SOFT_DIRTY (1ULL << 55)
#define KPF_REFERENCED (1ULL << 2)
#define KPF_DIRTY (1ULL << 4)
#define KPF_ACTIVE (1ULL << 6)
#define KPF_HUGE (1ULL << 17)
#define HUGE (2UL << 20)

static uint64_t frame_of(const struct target *target, uint64_t addr)
{
	return LAB_PM_FRAME(lab_pagemap_word(target->pid, addr));
}

/*
 * Returns the flags in /proc/kpageflags of the page that the target maps, or 0 on
 * failure.
 */
static uint64_t page_flags(const struct target *target, uint64_t addr)
{
	const int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t flags = 0;

	if (pread(fd, &flags, sizeof(flags),
		  frame_of(target, addr) * sizeof(flags)) != sizeof(flags))
		flags = 0;
	close(fd);
	return flags;
}

/*
 * Build a read-only huge page that is mapped by a PMD. Only requests with FORCE can
 * write to this page.
 */
#define BUILD_HUGE_READ_ONLY()                                                \
	do {                                                                  \
		BUILD(MEMORY_THP);                                            \
		ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,    \
					 self->memory.len, 'h'));             \
		if (target_smaps(&self->target, self->memory.addr,            \
				 "AnonHugePages:") <= 0)                      \
			SKIP(return, "no huge page to be had");               \
		ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect,         \
					 self->memory.addr, self->memory.len, \
					 PROT_READ));                         \
	} while (0)

static bool is_soft_dirty(const struct target *target, uint64_t addr)
{
	return lab_pagemap_word(target->pid, addr) & PM_SOFT_DIRTY;
}

/*
 * Row E4: check that a FORCE write causes a fault on an entry whose soft-dirty bit is clear.
 * The fault sets the bit.
 */
static void check_soft_dirty(struct __test_metadata *_metadata,
			     FIXTURE_DATA(row) * self)
{
	const uint32_t force = GUPX_F_WRITE | GUPX_F_FORCE;
	const uint64_t addr = self->memory.addr, page = lab_page();
	char path[64];

	check_taken(_metadata, &self->target, addr, page,
		    force | GUPX_F_NOFAULT);
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", self->target.pid);
	/* Without the bit, it looks clear even after a write. */
	if (!is_soft_dirty(&self->target, addr))
		SKIP(return, "this kernel has no soft-dirty bit");
	ASSERT_TRUE(sysctl_set(path, 4));
	if (is_soft_dirty(&self->target, addr))
		SKIP(return, "this kernel tracks no soft-dirty pages");
	check_refused(_metadata, &self->target, addr, force | GUPX_F_NOFAULT,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_NOFAULT);
	EXPECT_EQ(page, pin_once(&self->target, addr, page, force).done);
	EXPECT_TRUE(is_soft_dirty(&self->target, addr));
	check_taken(_metadata, &self->target, addr, page,
		    force | GUPX_F_NOFAULT);
}

TEST_F(row, E4_force_leaves_soft_dirty_mark)
{
	BUILD(MEMORY_READ_ONLY);
	check_soft_dirty(_metadata, self);
	/*
	 * The request did not include the next page, so this page must not be
	 * soft-dirty.
	 */
	EXPECT_FALSE(
		is_soft_dirty(&self->target, self->memory.addr + lab_page()));
}

TEST_F(row, E4_force_leaves_soft_dirty_mark_on_a_huge_page)
{
	BUILD_HUGE_READ_ONLY();
	check_soft_dirty(_metadata, self);
}

/* Run an ioctl in the target with a copy of @argument. */
static long call_ioctl(const struct target *target, long fd,
		       unsigned long command, const void *argument, size_t size)
{
	static unsigned char theirs[64];

	if (pwrite(target->mem_fd, argument, size, (uintptr_t)theirs) !=
	    (ssize_t)size)
		return -EIO;
	return TARGET_CALL(target, SYS_ioctl, fd, command, (long)theirs);
}

/*
 * Register @memory for write protection. Returns the userfaultfd as a file descriptor
 * in the target, or -errno.
 */
static long watch_writes(const struct target *target,
			 const struct memory *memory)
{
	const struct uffdio_api api = { .api = UFFD_API };
	const struct uffdio_register range = {
		.range = { .start = memory->addr, .len = memory->len },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	const long fd =
		TARGET_CALL(target, SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	long failed;

	if (fd < 0)
		return fd;
	failed = call_ioctl(target, fd, UFFDIO_API, &api, sizeof(api));
	if (!failed)
		failed = call_ioctl(target, fd, UFFDIO_REGISTER, &range,
				    sizeof(range));
	return failed ? failed : fd;
}

static long protect_range(const struct target *target, long fd, uint64_t addr,
			  uint64_t len, bool on)
{
	const struct uffdio_writeprotect range = {
		.range = { .start = addr, .len = len },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return call_ioctl(target, fd, UFFDIO_WRITEPROTECT, &range,
			  sizeof(range));
}

/*
 * Row E4 (a write needs a writable entry): check that a write access to an entry that a
 * userfaultfd has write-protected causes a fault, also with FORCE, and that the fault
 * waits for the userfaultfd. A read access does not cause a fault.
 */
static void check_watched(struct __test_metadata *_metadata,
			  FIXTURE_DATA(row) * self, uint64_t len,
			  uint32_t force)
{
	const uint32_t flags = GUPX_F_WRITE | force;
	const uint64_t addr = self->memory.addr, page = lab_page();
	const long fd = watch_writes(&self->target, &self->memory);
	struct lab_answer answer;

	if (fd < 0)
		SKIP(return, "no userfaultfd that watches writes");
	check_taken(_metadata, &self->target, addr, page,
		    flags | GUPX_F_NOFAULT);
	ASSERT_EQ(0, protect_range(&self->target, fd, addr, len, true));
	check_refused(_metadata, &self->target, addr, flags | GUPX_F_NOFAULT,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_NOFAULT);
	answer = pin_once(&self->target, addr, page, flags | GUPX_F_NOWAIT);
	check_stops(_metadata, &answer, 0, GUPX_STAGE_FAULT,
		    GUPX_REASON_WOULD_WAIT);
	EXPECT_EQ(0ULL, answer.done);
	check_taken(_metadata, &self->target, addr, page, force);
	if (len < self->memory.len)
		check_taken(_metadata, &self->target, addr + len, page, flags);
	ASSERT_EQ(0, protect_range(&self->target, fd, addr, len, false));
	check_taken(_metadata, &self->target, addr, page, flags);
}

TEST_F(row, E4_userfaultfd_is_asked_before_writes)
{
	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'u'));
	check_watched(_metadata, self, lab_page(), 0);
}

TEST_F(row, E4_userfaultfd_is_asked_before_force_writes)
{
	BUILD(MEMORY_READ_ONLY);
	check_watched(_metadata, self, lab_page(), GUPX_F_FORCE);
}

TEST_F(row, E4_userfaultfd_is_asked_before_force_writes_to_a_huge_page)
{
	BUILD_HUGE_READ_ONLY();
	check_watched(_metadata, self, self->memory.len, GUPX_F_FORCE);
}

/*
 * Run KSM until all pages of @memory have the same frame. Returns true if this
 * happens in time, else false.
 */
static bool wait_for_merge(const struct target *target,
			   const struct memory *memory)
{
	const size_t nr = memory->len / lab_page();
	uint64_t words[64];
	bool merged = false;

	sysctl_set(KSM "pages_to_scan", 10000);
	sysctl_set(KSM "sleep_millisecs", 10);
	sysctl_set(KSM "run", 1);
	for (unsigned int i = 0; i < 250 && !merged; i++) {
		usleep(20000);
		merged =
			lab_pagemap(target->pid, memory->addr, nr, words) == nr;
		for (size_t j = 1; j < nr; j++)
			merged &= LAB_PM_FRAME(words[0]) ==
				  LAB_PM_FRAME(words[j]);
	}
	sysctl_set(KSM "run", 0);
	return merged;
}

/*
 * Rows E7a (a read pin unshares) and E4 (a write breaks COW): a KSM page is never
 * exclusive. Check that a pin faults in a copy that belongs to the target only.
 */
TEST_F(row, E7a_merged_page_is_made_the_targets_own)
{
	const uint64_t page = lab_page();
	unsigned char byte = 0;
	uint64_t shared, pinned;

	if (sysctl_get(KSM "run") < 0)
		SKIP(return, "no KSM in this kernel");
	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'k'));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, self->memory.addr,
				 self->memory.len, MADV_MERGEABLE));
	ASSERT_TRUE(wait_for_merge(&self->target, &self->memory));
	shared = frame_of(&self->target, self->memory.addr);
	/* READ holds references instead of pins, and does not unshare the page. */
	EXPECT_EQ(1ULL, lab_read(self->target.mem_fd, self->memory.addr, 1,
				 &byte, GUPX_F_NOFAULT)
				.done);
	EXPECT_EQ('k', byte);
	for (unsigned int i = 1; i < 5; i++) {
		const uint64_t addr = self->memory.addr + i * page;
		const uint32_t engine = i > 2 ? GUPX_F_ENGINE_KERNEL : 0;
		const uint32_t flags = engine | (i & 1 ? GUPX_F_WRITE : 0);
		struct lab_answer answer;

		answer = pin_once(&self->target, addr, page,
				  flags | GUPX_F_NOFAULT);
		EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
		EXPECT_EQ(shared, frame_of(&self->target, addr));
		answer = lab_pin(self->target.mem_fd, addr, page, flags);
		ASSERT_EQ(page, answer.done);
		lab_pinned_frames(answer.pin_fd, addr, 1, &pinned);
		EXPECT_NE(shared, pinned);
		EXPECT_EQ(pinned, frame_of(&self->target, addr));
		close(answer.pin_fd);
	}
	EXPECT_EQ(shared, frame_of(&self->target, self->memory.addr));
	EXPECT_EQ((long)(self->memory.len / page) * 'k',
		  target_peek(&self->target, self->memory.addr,
			      self->memory.len));
}

/*
 * Row E1b: the kernel's fault handler returns VM_FAULT_SIGSEGV for a guard marker. Check
 * that the request stops with EFAULT and the reason GUARD without a fault, also with
 * NOFAULT, and that EXPLAIN shows how long the guard region is.
 */
TEST_F(row, E1b_guard_region)
{
	struct gupx_judgement judged = { 0 };
	struct gupx_explain explain = {
		.size = sizeof(explain),
		.mem_fd = self->target.mem_fd,
		.buf = (uint64_t)(uintptr_t)&judged,
		.capacity = 1,
		.entry_size = sizeof(judged),
	};
	const uint64_t page = lab_page();
	struct lab_answer answer;

	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'g'));
	if (TARGET_CALL(&self->target, SYS_madvise,
			self->memory.addr + 4 * page, page, MADV_GUARD_INSTALL))
		SKIP(return, "no guard regions in this kernel");
	check_refused(_metadata, &self->target, self->memory.addr + 4 * page, 0,
		      GUPX_STAGE_FOLLOW, GUPX_REASON_GUARD);
	answer =
		pin_once(&self->target, self->memory.addr, self->memory.len, 0);
	EXPECT_EQ(4 * page, answer.done);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_FOLLOW,
		    GUPX_REASON_GUARD);
	answer = lab_populate(self->target.mem_fd, self->memory.addr,
			      self->memory.len, GUPX_F_WRITE);
	EXPECT_EQ(4 * page, answer.done);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_FOLLOW,
		    GUPX_REASON_GUARD);
	answer = lab_read(self->target.mem_fd, self->memory.addr + 4 * page, 1,
			  &judged, GUPX_F_NOFAULT);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_FOLLOW,
		    GUPX_REASON_GUARD);
	explain.addr = self->memory.addr + 4 * page;
	explain.len = 2 * page;
	ASSERT_EQ(0, ioctl(lab_device(), GUPX_IOC_EXPLAIN, &explain));
	EXPECT_EQ(page, judged.len);
	EXPECT_EQ(GUPX_CONTENT_GUARD, judged.content);
	EXPECT_EQ(GUPX_OUTCOME_STOP, judged.outcome);
}

/*
 * Row E8: a caller with a write pin writes to the page directly, and not through the
 * target's PTE. Such a write does not set the dirty bit of the PTE. Check that the pin
 * itself marks the page dirty.
 */
TEST_F(row, E8_write_pin_dirties_the_page)
{
	BUILD(MEMORY_SHMEM);
	ASSERT_EQ(self->memory.len,
		  lab_populate(self->target.mem_fd, self->memory.addr,
			       self->memory.len, 0)
			  .done);
	for (unsigned int i = 0; i < 2; i++) {
		const uint64_t addr = self->memory.addr + i * lab_page();
		const uint32_t engine = i ? GUPX_F_ENGINE_KERNEL : 0;

		pin_once(&self->target, addr, lab_page(), engine);
		if (page_flags(&self->target, addr) & KPF_DIRTY)
			SKIP(return, "shmem is born dirty, or no kpageflags");
		pin_once(&self->target, addr, lab_page(),
			 engine | GUPX_F_WRITE);
		EXPECT_TRUE(page_flags(&self->target, addr) & KPF_DIRTY)
		TH_LOG("engine %#x", engine);
	}
}

/*
 * Row E8: check that a pin does not mark a hugetlb page accessed, because hugetlb
 * pages are not on an LRU list.
 */
TEST_F(row, E8_hugetlb_page_is_not_marked_as_used)
{
	const uint64_t marks = KPF_REFERENCED | KPF_ACTIVE;
	uint64_t before;
	long addr;

	if (!sysctl_reserve_huge(1))
		SKIP(return, "no huge pages to be had");
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, HUGE,
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	ASSERT_LT(0, addr);
	ASSERT_EQ(0, target_poke(&self->target, addr, HUGE, 'h'));
	before = page_flags(&self->target, addr);
	/* Check that the page is a hugetlb page. */
	ASSERT_TRUE(before & KPF_HUGE);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(HUGE, pin_once(&self->target, addr, HUGE, 0).done);
		EXPECT_EQ(before & marks,
			  page_flags(&self->target, addr) & marks);
	}
}

/*
 * Row O1 (mark the mm as pinned): check that fork() copies a pinned huge page for the
 * child, so that the parent keeps the pinned huge page.
 */
static void check_fork(struct __test_metadata *_metadata,
		       FIXTURE_DATA(row) * self, uint32_t flags)
{
	static uint64_t pinned[512], mapped[512];
	const uint64_t addr = self->memory.addr, len = lab_huge_page();
	const size_t nr = len / lab_page();
	struct lab_answer answer;
	struct target child;

	ASSERT_GE(ARRAY_SIZE(pinned), nr);
	ASSERT_EQ(0, target_poke(&self->target, addr, len, 1));
	answer = lab_pin(self->target.mem_fd, addr, len, flags);
	ASSERT_EQ(len, answer.done);
	ASSERT_EQ(0, target_fork(&self->target, &child));
	EXPECT_EQ(0, target_poke(&self->target, addr, len, 2));
	EXPECT_EQ((long)nr * 1, target_peek(&child, addr, len));
	EXPECT_EQ(0, target_poke(&child, addr, len, 3));
	EXPECT_EQ((long)nr * 2, target_peek(&self->target, addr, len));
	ASSERT_EQ(nr, lab_pinned_frames(answer.pin_fd, addr, nr, pinned));
	ASSERT_EQ(nr, lab_pagemap(self->target.pid, addr, nr, mapped));
	for (size_t i = 0; i < nr; i++)
		ASSERT_EQ(LAB_PM_FRAME(mapped[i]), pinned[i]);
	target_stop(&child);
	close(answer.pin_fd);
}

TEST_F(row, O1_target_forks_while_huge_page_is_pinned_for_reading)
{
	BUILD(MEMORY_THP);
	check_fork(_metadata, self, 0);
}

TEST_F(row, O1_target_forks_while_huge_page_is_pinned_for_writing)
{
	BUILD(MEMORY_THP);
	check_fork(_metadata, self, GUPX_F_WRITE);
}

/* Collapse small pages into huge pages repeatedly, until the process is killed. */
static void keep_collapsing(pid_t pid, const struct memory *memory)
{
	const struct iovec range = { .iov_base = (void *)memory->addr,
				     .iov_len = memory->len };
	const int pidfd = syscall(SYS_pidfd_open, pid, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLLAPSE,
			0);
}

/*
 * Row E10 (a changed page table is looked up again): check requests during which the
 * kernel repeatedly collapses the page table into a huge page.
 */
TEST_F(row, E10_table_collapses_under_the_walk)
{
	const uint64_t page = lab_page();
	unsigned int collapsed = 0;
	unsigned char *buffer;
	pid_t pid;

	BUILD(MEMORY_THP);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'e'));
	buffer = malloc(self->memory.len);
	ASSERT_NE(NULL, buffer);
	pid = fork();
	if (pid == 0)
		keep_collapsing(self->target.pid, &self->memory);
	for (unsigned int i = 0; i < 100; i++) {
		const uint64_t addr = self->memory.addr + i % 512 * page;

		collapsed += target_smaps(&self->target, self->memory.addr,
					  "AnonHugePages:") > 0;
		/* Changing the protection of one page splits the huge page. */
		TARGET_CALL(&self->target, SYS_mprotect, addr, page, PROT_READ);
		TARGET_CALL(&self->target, SYS_mprotect, addr, page,
			    PROT_READ | PROT_WRITE);
		ASSERT_EQ(self->memory.len,
			  lab_read(self->target.mem_fd, self->memory.addr,
				   self->memory.len, buffer, 0)
				  .done);
		for (uint64_t at = 0; at < self->memory.len; at += page)
			ASSERT_EQ('e', buffer[at]);
		ASSERT_EQ(self->memory.len,
			  pin_once(&self->target, self->memory.addr,
				   self->memory.len, i & 1 ? GUPX_F_WRITE : 0)
				  .done);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free(buffer);
	if (!collapsed)
		SKIP(return, "this kernel collapses nothing on demand");
}

TEST_F(row, V7_shadow_stack)
{
	const long addr = TARGET_CALL(&self->target, SYS_map_shadow_stack, 0,
				      4 * lab_page(), 0);

	if (addr < 0)
		SKIP(return, "this CPU or kernel has no user shadow stacks");
	check_taken(_metadata, &self->target, addr, lab_page(), 0);
	check_refused(_metadata, &self->target, addr, GUPX_F_WRITE,
		      GUPX_STAGE_VMA, GUPX_REASON_NO_WRITE);
}

TEST_F(row, E8p_peer_to_peer_memory)
{
	static char path[256];
	struct lab_answer answer;
	glob_t devices;
	long fd, addr;

	if (glob("/sys/bus/pci/devices/*/p2pmem/allocate", 0, NULL, &devices))
		SKIP(return, "no PCI device with peer-to-peer memory");
	snprintf(path, sizeof(path), "%s", devices.gl_pathv[0]);
	globfree(&devices);
	ASSERT_EQ((ssize_t)sizeof(path), pwrite(self->target.mem_fd, path,
						sizeof(path), (uintptr_t)path));
	fd = TARGET_CALL(&self->target, SYS_openat, AT_FDCWD, (long)path,
			 O_RDWR);
	ASSERT_LE(0, fd);
	addr = TARGET_CALL(&self->target, SYS_mmap, 0, lab_page(),
			   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_LT(0, addr);
	answer = pin_once(&self->target, addr, lab_page(), 0);
	check_stops(_metadata, &answer, EREMOTEIO, GUPX_STAGE_GRAB,
		    GUPX_REASON_P2PDMA);
}

TEST_HARNESS_MAIN
