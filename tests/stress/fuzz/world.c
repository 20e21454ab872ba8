// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sysctl.h"
#include "world.h"

#define LARGEST_PIN "/sys/module/gupx/parameters/max_pin_mib"
#define PAGE 4096UL
#define HUGE (2UL << 20)
/* Only needed for call_compat(). */
#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

#define LAST_USER_PAGE 0x7fffffffe000UL
#define END_OF_USER_HALF 0x800000000000UL
#define KERNEL_HALF 0xffff888000000000UL
#define GATE_PAGE 0xffffffffff600000UL
#define LAST_PAGE (-PAGE)
/* Address of the windows, far from addresses that the kernel chooses for mappings. */
#define WINDOW_ZONE 0x10000000000UL
#define WINDOW_ROOM (64UL << 20)
/*
 * Seconds to wait until the target has executed a call. An operation may have blocked
 * the target forever.
 */
#define ANSWER_SECONDS 20

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

static int open_dead(void)
{
	const pid_t pid = fork();
	int fd;

	if (pid == 0)
		for (;;)
			pause();
	fd = lab_open_mem(pid, O_RDWR);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return fd;
}

void world_prepare(int handle[HANDLE_PIN0])
{
	memset(handle, -1, HANDLE_PIN0 * sizeof(*handle));
	handle[HANDLE_DEAD] = open_dead();
	/*
	 * PID 2 is kthreadd. Newer kernels refuse to open the mem file of a kernel
	 * thread, so the handle may be -1.
	 */
	handle[HANDLE_KTHREAD] = lab_open_mem(2, O_RDWR);
	handle[HANDLE_PATH] = open("/proc/self/mem", O_PATH | O_CLOEXEC);
	handle[HANDLE_OTHER] = open("/dev/null", O_RDWR | O_CLOEXEC);
	handle[HANDLE_DEVICE] = lab_device();
	handle[HANDLE_CLOSED] = 987654;
	handle[HANDLE_NEW] = -1;
	handle[HANDLE_NEGATIVE] = -2;
	handle[HANDLE_LARGE] = INT_MAX;
}

static bool build_arena(struct arena *arena)
{
	const size_t len = 5 * PAGE + BUFFER_BYTES + PAGE;
	uint8_t *base = mmap(NULL, len, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (base == MAP_FAILED)
		return false;
	arena->read_only = base;
	arena->rooms = base + 2 * PAGE;
	arena->buffer = base + 5 * PAGE;
	return !mprotect(arena->read_only, PAGE, PROT_READ) &&
	       !mprotect(arena->rooms, ROOMS_BYTES, PROT_READ | PROT_WRITE) &&
	       !mprotect(arena->buffer, BUFFER_BYTES, PROT_READ | PROT_WRITE);
}

static void build_hugetlb(const struct target *target, struct memory *memory)
{
	const long addr =
		TARGET_CALL(target, SYS_mmap, 0, 2 * HUGE,
			    PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
				    (21 << MAP_HUGE_SHIFT),
			    -1, 0);

	if (addr > 0)
		*memory = (struct memory){ .addr = addr, .len = 2 * HUGE };
}

/*
 * Map a region of memory in the target. If this machine does not support the kind of
 * memory, leave a hole instead.
 */
static void build_region(const struct target *target, unsigned int kind,
			 struct memory *memory)
{
	const struct memory hole = { .addr = 0x70000000, .len = 16 * PAGE };

	*memory = hole;
	if (kind == REGION_HUGETLB)
		build_hugetlb(target, memory);
	else if (memory_build(target, kind, memory))
		*memory = hole;
}

void world_bound_wait(const struct target *target)
{
	const struct timeval limit = { .tv_sec = ANSWER_SECONDS };

	setsockopt(target->line, SOL_SOCKET, SO_RCVTIMEO, &limit,
		   sizeof(limit));
}

bool world_build(struct world *world, const struct sketch *sketch)
{
	const int mem = (target_start(&world->target), world->target.mem_fd);
	const pid_t pid = world->target.pid;

	if (mem < 0)
		return false;
	world_bound_wait(&world->target);
	world->handle[HANDLE_TARGET] = fcntl(mem, F_DUPFD_CLOEXEC, 0);
	world->handle[HANDLE_TARGET_RO] = lab_open_mem(pid, O_RDONLY);
	world->handle[HANDLE_TARGET_WO] = lab_open_mem(pid, O_WRONLY);
	world->handle[HANDLE_SELF] = lab_open_mem(getpid(), O_RDWR);
	for (size_t i = 0; i < REGIONS; i++)
		build_region(&world->target, sketch->kind[i],
			     &world->region[i]);
	for (size_t i = 0; i < PIN_SLOTS; i++)
		world->slot[i].fd = -1;
	for (size_t i = 0; i < WINDOWS; i++)
		world->window[i].addr = WINDOW_ZONE + i * WINDOW_ROOM;
	for (size_t i = 0; i <= THREADS; i++)
		if (!build_arena(&world->arena[i]))
			return false;
	guard_map(world->guarded);
	pthread_mutex_init(&world->line, NULL);
	world->largest_pin = sysctl_get(LARGEST_PIN) << 20;
	world->admin = true;
	return true;
}

bool world_is_slot(unsigned int handle)
{
	return handle >= HANDLE_PIN0;
}

struct slot *world_slot(struct world *world, unsigned int handle)
{
	return &world->slot[handle - HANDLE_PIN0];
}

int world_fd(struct world *world, unsigned int handle)
{
	if (world_is_slot(handle))
		return world_slot(world, handle)->fd;
	return world->handle[handle];
}

void world_fill_slot(struct world *world, unsigned int slot, int fd,
		     uint8_t mem, unsigned int user)
{
	const int old = atomic_exchange(&world->slot[slot].fd, -1);

	if (old >= 0)
		close(old);
	world->slot[slot].mem = mem;
	world->slot[slot].user = user;
	/*
	 * Another thread may have stored a descriptor in the slot since the exchange
	 * above. Close that descriptor.
	 */
	fd = atomic_exchange(&world->slot[slot].fd, fd);
	if (fd >= 0)
		close(fd);
}

uint64_t world_addr(struct world *world, const struct arena *arena,
		    const struct op *op)
{
	const struct memory *region = &world->region[op->region];

	switch (op->where) {
	case WHERE_REGION:
		return region->addr + op->number % (region->len / PAGE) * PAGE;
	case WHERE_LAST:
		return region->addr + region->len - PAGE;
	case WHERE_BEFORE:
		return region->addr - PAGE;
	case WHERE_UNALIGNED:
		return region->addr + op->number % region->len;
	case WHERE_TOP:
		return LAST_USER_PAGE;
	case WHERE_BEYOND:
		return END_OF_USER_HALF;
	case WHERE_KERNEL:
		return KERNEL_HALF;
	case WHERE_GATE:
		return GATE_PAGE;
	case WHERE_LAST_OF_ALL:
		return LAST_PAGE;
	case WHERE_MINUS_ONE:
		return -1;
	case WHERE_RANDOM:
		return op->number;
	case WHERE_OWN:
		return (uintptr_t)arena->buffer;
	case WHERE_GUARDED:
		return world->guarded[op->number % GUARDS] +
		       (op->number >> 16) % GUARD_PAGES * PAGE;
	case WHERE_WINDOW:
		return world->window[op->number % WINDOWS].addr;
	}
	return 0;
}

uint64_t world_len(struct world *world, const struct op *op, uint64_t addr)
{
	const struct memory *region = &world->region[op->region];
	const uint64_t end = region->addr + region->len;

	switch (op->extent) {
	case EXTENT_PAGES:
		return (1 + (op->number >> 8) % 8) * PAGE;
	case EXTENT_REGION:
		return op->where == WHERE_REGION ? end - addr : region->len;
	case EXTENT_BEYOND:
		return region->len + 2 * PAGE;
	case EXTENT_ODD:
		return 1 + (op->number >> 8) % 70000;
	case EXTENT_HUGE:
		return 1UL << 40;
	case EXTENT_MAX:
		return -1;
	case EXTENT_TO_END:
		return -addr;
	case EXTENT_TO_LAST:
		return LAST_PAGE - PAGE - addr;
	}
	return 0;
}

uint64_t world_buffer(struct world *world, const struct arena *arena,
		      const struct op *op)
{
	switch (op->buffer) {
	case BUFFER_GOOD:
		return (uintptr_t)arena->buffer;
	case BUFFER_CUT:
		return (uintptr_t)arena->buffer + BUFFER_BYTES - 100;
	case BUFFER_READ_ONLY:
		return (uintptr_t)arena->read_only;
	case BUFFER_UNMAPPED:
		return (uintptr_t)arena->rooms + ROOMS_BYTES;
	case BUFFER_KERNEL:
		return KERNEL_HALF;
	case BUFFER_WINDOW:
		return world->window[op->region % WINDOWS].addr;
	}
	return 0;
}

size_t world_buffer_room(const struct op *op)
{
	switch (op->buffer) {
	case BUFFER_GOOD:
		return BUFFER_BYTES;
	case BUFFER_CUT:
		return 100;
	}
	return 0;
}

void world_fail(struct world *world, const char *format, ...)
{
	struct tally *tally = world->tally;
	va_list list;

	if (atomic_exchange(&tally->failed, true))
		return;
	va_start(list, format);
	vsnprintf(tally->text, sizeof(tally->text), format, list);
	va_end(list);
}

void world_count(struct world *world, const struct op *op, int error)
{
	world->tally->operations++;
	if (error < 0 || error >= ERRNOS)
		world_fail(world, "%s: errno %d", op_verb_name(op->verb),
			   error);
	else
		world->tally->answers[op->verb][error]++;
}
