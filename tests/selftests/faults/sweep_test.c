// SPDX-License-Identifier: GPL-2.0
/*
 * Failure sweep: repeat a call and make its first allocation or user copy fail, then
 * its second, and so on, until no failure is injected. After each failure, the call
 * must return a valid errno, or a partial result with the reason. It must not leak a
 * pin, a charge or a file descriptor.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "fail_nth.h"
#include "sysctl.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define HUGE (2UL << 20)
#define ROOM 64
/* Number of pages to copy to user space. The copy of each page can fail. */
#define COPIED 16
/* Timeout of a test in seconds. A debug kernel in an emulated machine is slow. */
#define SECONDS 300
/*
 * Number of extents, each of one page. One allocation of the module cannot store all
 * of them.
 */
#define SCATTERED 1200
/* A value of RLIMIT_MEMLOCK that is higher than the charges of the test. */
#define LIMIT (256ULL << 20)

enum content {
	MEMORY_HUGETLB = 100,
	MEMORY_MOVABLE,
	MEMORY_SCATTERED,
};

static unsigned int count_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static const char *build_hugetlb(const struct target *target,
				 struct memory *memory)
{
	if (!sysctl_reserve_huge(2))
		return "no huge pages to be had";
	memory->len = HUGE;
	memory->addr =
		TARGET_CALL(target, SYS_mmap, 0, HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	return (long)memory->addr < 0 ? "no room for a mapping" : NULL;
}

static const char *build_scattered(const struct target *target,
				   struct memory *memory)
{
	memory->len = SCATTERED * lab_page();
	memory->addr = memory_map_small(target, memory->len);
	return memory->addr ? NULL : "no room for a mapping";
}

/*
 * Build memory of @kind. Returns NULL on success, else the missing feature as text. On
 * a machine with ZONE_MOVABLE memory, only MEMORY_MOVABLE is tested: for the other
 * kinds, the kernel may fail to migrate huge pages out of ZONE_MOVABLE.
 */
static const char *build_memory(const struct target *target, int kind,
				struct memory *memory)
{
	const bool movable = kind == MEMORY_MOVABLE;
	struct lab_zone zone;

	if (movable && !lab_find_movable(&zone))
		return "no ZONE_MOVABLE memory: movablecore=1G";
	if (!movable && lab_find_movable(&zone))
		return "for a machine without movablecore=";
	if (kind == MEMORY_HUGETLB)
		return build_hugetlb(target, memory);
	if (kind == MEMORY_SCATTERED)
		return build_scattered(target, memory);
	return memory_build(target, movable ? MEMORY_ANON : kind, memory);
}

/* Counters that must be the same before and after a call. */
struct state {
	long pins;
	uint64_t charged;
	unsigned int files;
};

static struct state state_now(void)
{
	struct gupx_info info;
	const int error = lab_info(&info);

	return (struct state){
		.pins = lab_pins_held(),
		.charged = error ? 1 : info.memlock_used,
		.files = count_files(),
	};
}

FIXTURE(sweep)
{
	struct fail_nth fail_nth;
	struct target target;
	struct target child;
	struct memory memory;
	const char *missing;
	struct state before;
	struct gupx_extent extents[ROOM];
	struct gupx_judgement judgements[ROOM];
	char *buffer;
};

/**
 * @kind: kind of memory
 * @resident: true if all pages are resident before the call
 * @shared: true if all pages are shared with a child process after fork()
 * @flags: flags of pin requests
 */
FIXTURE_VARIANT(sweep)
{
	int kind;
	bool resident;
	bool shared;
	uint32_t flags;
};

#define KIND(name, which, there, how)                                 \
	FIXTURE_VARIANT_ADD(sweep, name)                              \
	{                                                             \
		.kind = (which), .resident = (there), .flags = (how), \
	}
#define BY_KERNEL (GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL)

KIND(anon_absent, MEMORY_ANON, false, GUPX_F_WRITE);
KIND(anon_resident, MEMORY_ANON, true, GUPX_F_WRITE);
KIND(anon_by_kernel, MEMORY_ANON, false, BY_KERNEL);
KIND(thp_absent, MEMORY_THP, false, GUPX_F_WRITE);
KIND(shmem_absent, MEMORY_SHMEM, false, GUPX_F_WRITE);
KIND(file_private, MEMORY_FILE_PRIVATE, false, 0);
KIND(hugetlb_absent, MEMORY_HUGETLB, false, GUPX_F_WRITE);
KIND(scattered, MEMORY_SCATTERED, true, GUPX_F_WRITE);
/*
 * Row O4 (migrate before a long-term pin): the kernel has to migrate pages in
 * ZONE_MOVABLE before it can pin them long-term.
 */
KIND(movable, MEMORY_MOVABLE, true, GUPX_F_WRITE);

FIXTURE_VARIANT_ADD(sweep, anon_shared){
	.kind = MEMORY_ANON,
	.resident = true,
	.shared = true,
};

FIXTURE_SETUP(sweep)
{
	ASSERT_LE(0, lab_device());
	self->missing = fail_nth_open(&self->fail_nth);
	if (self->missing)
		return;
	ASSERT_EQ(0, target_start(&self->target));
	self->missing =
		build_memory(&self->target, variant->kind, &self->memory);
	if (self->missing)
		return;
	self->buffer = calloc(1, self->memory.len);
	ASSERT_NE(NULL, self->buffer);
	memset(self->buffer, 1, self->memory.len);
	self->before = state_now();
	ASSERT_LE(0, self->before.pins);
}

FIXTURE_TEARDOWN(sweep)
{
	target_stop(&self->child);
	target_stop(&self->target);
	free(self->buffer);
}

/*
 * Start a new target and fork a child of the target. A target can have only one
 * child.
 */
static void start_with_child(struct __test_metadata *_metadata,
			     FIXTURE_DATA(sweep) * self)
{
	const struct memory *memory = &self->memory;

	target_stop(&self->target);
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	ASSERT_EQ(0, target_poke(&self->target, memory->addr, memory->len, 7));
	ASSERT_EQ(0, target_fork(&self->target, &self->child));
}

/* Restore the state of the memory before each round. */
static void start_over(struct __test_metadata *_metadata,
		       FIXTURE_DATA(sweep) * self,
		       const FIXTURE_VARIANT(sweep) * variant)
{
	const struct memory *memory = &self->memory;

	if (variant->shared) {
		start_with_child(_metadata, self);
		return;
	}
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, memory->addr,
				 memory->len, MADV_DONTNEED));
	if (variant->kind == MEMORY_SCATTERED) {
		ASSERT_EQ(0, target_scatter(&self->target, memory->addr,
					    memory->len, 7));
	} else if (variant->resident) {
		ASSERT_EQ(0, target_poke(&self->target, memory->addr,
					 memory->len, 7));
	}
}

/*
 * Check that the error is ENOMEM for a failed allocation, or EFAULT for a failed user
 * copy.
 */
static void check_errno(struct __test_metadata *_metadata, int error)
{
	EXPECT_TRUE(error == ENOMEM || error == EFAULT)
	TH_LOG("errno %d", error);
}

/* Check the errno of a call that does not return partial results. */
static void check_refused(struct __test_metadata *_metadata, int error,
			  bool hit)
{
	if (!error)
		return;
	EXPECT_TRUE(hit);
	check_errno(_metadata, error);
}

/* Check that the reason of a partial result is consistent with its errno. */
static void check_stop(struct __test_metadata *_metadata,
		       const struct lab_answer *answer)
{
	const struct gupx_stop *stop = &answer->stop;
	bool fits;

	switch (stop->reason) {
	case GUPX_REASON_FAULT_OOM:
	case GUPX_REASON_NO_KERNEL_MEMORY:
		fits = stop->error == ENOMEM;
		break;
	case GUPX_REASON_MIGRATE:
		fits = stop->error == ENOMEM || stop->error == EBUSY;
		break;
	case GUPX_REASON_FAULT_SIGBUS:
	case GUPX_REASON_BUFFER:
		fits = stop->error == EFAULT;
		break;
	case GUPX_REASON_KERNEL_ENGINE:
		fits = stop->error == ENOMEM || stop->error == EFAULT;
		break;
	default:
		fits = false;
	}
	EXPECT_TRUE(fits)
	TH_LOG("stage %u, reason %u, error %u", stop->stage, stop->reason,
	       stop->error);
}

/*
 * Check that the result is complete if no failure was injected. Otherwise, check that
 * it is a valid partial result or a valid error.
 */
static void check_answer(struct __test_metadata *_metadata,
			 const struct lab_answer *answer, uint64_t len,
			 bool hit)
{
	if (!hit) {
		EXPECT_EQ(0, answer->failed);
		EXPECT_EQ(len, answer->done);
	} else if (answer->failed) {
		check_errno(_metadata, answer->failed);
	} else if (answer->done < len) {
		check_stop(_metadata, answer);
	}
}

static void check_state(struct __test_metadata *_metadata,
			const struct state *before)
{
	const struct state now = state_now();

	EXPECT_EQ(before->pins, now.pins);
	EXPECT_EQ(before->charged, now.charged);
	EXPECT_EQ(before->files, now.files);
}

/* Check that at least one failure was injected, and that nothing leaked. */
static void check_sweep(struct __test_metadata *_metadata,
			const FIXTURE_DATA(sweep) * self)
{
	EXPECT_LT(0U, self->fail_nth.hits);
	TH_LOG("%u failures injected", self->fail_nth.hits);
	check_state(_metadata, &self->before);
}

/* Check that exactly the pins that the result reports are held. */
static void check_pins(struct __test_metadata *_metadata,
		       const FIXTURE_DATA(sweep) * self,
		       const struct lab_answer *answer)
{
	const long pages = answer->failed ? 0 : answer->done / lab_page();

	EXPECT_EQ(self->before.pins + pages, lab_pins_held());
	EXPECT_EQ(pages > 0, answer->pin_fd >= 0);
}

/*
 * Row O4 (migrate before a long-term pin): gupx delegates pages that must be migrated.
 * Check that the kernel's engine pinned at least one page.
 */
static void check_moved(struct __test_metadata *_metadata,
			FIXTURE_DATA(sweep) * self, int pin_fd)
{
	struct gupx_extents head;
	uint64_t moved = 0;

	ASSERT_EQ(0, lab_extents(pin_fd, &head, self->extents, ROOM));
	for (uint32_t i = 0; i < head.count; i++)
		if (self->extents[i].flags & GUPX_EXTENT_ENGINE_KERNEL)
			moved += self->extents[i].len;
	EXPECT_LT(0U, moved);
}

static void sweep_pins(struct __test_metadata *_metadata,
		       FIXTURE_DATA(sweep) * self,
		       const FIXTURE_VARIANT(sweep) * variant, uint64_t len)
{
	struct lab_answer answer;
	bool hit;

	do {
		start_over(_metadata, self, variant);
		fail_nth_arm(&self->fail_nth);
		answer = lab_pin(self->target.mem_fd, self->memory.addr, len,
				 variant->flags);
		hit = fail_nth_disarm(&self->fail_nth);
		check_answer(_metadata, &answer, len, hit);
		check_pins(_metadata, self, &answer);
		if (!hit && variant->kind == MEMORY_MOVABLE)
			check_moved(_metadata, self, answer.pin_fd);
		if (answer.pin_fd >= 0)
			close(answer.pin_fd);
		target_stop(&self->child);
		check_state(_metadata, &self->before);
	} while (hit);
	check_sweep(_metadata, self);
}

TEST_F_TIMEOUT(sweep, pin, SECONDS)
{
	SKIP_IF_MISSING();
	sweep_pins(_metadata, self, variant, self->memory.len);
}

/* Pin one page. A pin of a part of a huge page needs an additional allocation. */
TEST_F_TIMEOUT(sweep, pin_one_page, SECONDS)
{
	SKIP_IF_MISSING();
	sweep_pins(_metadata, self, variant, lab_page());
}

/* Check that a failure does not release the pages that the pin fd already holds. */
TEST_F_TIMEOUT(sweep, pin_more, SECONDS)
{
	struct lab_answer first, answer;
	struct gupx_extents head;
	bool hit;

	SKIP_IF_MISSING();
	do {
		start_over(_metadata, self, variant);
		first = lab_pin(self->target.mem_fd, self->memory.addr,
				lab_page(), variant->flags);
		ASSERT_EQ(lab_page(), first.done);
		fail_nth_arm(&self->fail_nth);
		answer = lab_pin_more(first.pin_fd, self->target.mem_fd,
				      self->memory.addr, self->memory.len,
				      variant->flags);
		hit = fail_nth_disarm(&self->fail_nth);
		check_answer(_metadata, &answer, self->memory.len, hit);
		ASSERT_EQ(0, lab_extents(first.pin_fd, &head, NULL, 0));
		/*
		 * The pin fd contains the new pages if the request succeeded but its
		 * result could not be copied to user space.
		 */
		EXPECT_TRUE(answer.failed ||
			    head.bytes == lab_page() + answer.done);
		EXPECT_EQ(self->before.pins + (long)(head.bytes / lab_page()),
			  lab_pins_held());
		close(first.pin_fd);
		target_stop(&self->child);
		check_state(_metadata, &self->before);
	} while (hit);
	check_sweep(_metadata, self);
}

TEST_F_TIMEOUT(sweep, populate, SECONDS)
{
	struct lab_answer answer;
	bool hit;

	SKIP_IF_MISSING();
	do {
		start_over(_metadata, self, variant);
		fail_nth_arm(&self->fail_nth);
		answer = lab_populate(self->target.mem_fd, self->memory.addr,
				      self->memory.len, variant->flags);
		hit = fail_nth_disarm(&self->fail_nth);
		check_answer(_metadata, &answer, self->memory.len, hit);
		target_stop(&self->child);
		check_state(_metadata, &self->before);
	} while (hit);
	check_sweep(_metadata, self);
}

static uint64_t get_copied_len(const struct memory *memory)
{
	const uint64_t enough = COPIED * lab_page();

	return memory->len < enough ? memory->len : enough;
}

TEST_F_TIMEOUT(sweep, read, SECONDS)
{
	const uint64_t len = get_copied_len(&self->memory);
	struct lab_answer answer;
	bool hit;

	SKIP_IF_MISSING();
	do {
		start_over(_metadata, self, variant);
		fail_nth_arm(&self->fail_nth);
		answer = lab_read(self->target.mem_fd, self->memory.addr, len,
				  self->buffer, variant->flags & ~GUPX_F_WRITE);
		hit = fail_nth_disarm(&self->fail_nth);
		check_answer(_metadata, &answer, len, hit);
		target_stop(&self->child);
		check_state(_metadata, &self->before);
	} while (hit);
	check_sweep(_metadata, self);
}

/* The halves of the range, as two segments. */
TEST_F_TIMEOUT(sweep, readv, SECONDS)
{
	const uint64_t half = get_copied_len(&self->memory) / 2;
	struct gupx_segment segment[2];
	struct lab_answer answer;
	uint64_t done;
	bool hit;

	SKIP_IF_MISSING();
	do {
		start_over(_metadata, self, variant);
		for (int i = 0; i < 2; i++)
			segment[i] = (struct gupx_segment){
				.addr = self->memory.addr + (1 - i) * half,
				.len = half,
			};
		fail_nth_arm(&self->fail_nth);
		answer = (struct lab_answer){
			.failed = lab_readv(self->target.mem_fd, segment, 2,
					    self->buffer, 2 * half,
					    variant->flags & ~GUPX_F_WRITE,
					    &done),
		};
		hit = fail_nth_disarm(&self->fail_nth);
		for (int i = 0; i < 2; i++) {
			answer.done = segment[i].done;
			answer.stop = (struct gupx_stop){
				.error = segment[i].error,
				.stage = segment[i].stage,
				.reason = segment[i].reason,
			};
			check_answer(_metadata, &answer, half, hit);
		}
		target_stop(&self->child);
		check_state(_metadata, &self->before);
	} while (hit);
	check_sweep(_metadata, self);
}

TEST_F_TIMEOUT(sweep, explain, SECONDS)
{
	struct gupx_explain explain;
	int error;
	bool hit;

	SKIP_IF_MISSING();
	do {
		start_over(_metadata, self, variant);
		explain = (struct gupx_explain){
			.size = sizeof(explain),
			.flags = variant->flags & ~GUPX_F_ENGINE_KERNEL,
			.mem_fd = self->target.mem_fd,
			.addr = self->memory.addr,
			.len = self->memory.len,
			.buf = (uintptr_t)self->judgements,
			.capacity = ROOM,
			.entry_size = sizeof(self->judgements[0]),
		};
		fail_nth_arm(&self->fail_nth);
		error = ioctl(lab_device(), GUPX_IOC_EXPLAIN, &explain) ? errno
									: 0;
		hit = fail_nth_disarm(&self->fail_nth);
		check_refused(_metadata, error, hit);
		EXPECT_TRUE(error || explain.done == self->memory.len);
		target_stop(&self->child);
	} while (hit);
	check_sweep(_metadata, self);
}

static int pin_all(struct __test_metadata *_metadata,
		   FIXTURE_DATA(sweep) * self,
		   const FIXTURE_VARIANT(sweep) * variant)
{
	struct lab_answer answer;

	start_over(_metadata, self, variant);
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, variant->flags);
	EXPECT_EQ(self->memory.len, answer.done);
	return answer.pin_fd;
}

TEST_F_TIMEOUT(sweep, extents, SECONDS)
{
	struct gupx_extents head;
	int pin_fd, error;
	bool hit;

	SKIP_IF_MISSING();
	pin_fd = pin_all(_metadata, self, variant);
	do {
		fail_nth_arm(&self->fail_nth);
		error = lab_extents(pin_fd, &head, self->extents, ROOM);
		hit = fail_nth_disarm(&self->fail_nth);
		check_refused(_metadata, error, hit);
		EXPECT_TRUE(error || head.bytes == self->memory.len);
	} while (hit);
	close(pin_fd);
	target_stop(&self->child);
	check_sweep(_metadata, self);
}

/* Counters of a pin fd and its user. UNPIN changes all of them or none. */
struct holding {
	long pins;
	uint64_t bytes;
	uint64_t length;
	uint64_t extents;
	uint64_t charged;
	uint64_t user_charged;
	uint64_t user_extents;
};

static struct holding holding_now(struct __test_metadata *_metadata, int pin_fd)
{
	struct gupx_extents head = { 0 };
	struct gupx_info info = { 0 };

	EXPECT_EQ(0, lab_extents(pin_fd, &head, NULL, 0));
	EXPECT_EQ(0, lab_info(&info));
	return (struct holding){
		.pins = lab_pins_held(),
		.bytes = head.bytes,
		.length = head.length,
		.extents = head.total,
		.charged = head.charged,
		.user_charged = info.memlock_used,
		.user_extents = info.extents_used,
	};
}

static void check_unpinned_nothing(struct __test_metadata *_metadata,
				   const struct holding *before,
				   const struct holding *now)
{
	EXPECT_EQ(before->pins, now->pins);
	EXPECT_EQ(before->bytes, now->bytes);
	EXPECT_EQ(before->length, now->length);
	EXPECT_EQ(before->extents, now->extents);
	EXPECT_EQ(before->charged, now->charged);
	EXPECT_EQ(before->user_charged, now->user_charged);
	EXPECT_EQ(before->user_extents, now->user_extents);
}

/*
 * Check the counters after an UNPIN. @charged may be larger than @bytes, because the
 * charge includes whole folios and the records of partly pinned folios.
 */
static void check_unpinned(struct __test_metadata *_metadata,
			   const struct holding *before,
			   const struct holding *now, uint64_t len)
{
	EXPECT_EQ(before->pins - (long)(len / lab_page()), now->pins);
	EXPECT_EQ(before->bytes - len, now->bytes);
	EXPECT_EQ(before->length, now->length);
	EXPECT_LE(now->bytes, now->charged);
	EXPECT_EQ(before->charged - now->charged,
		  before->user_charged - now->user_charged);
	EXPECT_EQ(now->extents - before->extents,
		  now->user_extents - before->user_extents);
}

/*
 * Unpin a range and inject one failure. UNPIN must release the whole range or
 * nothing. After EFAULT, both are valid, because EFAULT can mean that only the result
 * could not be written. Returns true if the failure was injected.
 */
static bool unpin_part(struct __test_metadata *_metadata,
		       FIXTURE_DATA(sweep) * self, int pin_fd, uint64_t offset,
		       uint64_t len)
{
	const struct holding before = holding_now(_metadata, pin_fd);
	struct holding now;
	uint64_t released;
	int error;
	bool hit;

	fail_nth_arm(&self->fail_nth);
	error = lab_unpin(pin_fd, offset, len, &released);
	hit = fail_nth_disarm(&self->fail_nth);
	check_refused(_metadata, error, hit);
	now = holding_now(_metadata, pin_fd);
	if (!error)
		EXPECT_EQ(len, released);
	if (!error || (error == EFAULT && now.bytes != before.bytes))
		check_unpinned(_metadata, &before, &now, len);
	else
		check_unpinned_nothing(_metadata, &before, &now);
	return hit;
}

static void sweep_unpins(struct __test_metadata *_metadata,
			 FIXTURE_DATA(sweep) * self,
			 const FIXTURE_VARIANT(sweep) * variant,
			 uint64_t offset, uint64_t len)
{
	int pin_fd;
	bool hit;

	/* Drop CAP_IPC_LOCK, so that the pins are charged. */
	ASSERT_EQ(0, lab_set_memlock(LIMIT));
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	do {
		pin_fd = pin_all(_metadata, self, variant);
		ASSERT_LE(0, pin_fd);
		hit = unpin_part(_metadata, self, pin_fd, offset, len);
		close(pin_fd);
		target_stop(&self->child);
		check_state(_metadata, &self->before);
	} while (hit);
	check_sweep(_metadata, self);
}

/* Unpin all but the first and the last page. This splits extents at both ends. */
TEST_F_TIMEOUT(sweep, unpin, SECONDS)
{
	const uint64_t page = lab_page();

	SKIP_IF_MISSING();
	sweep_unpins(_metadata, self, variant, page,
		     self->memory.len - 2 * page);
}

TEST_F_TIMEOUT(sweep, unpin_one_page, SECONDS)
{
	SKIP_IF_MISSING();
	sweep_unpins(_metadata, self, variant,
		     self->memory.len / 2 / lab_page() * lab_page(),
		     lab_page());
}

TEST_F_TIMEOUT(sweep, pread, SECONDS)
{
	const uint64_t len = get_copied_len(&self->memory);
	ssize_t got;
	int pin_fd;
	bool hit;

	SKIP_IF_MISSING();
	pin_fd = pin_all(_metadata, self, variant);
	do {
		fail_nth_arm(&self->fail_nth);
		got = pread(pin_fd, self->buffer, len, 0);
		hit = fail_nth_disarm(&self->fail_nth);
		check_refused(_metadata, got < 0 ? errno : 0, hit);
		EXPECT_TRUE(hit || got == (ssize_t)len);
	} while (hit);
	close(pin_fd);
	target_stop(&self->child);
	check_sweep(_metadata, self);
}

/*
 * Inject failures into mmap() only, and not into the later faults: a failed allocation
 * in a fault is not reported, because the kernel retries the fault.
 */
TEST_F_TIMEOUT(sweep, mmap, SECONDS)
{
	unsigned char *window;
	int pin_fd;
	bool hit;

	SKIP_IF_MISSING();
	pin_fd = pin_all(_metadata, self, variant);
	do {
		fail_nth_arm(&self->fail_nth);
		window = mmap(NULL, self->memory.len, PROT_READ, MAP_SHARED,
			      pin_fd, 0);
		hit = fail_nth_disarm(&self->fail_nth);
		check_refused(_metadata, window == MAP_FAILED ? errno : 0, hit);
		if (window == MAP_FAILED)
			continue;
		EXPECT_TRUE(!variant->resident || *window == 7);
		munmap(window, self->memory.len);
	} while (hit);
	close(pin_fd);
	target_stop(&self->child);
	check_sweep(_metadata, self);
}

/* Test calls that do not need a target. */
FIXTURE(device)
{
	struct fail_nth fail_nth;
	struct state before;
	const char *missing;
};

FIXTURE_SETUP(device)
{
	ASSERT_LE(0, lab_device());
	self->missing = fail_nth_open(&self->fail_nth);
	self->before = state_now();
}

FIXTURE_TEARDOWN(device)
{
	check_state(_metadata, &self->before);
}

TEST_F(device, info)
{
	struct gupx_info info;
	int error;
	bool hit;

	SKIP_IF_MISSING();
	do {
		fail_nth_arm(&self->fail_nth);
		error = lab_info(&info);
		hit = fail_nth_disarm(&self->fail_nth);
		check_refused(_metadata, error, hit);
	} while (hit);
	EXPECT_LT(0U, self->fail_nth.hits);
}

TEST_F(device, open)
{
	bool hit;
	int fd;

	SKIP_IF_MISSING();
	do {
		fail_nth_arm(&self->fail_nth);
		fd = open(GUPX_DEVICE, O_RDWR | O_CLOEXEC);
		hit = fail_nth_disarm(&self->fail_nth);
		check_refused(_metadata, fd < 0 ? errno : 0, hit);
		if (fd >= 0)
			close(fd);
	} while (hit);
	EXPECT_LT(0U, self->fail_nth.hits);
}

TEST_HARNESS_MAIN
