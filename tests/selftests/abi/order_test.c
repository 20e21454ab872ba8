// SPDX-License-Identifier: GPL-2.0
/*
 * Check the order in which PIN checks its arguments. All arguments are invalid at
 * first. The test corrects one argument after the other, and each time the module must
 * return the error for the next invalid argument.
 *
 * Other tests check edge cases of the ioctls on a pin fd.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

static int send_ioctl(int pin_fd, unsigned long number, void *argument)
{
	const bool of_pin_fd = _IOC_NR(number) >= _IOC_NR(GUPX_IOC_EXTENTS);
	const int fd = of_pin_fd ? pin_fd : lab_device();

	return ioctl(fd, number, argument) ? errno : 0;
}

FIXTURE(order)
{
	struct target target, dead, other;
	struct memory memory;
	struct gupx_pin pin;
	int dead_mem, other_pin;
	bool force;
};

/* Prepare targets and descriptors for a request in which every argument is invalid. */
FIXTURE_SETUP(order)
{
	struct lab_answer answer;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(0, target_start(&self->dead));
	ASSERT_EQ(0, target_start(&self->other));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	ASSERT_EQ(NULL, memory_build(&self->other, MEMORY_ANON, &self->memory));
	answer = lab_pin(self->other.mem_fd, self->memory.addr,
			 self->memory.len, 0);
	ASSERT_EQ(0, answer.failed);
	self->other_pin = answer.pin_fd;
	self->dead_mem = lab_open_mem(self->dead.pid, O_RDONLY);
	ASSERT_LE(0, self->dead_mem);
	kill(self->dead.pid, SIGKILL);
	target_reap(&self->dead);
	self->force = lab_param("allow_force");
	lab_set_param("allow_force", false);
}

FIXTURE_TEARDOWN(order)
{
	lab_set_param("allow_force", self->force);
	close(self->other_pin);
	close(self->dead_mem);
	target_stop(&self->target);
	target_stop(&self->other);
}

/*
 * A struct that is longer than the module's version of the struct, with a tail that is
 * not zero.
 */
struct long_pin {
	struct gupx_pin pin;
	__u64 tail;
};

/*
 * Repair one argument after the other. Each time, check that the error is the one for
 * the next invalid argument.
 */
static void repair_pin(struct __test_metadata *_metadata,
		       FIXTURE_DATA(order) * self, struct long_pin *it)
{
	struct gupx_pin *const pin = &it->pin;
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

#define SAYS(error) EXPECT_EQ(error, send_ioctl(-1, GUPX_IOC_PIN, pin))
	SAYS(EINVAL);
	pin->size = sizeof(*it);
	SAYS(E2BIG);
	pin->size = sizeof(*pin);
	SAYS(EOPNOTSUPP);
	pin->flags = GUPX_F_WRITE | GUPX_F_FORCE;
	SAYS(EINVAL);
	pin->addr = self->memory.addr;
	SAYS(EINVAL);
	pin->len = 1ULL << 40;
	SAYS(EFBIG);
	pin->len = 0;
	SAYS(EPERM);
	pin->flags = GUPX_F_WRITE;
	SAYS(EBADF);
	pin->mem_fd = null;
	SAYS(EMEDIUMTYPE);
	pin->mem_fd = self->dead_mem;
	SAYS(EACCES);
	pin->flags = 0;
	SAYS(ESRCH);
	pin->mem_fd = self->target.mem_fd;
	SAYS(EBADF);
	pin->pin_fd = null;
	SAYS(EMEDIUMTYPE);
	pin->pin_fd = self->other_pin;
	SAYS(EXDEV);
	pin->pin_fd = -1;
	SAYS(0);
	pin->len = self->memory.len;
	SAYS(ENOBUFS);
	EXPECT_EQ(0ULL, pin->memlock_limit);
	EXPECT_EQ(self->memory.len, pin->memlock_asked);
	close(null);
#undef SAYS
}

TEST_F(order, of_checks)
{
	struct long_pin it = {
		.pin = {
			.size = 8,
			.flags = ~0U,
			.mem_fd = -1,
			.pin_fd = 1000000,
			.addr = self->memory.addr + 1,
			.len = 1,
		},
		.tail = ~0ULL,
	};

	/*
	 * Set a memlock limit of zero, so that the last check fails, too: PIN checks
	 * the limit after all arguments.
	 */
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	ASSERT_EQ(0, lab_set_memlock(0));
	repair_pin(_metadata, self, &it);
	ASSERT_EQ(-1, it.pin.pin_fd);
}

/*
 * Check that PIN refuses a descriptor as pin_fd if it is not a pin fd or has another
 * target.
 */
TEST_F(order, pin_fd_is_judged)
{
	const uint64_t addr = self->memory.addr, page = lab_page();
	const int mem = self->target.mem_fd;
	const int path = open("/dev/null", O_PATH | O_CLOEXEC);

	EXPECT_EQ(EBADF, lab_pin_more(1000000, mem, addr, page, 0).failed);
	EXPECT_EQ(EBADF, lab_pin_more(-2, mem, addr, page, 0).failed);
	EXPECT_EQ(EBADF, lab_pin_more(path, mem, addr, page, 0).failed);
	EXPECT_EQ(EMEDIUMTYPE, lab_pin_more(mem, mem, addr, page, 0).failed);
	EXPECT_EQ(EMEDIUMTYPE,
		  lab_pin_more(lab_device(), mem, addr, page, 0).failed);
	EXPECT_EQ(EXDEV,
		  lab_pin_more(self->other_pin, mem, addr, page, 0).failed);
	close(path);
}

TEST_F(order, unknown_ioctl_on_pin_fd_is_ENOTTY)
{
	struct gupx_info info = { .size = sizeof(info) };

	for (unsigned int number = 0; number < 256; number++) {
		if (number >= _IOC_NR(GUPX_IOC_EXTENTS) &&
		    number <= _IOC_NR(GUPX_IOC_SEAL))
			continue;
		EXPECT_EQ(-1, ioctl(self->other_pin, _IO(GUPX_IOC_TYPE, number),
				    &info));
		EXPECT_EQ(ENOTTY, errno) TH_LOG("number %#x", number);
	}
}

/*
 * Check that EXTENTS can read the extent list in parts, starting at any index, and that
 * the totals in its result are the same for each part.
 */
TEST_F(order, extents_page_by_page)
{
	const uint64_t page = lab_page();
	struct gupx_extent all[16], one;
	struct gupx_extents head;
	struct lab_answer answer;
	uint64_t bytes = 0;

	/* Pin every other page, so that no two extents are merged. */
	answer = lab_pin(self->target.mem_fd, self->memory.addr, page, 0);
	ASSERT_EQ(0, answer.failed);
	for (size_t i = 2; i < 16; i += 2)
		ASSERT_EQ(page,
			  lab_pin_more(answer.pin_fd, self->target.mem_fd,
				       self->memory.addr + i * page, page, 0)
				  .done);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, all, ARRAY_SIZE(all)));
	EXPECT_EQ(8U, head.count);
	EXPECT_EQ(8ULL, head.total);
	EXPECT_EQ(8 * page, head.bytes);
	/* The caller has CAP_IPC_LOCK, so nothing is charged. */
	EXPECT_EQ(0ULL, head.charged);
	for (unsigned int i = 0; i < head.count; i++) {
		struct gupx_extents part = {
			.size = sizeof(part),
			.first = i,
			.buf = (uintptr_t)&one,
			.capacity = 1,
			.entry_size = sizeof(struct gupx_extent),
		};

		ASSERT_EQ(0,
			  send_ioctl(answer.pin_fd, GUPX_IOC_EXTENTS, &part));
		EXPECT_EQ(1U, part.count);
		EXPECT_EQ(8ULL, part.total);
		EXPECT_EQ(0, memcmp(&one, &all[i], sizeof(one)));
		EXPECT_EQ(0U, one.order);
		bytes += one.len;
	}
	EXPECT_EQ(head.bytes, bytes);
	close(answer.pin_fd);
}

TEST_F(order, extents_at_the_edges)
{
	struct gupx_extent run;
	struct gupx_extents head = {
		.size = sizeof(head),
		.first = ~0ULL,
		.buf = (uintptr_t)&run,
		.capacity = 1,
		.entry_size = sizeof(run),
	};

	EXPECT_EQ(0, send_ioctl(self->other_pin, GUPX_IOC_EXTENTS, &head));
	EXPECT_EQ(0U, head.count);
	EXPECT_EQ(self->memory.len, head.bytes);
	head.first = 0;
	head.buf = 1;
	head.capacity = ~0U;
	EXPECT_EQ(EFAULT, send_ioctl(self->other_pin, GUPX_IOC_EXTENTS, &head));
	head.capacity = 0;
	EXPECT_EQ(0, send_ioctl(self->other_pin, GUPX_IOC_EXTENTS, &head));
	EXPECT_EQ(0U, head.count);
}

/*
 * Make the argument of PIN read-only, so that PIN cannot write its result. Check that
 * PIN fails before it pins a page.
 */
TEST_F(order, pin_that_cannot_be_answered_is_not_begun)
{
	struct gupx_extents head;
	struct gupx_pin *const pin =
		mmap(NULL, lab_page(), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, pin);
	*pin = (struct gupx_pin){
		.size = sizeof(*pin),
		.mem_fd = self->other.mem_fd,
		.pin_fd = self->other_pin,
		.addr = self->memory.addr,
		.len = self->memory.len,
	};
	ASSERT_EQ(0, mprotect(pin, lab_page(), PROT_READ));
	EXPECT_EQ(EFAULT, send_ioctl(-1, GUPX_IOC_PIN, pin));
	ASSERT_EQ(0, lab_extents(self->other_pin, &head, NULL, 0));
	EXPECT_EQ(self->memory.len, head.bytes);
	ASSERT_EQ(0, mprotect(pin, lab_page(), PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, send_ioctl(-1, GUPX_IOC_PIN, pin));
	ASSERT_EQ(0, lab_extents(self->other_pin, &head, NULL, 0));
	EXPECT_EQ(2 * self->memory.len, head.bytes);
	munmap(pin, lab_page());
}

/*
 * Read into an unmapped buffer. READ does not check the buffer before it copies the data.
 * A request that stops while it copies is not an error of the ioctl: the ioctl returns 0,
 * and reports in its struct that it stopped at stage COPY, for the reason BUFFER.
 */
TEST_F(order, read_into_bad_buffer_stops_at_copy)
{
	const uint64_t page = lab_page();
	char *const pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct lab_answer answer;

	ASSERT_NE(MAP_FAILED, pages);
	ASSERT_EQ(0, munmap(pages + page, page));
	answer = lab_read(self->target.mem_fd, self->memory.addr, page,
			  pages + page, 0);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(0ULL, answer.done);
	EXPECT_EQ(GUPX_STAGE_COPY, answer.stop.stage);
	EXPECT_EQ(GUPX_REASON_BUFFER, answer.stop.reason);
	EXPECT_EQ((__u32)EFAULT, answer.stop.error);
	/* Only the first page of the buffer is mapped. */
	answer = lab_read(self->target.mem_fd, self->memory.addr, 2 * page,
			  pages, 0);
	EXPECT_EQ(0, answer.failed);
	EXPECT_EQ(page, answer.done);
	EXPECT_EQ(GUPX_REASON_BUFFER, answer.stop.reason);
	munmap(pages, page);
}

TEST_HARNESS_MAIN
