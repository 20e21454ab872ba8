// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of rows that need special mappings: entries without a struct page, a mapping
 * without a fault handler, and pages whose reference count would overflow. A module
 * that exists only for these tests provides the mappings. Each test loads the module
 * and unloads it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "kmod/exotic_mappings.h"
#include "row.h"

#define MODULE "gupx_exotic_mappings"

FIXTURE(rare)
{
	struct target target;
	const char *missing;
	uint64_t addr;
	uint64_t len;
	long held;
	int fd;
	long theirs;
};

/* Load the module from $GUPX_TEST_MODULES, or from /lab. */
static bool load_module(void)
{
	const char *dir = getenv("GUPX_TEST_MODULES");
	char path[256];
	bool loaded;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.ko", dir ? dir : "/lab", MODULE);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	loaded = !syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return loaded;
}

FIXTURE_SETUP(rare)
{
	static const char device[] = EXOTIC_DEVICE;

	ASSERT_LE(0, lab_device());
	self->held = lab_pins_held();
	self->fd = -1;
	if (!load_module()) {
		self->missing = "no " MODULE ".ko for this kernel";
		return;
	}
	ASSERT_EQ(0, target_start(&self->target));
	self->theirs = TARGET_CALL(&self->target, SYS_openat, AT_FDCWD,
				   (long)device, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->theirs);
}

FIXTURE_TEARDOWN(rare)
{
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
	if (!self->missing)
		EXPECT_EQ(0, syscall(SYS_delete_module, MODULE, 0));
}

#define BUILD_RARE(kind, nr)                                             \
	do {                                                             \
		long at_;                                                \
		SKIP_IF_MISSING();                                       \
		self->len = (nr)*lab_page();                             \
		at_ = TARGET_CALL(&self->target, SYS_mmap, 0, self->len, \
				  PROT_READ | PROT_WRITE, MAP_SHARED,    \
				  self->theirs, (kind)*lab_page());      \
		ASSERT_LT(0, at_);                                       \
		self->addr = at_;                                        \
	} while (0)

static long call_ioctl(const FIXTURE_DATA(rare) * self, unsigned int command,
		       long argument)
{
	return TARGET_CALL(&self->target, SYS_ioctl, self->theirs, command,
			   argument);
}

/* Check that both engines stop at the first page with @error. */
static void check_pin(struct __test_metadata *_metadata,
		      const FIXTURE_DATA(rare) * self, uint32_t flags,
		      uint32_t error, uint16_t stage, uint16_t reason)
{
	const struct lab_answer mine =
		pin_once(&self->target, self->addr, self->len, flags);
	const struct lab_answer kernel =
		pin_once(&self->target, self->addr, self->len,
			 flags | GUPX_F_ENGINE_KERNEL);

	check_stops(_metadata, &mine, error, stage, reason);
	EXPECT_EQ(0ULL, mine.done);
	EXPECT_EQ(-(long)error, lab_gup_return(&kernel));
}

TEST_F(rare, L16_E6_frames_without_pages_are_EEXIST)
{
	unsigned char byte;
	struct lab_answer answer;

	BUILD_RARE(EXOTIC_FRAMES, 4);
	/*
	 * Row O5: a request with NOFAULT stops with EFAULT, because the entries are
	 * still empty.
	 */
	check_pin(_metadata, self, GUPX_F_NOFAULT, EFAULT, GUPX_STAGE_FOLLOW,
		  GUPX_REASON_NOFAULT);
	for (int round = 0; round < 2; round++) {
		check_pin(_metadata, self, 0, EEXIST, GUPX_STAGE_FOLLOW,
			  GUPX_REASON_NO_PAGE);
		check_pin(_metadata, self, GUPX_F_WRITE, EEXIST,
			  GUPX_STAGE_FOLLOW, GUPX_REASON_NO_PAGE);
		answer = lab_read(self->target.mem_fd, self->addr, 1, &byte, 0);
		check_stops(_metadata, &answer, EEXIST, GUPX_STAGE_FOLLOW,
			    GUPX_REASON_NO_PAGE);
	}
	/*
	 * Row E5 (DUMP refuses special entries): a request with DUMP stops with EFAULT
	 * at a special entry, before it checks whether the entry maps a struct page.
	 */
	check_pin(_metadata, self, GUPX_F_DUMP, EFAULT, GUPX_STAGE_FOLLOW,
		  GUPX_REASON_DUMP_SPECIAL);
	check_explained(_metadata, &self->target, self->addr, 0,
			GUPX_CONTENT_FRAME);
}

TEST_F(rare, L17_populate_passes_over_frames)
{
	BUILD_RARE(EXOTIC_FRAMES, 4);
	for (int round = 0; round < 2; round++)
		EXPECT_EQ(self->len, lab_populate(self->target.mem_fd,
						  self->addr, self->len, 0)
					     .done);
	EXPECT_EQ(self->len, lab_populate(self->target.mem_fd, self->addr,
					  self->len, GUPX_F_WRITE)
				     .done);
	EXPECT_EQ(self->len, lab_populate(self->target.mem_fd, self->addr,
					  self->len, GUPX_F_ENGINE_KERNEL)
				     .done);
}

/*
 * Row E6: check that both engines set the accessed and dirty bits of an entry that
 * maps no struct page.
 */
TEST_F(rare, E6_frames_are_touched)
{
	BUILD_RARE(EXOTIC_FRAMES, 1);
	for (uint32_t engine = 0; engine <= GUPX_F_ENGINE_KERNEL;
	     engine += GUPX_F_ENGINE_KERNEL) {
		ASSERT_EQ(self->len, lab_populate(self->target.mem_fd,
						  self->addr, self->len, engine)
					     .done);
		call_ioctl(self, EXOTIC_AGE, self->addr);
		ASSERT_EQ(0, call_ioctl(self, EXOTIC_AGE, self->addr));
		lab_populate(self->target.mem_fd, self->addr, self->len,
			     engine);
		EXPECT_EQ(EXOTIC_YOUNG,
			  call_ioctl(self, EXOTIC_AGE, self->addr));
		lab_populate(self->target.mem_fd, self->addr, self->len,
			     engine | GUPX_F_WRITE);
		EXPECT_EQ(EXOTIC_YOUNG | EXOTIC_DIRTY,
			  call_ioctl(self, EXOTIC_AGE, self->addr));
		/*
		 * A PIN request stops with EEXIST, because the entry maps no struct
		 * page, but it also sets the accessed bit of the entry.
		 */
		pin_once(&self->target, self->addr, self->len, engine);
		EXPECT_EQ(EXOTIC_YOUNG,
			  call_ioctl(self, EXOTIC_AGE, self->addr))
		TH_LOG("pin, engine %#x", engine);
	}
}

/* Row E4: check that a write access faults in an entry that is not writable. */
TEST_F(rare, E4_frames_that_are_read_only)
{
	BUILD_RARE(EXOTIC_FRAMES, 2);
	ASSERT_EQ(self->len,
		  lab_populate(self->target.mem_fd, self->addr, self->len, 0)
			  .done);
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect, self->addr,
				 self->len, PROT_READ));
	EXPECT_EQ(GUPX_REASON_NO_WRITE,
		  lab_populate(self->target.mem_fd, self->addr, self->len,
			       GUPX_F_WRITE)
			  .stop.reason);
	ASSERT_EQ(self->len,
		  lab_populate(self->target.mem_fd, self->addr, self->len, 0)
			  .done);
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect, self->addr,
				 self->len, PROT_READ | PROT_WRITE));
	check_pin(_metadata, self, GUPX_F_WRITE, EEXIST, GUPX_STAGE_FOLLOW,
		  GUPX_REASON_NO_PAGE);
}

TEST_F(rare, E2_mapping_without_fault_handler)
{
	struct lab_answer answer;

	BUILD_RARE(EXOTIC_NO_FAULT, 2);
	check_pin(_metadata, self, GUPX_F_DUMP, EFAULT, GUPX_STAGE_FOLLOW,
		  GUPX_REASON_DUMP_EMPTY);
	check_pin(_metadata, self, 0, EFAULT, GUPX_STAGE_FAULT,
		  GUPX_REASON_FAULT_SIGBUS);
	answer = lab_populate(self->target.mem_fd, self->addr, self->len, 0);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_FAULT,
		    GUPX_REASON_FAULT_SIGBUS);
}

/*
 * Row E8: check the references to a folio of a driver. A pin of a large folio that is
 * mapped by PTEs adds one reference per page. A pin of a small folio adds 1024
 * references.
 */
TEST_F(rare, E8_references_of_a_driver_folio)
{
	const long nr = EXOTIC_LARGE_PAGES;
	struct gupx_extents head;
	struct gupx_extent run;
	long before;

	BUILD_RARE(EXOTIC_LARGE, nr);
	before = call_ioctl(self, EXOTIC_COUNT_LARGE, 0);
	for (uint32_t engine = 0; engine <= GUPX_F_ENGINE_KERNEL;
	     engine += GUPX_F_ENGINE_KERNEL) {
		struct lab_answer answer =
			lab_pin(self->target.mem_fd, self->addr, self->len,
				GUPX_F_WRITE | engine);

		ASSERT_EQ(self->len, answer.done);
		EXPECT_EQ(before + nr, call_ioctl(self, EXOTIC_COUNT_LARGE, 0));
		ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, &run, 1));
		EXPECT_EQ(1ULL, head.total);
		EXPECT_EQ((uint32_t)EXOTIC_LARGE_ORDER, run.order);
		close(answer.pin_fd);
		EXPECT_EQ(before, call_ioctl(self, EXOTIC_COUNT_LARGE, 0));
	}
	BUILD_RARE(EXOTIC_SMALL, 1);
	before = call_ioctl(self, EXOTIC_COUNT_SMALL, 0);
	for (uint32_t engine = 0; engine <= GUPX_F_ENGINE_KERNEL;
	     engine += GUPX_F_ENGINE_KERNEL) {
		struct lab_answer answer = lab_pin(
			self->target.mem_fd, self->addr, self->len, engine);

		ASSERT_EQ(self->len, answer.done);
		EXPECT_EQ(before + 1024,
			  call_ioctl(self, EXOTIC_COUNT_SMALL, 0));
		close(answer.pin_fd);
		EXPECT_EQ(before, call_ioctl(self, EXOTIC_COUNT_SMALL, 0));
	}
}

static void poke_letters(struct __test_metadata *_metadata,
			 const FIXTURE_DATA(rare) * self)
{
	for (unsigned int i = 0; i < EXOTIC_LARGE_PAGES; i++)
		ASSERT_EQ(0,
			  target_poke(&self->target,
				      self->addr + i * lab_page(), 1, 'a' + i));
}

static void check_letters(struct __test_metadata *_metadata,
			  const unsigned char *bytes, const char *how)
{
	for (unsigned int i = 0; i < EXOTIC_LARGE_PAGES; i++) {
		EXPECT_EQ('a' + i, bytes[i * lab_page()])
		TH_LOG("%s, page %u", how, i);
	}
}

/* Check that READ and PIN return the pages in the order of their addresses. */
static void check_order(struct __test_metadata *_metadata,
			const FIXTURE_DATA(rare) * self, uint32_t flags)
{
	static unsigned char bytes[EXOTIC_LARGE_PAGES * 4096];
	struct lab_answer answer;

	memset(bytes, 0, sizeof(bytes));
	answer = lab_read(self->target.mem_fd, self->addr, self->len, bytes,
			  flags);
	EXPECT_EQ(self->len, answer.done);
	check_letters(_metadata, bytes, "READ");
	memset(bytes, 0, sizeof(bytes));
	answer = lab_pin(self->target.mem_fd, self->addr, self->len, flags);
	EXPECT_EQ(self->len, answer.done);
	EXPECT_EQ((ssize_t)self->len,
		  pread(answer.pin_fd, bytes, self->len, 0));
	check_letters(_metadata, bytes, "PIN");
	close(answer.pin_fd);
}

/*
 * On some CPUs, PROT_NONE entries must contain inverted frame numbers (because of
 * L1TF). If the raw values of such entries increase, their frame numbers
 * decrease. Check that each page is still pinned at the correct address.
 */
TEST_F(rare, E8_pages_without_access_are_taken_in_their_order)
{
	static const int kinds[] = { EXOTIC_LARGE, EXOTIC_DOWN };
	const bool force = lab_param("allow_force");

	SKIP_IF_MISSING();
	lab_set_param("allow_force", true);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		BUILD_RARE(kinds[i], EXOTIC_LARGE_PAGES);
		poke_letters(_metadata, self);
		check_order(_metadata, self, 0);
		ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_mprotect,
					 self->addr, self->len, PROT_NONE));
		check_order(_metadata, self, GUPX_F_FORCE);
		check_order(_metadata, self,
			    GUPX_F_FORCE | GUPX_F_ENGINE_KERNEL);
	}
	lab_set_param("allow_force", force);
}

/*
 * Check that each verb stops with ENOMEM if the reference count of the page is
 * exhausted. The kernel's engine is not tested, because it prints a warning.
 */
static void check_exhausted(struct __test_metadata *_metadata,
			    const FIXTURE_DATA(rare) * self)
{
	unsigned char byte;
	struct lab_answer answer;

	answer = pin_once(&self->target, self->addr, self->len, 0);
	EXPECT_EQ(0ULL, answer.done);
	check_stops(_metadata, &answer, ENOMEM, GUPX_STAGE_GRAB,
		    GUPX_REASON_REFCOUNT);
	answer = lab_read(self->target.mem_fd, self->addr, 1, &byte, 0);
	EXPECT_EQ(0ULL, answer.done);
	check_stops(_metadata, &answer, ENOMEM, GUPX_STAGE_GRAB,
		    GUPX_REASON_REFCOUNT);
	answer = lab_populate(self->target.mem_fd, self->addr, self->len, 0);
	EXPECT_EQ(0ULL, answer.done);
	check_stops(_metadata, &answer, ENOMEM, GUPX_STAGE_GRAB,
		    GUPX_REASON_REFCOUNT);
}

TEST_F(rare, E9_reference_count_is_exhausted)
{
	long before;

	BUILD_RARE(EXOTIC_SMALL, 1);
	before = call_ioctl(self, EXOTIC_COUNT_SMALL, 0);
	ASSERT_EQ(0, call_ioctl(self, EXOTIC_ADD_SMALL, INT_MIN));
	check_exhausted(_metadata, self);
	ASSERT_EQ(0, call_ioctl(self, EXOTIC_ADD_SMALL, INT_MIN));
	EXPECT_EQ(before, call_ioctl(self, EXOTIC_COUNT_SMALL, 0));
	check_taken(_metadata, &self->target, self->addr, self->len, 0);
	/*
	 * gupx only checks that the reference count is positive before it adds
	 * references. So the first pin succeeds, although it overflows the reference
	 * count. All later requests are refused.
	 */
	ASSERT_EQ(0,
		  call_ioctl(self, EXOTIC_ADD_SMALL, INT_MAX - 100 - before));
	{
		const struct lab_answer answer =
			lab_pin(self->target.mem_fd, self->addr, self->len, 0);

		EXPECT_EQ(self->len, answer.done);
		check_exhausted(_metadata, self);
		close(answer.pin_fd);
	}
	EXPECT_EQ(INT_MAX - 100, call_ioctl(self, EXOTIC_COUNT_SMALL, 0));
}

TEST_F(rare, L20_references_of_a_folio_all_or_none)
{
	struct lab_answer answer;
	long before;

	BUILD_RARE(EXOTIC_LARGE, EXOTIC_LARGE_PAGES);
	before = call_ioctl(self, EXOTIC_COUNT_LARGE, 0);
	ASSERT_EQ(0, call_ioctl(self, EXOTIC_ADD_LARGE, INT_MIN));
	check_exhausted(_metadata, self);
	ASSERT_EQ(0, call_ioctl(self, EXOTIC_ADD_LARGE, INT_MIN));
	EXPECT_EQ(before, call_ioctl(self, EXOTIC_COUNT_LARGE, 0));
	/*
	 * gupx adds the references for all pages of the folio at once, after it has
	 * checked that the reference count is positive. So the first pin succeeds,
	 * although its last references overflow the reference count. All later requests
	 * are refused.
	 */
	ASSERT_EQ(0, call_ioctl(self, EXOTIC_ADD_LARGE, INT_MAX - 8 - before));
	answer = lab_pin(self->target.mem_fd, self->addr, self->len, 0);
	EXPECT_EQ(self->len, answer.done);
	EXPECT_EQ(self->held + EXOTIC_LARGE_PAGES, lab_pins_held());
	check_exhausted(_metadata, self);
	close(answer.pin_fd);
	EXPECT_EQ(INT_MAX - 8, call_ioctl(self, EXOTIC_COUNT_LARGE, 0));
}

static void ask_read(int mem_fd, uint64_t addr)
{
	char byte;

	lab_read(mem_fd, addr, 1, &byte, 0);
}

static void ask_pin(int mem_fd, uint64_t addr)
{
	lab_pin(mem_fd, addr, lab_page(), 0);
}

static void ask_pin_by_kernel(int mem_fd, uint64_t addr)
{
	lab_pin(mem_fd, addr, lab_page(), GUPX_F_ENGINE_KERNEL);
}

static void ask_populate(int mem_fd, uint64_t addr)
{
	lab_populate(mem_fd, addr, lab_page(), 0);
}

static void ask_explain(int mem_fd, uint64_t addr)
{
	const struct target target = { .mem_fd = mem_fd };

	explain_page(&target, addr, GUPX_VERB_PIN, 0);
}

/*
 * Row L9: check that a fatal signal ends a caller that waits for the target's
 * mmap_lock.
 */
static void check_killed(struct __test_metadata *_metadata,
			 const FIXTURE_DATA(rare) * self,
			 void (*ask)(int mem_fd, uint64_t addr))
{
	int status = 0;
	bool ended;
	pid_t pid;

	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ask(self->target.mem_fd, self->addr);
		_exit(0);
	}
	EXPECT_FALSE(holder_ends_within(pid, 200, NULL));
	kill(pid, SIGKILL);
	ended = holder_ends_within(pid, 5000, &status);
	EXPECT_TRUE(ended && WIFSIGNALED(status));
	if (!ended)
		waitpid(pid, NULL, 0);
}

TEST_F(rare, L9_killed_while_the_lock_is_not_to_be_had)
{
	static void (*const asks[])(int, uint64_t) = {
		ask_pin, ask_pin_by_kernel, ask_populate, ask_read, ask_explain
	};
	pid_t pid;

	BUILD_RARE(EXOTIC_SMALL, 1);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		call_ioctl(self, EXOTIC_HOLD, 60000);
		_exit(0);
	}
	ASSERT_FALSE(holder_ends_within(pid, 200, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++)
		check_killed(_metadata, self, asks[i]);
	/*
	 * The child process @pid keeps the target's mmap_lock locked. Check that the
	 * child still runs, so that the lock was held during all these requests.
	 */
	EXPECT_FALSE(holder_ends_within(pid, 20, NULL));
	kill(self->target.pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST_HARNESS_MAIN
