// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of faults that wait for a userfaultfd. The fault drops the mmap_lock. While
 * the fault waits, signals arrive, the target is killed, or the caller's memory
 * changes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "holder.h"
#include "lab.h"
#include "slow_uffd.h"
#include "memory.h"
#include "target.h"

FIXTURE(slow_uffd)
{
	struct target target;
	struct memory memory;
	size_t nr;
	long held;
};

FIXTURE_SETUP(slow_uffd)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	self->nr = self->memory.len / lab_page();
	self->held = lab_pins_held();
	ASSERT_LE(0, self->held);
}

FIXTURE_TEARDOWN(slow_uffd)
{
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
}

#define NEED_LATE(slow_uffd, flags)                                     \
	do {                                                            \
		if (!slow_uffd_is_possible())                           \
			SKIP(return, "no userfaultfd in this kernel");  \
		ASSERT_EQ(0, slow_uffd_create(slow_uffd, &self->target, \
					      &self->memory, flags));   \
	} while (0)

/*
 * Rows O2 (retry the fault with FAULT_FLAG_TRIED) and L14 (continue after a fault that
 * dropped the lock): check a request that waits until the test supplies the page.
 */
TEST_F(slow_uffd, O2_page_comes_late)
{
	struct slow_uffd slow_uffd;
	int status;
	pid_t pid;

	NEED_LATE(&slow_uffd, 0);
	pid = fork();
	if (pid == 0)
		_exit(holder_pin_all(&self->target, &self->memory,
				     GUPX_F_WRITE) < 0);
	ASSERT_TRUE(slow_uffd_has_waiter(&slow_uffd));
	ASSERT_EQ(0, slow_uffd_fill(&slow_uffd, self->memory.len));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(self->nr,
		  lab_resident(self->target.pid, self->memory.addr, self->nr));
	close(slow_uffd.uffd);
}

/* Rows L9 and O3: check that a fatal signal ends a caller that waits in a fault. */
static void check_killable(struct __test_metadata *_metadata,
			   FIXTURE_DATA(slow_uffd) * self, bool populate)
{
	struct slow_uffd slow_uffd;
	bool ended;
	pid_t pid;

	NEED_LATE(&slow_uffd, 0);
	/*
	 * The first half of the memory is resident. If the request has pinned these
	 * pages, it must also release them when it is killed.
	 */
	ASSERT_EQ(0, slow_uffd_fill(&slow_uffd, self->memory.len / 2));
	pid = fork();
	if (pid == 0) {
		if (populate)
			lab_populate(self->target.mem_fd, self->memory.addr,
				     self->memory.len, 0);
		else
			lab_pin(self->target.mem_fd, self->memory.addr,
				self->memory.len, 0);
		_exit(0);
	}
	ASSERT_TRUE(slow_uffd_has_waiter(&slow_uffd));
	kill(pid, SIGKILL);
	ended = holder_ends_within(pid, 5000, NULL);
	EXPECT_TRUE(ended);
	close(slow_uffd.uffd);
	if (!ended)
		waitpid(pid, NULL, 0);
	EXPECT_EQ(self->held, lab_pins_held());
	/*
	 * munmap() in the target succeeds, so the killed caller has released the
	 * target's mmap_lock.
	 */
	EXPECT_LE(0, TARGET_CALL(&self->target, SYS_munmap, self->memory.addr,
				 self->memory.len));
}

TEST_F(slow_uffd, L9_populating_caller_is_killed)
{
	check_killable(_metadata, self, true);
}

TEST_F(slow_uffd, L9_pinning_caller_is_killed)
{
	check_killable(_metadata, self, false);
}

static void note_signal(int signal)
{
	(void)signal;
}

/*
 * Row O3 (stop at a signal): with INTERRUPTIBLE, any signal stops the request, and the
 * pages done before the signal are reported. Make such a PIN request, store its result
 * in @answer, and exit.
 */
static void pin_until_signal(FIXTURE_DATA(slow_uffd) * self, uint64_t addr,
			     struct lab_answer *answer)
{
	const struct sigaction action = { .sa_handler = note_signal };

	sigaction(SIGUSR1, &action, NULL);
	*answer = lab_pin(self->target.mem_fd, addr, self->memory.len / 2,
			  GUPX_F_INTERRUPTIBLE);
	_exit(0);
}

TEST_F(slow_uffd, O3_interruptible_request_is_interrupted)
{
	struct lab_answer *const answer =
		mmap(NULL, lab_page(), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const uint64_t half = self->memory.len / 2, page = lab_page();
	struct slow_uffd slow_uffd;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, answer);
	NEED_LATE(&slow_uffd, 0);
	ASSERT_EQ(0, slow_uffd_fill(&slow_uffd, half));
	for (int round = 0; round < 2; round++) {
		/*
		 * In the first round, the range contains no resident page. In the
		 * second round, the range contains two resident pages.
		 */
		const uint64_t addr =
			self->memory.addr + half - 2 * round * page;

		pid = fork();
		if (pid == 0)
			pin_until_signal(self, addr, answer);
		ASSERT_TRUE(slow_uffd_has_waiter(&slow_uffd));
		kill(pid, SIGUSR1);
		if (!holder_ends_within(pid, 5000, &status)) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			ASSERT_TRUE(false) TH_LOG("the signal was ignored");
		}
		EXPECT_EQ(0, status);
		EXPECT_EQ(0, answer->failed);
		EXPECT_EQ(2 * round * page, answer->done);
		EXPECT_EQ((__u32)EINTR, answer->stop.error);
		EXPECT_EQ(GUPX_REASON_SIGNAL, answer->stop.reason);
		EXPECT_EQ(addr + answer->done, answer->stop.addr);
	}
	close(slow_uffd.uffd);
}

/*
 * Row L14: check that a request with NOWAIT stops without an error instead of
 * waiting.
 */
TEST_F(slow_uffd, L14_nowait_stops_where_a_wait_is_needed)
{
	const uint64_t half = self->memory.len / 2;
	struct slow_uffd slow_uffd;
	struct lab_answer answer;

	NEED_LATE(&slow_uffd, 0);
	ASSERT_EQ(0, slow_uffd_fill(&slow_uffd, half));
	answer = lab_pin(self->target.mem_fd, self->memory.addr + half, half,
			 GUPX_F_NOWAIT);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(0, lab_gup_return(&answer));
	EXPECT_EQ(GUPX_STAGE_FAULT, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_WOULD_WAIT, answer.stop.reason);
	EXPECT_EQ(-1, answer.pin_fd);
	answer = lab_pin(self->target.mem_fd, self->memory.addr + half, half,
			 GUPX_F_NOWAIT | GUPX_F_ENGINE_KERNEL);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(0, lab_gup_return(&answer));
	EXPECT_EQ(GUPX_STAGE_ENGINE, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_WOULD_WAIT, answer.stop.reason);
	close(slow_uffd.uffd);
}

/*
 * Row L15 (a failed fault is EFAULT): a UFFD_USER_MODE_ONLY userfaultfd does not
 * handle faults of the kernel. Check that such faults fail with SIGBUS and do not
 * wait.
 */
TEST_F(slow_uffd, L15_userfaultfd_for_user_mode_only)
{
	struct slow_uffd slow_uffd;
	struct lab_answer answer;

	NEED_LATE(&slow_uffd, UFFD_USER_MODE_ONLY);
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, 0);
	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
	EXPECT_EQ(GUPX_STAGE_FAULT, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_FAULT_SIGBUS, answer.stop.reason);
	answer = lab_populate(self->target.mem_fd, self->memory.addr,
			      self->memory.len, 0);
	EXPECT_EQ(-EFAULT, lab_gup_return(&answer));
	close(slow_uffd.uffd);
}

/* Check that the request completes even if the target is killed during the faults. */
TEST_F(slow_uffd, target_is_killed_while_being_populated)
{
	struct slow_uffd slow_uffd;
	int status;
	pid_t pid;

	NEED_LATE(&slow_uffd, 0);
	pid = fork();
	if (pid == 0) {
		struct lab_answer answer;

		close(slow_uffd.uffd);
		answer = lab_populate(self->target.mem_fd, self->memory.addr,
				      self->memory.len, GUPX_F_WRITE);
		/*
		 * The request holds a reference to the target's address space, so it
		 * can populate all pages.
		 */
		_exit(answer.failed || answer.done != self->memory.len);
	}
	ASSERT_TRUE(slow_uffd_has_waiter(&slow_uffd));
	kill(self->target.pid, SIGKILL);
	target_reap(&self->target);
	close(slow_uffd.uffd);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(ESRCH, lab_populate(self->target.mem_fd, self->memory.addr,
				      self->memory.len, 0)
				 .failed);
}

/**
 * struct lost - a PIN request whose result cannot be written
 * @pin: argument of the ioctl; the only data on its page
 * @error: errno of the ioctl
 */
struct lost {
	struct gupx_pin *pin;
	int error;
};

static void *pin_and_lose(void *argument)
{
	struct lost *const lost = argument;

	lost->error = ioctl(lab_device(), GUPX_IOC_PIN, lost->pin) ? errno : 0;
	return NULL;
}

/*
 * Make the page that contains the ioctl's argument read-only while the request waits
 * for its first page.
 */
static void lose_answer(struct __test_metadata *_metadata,
			FIXTURE_DATA(slow_uffd) * self,
			const struct slow_uffd *slow_uffd, int pin_fd)
{
	struct lost lost = { .pin = mmap(NULL, lab_page(),
					 PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
	pthread_t thread;

	ASSERT_NE(MAP_FAILED, lost.pin);
	*lost.pin = (struct gupx_pin){
		.size = sizeof(*lost.pin),
		.mem_fd = self->target.mem_fd,
		.pin_fd = pin_fd,
		.addr = self->memory.addr,
		.len = self->memory.len,
	};
	ASSERT_EQ(0, pthread_create(&thread, NULL, pin_and_lose, &lost));
	ASSERT_TRUE(slow_uffd_has_waiter(slow_uffd));
	ASSERT_EQ(0, mprotect(lost.pin, lab_page(), PROT_READ));
	ASSERT_EQ(0, slow_uffd_fill(slow_uffd, self->memory.len));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(EFAULT, lost.error);
	EXPECT_EQ(0ULL, lost.pin->done);
	munmap(lost.pin, lab_page());
}

/*
 * The caller does not get the number of a new pin fd if the result cannot be written.
 * Check that no pin fd remains open, because the caller could not close it.
 */
TEST_F(slow_uffd, lost_answer_leaves_no_new_pin_fd)
{
	struct slow_uffd slow_uffd;
	int free_fd;

	NEED_LATE(&slow_uffd, 0);
	free_fd = dup(0);
	close(free_fd);
	lose_answer(_metadata, self, &slow_uffd, -1);
	EXPECT_EQ(self->held, lab_pins_held());
	EXPECT_EQ(free_fd, dup(0));
	close(free_fd);
	close(slow_uffd.uffd);
}

/*
 * If the module cannot write the result of a PIN to the caller's struct, the caller does not
 * learn which pages were added to an existing pin fd. Check that the added pages stay
 * pinned until the pin fd is closed.
 */
TEST_F(slow_uffd, lost_answer_leaves_what_was_added_in_the_pin_fd)
{
	struct lab_answer first;
	struct gupx_extents head;
	struct memory other;
	struct slow_uffd slow_uffd;

	ASSERT_EQ(NULL, memory_build(&self->target, MEMORY_ANON, &other));
	NEED_LATE(&slow_uffd, 0);
	first = lab_pin(self->target.mem_fd, other.addr, lab_page(), 0);
	ASSERT_EQ(lab_page(), first.done);
	lose_answer(_metadata, self, &slow_uffd, first.pin_fd);
	ASSERT_EQ(0, lab_extents(first.pin_fd, &head, NULL, 0));
	EXPECT_EQ(lab_page() + self->memory.len, head.bytes);
	/* A caller with CAP_IPC_LOCK, such as root, is not charged. */
	EXPECT_EQ(0ULL, head.charged);
	close(first.pin_fd);
	EXPECT_EQ(self->held, lab_pins_held());
	close(slow_uffd.uffd);
}

TEST_HARNESS_MAIN
