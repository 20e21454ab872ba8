// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../kmod/rival.h"
#include "sysctl.h"
#include "lab.h"
#include "round.h"
#include "engine.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/*
 * Size of the buffer to which all engines copy. Engines copy memory in parts of this
 * size, one after the other, to the same small buffer. So writing to the buffer costs
 * the same for each engine.
 */
#define BUFFER_LEN (1UL << 20)

static int rival_fd = -1;
static int gup_test_fd = -1;
static char *buffer;
/*
 * Times that a target measured. The struct is in memory that this process shares with
 * the targets.
 */
static struct times *answer;

static void *map_shared(size_t len)
{
	void *map = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (map == MAP_FAILED)
		abort();
	return map;
}

void engine_init(void)
{
	rival_fd = open(RIVAL_DEVICE, O_RDWR);
	gup_test_fd = open("/sys/kernel/debug/gup_test", O_RDWR);
	answer = map_shared(sizeof(*answer));
	buffer = map_shared(BUFFER_LEN);
	lab_device();
}

int engine_rival(void)
{
	return rival_fd;
}

/* Return: NULL if the whole request was done, else a text that says how it ended. */
static const char *check_answer(const struct lab_answer *got,
				const struct work *work)
{
	static char why[96];

	if (!got->failed && got->done == work_len(work))
		return NULL;
	snprintf(why, sizeof(why), "errno %d, did %lu, stopped by %u (%u)",
		 got->failed, (unsigned long)got->done, got->stop.reason,
		 got->stop.error);
	return why;
}

static const char *pin_range(const struct work *work, uint32_t flags,
			     struct times *times)
{
	struct lab_answer got;

	round_begin(ROUND_TAKE);
	got = lab_pin(work->target->mem_fd, work->addr, work_len(work),
		      GUPX_F_WRITE | flags);
	times->take = round_end();
	if (got.pin_fd < 0)
		return check_answer(&got, work);
	round_begin(ROUND_DROP);
	close(got.pin_fd);
	times->drop = round_end();
	return check_answer(&got, work);
}

static const char *ask_rival(unsigned long verb, struct rival *rival,
			     struct times *times)
{
	if (rival_fd < 0)
		return "the rival module is not there";
	if (ioctl(rival_fd, verb, rival))
		return strerror(errno);
	if (rival->pages != rival->len / PAGE)
		return "it did not do all of it";
	times->take = rival->take_ns;
	times->drop = rival->drop_ns;
	return NULL;
}

static const char *pin_remote(const struct work *work, uint32_t flags,
			      struct times *times)
{
	struct rival rival = {
		.addr = work->addr,
		.len = work_len(work),
		.pid = work->target->pid,
		.flags = flags,
	};

	return ask_rival(RIVAL_REMOTE, &rival, times);
}

static long fast_in_target(const long arguments[6])
{
	struct rival rival = {
		.addr = arguments[0],
		.len = arguments[1],
		.flags = arguments[2],
	};

	return (long)ask_rival(RIVAL_FAST, &rival, answer);
}

static const char *pin_fast(const struct work *work, uint32_t flags,
			    struct times *times)
{
	const char *why =
		(const char *)TARGET_RUN(work->target, fast_in_target,
					 work->addr, work_len(work), flags);

	times->take = answer->take;
	times->drop = answer->drop;
	return why;
}

/*
 * Request to gup_test, the benchmark of the kernel itself, which exists if the kernel
 * has CONFIG_GUP_TEST. No uapi header declares this struct, so it is copied from
 * mm/gup_test.h. The times are in microseconds.
 */
struct gup_test {
	uint64_t get_us;
	uint64_t put_us;
	uint64_t addr;
	uint64_t len;
	uint32_t pages_per_call;
	uint32_t gup_flags;
	uint32_t test_flags;
	uint32_t pages_to_dump[8];
};

#define GUP_TEST_FAST _IOWR('g', 2, struct gup_test)
#define GUP_TEST_LONG _IOWR('g', 3, struct gup_test)
#define GUP_TEST_WRITE 1

static long gup_test_in_target(const long arguments[6])
{
	struct gup_test test = {
		.addr = arguments[0],
		.len = arguments[1],
		.pages_per_call = arguments[1] / PAGE,
		.gup_flags = GUP_TEST_WRITE,
	};
	const int failed = ioctl(gup_test_fd, arguments[2], &test);

	answer->take = test.get_us * 1000;
	answer->drop = test.put_us * 1000;
	return failed;
}

static const char *pin_gup_test(const struct work *work, uint32_t verb,
				struct times *times)
{
	if (gup_test_fd < 0)
		return "this kernel has no gup_test";
	if (TARGET_RUN(work->target, gup_test_in_target, work->addr,
		       work_len(work), verb))
		return "gup_test failed";
	times->take = answer->take;
	times->drop = answer->drop;
	return NULL;
}

static const char *pin_traced(const struct work *work, uint32_t flags,
			      struct times *times)
{
	static const char path[] = "/sys/kernel/tracing/events/gupx/enable";
	const char *why = "no tracepoints";

	if (sysctl_set(path, 1))
		why = pin_range(work, flags, times);
	sysctl_set(path, 0);
	return why;
}

const struct engine pin_engines[] = {
	{ "ours-long", pin_range, 0 },
	{ "ours-short", pin_range, GUPX_F_SHORT },
	{ "engine-long", pin_range, GUPX_F_ENGINE_KERNEL },
	{ "remote-long", pin_remote, RIVAL_WRITE | RIVAL_LONGTERM },
	{ "remote-short", pin_remote, RIVAL_WRITE },
	{ "fast-long", pin_fast, RIVAL_WRITE | RIVAL_LONGTERM },
	{ "fast-short", pin_fast, RIVAL_WRITE },
	{ "gup_test-long", pin_gup_test, GUP_TEST_LONG },
	{ "gup_test-short", pin_gup_test, GUP_TEST_FAST },
	{},
};

const struct engine long_engines[] = {
	{ "ours-long", pin_range, 0 },
	{ "engine-long", pin_range, GUPX_F_ENGINE_KERNEL },
	{ "remote-long", pin_remote, RIVAL_WRITE | RIVAL_LONGTERM },
	{ "fast-long", pin_fast, RIVAL_WRITE | RIVAL_LONGTERM },
	{},
};

const struct engine plain_engines[] = {
	{ "ours-long", pin_range, 0 },
	{},
};

const struct engine trace_engines[] = {
	{ "ours-long", pin_range, 0 },
	{ "ours-traced", pin_traced, 0 },
	{},
};

static const char *populate_range(const struct work *work, uint32_t flags,
				  struct times *times)
{
	struct lab_answer got;

	round_begin(ROUND_TAKE);
	got = lab_populate(work->target->mem_fd, work->addr, work_len(work),
			   GUPX_F_WRITE | flags);
	times->take = round_end();
	return check_answer(&got, work);
}

static long madvise_in_target(const long arguments[6])
{
	int failed;

	round_begin(ROUND_TAKE);
	failed = madvise((void *)arguments[0], arguments[1],
			 MADV_POPULATE_WRITE);
	answer->take = round_end();
	return failed;
}

static long touch_in_target(const long arguments[6])
{
	volatile char *const at = (void *)arguments[0];

	round_begin(ROUND_TAKE);
	for (long i = 0; i < arguments[1]; i += PAGE)
		at[i] = 1;
	answer->take = round_end();
	return 0;
}

static const char *run_in_target(const struct work *work, target_fn *run,
				 struct times *times)
{
	if (TARGET_RUN(work->target, run, work->addr, work_len(work)))
		return "it failed";
	times->take = answer->take;
	return NULL;
}

static const char *populate_madvise(const struct work *work, uint32_t flags,
				    struct times *times)
{
	(void)flags;
	return run_in_target(work, madvise_in_target, times);
}

static const char *populate_touch(const struct work *work, uint32_t flags,
				  struct times *times)
{
	(void)flags;
	return run_in_target(work, touch_in_target, times);
}

struct half {
	const struct work *work;
	uint64_t addr;
	struct lab_answer got;
};

static void *populate_half(void *data)
{
	struct half *half = data;

	half->got = lab_populate(half->work->target->mem_fd, half->addr,
				 work_len(half->work) / 2, GUPX_F_WRITE);
	return NULL;
}

/* Populate each half of the memory in its own thread, like "gupctl populate -j 2". */
static const char *populate_in_two(const struct work *work, uint32_t flags,
				   struct times *times)
{
	struct half half[2] = {
		{ .work = work, .addr = work->addr },
		{ .work = work, .addr = work->addr + work_len(work) / 2 },
	};
	pthread_t thread;

	if (flags || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return "one CPU";
	round_begin(ROUND_TAKE);
	if (pthread_create(&thread, NULL, populate_half, &half[1]))
		return "no thread";
	populate_half(&half[0]);
	pthread_join(thread, NULL);
	times->take = round_end();
	half[0].got.done += half[1].got.done;
	return check_answer(&half[0].got, work);
}

const struct engine jobs_engines[] = {
	{ "ours", populate_range, 0 },
	{ "ours-in-two", populate_in_two, 0 },
	{},
};

const struct engine populate_engines[] = {
	{ "ours", populate_range, 0 },
	{ "engine", populate_range, GUPX_F_ENGINE_KERNEL },
	{ "madvise", populate_madvise, 0 },
	{ "touch", populate_touch, 0 },
	{},
};

/*
 * Copy @len bytes, at most BUFFER_LEN. Return: true if all @len bytes were copied, else
 * false.
 */
typedef bool copy_fn(const struct work *work, uint64_t addr, uint64_t len,
		     uint32_t flags);

static const char *copy_all(const struct work *work, copy_fn *copy,
			    uint32_t flags, struct times *times)
{
	const uint64_t end = work->addr + work_len(work);
	bool fine = true;

	round_begin(ROUND_TAKE);
	for (uint64_t at = work->addr; fine && at < end; at += BUFFER_LEN)
		fine = copy(work, at,
			    end - at < BUFFER_LEN ? end - at : BUFFER_LEN,
			    flags);
	times->take = round_end();
	return fine ? NULL : "it came short";
}

static bool copy_ours(const struct work *work, uint64_t addr, uint64_t len,
		      uint32_t flags)
{
	const struct lab_answer got =
		lab_read(work->target->mem_fd, addr, len, buffer, flags);

	return !got.failed && got.done == len;
}

static bool copy_vm(const struct work *work, uint64_t addr, uint64_t len,
		    uint32_t flags)
{
	const struct iovec local = { buffer, len };
	const struct iovec remote = { (void *)addr, len };

	return process_vm_readv(work->target->pid, &local, 1, &remote, 1,
				flags) == (ssize_t)len;
}

static bool copy_mem(const struct work *work, uint64_t addr, uint64_t len,
		     uint32_t flags)
{
	(void)flags;
	return pread(work->target->mem_fd, buffer, len, addr) == (ssize_t)len;
}

static const char *read_ours(const struct work *work, uint32_t flags,
			     struct times *times)
{
	return copy_all(work, copy_ours, flags, times);
}

static const char *read_vm(const struct work *work, uint32_t flags,
			   struct times *times)
{
	return copy_all(work, copy_vm, flags, times);
}

static const char *read_mem(const struct work *work, uint32_t flags,
			    struct times *times)
{
	return copy_all(work, copy_mem, flags, times);
}

/*
 * Measure a copy from kernel memory to the buffer. Such a copy is part of the work of
 * every engine.
 */
static const char *copy_only(const struct work *work, uint32_t flags,
			     struct times *times)
{
	uint64_t left = work_len(work);
	long sum = 0;

	(void)flags;
	while (left) {
		struct rival rival = {
			.addr = (uintptr_t)buffer,
			.len = left < BUFFER_LEN ? left : BUFFER_LEN,
		};
		const char *why = ask_rival(RIVAL_COPY, &rival, times);

		if (why)
			return why;
		left -= rival.len;
		sum += times->take;
	}
	times->take = sum;
	times->drop = -1;
	return NULL;
}

const struct engine read_engines[] = {
	{ "ours", read_ours, 0 },
	{ "engine", read_ours, GUPX_F_ENGINE_KERNEL },
	{ "process_vm_readv", read_vm, 0 },
	{ "proc-mem", read_mem, 0 },
	{ "copy", copy_only, 0 },
	{},
};

static void copy_out(const char *from, uint64_t len)
{
	for (uint64_t at = 0; at < len; at += BUFFER_LEN)
		memcpy(buffer, from + at,
		       len - at < BUFFER_LEN ? len - at : BUFFER_LEN);
}

/*
 * Measure a copy from the window, which is the mapping of a pin fd. The first access to
 * each page causes a fault. Touch all pages before the measurement, so that no fault is
 * measured.
 */
static const char *read_window(const struct work *work, uint32_t flags,
			       struct times *times)
{
	const struct lab_answer got = lab_pin(work->target->mem_fd, work->addr,
					      work_len(work), flags);
	const char *window;

	if (got.pin_fd < 0)
		return check_answer(&got, work);
	window = mmap(NULL, work_len(work), PROT_READ, MAP_SHARED, got.pin_fd,
		      0);
	close(got.pin_fd);
	if (window == MAP_FAILED)
		return strerror(errno);
	for (uint64_t at = 0; at < work_len(work); at += PAGE)
		*(volatile char *)buffer = window[at];
	round_begin(ROUND_TAKE);
	copy_out(window, work_len(work));
	times->take = round_end();
	munmap((void *)window, work_len(work));
	return NULL;
}

static long read_in_target(const long arguments[6])
{
	round_begin(ROUND_TAKE);
	copy_out((const char *)arguments[0], arguments[1]);
	answer->take = round_end();
	return 0;
}

static const char *read_own(const struct work *work, uint32_t flags,
			    struct times *times)
{
	(void)flags;
	return run_in_target(work, read_in_target, times);
}

const struct engine window_engines[] = {
	{ "ours", read_window, 0 },
	{ "owner", read_own, 0 },
	{},
};

#define GROUP "/sys/fs/cgroup/gupx-bench"

static bool write_to(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool written = fd >= 0 && write(fd, text, strlen(text)) ==
						(ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return written;
}

/*
 * Return the kernel memory charged to the cgroup, in bytes. The kernel updates this
 * number every two seconds, so wait before reading it.
 */
static long kernel_bytes(void)
{
	sleep(3);
	return lab_number(GROUP "/memory.stat", "kernel ");
}

/*
 * Measure the kernel memory of one pin fd. The kernel counts whole pages and counts
 * them in batches, so the memory of a single pin fd cannot be measured. Create several
 * pin fds and return the average.
 */
static const char *measure_memory(const struct work *work, uint32_t copies,
				  struct times *times)
{
	struct lab_answer got[256];
	const char *why = NULL;
	uint32_t nr;
	long before;

	write_to("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0700);
	if (!write_to(GROUP "/cgroup.procs", "0"))
		return "no cgroup for memory";
	before = kernel_bytes();
	for (nr = 0; nr < copies && !why; nr++) {
		got[nr] = lab_pin(work->target->mem_fd, work->addr,
				  work_len(work), GUPX_F_WRITE);
		why = check_answer(&got[nr], work);
	}
	times->bytes = (kernel_bytes() - before) / nr;
	while (nr--)
		close(got[nr].pin_fd);
	return before < 0 ? "no account of kernel memory" : why;
}

const struct engine few_engines[] = {
	{ "ours-long", measure_memory, 4 },
	{},
};

const struct engine many_engines[] = {
	{ "ours-long", measure_memory, 256 },
	{},
};
