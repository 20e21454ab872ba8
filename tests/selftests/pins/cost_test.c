// SPDX-License-Identifier: GPL-2.0
/*
 * Cost of pins: each pin of a page is charged, even if the page is pinned already.
 * The memlock limit therefore bounds two things: the references that a user can hold,
 * and the kernel memory that records these references. Callers with CAP_IPC_LOCK are
 * not charged and do not use up the limit of other processes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "sysctl.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define NOBODY 65534
#define LIMIT (8ULL << 20)
#define HUGE (2ULL << 20)
/* The test fails if a user can pin this many times without reaching a limit. */
#define MAX_TRIES 8192
#define CGROUPS "/sys/fs/cgroup"
#define CGROUP CGROUPS "/gupx-cost"
#define MAX_EXTENTS "/sys/module/gupx/parameters/max_extents"

/**
 * struct payer - an unprivileged process that pins as much as possible
 * @target: target process
 * @addr: address that is pinned again and again
 * @huge: address of a huge page; only used by the variant of_what_is_refused
 * @pin_fd: pin fd that all requests add to; -1 before the first request
 * @tries: number of requests that succeeded
 * @stopped: true if the last request was refused because of the limit
 * @charged: bytes charged for the pin fd at the end, as EXTENTS reports them
 * @used: bytes charged to the user at the end, as INFO reports them
 * @bytes: bytes that the requests have pinned, without the bytes released again
 * @missing: NULL, or the reason to skip the test
 */
struct payer {
	struct target target;
	uint64_t addr;
	uint64_t huge;
	int pin_fd;
	unsigned int tries;
	bool stopped;
	uint64_t charged;
	uint64_t used;
	uint64_t bytes;
	const char *missing;
};

FIXTURE(cost)
{
	struct payer *payer;
	pid_t pid;
	int line;
	long held;
	long kernel_memory;
	const char *missing;
};

/*
 * @prepare: maps the memory; returns NULL on success, else the reason to skip the test
 *
 * @pin: makes the request with the number @try; returns 0, or the errno if the request failed
 */
FIXTURE_VARIANT(cost)
{
	const char *(*prepare)(struct payer * payer);
	int (*pin)(struct payer * payer, unsigned int try);
};

static int ask_pin(struct payer *payer, uint64_t addr, uint64_t len,
		   uint32_t flags)
{
	const struct lab_answer answer = lab_pin_more(
		payer->pin_fd, payer->target.mem_fd, addr, len, flags);

	if (answer.failed)
		return answer.failed;
	if (payer->pin_fd < 0)
		payer->pin_fd = answer.pin_fd;
	payer->bytes += answer.done;
	return answer.done ? 0 : (int)answer.stop.error;
}

static const char *prepare_huge_page(struct payer *payer)
{
	struct memory memory;
	const char *missing = memory_build(&payer->target, MEMORY_THP, &memory);

	if (missing)
		return missing;
	payer->addr = memory.addr;
	if (target_poke(&payer->target, memory.addr, memory.len, 'h') ||
	    target_smaps(&payer->target, memory.addr, "AnonHugePages:") <= 0)
		return "no huge page to be had";
	return NULL;
}

static int pin_part(struct payer *payer, unsigned int try)
{
	(void)try;
	return ask_pin(payer, payer->addr + 5 * lab_page(), 3 * lab_page(),
		       GUPX_F_WRITE);
}

FIXTURE_VARIANT_ADD(cost, of_a_part_of_a_huge_page){
	.prepare = prepare_huge_page,
	.pin = pin_part,
};

/*
 * Pin different pages of one huge page. Each page must be charged, not only the first
 * one.
 */
static int pin_parts(struct payer *payer, unsigned int try)
{
	return ask_pin(payer, payer->addr + try % 511 * lab_page(), lab_page(),
		       try % 2 ? GUPX_F_WRITE : 0);
}

FIXTURE_VARIANT_ADD(cost, of_each_page_of_a_huge_page){
	.prepare = prepare_huge_page,
	.pin = pin_parts,
};

/*
 * Map the zero page. Some kernels unshare it before a read pin, others pin the zero
 * page itself. The limit must apply in both cases.
 */
static const char *prepare_zero_page(struct payer *payer)
{
	const long addr =
		TARGET_CALL(&payer->target, SYS_mmap, 0, lab_page(), PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr < 0)
		return "no room for a mapping";
	payer->addr = addr;
	target_peek(&payer->target, addr, lab_page());
	return NULL;
}

static int pin_page(struct payer *payer, unsigned int try)
{
	(void)try;
	return ask_pin(payer, payer->addr, lab_page(), 0);
}

FIXTURE_VARIANT_ADD(cost, of_the_zero_page){
	.prepare = prepare_zero_page,
	.pin = pin_page,
};

static const char *prepare_small_pages(struct payer *payer)
{
	payer->addr = memory_map_small(&payer->target, 2 * LIMIT);
	if (!payer->addr ||
	    target_poke(&payer->target, payer->addr, 2 * LIMIT, 's'))
		return "no room for a mapping";
	return NULL;
}

FIXTURE_VARIANT_ADD(cost, of_one_small_page){
	.prepare = prepare_small_pages,
	.pin = pin_page,
};

static int pin_every_other_page(struct payer *payer, unsigned int try)
{
	const uint64_t at = try * 2 % (2 * LIMIT / lab_page());

	return ask_pin(payer, payer->addr + at * lab_page(), lab_page(),
		       GUPX_F_WRITE);
}

FIXTURE_VARIANT_ADD(cost, of_scattered_pages){
	.prepare = prepare_small_pages,
	.pin = pin_every_other_page,
};

/* Map one page that is followed by a hole. */
static const char *prepare_page_before_hole(struct payer *payer)
{
	const char *missing = prepare_small_pages(payer);

	if (!missing && TARGET_CALL(&payer->target, SYS_munmap,
				    payer->addr + lab_page(), LIMIT))
		missing = "no hole";
	return missing;
}

/*
 * Make a long request that can pin only its first page, because a hole follows. Halve
 * the length as long as the request exceeds the limit. The pages in the hole must not
 * be charged or recorded.
 */
static int pin_up_to_hole(struct payer *payer, unsigned int try)
{
	uint64_t len = LIMIT / 4;
	int failed;

	(void)try;
	do {
		failed = ask_pin(payer, payer->addr, len, 0);
		len /= 2;
	} while (failed == ENOBUFS && len >= lab_page());
	return failed;
}

FIXTURE_VARIANT_ADD(cost, of_one_page_before_a_hole){
	.prepare = prepare_page_before_hole,
	.pin = pin_up_to_hole,
};

#define REFUSED 40000

static const char *prepare_small_and_huge(struct payer *payer)
{
	const char *missing = prepare_huge_page(payer);

	payer->huge = payer->addr;
	payer->addr = memory_map_small(&payer->target, LIMIT);
	return missing ?: payer->addr ? NULL : "no memory";
}

/*
 * The first request uses up the limit except for one page. The later requests pin
 * single pages of a huge page. They are refused, because the first pin of a huge page
 * is charged for the whole huge page. A refused request must not leave a record of the
 * huge page.
 */
static int pin_what_is_refused(struct payer *payer, unsigned int try)
{
	int error = 0;

	if (!try)
		return ask_pin(payer, payer->addr, LIMIT - lab_page(),
			       GUPX_F_WRITE);
	for (unsigned int i = 0; i < REFUSED; i++)
		error = ask_pin(payer,
				payer->huge + (1 + i % 2 * 4) * lab_page(),
				lab_page(), GUPX_F_WRITE);
	return error;
}

FIXTURE_VARIANT_ADD(cost, of_what_is_refused){
	.prepare = prepare_small_and_huge,
	.pin = pin_what_is_refused,
};

#define APART 64

static const char *prepare_small(struct payer *payer)
{
	payer->addr = memory_map_small(&payer->target, LIMIT);
	return payer->addr ? NULL : "no memory";
}

/*
 * Pin every other page, so that each page is an extent of its own. Then release all of
 * these pages but the first one. Repeated calls leave extents that are far apart in the
 * extent list. The charge must still cover the memory of the list.
 */
static int pin_far_apart(struct payer *payer, unsigned int try)
{
	const uint64_t page = lab_page();

	for (unsigned int i = 0; i < APART; i++) {
		const int error = ask_pin(payer, payer->addr + i * 2 * page,
					  page, GUPX_F_WRITE);

		if (error)
			return error;
	}
	payer->bytes -= (APART - 1) * page;
	return lab_unpin(payer->pin_fd, (try * APART + 1) * page,
			 (APART - 1) * page, NULL);
}

FIXTURE_VARIANT_ADD(cost, of_pages_that_stay_far_apart){
	.prepare = prepare_small,
	.pin = pin_far_apart,
};

/*
 * Make a cgroup that counts the kernel memory of its processes. Returns NULL on
 * success, else the missing feature as text.
 */
static const char *make_cgroup(void)
{
	lab_write_text(CGROUPS "/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return "no cgroup v2 at " CGROUPS;
	if (lab_number(CGROUP "/memory.stat", "kernel ") < 0)
		return "no cgroup that counts kernel memory";
	return NULL;
}

/* Wait for one byte from the peer. Exit if the peer has ended. */
static void wait_for_word(int line)
{
	char byte;

	if (recv(line, &byte, 1, 0) != 1)
		_exit(1);
}

static void send_word(int line)
{
	send(line, "", 1, MSG_NOSIGNAL);
}

/*
 * Change enough counters for the kernel to flush the statistics of the cgroup. The
 * kernel skips the flush if little has changed since the last flush.
 */
static void refresh_cgroup(void)
{
	const size_t len = 8 << 20;
	char *pages = mmap(NULL, len, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(pages, len, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < len; at += lab_page())
		pages[at] = 1;
	munmap(pages, len);
}

static void publish_payer(const struct payer *payer, struct payer *shared,
			  int line)
{
	refresh_cgroup();
	*shared = *payer;
	send_word(line);
}

static void pin_all_it_can(struct payer *payer,
			   const FIXTURE_VARIANT(cost) * variant)
{
	struct gupx_extents head = { 0 };
	struct gupx_info info = { 0 };
	int failed = 0;

	while (!failed && payer->tries < MAX_TRIES) {
		failed = variant->pin(payer, payer->tries);
		payer->tries += !failed;
	}
	payer->stopped = failed == ENOBUFS;
	lab_extents(payer->pin_fd, &head, NULL, 0);
	lab_info(&info);
	payer->charged = head.charged;
	payer->used = info.memlock_used;
}

/*
 * Run the unprivileged process. The target and its struct payer exist only in this
 * process. Copy the struct to @shared, so that the test can read the results.
 */
static void run_payer(struct payer *shared, int line,
		      const FIXTURE_VARIANT(cost) * variant)
{
	struct payer payer = { .pin_fd = -1 };

	if (lab_write_text(CGROUP "/cgroup.procs", "0") ||
	    lab_set_memlock(LIMIT) || lab_become(NOBODY) ||
	    target_start(&payer.target))
		_exit(1);
	payer.missing = variant->prepare(&payer);
	publish_payer(&payer, shared, line);
	wait_for_word(line);
	pin_all_it_can(&payer, variant);
	publish_payer(&payer, shared, line);
	wait_for_word(line);
	close(payer.pin_fd);
	target_stop(&payer.target);
	send_word(line);
	_exit(0);
}

/*
 * Open the device before the fork, because the child process still uses the open file
 * after it has dropped root privileges.
 */
FIXTURE_SETUP(cost)
{
	int line[2];

	ASSERT_LE(0, lab_device());
	self->missing = make_cgroup();
	if (self->missing)
		return;
	self->payer = mmap(NULL, sizeof(*self->payer), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->payer);
	ASSERT_EQ(0,
		  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line));
	self->line = line[0];
	self->held = lab_pins_held();
	self->pid = fork();
	if (!self->pid) {
		close(line[0]);
		run_payer(self->payer, line[1], variant);
	}
	close(line[1]);
}

FIXTURE_TEARDOWN(cost)
{
	if (self->missing)
		return;
	kill(self->pid, SIGKILL);
	waitpid(self->pid, NULL, 0);
	close(self->line);
	EXPECT_EQ(self->held, lab_pins_held());
	/*
	 * The cgroup cannot be removed while a process is in it. The target of the
	 * unprivileged process may exit a moment later than that process. Therefore
	 * retry rmdir().
	 */
	for (int i = 0; i < 100 && rmdir(CGROUP) && errno == EBUSY; i++)
		usleep(20000);
}

/*
 * Wait until the unprivileged process has pinned as much as it can. Returns NULL on
 * success, else the reason to skip the test.
 */
static const char *watch_payer(struct __test_metadata *_metadata,
			       FIXTURE_DATA(cost) * self)
{
	wait_for_word(self->line);
	if (self->payer->missing)
		return self->payer->missing;
	self->kernel_memory = lab_number(CGROUP "/memory.stat", "kernel ");
	send_word(self->line);
	wait_for_word(self->line);
	TH_LOG("%u requests, %lu KiB pinned, %lu KiB charged",
	       self->payer->tries, self->payer->bytes >> 10,
	       self->payer->charged >> 10);
	EXPECT_LT(0U, self->payer->tries);
	return NULL;
}

TEST_F(cost, is_bounded_by_the_limit)
{
	const long pages = LIMIT / lab_page();
	const char *missing;

	SKIP_IF_MISSING();
	missing = watch_payer(_metadata, self);
	if (missing)
		SKIP(return, "%s", missing);
	EXPECT_TRUE(self->payer->stopped);
	EXPECT_GE(LIMIT, self->payer->charged);
	EXPECT_EQ(self->payer->charged, self->payer->used);
	/*
	 * Compare the references that are held and the bytes that are pinned with the
	 * charge.
	 */
	EXPECT_GE(pages, lab_pins_held() - self->held);
	EXPECT_GE(self->payer->charged, self->payer->bytes);
	send_word(self->line);
	wait_for_word(self->line);
}

/*
 * Return true if the slab allocator pads objects, as debug kernels do. Linux 6.1 for arm64
 * does too: its smallest objects have 128 bytes.
 */
static bool pads_objects(void)
{
	const long object =
		sysctl_get("/sys/kernel/slab/kmalloc-64/object_size");
	const long all = sysctl_get("/sys/kernel/slab/kmalloc-64/slab_size");

	if (object < 0)
		return sysctl_get("/sys/kernel/slab/kmalloc-128/object_size") >
		       0;
	return object > 0 && all > object;
}

/*
 * Check that kernel memory grows by at most 2% of the charge, plus 64 KiB for the pin
 * fd.
 */
TEST_F(cost, covers_the_memory_that_remembers_the_pins)
{
	const char *missing;
	long grown, most;

	SKIP_IF_MISSING();
	if (pads_objects())
		SKIP(return, "slabs hold more than what was asked for");
	missing = watch_payer(_metadata, self);
	if (missing)
		SKIP(return, "%s", missing);
	/*
	 * The cgroup is also charged for one pointer per slab object. Allow one such
	 * pointer for each page that is charged.
	 */
	most = self->payer->charged / 50 + (64 << 10) +
	       self->payer->charged / lab_page() * sizeof(void *);
	/*
	 * RCU frees the old nodes of the extent list after a grace period, which is
	 * longer on a busy machine. A kernel with PREEMPT_RT collects them for up to 5
	 * seconds before (KFREE_DRAIN_JIFFIES). Therefore check the memory several times.
	 */
	for (int tries = 0; tries < 300; tries++) {
		grown = lab_number(CGROUP "/memory.stat", "kernel ") -
			self->kernel_memory;
		if (grown <= most)
			break;
		usleep(50000);
		refresh_cgroup();
	}
	TH_LOG("%ld KiB of kernel memory more", grown >> 10);
	EXPECT_GE(most, grown);
	send_word(self->line);
	wait_for_word(self->line);
	/*
	 * The unprivileged process and its target have ended, so all pins are released.
	 */
	EXPECT_EQ(self->held, lab_pins_held());
}

/*
 * Run an unprivileged process with its own target, and check the exact charge of each
 * request.
 */
FIXTURE(price)
{
	struct payer payer;
	const char *missing;
};

FIXTURE_SETUP(price)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, lab_set_memlock(LIMIT));
	ASSERT_EQ(0, lab_become(NOBODY));
	ASSERT_EQ(0, target_start(&self->payer.target));
	self->payer.pin_fd = -1;
}

FIXTURE_TEARDOWN(price)
{
	target_stop(&self->payer.target);
}

static uint64_t used_pages(void)
{
	struct gupx_info info = { 0 };

	if (lab_info(&info))
		return ~0ULL;
	return info.memlock_used / lab_page();
}

TEST_F(price, of_parts_of_a_folio_is_the_folio_and_then_each_part)
{
	struct payer *const payer = &self->payer;
	const uint64_t page = lab_page(), whole = HUGE / page;
	const char *missing = prepare_huge_page(payer);
	struct lab_answer other;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, ask_pin(payer, payer->addr + page, 3 * page, 0));
	EXPECT_EQ(whole, used_pages());
	ASSERT_EQ(0, ask_pin(payer, payer->addr + page, 3 * page, 0));
	EXPECT_EQ(whole + 3, used_pages());
	ASSERT_EQ(0, ask_pin(payer, payer->addr + 100 * page, page, 0));
	EXPECT_EQ(whole + 4, used_pages());
	/* Pin the whole folio once more: each of its pages is charged. */
	ASSERT_EQ(0, ask_pin(payer, payer->addr, HUGE, 0));
	EXPECT_EQ(2 * whole + 4, used_pages());
	/* A second pin fd is charged for the whole folio again. */
	other = lab_pin(payer->target.mem_fd, payer->addr, page, 0);
	EXPECT_EQ(page, other.done);
	EXPECT_EQ(3 * whole + 4, used_pages());
	close(payer->pin_fd);
	EXPECT_EQ(whole, used_pages());
	close(other.pin_fd);
	EXPECT_EQ(0ULL, used_pages());
}

TEST_F(price, of_small_pages_is_each_pin_of_them)
{
	struct payer *const payer = &self->payer;
	const uint64_t page = lab_page();

	ASSERT_EQ(NULL, prepare_small_pages(payer));
	for (uint64_t i = 1; i < 20; i++) {
		ASSERT_EQ(0, ask_pin(payer, payer->addr, 2 * page, 0));
		EXPECT_EQ(2 * i, used_pages());
	}
	close(payer->pin_fd);
	EXPECT_EQ(0ULL, used_pages());
}

/*
 * Check that a run of the zero page is charged as one page, regardless of its length.
 * The zero page is not allocated, so the charge only has to cover the memory that
 * stores the run. Skip the test if the kernel unshares the zero page before a read pin.
 */
TEST_F(price, of_a_run_of_the_zero_page_is_one_page)
{
	struct payer *const payer = &self->payer;
	struct gupx_extents head;
	struct gupx_extent run;

	payer->addr = TARGET_CALL(&payer->target, SYS_mmap, 0, HUGE, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_LT(0, (long)payer->addr);
	TARGET_CALL(&payer->target, SYS_madvise, payer->addr, HUGE,
		    MADV_NOHUGEPAGE);
	ASSERT_EQ(0, target_peek(&payer->target, payer->addr, HUGE));
	for (uint64_t i = 1; i < 4; i++) {
		ASSERT_EQ(0, ask_pin(payer, payer->addr, 16 * lab_page(), 0));
		ASSERT_EQ(0, lab_extents(payer->pin_fd, &head, &run, 1));
		if (!(run.flags & GUPX_EXTENT_ZERO))
			SKIP(return, "this kernel unshares the zero page");
		EXPECT_EQ(i * lab_page(), head.charged);
		EXPECT_EQ(i, used_pages());
	}
	close(payer->pin_fd);
	EXPECT_EQ(0ULL, used_pages());
}

#define MTHP_ENABLED \
	"/sys/kernel/mm/transparent_hugepage/hugepages-16kB/enabled"

/*
 * The module keeps a record for a folio of which only a part is pinned. Check that the
 * record is charged once. The first UNPIN leaves a part of the folio pinned. Each round
 * then pins the whole folio again, and releases this pin in two parts. The charge must
 * not grow from round to round.
 */
static void check_charge_of_cut_runs(struct __test_metadata *_metadata,
				     struct payer *payer)
{
	const uint64_t page = lab_page();
	struct gupx_extents head;

	EXPECT_EQ(0, lab_unpin(payer->pin_fd, 0, page, NULL));
	for (unsigned int i = 1; i <= 20; i++) {
		ASSERT_EQ(0, ask_pin(payer, payer->addr, 4 * page, 0));
		EXPECT_EQ(0,
			  lab_unpin(payer->pin_fd, 4 * i * page, page, NULL));
		EXPECT_EQ(0, lab_unpin(payer->pin_fd, (4 * i + 1) * page,
				       3 * page, NULL));
		ASSERT_EQ(0, lab_extents(payer->pin_fd, &head, NULL, 0));
		EXPECT_EQ(9 * page, head.charged);
	}
}

/*
 * The module keeps a record for a folio of which only a part is pinned. To cover the
 * memory of the record, the first pin of a part is charged at least nine pages
 * (RECORD_MIN_PAGES). Check this with a folio of four pages.
 */
TEST(price_of_a_part_of_a_small_folio_is_nine_pages)
{
	struct payer payer = { .pin_fd = -1 };
	struct gupx_extents head;
	struct gupx_extent run;

	if (lab_write_text(MTHP_ENABLED, "always"))
		SKIP(return, "no folios of four pages in this kernel");
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, lab_set_memlock(LIMIT));
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	ASSERT_EQ(0, target_start(&payer.target));
	payer.addr = memory_map_aligned(&payer.target, 16 << 10);
	ASSERT_NE(0ULL, payer.addr);
	EXPECT_EQ(0, target_poke(&payer.target, payer.addr, 16 << 10, 'm'));
	EXPECT_EQ(0, lab_write_text(MTHP_ENABLED, "never"));
	ASSERT_EQ(0, ask_pin(&payer, payer.addr, lab_page(), 0));
	ASSERT_EQ(0, lab_extents(payer.pin_fd, &head, &run, 1));
	if (run.order == 2) {
		EXPECT_EQ(9 * lab_page(), head.charged);
		ASSERT_EQ(0, ask_pin(&payer, payer.addr, lab_page(), 0));
		ASSERT_EQ(0, lab_extents(payer.pin_fd, &head, &run, 1));
		EXPECT_EQ(10 * lab_page(), head.charged);
		/* A folio that is pinned as a whole needs no record. */
		close(payer.pin_fd);
		payer.pin_fd = -1;
		ASSERT_EQ(0, ask_pin(&payer, payer.addr, 16 << 10, 0));
		ASSERT_EQ(0, lab_extents(payer.pin_fd, &head, &run, 1));
		EXPECT_EQ(4 * lab_page(), head.charged);
		check_charge_of_cut_runs(_metadata, &payer);
	}
	close(payer.pin_fd);
	target_stop(&payer.target);
	if (run.order != 2)
		SKIP(return, "no folio of four pages to be had");
}

/*
 * Test the limit on the number of extents of a user. The limit applies in addition to
 * the memlock limit.
 */
FIXTURE(extents_of_a_user)
{
	struct target target;
	uint64_t addr;
	long before;
	uint64_t used;
	int max_extents;
};

#define MOST 6U

FIXTURE_SETUP(extents_of_a_user)
{
	struct gupx_info info;

	ASSERT_LE(0, lab_device());
	self->before = sysctl_get(MAX_EXTENTS);
	ASSERT_LT(0, self->before);
	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ((uint64_t)self->before, info.max_extents);
	self->used = info.extents_used;
	/* Keep the parameter file open for tests that drop root privileges. */
	self->max_extents = open(MAX_EXTENTS, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, self->max_extents);
	ASSERT_LT(0, dprintf(self->max_extents, "%lu", self->used + MOST));
}

FIXTURE_TEARDOWN(extents_of_a_user)
{
	target_stop(&self->target);
	if (self->max_extents < 0)
		return;
	pwrite(self->max_extents, "0", 0, 0);
	dprintf(self->max_extents, "%ld", self->before);
	close(self->max_extents);
}

static void start_target(struct __test_metadata *_metadata,
			 FIXTURE_DATA(extents_of_a_user) * self)
{
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = memory_map_small(&self->target, 64 * lab_page());
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0,
		  target_poke(&self->target, self->addr, 64 * lab_page(), 'e'));
}

static uint64_t extents_used(void)
{
	struct gupx_info info = { 0 };

	if (lab_info(&info))
		return ~0ULL;
	return info.extents_used;
}

/*
 * Pin pages in descending order with gaps between them, so that each page is an
 * extent of its own.
 */
static struct lab_answer add_extent(const FIXTURE_DATA(extents_of_a_user) *
					    self,
				    int pin_fd, unsigned int nr)
{
	return lab_pin_more(pin_fd, self->target.mem_fd,
			    self->addr + (62 - 2 * nr) * lab_page(), lab_page(),
			    0);
}

static void check_full(struct __test_metadata *_metadata,
		       const struct lab_answer *answer)
{
	EXPECT_EQ(0, answer->failed);
	EXPECT_EQ(0ULL, answer->done);
	EXPECT_EQ((__u32)EDQUOT, answer->stop.error);
	EXPECT_EQ(GUPX_STAGE_ACCOUNT, answer->stop.stage);
	EXPECT_EQ(GUPX_REASON_EXTENTS, answer->stop.reason);
}

/*
 * Reach the limit with two pin fds, then check that closing one of them allows new
 * extents.
 */
static void check_most(struct __test_metadata *_metadata,
		       FIXTURE_DATA(extents_of_a_user) * self)
{
	struct lab_answer first, second, answer;
	struct gupx_info info;

	start_target(_metadata, self);
	self->used = extents_used();
	first = add_extent(self, -1, 0);
	ASSERT_EQ(lab_page(), first.done);
	second = add_extent(self, -1, 1);
	ASSERT_EQ(lab_page(), second.done);
	for (unsigned int i = 2; i < MOST; i++)
		EXPECT_EQ(lab_page(),
			  add_extent(self, i % 2 ? first.pin_fd : second.pin_fd,
				     i)
				  .done);
	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ(self->used + MOST, info.extents_used);
	EXPECT_EQ(self->used + MOST, info.max_extents);
	answer = add_extent(self, first.pin_fd, MOST);
	check_full(_metadata, &answer);
	answer = add_extent(self, -1, MOST);
	check_full(_metadata, &answer);
	EXPECT_EQ(-1, answer.pin_fd);
	EXPECT_EQ(self->used + MOST, extents_used());
	close(second.pin_fd);
	EXPECT_EQ(self->used + MOST / 2, extents_used());
	answer = add_extent(self, first.pin_fd, MOST);
	EXPECT_EQ(lab_page(), answer.done);
	/* After the close of the second pin fd, the user may have further extents. */
	answer = lab_pin_more(first.pin_fd, self->target.mem_fd, self->addr,
			      lab_page(), 0);
	EXPECT_EQ(lab_page(), answer.done);
	close(first.pin_fd);
	EXPECT_EQ(self->used, extents_used());
}

TEST_F(extents_of_a_user, bind_root_too)
{
	check_most(_metadata, self);
}

/* Check that extents of root do not count against the limit of another user. */
TEST_F(extents_of_a_user, are_counted_by_user)
{
	struct lab_answer roots[MOST];
	struct target nobodys;

	start_target(_metadata, self);
	for (unsigned int i = 0; i < MOST; i++) {
		roots[i] = add_extent(self, -1, i);
		EXPECT_EQ(lab_page(), roots[i].done);
	}
	nobodys = self->target;
	ASSERT_EQ(0, lab_set_memlock(LIMIT));
	ASSERT_EQ(0, lab_become(NOBODY));
	EXPECT_EQ(0ULL, extents_used());
	pwrite(self->max_extents, "6", 1, 0);
	check_most(_metadata, self);
	target_stop(&nobodys);
	for (unsigned int i = 0; i < MOST; i++)
		close(roots[i].pin_fd);
}

/*
 * UNPIN in the middle of an extent splits the extent in two. Check that UNPIN is
 * refused if the user may not have another extent.
 */
TEST_F(extents_of_a_user, bind_unpin_that_cuts_an_extent)
{
	const uint64_t page = lab_page();
	struct gupx_extents head;
	struct lab_answer answer;
	struct memory memory;
	const char *missing;
	uint64_t released = 1;

	ASSERT_EQ(0, target_start(&self->target));
	missing = memory_build(&self->target, MEMORY_THP, &memory);
	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, target_poke(&self->target, memory.addr, memory.len, 'u'));
	answer = lab_pin(self->target.mem_fd, memory.addr, memory.len, 0);
	ASSERT_EQ(memory.len, answer.done);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, NULL, 0));
	ASSERT_LT(0, dprintf(self->max_extents, "%lu",
			     self->used + (long)head.total));

	EXPECT_EQ(EDQUOT, lab_unpin(answer.pin_fd, 5 * page, page, &released));
	EXPECT_EQ(0ULL, released);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, NULL, 0));
	EXPECT_EQ(memory.len, head.bytes);
	EXPECT_EQ(self->used + head.total, extents_used());

	/*
	 * The first page is at the start of the extent. Its release does not split the
	 * extent, so the number of extents stays the same.
	 */
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 0, page, &released));
	EXPECT_EQ(page, released);
	ASSERT_LT(0, dprintf(self->max_extents, "%lu",
			     self->used + (long)head.total + 1));
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 5 * page, page, &released));
	EXPECT_EQ(self->used + head.total + 1, extents_used());
	close(answer.pin_fd);
	EXPECT_EQ(self->used, extents_used());
}

/*
 * Check that a long request stops at the limit and keeps the pages that it has
 * pinned.
 */
TEST_F(extents_of_a_user, end_a_request_in_the_middle)
{
	const uint64_t len = 64 * lab_page();
	struct gupx_extents head;
	struct lab_answer answer;

	ASSERT_EQ(0, target_start(&self->target));
	self->addr = memory_map_small(&self->target, len);
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0, target_scatter(&self->target, self->addr, len, 'e'));
	answer = lab_pin(self->target.mem_fd, self->addr, len, 0);
	ASSERT_EQ(0, answer.failed);
	ASSERT_LE(0, answer.pin_fd);
	EXPECT_LE(MOST * lab_page(), answer.done);
	ASSERT_GT(len, answer.done);
	EXPECT_EQ((__u32)EDQUOT, answer.stop.error);
	EXPECT_EQ(GUPX_STAGE_ACCOUNT, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_EXTENTS, answer.stop.reason);
	EXPECT_EQ(self->addr + answer.done, answer.stop.addr);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, NULL, 0));
	EXPECT_EQ((uint64_t)MOST, head.total);
	EXPECT_EQ(answer.done, head.bytes);
	EXPECT_EQ(self->used + MOST, extents_used());
	close(answer.pin_fd);
	EXPECT_EQ(self->used, extents_used());
}

/* Check that pins of a caller with CAP_IPC_LOCK are not charged. */
FIXTURE(exempt)
{
	struct target target;
	uint64_t addr;
	uint64_t used;
};

#define EXEMPT_LEN (64ULL << 20)

FIXTURE_SETUP(exempt)
{
	struct gupx_info info;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, lab_set_memlock(LIMIT));
	ASSERT_EQ(0, target_start(&self->target));
	self->addr = memory_map_small(&self->target, EXEMPT_LEN);
	ASSERT_NE(0ULL, self->addr);
	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ(~0ULL, info.memlock_limit);
	self->used = info.memlock_used;
}

FIXTURE_TEARDOWN(exempt)
{
	target_stop(&self->target);
}

/*
 * Register a buffer with io_uring, which charges the same user. Return success if the
 * kernel does not support io_uring.
 */
static int register_buffer(size_t len)
{
	unsigned char params[512] = { 0 };
	const int ring = syscall(SYS_io_uring_setup, 4, params);
	const struct iovec buffer = {
		.iov_base = mmap(NULL, len, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		.iov_len = len,
	};
	int failed;

	if (ring < 0)
		return 0;
	failed =
		syscall(SYS_io_uring_register, ring, 0, &buffer, 1) ? errno : 0;
	close(ring);
	munmap(buffer.iov_base, len);
	return failed;
}

TEST_F(exempt, pins_are_not_charged)
{
	const struct lab_answer answer = lab_pin(
		self->target.mem_fd, self->addr, EXEMPT_LEN, GUPX_F_WRITE);
	struct gupx_extents head;

	ASSERT_EQ(EXEMPT_LEN, answer.done);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, NULL, 0));
	EXPECT_EQ(EXEMPT_LEN, head.bytes);
	EXPECT_EQ(0ULL, head.charged);
	EXPECT_EQ(self->used / lab_page(), used_pages());
	close(answer.pin_fd);
	EXPECT_EQ(self->used / lab_page(), used_pages());
}

/*
 * Check that pins of a process with CAP_IPC_LOCK leave the whole limit to another
 * process of the same user that lacks CAP_IPC_LOCK.
 */
TEST_F(exempt, pins_do_not_lock_others_of_that_user_out)
{
	const struct lab_answer answer = lab_pin(
		self->target.mem_fd, self->addr, EXEMPT_LEN, GUPX_F_WRITE);
	struct lab_answer other;
	int status;
	pid_t pid;

	ASSERT_EQ(EXEMPT_LEN, answer.done);
	pid = fork();
	if (!pid) {
		if (lab_drop_capability(CAP_IPC_LOCK))
			_exit(1);
		other = lab_pin(self->target.mem_fd, self->addr, LIMIT / 2, 0);
		if (other.done != LIMIT / 2)
			_exit(2);
		_exit(register_buffer(16 << 10) ? 3 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status))
	TH_LOG("2: a pin is refused, 3: a buffer of io_uring is");
	close(answer.pin_fd);
	/* io_uring uncharges its buffers asynchronously, so wait until this is done. */
	for (int i = 0; i < 100 && used_pages() > self->used / lab_page(); i++)
		usleep(20000);
	EXPECT_EQ(self->used / lab_page(), used_pages());
}

/*
 * Check that each PIN tests whether the caller has CAP_IPC_LOCK, and that the release
 * uncharges exactly the pages that were charged.
 */
TEST_F(exempt, pins_and_charged_ones_share_a_pin_fd)
{
	const uint64_t page = lab_page(), used = self->used / page;
	struct lab_answer answer = lab_pin(self->target.mem_fd, self->addr,
					   100 * page, GUPX_F_WRITE);
	struct gupx_extents head;

	ASSERT_EQ(100 * page, answer.done);
	EXPECT_EQ(used, used_pages());
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	ASSERT_EQ(7 * page, lab_pin_more(answer.pin_fd, self->target.mem_fd,
					 self->addr + 200 * page, 7 * page, 0)
				    .done);
	EXPECT_EQ(used + 7, used_pages());
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, NULL, 0));
	EXPECT_EQ(7 * page, head.charged);
	EXPECT_EQ(107 * page, head.bytes);
	close(answer.pin_fd);
	EXPECT_EQ(used, used_pages());
}

/* Check that UNPIN of uncharged pins uncharges nothing. */
TEST_F(exempt, pins_released_one_by_one_give_back_what_they_paid)
{
	const uint64_t page = lab_page(), used = self->used / page;
	struct lab_answer answer = lab_pin(self->target.mem_fd, self->addr,
					   10 * page, GUPX_F_WRITE);

	ASSERT_EQ(10 * page, answer.done);
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	ASSERT_EQ(10 * page,
		  lab_pin_more(answer.pin_fd, self->target.mem_fd,
			       self->addr + 20 * page, 10 * page, GUPX_F_WRITE)
			  .done);
	EXPECT_EQ(used + 10, used_pages());
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 0, 5 * page, NULL));
	EXPECT_EQ(used + 10, used_pages());
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 15 * page, 5 * page, NULL));
	EXPECT_EQ(used + 5, used_pages());
	/* The range includes uncharged and charged pins. */
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 8 * page, 4 * page, NULL));
	EXPECT_EQ(used + 3, used_pages());
	close(answer.pin_fd);
	EXPECT_EQ(used, used_pages());
}

/* Pin one part of a huge page without a charge, then another part with a charge. */
TEST_F(exempt, parts_of_a_huge_page_give_back_what_they_paid)
{
	const uint64_t page = lab_page(), used = self->used / page;
	struct payer payer = { .target = self->target, .pin_fd = -1 };
	const char *missing = prepare_huge_page(&payer);

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, ask_pin(&payer, payer.addr, 3 * page, 0));
	EXPECT_EQ(used, used_pages());
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	ASSERT_EQ(0, ask_pin(&payer, payer.addr + 9 * page, 3 * page, 0));
	EXPECT_LE(used + 3, used_pages());
	close(payer.pin_fd);
	EXPECT_EQ(used, used_pages());
}

TEST_HARNESS_MAIN
