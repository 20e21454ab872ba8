// SPDX-License-Identifier: GPL-2.0
/*
 * Build an ioctl, predict its errno from the rules in <linux/gupx.h>, and make the
 * call. The rules include the order of the module's checks. So the errno is predictable
 * even if the call has several mistakes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "call.h"
#include "flags.h"

#define PAGE 4096UL
#define HUGE_SIZE 0xfffff000U
#define END_OF_USER_HALF 0x800000000000UL

static const struct {
	unsigned long number;
	size_t size;
} ioctls[] = {
	[VERB_INFO] = { GUPX_IOC_INFO, sizeof(struct gupx_info) },
	[VERB_PIN] = { GUPX_IOC_PIN, sizeof(struct gupx_pin) },
	[VERB_POPULATE] = { GUPX_IOC_POPULATE, sizeof(struct gupx_populate) },
	[VERB_READ] = { GUPX_IOC_READ, sizeof(struct gupx_read) },
	[VERB_READV] = { GUPX_IOC_READV, sizeof(struct gupx_readv) },
	[VERB_EXPLAIN] = { GUPX_IOC_EXPLAIN, sizeof(struct gupx_explain) },
	[VERB_EXTENTS] = { GUPX_IOC_EXTENTS, sizeof(struct gupx_extents) },
	[VERB_UNPIN] = { GUPX_IOC_UNPIN, sizeof(struct gupx_unpin) },
	[VERB_SEAL] = { GUPX_IOC_SEAL, sizeof(struct gupx_seal) },
	[VERB_STRANGE] = { 0, sizeof(struct gupx_pin) },
};

/*
 * Return: an ioctl number that the module does not implement. The size and direction
 * bits of the number are random, and its type may be that of another driver.
 */
static unsigned long strange_number(const struct op *op)
{
	const unsigned long nr = 6 + op->number % 0x3a;
	const unsigned long type = op->flags & 1 ? GUPX_IOC_TYPE : 0xEA;

	return (op->number & 0xffff0000UL) | type << 8 | nr;
}

static uint32_t struct_size(const struct op *op, uint32_t exact)
{
	switch (op->size) {
	case SIZE_ZERO:
		return 0;
	case SIZE_LESS:
		return op->number % exact;
	case SIZE_ONE_LESS:
		return exact - 1;
	case SIZE_MORE:
	case SIZE_MORE_DIRTY:
		return exact + 8;
	case SIZE_PAGE:
		return PAGE;
	case SIZE_HUGE:
	case SIZE_HUGE_DIRTY:
		return HUGE_SIZE;
	}
	return exact;
}

/* Return: value for the entry_size field. One in 41 values is too small. */
static uint32_t pick_entry_size(const struct op *op, uint32_t exact)
{
	return op->number % 41 == 7 ? (op->number >> 8) % exact : exact;
}

static void build_explain(struct call *call)
{
	const struct op *op = call->op;

	call->body.explain = (struct gupx_explain){
		.flags = op->flags & ~GUPX_F_ENGINE_KERNEL,
		.mem_fd = call->mem,
		.verb = op->reserved ? op->reserved : op->number % 3,
		.addr = call->addr,
		.len = call->len,
		.buf = call->buffer,
		.capacity = op->number % 3 ? op->number % 100 : op->number,
		.entry_size =
			pick_entry_size(op, sizeof(struct gupx_judgement)),
	};
}

/*
 * The first segment is the range of the operation. The others are short and near its
 * beginning. There are no others if their places in the buffer would be behind memory that
 * cannot be written: READV goes on after such a segment, and would write to other memory of
 * the fuzzer.
 */
static void build_readv(struct call *call)
{
	const struct op *op = call->op;
	const bool fits =
		op->buffer == BUFFER_GOOD && call->len <= BUFFER_BYTES - PAGE;
	const uint32_t nr = op->number % (fits ? CALL_SEGMENTS + 1 : 2);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nr; i++) {
		call->segment[i] = (struct gupx_segment){
			.addr = call->addr + i * (op->number >> 8) % PAGE,
			.len = i ? (op->number >> i) % 64 : call->len,
			.done = op->number,
		};
		sum += call->segment[i].len;
	}
	call->body.readv = (struct gupx_readv){
		.flags = op->flags,
		.mem_fd = call->mem,
		.reserved = op->reserved,
		.segments = (uintptr_t)call->segment,
		.nr = nr,
		.entry_size = pick_entry_size(op, sizeof(struct gupx_segment)),
		.buf = call->buffer,
		.buf_len = sum,
	};
}

static void build_struct(struct call *call)
{
	const struct op *op = call->op;
	union body *body = &call->body;

	memset(body, 0, sizeof(*body));
	switch (op->verb) {
	case VERB_INFO:
		body->info.flags = op->flags;
		break;
	case VERB_PIN:
	case VERB_STRANGE:
		body->pin = (struct gupx_pin){
			.flags = op->flags,
			.mem_fd = call->mem,
			.pin_fd = call->file,
			.addr = call->addr,
			.len = call->len,
		};
		break;
	case VERB_POPULATE:
	case VERB_READ:
		body->read = (struct gupx_read){
			.flags = op->flags,
			.mem_fd = call->mem,
			.reserved = op->reserved,
			.addr = call->addr,
			.len = call->len,
		};
		if (op->verb == VERB_READ)
			body->read.buf = call->buffer;
		break;
	case VERB_READV:
		build_readv(call);
		break;
	case VERB_EXPLAIN:
		build_explain(call);
		break;
	case VERB_EXTENTS:
		body->extents = (struct gupx_extents){
			.flags = op->flags,
			.first = op->number >> 8,
			.buf = call->buffer,
			.capacity = op->number,
		};
		body->extents.entry_size =
			pick_entry_size(op, sizeof(struct gupx_extent));
		if (op->number % 2)
			body->extents.first = 0;
		break;
	case VERB_UNPIN:
		body->unpin = (struct gupx_unpin){
			.flags = op->flags,
			.offset = op->number % 16 * PAGE +
				  (op->number % 37 == 5 ? 8 : 0),
			.len = op->extent == EXTENT_PAGES
				       ? (1 + (op->number >> 8) % 8) * PAGE
				       : call->len,
		};
		break;
	case VERB_SEAL:
		body->seal = (struct gupx_seal){
			.flags = op->flags,
			.seals = op->number % 11 == 3 ? op->number
						      : 1U << op->number % 4,
		};
		/* One in four SEAL calls only queries the seals. */
		if (body->seal.seals == 8)
			body->seal.seals = 0;
		break;
	}
	body->size = call->size;
}

/*
 * Choose the address at which the ioctl's struct is placed, and the number of bytes
 * that are readable there.
 */
static void place_struct(struct call *call)
{
	uint8_t *const rooms = call->arena->rooms;
	uint8_t *const end = rooms + ROOMS_BYTES;
	size_t fits = call->size < ROOMS_BYTES ? call->size : ROOMS_BYTES;

	switch (call->op->place) {
	case PLACE_GOOD:
		call->at = rooms + 16;
		break;
	case PLACE_ODD:
		call->at = rooms + 16 + 1 + call->op->number % 7;
		break;
	case PLACE_AT_END:
		call->at = end - fits;
		break;
	case PLACE_READ_ONLY:
		call->at = call->arena->read_only + 16;
		call->room = PAGE - 16;
		return;
	case PLACE_CUT:
		call->at = end - call->exact / 2;
		break;
	case PLACE_UNREADABLE:
		call->at = end;
		break;
	case PLACE_NULL:
		call->at = NULL;
		return;
	case PLACE_KERNEL:
		call->at = (void *)0xffff888000000000UL;
		return;
	case PLACE_NOWHERE:
		call->at = (void *)0x8000000000000UL;
		return;
	}
	call->room = end - call->at;
}

static bool is_dirty(const struct op *op)
{
	return op->size == SIZE_MORE_DIRTY || op->size == SIZE_HUGE_DIRTY;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Write the ioctl's struct at @call->at. If the struct's size field is larger than the
 * struct, write zero bytes up to that size. For SIZE_MORE_DIRTY and SIZE_HUGE_DIRTY,
 * the first of these bytes is 1. Fill the remaining bytes with a pattern that the call
 * must not change.
 */
static void write_struct(struct call *call)
{
	const size_t known = min_size(call->exact, call->room);
	const size_t end = call->size > call->exact ? call->size : call->exact;
	const bool read_only = call->op->place == PLACE_READ_ONLY;

	if (!call->room)
		return;
	if (read_only)
		mprotect(call->arena->read_only, PAGE, PROT_READ | PROT_WRITE);
	memset(call->at, 0, call->room);
	memcpy(call->at, &call->body, known);
	if (is_dirty(call->op) && call->room > call->exact)
		call->at[call->exact] = 1;
	if (call->room > end)
		memset(call->at + end, 0xa5, call->room - end);
	memcpy(call->before, call->at, call->room);
	if (read_only)
		mprotect(call->arena->read_only, PAGE, PROT_READ);
}

static int foresee_struct(const struct call *call)
{
	if (call->room < sizeof(uint32_t))
		return EFAULT;
	if (call->size < call->exact)
		return EINVAL;
	if (call->size > PAGE)
		return E2BIG;
	if (call->size > call->exact && is_dirty(call->op) &&
	    call->room > call->exact)
		return E2BIG;
	if (call->size > call->room || call->op->place == PLACE_READ_ONLY)
		return EFAULT;
	return 0;
}

static int foresee_pages(const struct call *call)
{
	const uint64_t end = call->addr + call->len;

	if (call->op->verb != VERB_READ && (call->addr | call->len) % PAGE)
		return EINVAL;
	if (end < call->addr || end > -1UL - PAGE)
		return EINVAL;
	return 0;
}

static uint32_t known_flags(const struct call *call)
{
	switch (call->op->verb) {
	case VERB_PIN:
		return GUPX_PIN_FLAGS;
	case VERB_POPULATE:
		return GUPX_POPULATE_FLAGS;
	case VERB_READ:
	case VERB_READV:
		return GUPX_READ_FLAGS;
	case VERB_EXPLAIN:
		return flags_of_verb(call->body.explain.verb) &
		       GUPX_EXPLAIN_FLAGS;
	}
	return 0;
}

/*
 * Return: true if the buffer of a READ reaches beyond the user half, else false. The
 * errno of such a call is not predictable, because access_ok() varies between kernels.
 */
static bool may_end_in_kernel(const struct call *call)
{
	return call->op->verb == VERB_READ &&
	       (call->buffer >= END_OF_USER_HALF ||
		call->len > END_OF_USER_HALF - call->buffer);
}

static bool needs_right(const struct call *call)
{
	return !call->world->admin &&
	       (call->body.pin.flags &
		(GUPX_F_FORCE | GUPX_F_SHORT | GUPX_F_ENGINE_KERNEL));
}

/* Predict the errno that invalid fields and segments of a READV cause. */
static int foresee_readv(const struct call *call)
{
	const struct gupx_readv *readv = &call->body.readv;
	uint64_t left = readv->buf_len;

	if (readv->reserved || readv->entry_size < sizeof(struct gupx_segment))
		return EINVAL;
	if (needs_right(call))
		return EPERM;
	for (uint32_t i = 0; i < readv->nr; i++) {
		const struct gupx_segment *segment = &call->segment[i];
		const uint64_t end = segment->addr + segment->len;

		if (end < segment->addr || end > -1UL - PAGE ||
		    segment->len > left)
			return EINVAL;
		left -= segment->len;
	}
	return call->buffer >= END_OF_USER_HALF ||
			       readv->buf_len > END_OF_USER_HALF - call->buffer
		       ? UNFORESEEN
		       : 0;
}

/* Predict the errno that invalid fields of EXTENTS, UNPIN and SEAL cause. */
static int foresee_pin_fd_meaning(const struct call *call)
{
	const struct gupx_unpin *unpin = &call->body.unpin;

	switch (call->op->verb) {
	case VERB_EXTENTS:
		return call->body.extents.entry_size <
				       sizeof(struct gupx_extent)
			       ? EINVAL
			       : 0;
	case VERB_SEAL:
		return call->body.seal.seals & ~GUPX_SEALS ? EOPNOTSUPP : 0;
	}
	return (unpin->offset | unpin->len) % PAGE ||
			       unpin->offset + unpin->len < unpin->offset
		       ? EINVAL
		       : 0;
}

static bool is_of_pin_fd(const struct call *call)
{
	return call->op->verb == VERB_EXTENTS || call->op->verb == VERB_UNPIN ||
	       call->op->verb == VERB_SEAL;
}

/*
 * Predict the errno that invalid fields of the struct cause. File descriptors in the
 * struct are not checked here.
 */
static int foresee_meaning(const struct call *call)
{
	const struct op *op = call->op;
	const uint32_t both = GUPX_F_SHORT | GUPX_F_ENGINE_KERNEL;
	int error;

	if (call->body.pin.flags & ~known_flags(call))
		return EOPNOTSUPP;
	if (op->verb == VERB_INFO)
		return 0;
	if (is_of_pin_fd(call))
		return foresee_pin_fd_meaning(call);
	if (op->verb == VERB_READV)
		return foresee_readv(call);
	if (op->verb == VERB_EXPLAIN && call->body.explain.verb > 2)
		return EOPNOTSUPP;
	if (op->verb == VERB_EXPLAIN &&
	    call->body.explain.entry_size < sizeof(struct gupx_judgement))
		return EINVAL;
	if (op->verb == VERB_PIN && (op->flags & both) == both)
		return EINVAL;
	if (op->verb == VERB_PIN && (op->flags & GUPX_F_READ_ONLY) &&
	    call->file != -1)
		return EINVAL;
	if ((op->verb == VERB_POPULATE || op->verb == VERB_READ) &&
	    op->reserved)
		return EINVAL;
	error = foresee_pages(call);
	if (!error && op->verb == VERB_PIN &&
	    call->len > call->world->largest_pin)
		error = EFBIG;
	if (!error && may_end_in_kernel(call))
		return UNFORESEEN;
	if (!error && needs_right(call))
		error = EPERM;
	return error;
}

/*
 * Predict the errno of a request for the address space of a root process. The errno is
 * EACCES if the worker is no longer root, and ESRCH if the address space no longer
 * exists.
 */
static int foresee_life(const struct call *call, enum life life)
{
	if (life == LIFE_ON)
		return call->world->admin ? 0 : EACCES;
	return life == LIFE_GONE && call->world->admin ? ESRCH : UNFORESEEN;
}

/* Predict the errno that the descriptor in mem_fd causes. */
static int foresee_mem(const struct call *call)
{
	const bool write = call->op->verb != VERB_READ &&
			   call->op->verb != VERB_READV &&
			   (call->op->flags & GUPX_F_WRITE);

	if (call->mem < 0 || call->op->mem == HANDLE_CLOSED ||
	    call->op->mem == HANDLE_LARGE || call->op->mem == HANDLE_PATH)
		return EBADF;
	switch (call->op->mem) {
	case HANDLE_TARGET:
		return foresee_life(call, call->world->target_life);
	case HANDLE_TARGET_RO:
		return write ? EACCES
			     : foresee_life(call, call->world->target_life);
	case HANDLE_TARGET_WO:
		return EACCES;
	case HANDLE_TARGET_CHILD:
		return foresee_life(call, call->world->target_child_life);
	case HANDLE_SELF:
		return 0;
	case HANDLE_DEAD:
	case HANDLE_KTHREAD:
		return ESRCH;
	}
	return EMEDIUMTYPE;
}

static int foresee_pin_fd(const struct call *call)
{
	const uint8_t handle = call->op->file;
	const struct slot *slot;

	if (call->file == -1)
		return 0;
	if (call->file < 0 || handle == HANDLE_CLOSED ||
	    handle == HANDLE_LARGE || handle == HANDLE_PATH)
		return EBADF;
	if (!world_is_slot(handle))
		return EMEDIUMTYPE;
	slot = world_slot(call->world, handle);
	return slot->mem == call_space_of(call->op->mem) &&
			       slot->user == call->world->user
		       ? 0
		       : EXDEV;
}

/*
 * Predict the errno of a call that is made on a wrong kind of file. Only EXTENTS,
 * UNPIN, SEAL and unknown ioctls are made on random files. All other ioctls are made on
 * the device.
 */
static int foresee_file(const struct call *call)
{
	const uint8_t handle = call->op->file;

	if (!is_of_pin_fd(call) && call->op->verb != VERB_STRANGE)
		return 0;
	if (call->world->racing && world_is_slot(handle))
		return UNFORESEEN;
	if (call->file < 0 || handle == HANDLE_CLOSED ||
	    handle == HANDLE_LARGE || handle == HANDLE_PATH)
		return EBADF;
	if (call->op->verb == VERB_STRANGE)
		return handle == HANDLE_DEVICE || world_is_slot(handle)
			       ? ENOTTY
			       : UNFORESEEN;
	return world_is_slot(handle) ? 0 : ENOTTY;
}

/* Predict EXDEV: only the user who created a pin fd may unpin its pages or seal it. */
static int foresee_creator(const struct call *call)
{
	const struct slot *slot;

	if (call->op->verb == VERB_SEAL && !call->body.seal.seals)
		return 0;
	if (call->world->racing || !world_is_slot(call->op->file))
		return UNFORESEEN;
	slot = world_slot(call->world, call->op->file);
	return slot->user == call->world->user ? 0 : EXDEV;
}

/*
 * Return: the errno with which the call must fail; 0 if its arguments are valid; %UNFORESEEN
 * if the errno is not predictable.
 */
static int foresee_errno(const struct call *call)
{
	int error = foresee_file(call);

	if (!error)
		error = foresee_struct(call);
	if (!error)
		error = foresee_meaning(call);
	if (error || call->op->verb == VERB_INFO ||
	    call->op->verb == VERB_EXTENTS)
		return error;
	if (is_of_pin_fd(call))
		return foresee_creator(call);
	if (call->world->racing)
		return UNFORESEEN;
	error = foresee_mem(call);
	if (!error && call->op->verb == VERB_PIN)
		error = foresee_pin_fd(call);
	return error;
}

/*
 * Call ioctl() through int 0x80, the entry point of 32-bit programs. Other architectures have
 * no such entry point for a 64-bit program.
 */
static int call_compat(int fd, unsigned long number, const void *at)
{
#ifdef __x86_64__
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(54L), "b"((long)fd), "c"(number), "d"(at)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)result < 0 ? -(int)result : 0;
#else
	return ioctl(fd, number, at) < 0 ? errno : 0;
#endif
}

static void set_alarm(unsigned int microseconds)
{
	const struct itimerval timer = { .it_value.tv_usec = microseconds };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static int make_call(const struct call *call, int fd)
{
	const unsigned long number = call->op->verb == VERB_STRANGE
					     ? strange_number(call->op)
					     : ioctls[call->op->verb].number;

	if (call->op->compat && (uintptr_t)call->at < 1UL << 32)
		return call_compat(fd, number, call->at);
	return ioctl(fd, number, call->at) ? errno : 0;
}

/* Unblock SIGALRM only during the ioctl, so that SIGALRM interrupts nothing else. */
static int make_call_alarmed(const struct call *call, int fd)
{
	sigset_t set;
	int error;

	if (!call->op->alarm)
		return make_call(call, fd);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	set_alarm(call->op->alarm);
	error = make_call(call, fd);
	set_alarm(0);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return error;
}

/* Fill the output buffer with BUFFER_MARK, so that stray writes are detected. */
static void clear_buffer(const struct call *call)
{
	const size_t room = world_buffer_room(call->op);

	if (room)
		memset((void *)call->buffer, BUFFER_MARK, room);
}

static bool is_on_device(const struct op *op)
{
	return op->verb < VERB_EXTENTS;
}

void call_run(struct world *world, struct arena *arena, const struct op *op)
{
	struct call call = {
		.world = world,
		.arena = arena,
		.op = op,
		.exact = ioctls[op->verb].size,
	};

	call.size = struct_size(op, call.exact);
	call.mem = world_fd(world, op->mem);
	call.file = world_fd(world, op->file);
	call.addr = world_addr(world, arena, op);
	call.len = world_len(world, op, call.addr);
	call.buffer = world_buffer(world, arena, op);
	place_struct(&call);
	build_struct(&call);
	clear_buffer(&call);
	write_struct(&call);
	call.foreseen = foresee_errno(&call);
	call.error = make_call_alarmed(&call, is_on_device(op) ? lab_device()
							       : call.file);
	world_count(world, op, call.error);
	if (op->verb == VERB_UNPIN && !call.error)
		world->released = true;
	if ((op->verb == VERB_SEAL && !call.error && call.body.seal.seals) ||
	    (op->verb == VERB_PIN && (op->flags & GUPX_F_READ_ONLY)))
		world->sealed = true;
	judge_call(&call);
}
