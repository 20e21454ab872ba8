// SPDX-License-Identifier: GPL-2.0
/*
 * Argument checks: sizes, flags, reserved fields, pointers and descriptors, and the
 * order in which the module checks them. The order is part of the ABI: the error
 * shows user space whether the module is too old or the request is invalid.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

/* Size of a buffer for the largest struct and a tail that follows it. */
#define ROOM 512

FIXTURE(verb)
{
	struct target target;
	struct memory memory;
	char buffer[64];
	int pin_fd;
	/*
	 * A valid request. All fields are at multiples of 4 bytes, so the request can
	 * also be accessed as an array of words.
	 */
	union {
		__u32 size;
		__u32 words[ROOM / 4];
		struct gupx_info info;
		struct gupx_pin pin;
		struct gupx_populate populate;
		struct gupx_read read;
		struct gupx_readv readv;
		struct gupx_explain explain;
		struct gupx_extents extents;
		struct gupx_unpin unpin;
		struct gupx_seal seal;
	} good;
};

/**
 * Properties of one ioctl. An offset is 0 if the struct does not contain the field.
 * @number: ioctl number
 * @size: size of the struct of this ioctl
 * @flags: flags that the ioctl accepts
 * @mem_fd: offset of the mem fd
 * @addr: offset of the address, or of the offset into the pin fd
 * @len: offset of the length
 * @reserved: offset of a reserved field
 * @entry_size: offset of the field that contains the size of an array entry
 * @entry: size of an array entry
 * @aligned: true if @addr and @len must be page-aligned
 */
FIXTURE_VARIANT(verb)
{
	unsigned long number;
	size_t size;
	__u32 flags;
	size_t mem_fd;
	size_t addr;
	size_t len;
	size_t reserved;
	size_t entry_size;
	size_t entry;
	bool aligned;
};

FIXTURE_VARIANT_ADD(verb, info){
	.number = GUPX_IOC_INFO,
	.size = sizeof(struct gupx_info),
};

FIXTURE_VARIANT_ADD(verb, pin){
	.number = GUPX_IOC_PIN,
	.size = sizeof(struct gupx_pin),
	.flags = GUPX_PIN_FLAGS,
	.mem_fd = offsetof(struct gupx_pin, mem_fd),
	.addr = offsetof(struct gupx_pin, addr),
	.len = offsetof(struct gupx_pin, len),
	.aligned = true,
};

FIXTURE_VARIANT_ADD(verb, populate){
	.number = GUPX_IOC_POPULATE,
	.size = sizeof(struct gupx_populate),
	.flags = GUPX_POPULATE_FLAGS,
	.mem_fd = offsetof(struct gupx_populate, mem_fd),
	.addr = offsetof(struct gupx_populate, addr),
	.len = offsetof(struct gupx_populate, len),
	.reserved = offsetof(struct gupx_populate, reserved),
	.aligned = true,
};

FIXTURE_VARIANT_ADD(verb, read){
	.number = GUPX_IOC_READ,
	.size = sizeof(struct gupx_read),
	.flags = GUPX_READ_FLAGS,
	.mem_fd = offsetof(struct gupx_read, mem_fd),
	.addr = offsetof(struct gupx_read, addr),
	.len = offsetof(struct gupx_read, len),
	.reserved = offsetof(struct gupx_read, reserved),
};

FIXTURE_VARIANT_ADD(verb, readv){
	.number = GUPX_IOC_READV,
	.size = sizeof(struct gupx_readv),
	.flags = GUPX_READ_FLAGS,
	.mem_fd = offsetof(struct gupx_readv, mem_fd),
	.reserved = offsetof(struct gupx_readv, reserved),
	.entry_size = offsetof(struct gupx_readv, entry_size),
	.entry = sizeof(struct gupx_segment),
};

FIXTURE_VARIANT_ADD(verb, explain){
	.number = GUPX_IOC_EXPLAIN,
	.size = sizeof(struct gupx_explain),
	.flags = GUPX_EXPLAIN_FLAGS,
	.mem_fd = offsetof(struct gupx_explain, mem_fd),
	.addr = offsetof(struct gupx_explain, addr),
	.len = offsetof(struct gupx_explain, len),
	.reserved = offsetof(struct gupx_explain, reserved),
	.entry_size = offsetof(struct gupx_explain, entry_size),
	.entry = sizeof(struct gupx_judgement),
	.aligned = true,
};

FIXTURE_VARIANT_ADD(verb, extents){
	.number = GUPX_IOC_EXTENTS,
	.size = sizeof(struct gupx_extents),
	.entry_size = offsetof(struct gupx_extents, entry_size),
	.entry = sizeof(struct gupx_extent),
};

FIXTURE_VARIANT_ADD(verb, unpin){
	.number = GUPX_IOC_UNPIN,
	.size = sizeof(struct gupx_unpin),
	.addr = offsetof(struct gupx_unpin, offset),
	.len = offsetof(struct gupx_unpin, len),
	.aligned = true,
};

FIXTURE_VARIANT_ADD(verb, seal){
	.number = GUPX_IOC_SEAL,
	.size = sizeof(struct gupx_seal),
};

FIXTURE_SETUP(verb)
{
	struct lab_answer answer;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, GUPX_F_WRITE);
	ASSERT_EQ(0, answer.failed);
	ASSERT_LE(0, answer.pin_fd);
	self->pin_fd = answer.pin_fd;
	self->good.size = variant->size;
	if (variant->number == GUPX_IOC_PIN)
		self->good.pin.pin_fd = self->pin_fd;
	if (variant->number == GUPX_IOC_READ)
		self->good.read.buf = (uintptr_t)self->buffer;
	if (variant->number == GUPX_IOC_UNPIN)
		self->good.unpin.len = self->memory.len;
	if (variant->entry_size)
		self->good.words[variant->entry_size / 4] = variant->entry;
	if (!variant->mem_fd)
		return;
	self->good.words[variant->mem_fd / 4] = self->target.mem_fd;
	if (!variant->addr)
		return;
	*(__u64 *)&self->good.words[variant->addr / 4] = self->memory.addr;
	*(__u64 *)&self->good.words[variant->len / 4] =
		variant->number == GUPX_IOC_READ ? sizeof(self->buffer)
						 : self->memory.len;
}

FIXTURE_TEARDOWN(verb)
{
	close(self->pin_fd);
	target_stop(&self->target);
}

static int send_ioctl(int pin_fd, unsigned long number, void *argument)
{
	const bool of_pin_fd = _IOC_NR(number) >= _IOC_NR(GUPX_IOC_EXTENTS);
	const int fd = of_pin_fd ? pin_fd : lab_device();

	return ioctl(fd, number, argument) ? errno : 0;
}

#define ASK() send_ioctl(self->pin_fd, variant->number, &self->good)

static void set_u64(__u32 *words, size_t offset, __u64 value)
{
	memcpy(&words[offset / 4], &value, sizeof(value));
}

static __u64 get_u64(const __u32 *words, size_t offset)
{
	__u64 value;

	memcpy(&value, &words[offset / 4], sizeof(value));
	return value;
}

TEST_F(verb, good_request_succeeds)
{
	EXPECT_EQ(0, ASK());
}

TEST_F(verb, size_too_small_is_EINVAL)
{
	for (size_t size = 0; size < variant->size; size++) {
		self->good.size = size;
		EXPECT_EQ(EINVAL, ASK())
		TH_LOG("size %zu of %zu", size, variant->size);
	}
}

TEST_F(verb, longer_with_zero_tail_succeeds)
{
	self->good.size = variant->size + 8;
	EXPECT_EQ(0, ASK());
	EXPECT_EQ(variant->size + 8, self->good.size);
}

TEST_F(verb, longer_with_other_tail_is_E2BIG)
{
	unsigned char *const bytes = (unsigned char *)&self->good;

	self->good.size = variant->size + 8;
	for (size_t i = 0; i < 8; i++) {
		bytes[variant->size + i] = 1;
		EXPECT_EQ(E2BIG, ASK()) TH_LOG("byte %zu of the tail", i);
		bytes[variant->size + i] = 0;
	}
}

TEST_F(verb, answer_ends_where_the_caller_said)
{
	self->good.words[variant->size / 4] = 0x5aa5;
	EXPECT_EQ(0, ASK());
	EXPECT_EQ(0x5aa5U, self->good.words[variant->size / 4]);
}

TEST_F(verb, unknown_flag_is_EOPNOTSUPP)
{
	for (unsigned int bit = 0; bit < 32; bit++) {
		if (variant->flags & (1U << bit))
			continue;
		self->good.words[1] = 1U << bit;
		EXPECT_EQ(EOPNOTSUPP, ASK()) TH_LOG("bit %u", bit);
	}
}

TEST_F(verb, reserved_field_is_EINVAL)
{
	/* Some verbs do not have a reserved field. */
	if (!variant->reserved)
		return;
	self->good.words[variant->reserved / 4] = 1;
	EXPECT_EQ(EINVAL, ASK());
	self->good.words[variant->reserved / 4] = 1U << 31;
	EXPECT_EQ(EINVAL, ASK());
}

/* Set the array of an EXPLAIN, EXTENTS or READV. */
static void set_array(FIXTURE_DATA(verb) * self, unsigned long number,
		      void *entries, __u32 capacity)
{
	switch (number) {
	case GUPX_IOC_EXPLAIN:
		self->good.explain.buf = (uintptr_t)entries;
		self->good.explain.capacity = capacity;
		break;
	case GUPX_IOC_EXTENTS:
		self->good.extents.buf = (uintptr_t)entries;
		self->good.extents.capacity = capacity;
		break;
	case GUPX_IOC_READV:
		self->good.readv.segments = (uintptr_t)entries;
		self->good.readv.nr = capacity;
	}
}

#define SET_ARRAY(entries, capacity) \
	set_array(self, variant->number, entries, capacity)

/*
 * Check that EINVAL is returned for entries that are smaller than the entry in the
 * header file.
 */
TEST_F(verb, entry_too_small_is_EINVAL)
{
	__u64 entries[64] = {};

	if (!variant->entry_size)
		return;
	SET_ARRAY(entries, 1);
	for (size_t size = 0; size < variant->entry; size++) {
		self->good.words[variant->entry_size / 4] = size;
		EXPECT_EQ(EINVAL, ASK()) TH_LOG("entries of %zu", size);
	}
	self->good.words[variant->entry_size / 4] = variant->entry;
	EXPECT_EQ(0, ASK());
	/* The size of an array entry is checked even if no entry is requested. */
	SET_ARRAY(NULL, 0);
	self->good.words[variant->entry_size / 4] = variant->entry - 8;
	EXPECT_EQ(EINVAL, ASK());
}

TEST_F(verb, longer_entry_has_a_zero_tail)
{
	unsigned char entries[2048], alone[256];
	const size_t entry = variant->entry, longer = entry + 24;

	/* The entries of READV are input too; readv_test tests longer ones. */
	if (!variant->entry_size || variant->number == GUPX_IOC_READV)
		return;
	memset(alone, 0xa5, sizeof(alone));
	SET_ARRAY(alone, 1);
	ASSERT_EQ(0, ASK());
	EXPECT_EQ(0xa5, alone[entry]);
	memset(entries, 0xa5, sizeof(entries));
	SET_ARRAY(entries, sizeof(entries) / longer);
	self->good.words[variant->entry_size / 4] = longer;
	ASSERT_EQ(0, ASK());
	EXPECT_EQ(0, memcmp(entries, alone, entry));
	for (size_t i = entry; i < longer; i++)
		EXPECT_EQ(0, entries[i]);
}

TEST_F(verb, entry_longer_than_a_page_is_E2BIG)
{
	if (!variant->entry_size)
		return;
	self->good.words[variant->entry_size / 4] = lab_page();
	EXPECT_EQ(0, ASK());
	self->good.words[variant->entry_size / 4] = lab_page() + 8;
	EXPECT_EQ(E2BIG, ASK());
	self->good.words[variant->entry_size / 4] = ~0U;
	EXPECT_EQ(E2BIG, ASK());
}

TEST_F(verb, misaligned_is_EINVAL)
{
	__u32 *const words = self->good.words;
	const __u64 addr = self->memory.addr, len = self->memory.len;

	if (!variant->aligned)
		return;
	for (__u64 odd = 1; odd < lab_page(); odd *= 2) {
		set_u64(words, variant->addr, addr + odd);
		EXPECT_EQ(EINVAL, ASK()) TH_LOG("addr + %llu", odd);
		set_u64(words, variant->addr, addr);
		set_u64(words, variant->len, len + odd);
		EXPECT_EQ(EINVAL, ASK()) TH_LOG("len + %llu", odd);
		set_u64(words, variant->len, len);
	}
	/*
	 * An unaligned address is an error even if the length is zero. Row L1 (zero
	 * length succeeds) applies only to aligned addresses.
	 */
	set_u64(words, variant->addr, addr + 1);
	set_u64(words, variant->len, 0);
	EXPECT_EQ(EINVAL, ASK());
}

TEST_F(verb, L3_overflow_is_EINVAL)
{
	__u32 *const words = self->good.words;
	const __u64 page = lab_page();

	if (!variant->addr)
		return;
	set_u64(words, variant->addr, -page);
	set_u64(words, variant->len, 2 * page);
	EXPECT_EQ(EINVAL, ASK());
	set_u64(words, variant->addr, page);
	set_u64(words, variant->len, -page);
	EXPECT_EQ(EINVAL, ASK());
	set_u64(words, variant->addr, self->memory.addr);
	set_u64(words, variant->len, -page);
	EXPECT_EQ(EINVAL, ASK());
}

/*
 * The last page ends at 2^64, and nothing can be mapped there. Check that no verb
 * treats this page as memory.
 */
TEST_F(verb, last_page_does_not_pass_for_memory)
{
	__u32 *const words = self->good.words;
	int failed;

	if (!variant->addr)
		return;
	set_u64(words, variant->addr, -lab_page());
	set_u64(words, variant->len, lab_page());
	failed = ASK();
	EXPECT_TRUE(failed == 0 || failed == EINVAL);
	if (variant->number == GUPX_IOC_PIN && !failed) {
		EXPECT_EQ(0ULL, self->good.pin.done);
		EXPECT_EQ((__u32)EFAULT, self->good.pin.stop.error);
	}
	if (variant->number == GUPX_IOC_POPULATE && !failed) {
		EXPECT_EQ(0ULL, self->good.populate.done);
		EXPECT_EQ((__u32)ENOMEM, self->good.populate.stop.error);
	}
	if (variant->number == GUPX_IOC_READ && !failed) {
		EXPECT_EQ(0ULL, self->good.read.done);
		EXPECT_EQ((__u32)EFAULT, self->good.read.stop.error);
	}
}

TEST_F(verb, L1_nothing_asked_succeeds)
{
	if (!variant->len)
		return;
	set_u64(self->good.words, variant->len, 0);
	EXPECT_EQ(0, ASK());
	/* With a zero length, a request for an unmapped address succeeds. */
	set_u64(self->good.words, variant->addr, 0);
	EXPECT_EQ(0, ASK());
	EXPECT_EQ(0ULL, get_u64(self->good.words, variant->len));
}

TEST_F(verb, bad_pointer_is_EFAULT)
{
	const long page = lab_page();
	char *const pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, pages);
	ASSERT_EQ(0, munmap(pages + page, page));
	EXPECT_EQ(EFAULT, send_ioctl(self->pin_fd, variant->number, NULL));
	EXPECT_EQ(EFAULT,
		  send_ioctl(self->pin_fd, variant->number, pages + page));
	/* The struct starts with a readable size field, but the rest is not mapped. */
	memcpy(pages + page - 8, &self->good, 8);
	EXPECT_EQ(EFAULT,
		  send_ioctl(self->pin_fd, variant->number, pages + page - 8));
	munmap(pages, page);
}

static int find_free_fd(void)
{
	const int fd = dup(0);

	close(fd);
	return fd;
}

/* Check that the request is undone if the result cannot be written. */
TEST_F(verb, answer_into_read_only_memory_is_EFAULT)
{
	const long page = lab_page();
	char *const argument = mmap(NULL, page, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int free_fd = find_free_fd();
	long held;

	ASSERT_NE(MAP_FAILED, argument);
	if (variant->number == GUPX_IOC_PIN)
		self->good.pin.pin_fd = -1;
	memcpy(argument, &self->good, variant->size);
	ASSERT_EQ(0, mprotect(argument, page, PROT_READ));
	held = lab_pins_held();
	EXPECT_EQ(EFAULT, send_ioctl(self->pin_fd, variant->number, argument));
	EXPECT_EQ(held, lab_pins_held());
	EXPECT_EQ(free_fd, find_free_fd());
	munmap(argument, page);
}

TEST_F(verb, mem_fd_is_judged)
{
	static const char *const others[] = { "/dev/null", "/proc/self/maps",
					      "/proc/self/status", "/" };
	__u32 *const fd = &self->good.words[variant->mem_fd / 4];
	char path[64];

	if (!variant->mem_fd)
		return;
	*fd = -1;
	EXPECT_EQ(EBADF, ASK());
	*fd = 1000000;
	EXPECT_EQ(EBADF, ASK());
	snprintf(path, sizeof(path), "/proc/%d/mem", self->target.pid);
	*fd = open(path, O_PATH | O_CLOEXEC);
	EXPECT_EQ(EBADF, ASK());
	close(*fd);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		*fd = open(others[i], O_RDONLY | O_CLOEXEC);
		EXPECT_EQ(EMEDIUMTYPE, ASK()) TH_LOG("%s", others[i]);
		close(*fd);
	}
	*fd = lab_device();
	EXPECT_EQ(EMEDIUMTYPE, ASK());
	*fd = self->pin_fd;
	EXPECT_EQ(EMEDIUMTYPE, ASK());
	*fd = lab_open_mem(self->target.pid, O_WRONLY);
	EXPECT_EQ(EACCES, ASK());
	close(*fd);
	*fd = lab_open_mem(self->target.pid, O_RDONLY);
	EXPECT_EQ(0, ASK());
	if (variant->flags & GUPX_F_WRITE) {
		self->good.words[1] = GUPX_F_WRITE;
		EXPECT_EQ(EACCES, ASK());
	}
	close(*fd);
}

TEST_F(verb, dead_target_is_ESRCH)
{
	if (!variant->mem_fd)
		return;
	ASSERT_EQ(0, kill(self->target.pid, SIGKILL));
	target_reap(&self->target);
	EXPECT_EQ(ESRCH, ASK());
	if (variant->len)
		set_u64(self->good.words, variant->len, 0);
	EXPECT_EQ(ESRCH, ASK());
}

TEST(device_is_there)
{
	struct gupx_info info;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, lab_info(&info));
	EXPECT_EQ((__u32)GUPX_ABI, info.abi);
	EXPECT_EQ((__u32)lab_page(), info.page_size);
	EXPECT_EQ((__u32)GUPX_PIN_FLAGS, info.pin_flags);
	EXPECT_EQ((__u32)GUPX_POPULATE_FLAGS, info.populate_flags);
	EXPECT_EQ((__u32)GUPX_READ_FLAGS, info.read_flags);
	EXPECT_EQ((__u32)GUPX_EXPLAIN_FLAGS, info.explain_flags);
	EXPECT_EQ(lab_number("/sys/module/gupx/parameters/max_pin_mib", ""),
		  info.max_pin_mib);
	EXPECT_EQ(lab_number("/sys/module/gupx/parameters/max_extents", ""),
		  (long)info.max_extents);
	EXPECT_NE(0, info.version[0]);
	EXPECT_NE(NULL, memchr(info.version, 0, sizeof(info.version)));
}

TEST(info_tells_the_parameters)
{
	static const struct {
		const char *name;
		__u32 bit;
	} params[] = {
		{ "allow_force", GUPX_PARAM_FORCE },
		{ "allow_short_pins", GUPX_PARAM_SHORT_PINS },
		{ "allow_kernel_engine", GUPX_PARAM_KERNEL_ENGINE },
		{ "allow_pins", GUPX_PARAM_PINS },
	};
	bool before[ARRAY_SIZE(params)];
	struct gupx_info info;

	ASSERT_LE(0, lab_device());
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		before[i] = lab_param(params[i].name);
	for (unsigned int set = 0; set < 1U << ARRAY_SIZE(params); set++) {
		__u32 bits = 0;

		for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
			lab_set_param(params[i].name, set & 1U << i);
			bits |= set & 1U << i ? params[i].bit : 0;
		}
		ASSERT_EQ(0, lab_info(&info));
		EXPECT_EQ(bits, info.params);
	}
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		lab_set_param(params[i].name, before[i]);
}

TEST(unknown_ioctl_is_ENOTTY)
{
	struct gupx_info info = { .size = sizeof(info) };
	const int device = lab_device();

	ASSERT_LE(0, device);
	for (unsigned int number = 0; number < 256; number++) {
		if (number <= _IOC_NR(GUPX_IOC_READV))
			continue;
		EXPECT_EQ(-1, ioctl(device, _IO(GUPX_IOC_TYPE, number), &info));
		EXPECT_EQ(ENOTTY, errno) TH_LOG("number %#x", number);
	}
	EXPECT_EQ(-1, ioctl(device, _IO(GUPX_IOC_TYPE + 1, 0), &info));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(device, _IOWR(GUPX_IOC_TYPE, 0, info), &info));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_HARNESS_MAIN
