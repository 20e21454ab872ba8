// SPDX-License-Identifier: GPL-2.0
/*
 * Operations other than ioctls: on pin fds, on windows, on the target, and on the
 * worker's own limits and credentials.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holder.h"
#include "world.h"

#define PAGE 4096UL
#define NOBODY 65534
#define FEW_FILES 4
#define MANY_FILES 1024

static int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

static int act_pread(struct world *world, struct arena *arena,
		     const struct op *op)
{
	const int fd = world_fd(world, op->file);
	void *const buffer = (void *)world_buffer(world, arena, op);
	const size_t room = op->extent == EXTENT_PAGES
				    ? 1 + (op->number >> 8) % BUFFER_BYTES
				    : BUFFER_BYTES;
	const off_t offset = op->number % 4 ? op->number % 100000 : op->number;
	const ssize_t got = pread(fd, buffer, room, offset);
	const int error = errno_of(got);
	struct gupx_extents head = { 0 };

	if (got > (ssize_t)room)
		world_fail(world, "pread: %zd of %zu", got, room);
	if (error && error != EFAULT && error != EINVAL && error != EBADF &&
	    error != EHWPOISON && !(error == ENODATA && world->released) &&
	    !world->racing)
		world_fail(world, "pread: %s", strerrorname_np(error));
	if (op->buffer != BUFFER_GOOD || world->racing || got < 0)
		return error;
	lab_extents(fd, &head, NULL, 0);
	if ((uint64_t)offset >= head.length && got)
		world_fail(world, "pread: %zd bytes beyond the end", got);
	if ((uint64_t)offset < head.length && !world->released &&
	    (uint64_t)got !=
		    (head.length - offset < room ? head.length - offset : room))
		world_fail(world, "pread: %zd of %zu at %#lx of %#llx", got,
			   room, offset, head.length);
	return error;
}

static struct window *pick_window(struct world *world, const struct op *op)
{
	return &world->window[op->region % WINDOWS];
}

/* Pick a window that is mapped. If no window is mapped, return an unmapped one. */
static struct window *pick_mapped_window(struct world *world,
					 const struct op *op)
{
	for (unsigned int i = 0; i < WINDOWS; i++) {
		const unsigned int at = (op->region + i) % WINDOWS;

		if (world->window[at].len)
			return &world->window[at];
	}
	return pick_window(world, op);
}

static int act_mmap(struct world *world, const struct op *op)
{
	struct window *window = pick_window(world, op);
	const size_t len = (1 + (op->number >> 8) % 64) * PAGE;
	const off_t offset = op->number % 3 ? 0 : (op->number & ~(PAGE - 1));
	const bool shared = op->number % 8 != 1;
	const int fd = world_fd(world, op->file);
	void *at;
	int error;

	/*
	 * mmap() with MAP_FIXED may unmap the old window even if it fails, so count the
	 * window as unmapped first.
	 */
	window->len = 0;
	at = mmap((void *)window->addr, len, op->flags & 7,
		  (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, fd, offset);
	error = at == MAP_FAILED ? errno : 0;
	if (!error && !world->racing && (!shared || (op->flags & PROT_EXEC)))
		world_fail(world, "mmap: private or executable");
	if (!error) {
		window->protection = op->flags & 7;
		window->len = len;
	}
	return error;
}

static __thread sigjmp_buf hit;
static __thread volatile sig_atomic_t is_touching;

static void handle_fault(int signal)
{
	if (is_touching)
		siglongjmp(hit, signal);
	/*
	 * The fault is not from touch_byte(). Restore the default action, so that the
	 * fault kills this process when it occurs again.
	 */
	sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
}

static void handle_alarm(int signal)
{
	(void)signal;
}

void act_prepare(void)
{
	const struct sigaction touched = { .sa_handler = handle_fault };
	const struct sigaction alarmed = { .sa_handler = handle_alarm };
	sigset_t set;

	sigaction(SIGBUS, &touched, NULL);
	sigaction(SIGSEGV, &touched, NULL);
	sigaction(SIGALRM, &alarmed, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void judge_guarded(struct world *world, const char *cause)
{
	const char *changed = guard_changed();

	if (changed)
		world_fail(world, "%s wrote into %s", cause, changed);
}

/*
 * Check that a write to @at does not change the guarded bytes. Invert the byte at @at,
 * check the guarded bytes, and restore the byte, because the target may need it. If
 * other threads or processes could see the inverted byte, write only the old value.
 */
static void flip_byte(struct world *world, volatile uint8_t *at)
{
	const uint8_t byte = *at;

	if (world->racing || world->child) {
		*at = byte;
		return;
	}
	*at = ~byte;
	judge_guarded(world, "a touch");
	*at = byte;
}

/* Read or write one byte. Return: 0, EIO after SIGBUS, EFAULT after SIGSEGV. */
static int touch_byte(struct world *world, volatile uint8_t *at, bool write)
{
	int signal = sigsetjmp(hit, 1);

	if (!signal) {
		is_touching = 1;
		if (write)
			flip_byte(world, at);
		else
			(void)*at;
	}
	is_touching = 0;
	return !signal ? 0 : signal == SIGBUS ? EIO : EFAULT;
}

static int act_touch(struct world *world, const struct op *op)
{
	struct window *window = pick_mapped_window(world, op);
	uint8_t *at = (void *)window->addr;
	/* One in eight operations also touches the page after the end of the window. */
	const size_t end = op->number % 8 ? window->len : window->len + PAGE;
	int error = 0;

	/*
	 * Touch all pages, because the module decides separately for each page whether
	 * access is allowed.
	 */
	for (size_t i = 0; i < end; i += PAGE)
		error = touch_byte(world, at + i, op->flags & PROT_WRITE)
				?: error;
	return error;
}

/* Send @byte through the pipe and let read(2) write it to @to. */
static int read_byte(const int line[2], uint8_t byte, uint8_t *to)
{
	uint8_t rest;

	if (write(line[1], &byte, 1) != 1)
		return errno;
	if (read(line[0], to, 1) == 1)
		return 0;
	/* read() failed, so the byte is still in the pipe. Remove it from the pipe. */
	(void)!read(line[0], &rest, 1);
	return EFAULT;
}

/* Let the kernel write into each page of the window, by read(2) from a pipe. */
static int act_fill(struct world *world, const struct op *op)
{
	struct window *window = pick_mapped_window(world, op);
	uint8_t *at = (void *)window->addr;
	int line[2], error = 0;
	uint8_t byte;

	if (world->racing || world->child || pipe(line))
		return EAGAIN;
	for (size_t i = 0; i < window->len; i += PAGE) {
		if (touch_byte(world, at + i, false))
			continue;
		byte = at[i];
		error = read_byte(line, ~byte, at + i);
		if (error)
			continue;
		judge_guarded(world, "read() into a window");
		read_byte(line, byte, at + i);
	}
	close(line[0]);
	close(line[1]);
	return error;
}

static int act_munmap(struct world *world, const struct op *op)
{
	struct window *window = pick_mapped_window(world, op);
	const size_t len =
		op->number % 2 ? (1 + op->number % 8) * PAGE : 64 * PAGE;

	return errno_of(munmap((void *)window->addr, len));
}

static int act_mremap(struct world *world, const struct op *op)
{
	struct window *from = pick_mapped_window(world, op);
	struct window *to = &world->window[op->number % WINDOWS];
	const size_t old = op->number % 2 ? from->len : PAGE;
	const size_t new = op->number % 3 ? old : old + 8 * PAGE;
	void *at;

	if (!old)
		return EINVAL;
	at = mremap((void *)from->addr, old, new, MREMAP_MAYMOVE | MREMAP_FIXED,
		    (void *)to->addr);
	if (at == MAP_FAILED)
		return errno;
	if (new > old && !world->racing)
		world_fail(world, "mremap: a window has grown");
	to->protection = from->protection;
	to->len = new;
	return 0;
}

static int act_mprotect(struct world *world, const struct op *op)
{
	struct window *window = pick_mapped_window(world, op);
	const bool was_read_only =
		window->len && !(window->protection & PROT_WRITE);
	/* Change the protection of the whole window or of one page of the window. */
	const size_t skip =
		window->len && op->number % 3
			? (op->number >> 8) % (window->len / PAGE) * PAGE
			: 0;
	const size_t len = op->number % 3 || !window->len ? PAGE : window->len;
	const int error = errno_of(
		mprotect((void *)window->addr + skip, len, op->flags & 7));

	if (!error && (op->flags & PROT_EXEC))
		world_fail(world, "mprotect: an executable window");
	if (!error && (op->flags & PROT_WRITE) && was_read_only &&
	    !world->racing)
		world_fail(world,
			   "mprotect: a read-only window may be written");
	return error;
}

static int act_madvise(struct world *world, const struct op *op)
{
	struct window *window = pick_mapped_window(world, op);

	return errno_of(madvise((void *)window->addr, 8 * PAGE, op->flags));
}

static int act_fdinfo(struct world *world, const struct op *op)
{
	const int number = world_fd(world, op->file);
	char path[64], text[1024];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got < 0)
		return EIO;
	text[got] = 0;
	if (!world->racing && !strstr(text, "\ngupx-charged:\t"))
		world_fail(world, "fdinfo: %s", text);
	return 0;
}

static int act_close(struct world *world, const struct op *op)
{
	const int fd = atomic_exchange(&world_slot(world, op->file)->fd, -1);

	return fd < 0 ? EBADF : errno_of(close(fd));
}

static int act_dup(struct world *world, const struct op *op)
{
	const struct slot slot = *world_slot(world, op->file);
	const int fd = slot.fd < 0 ? -1 : dup(slot.fd);

	if (fd < 0)
		return EBADF;
	world_fill_slot(world, op->number % PIN_SLOTS, fd, slot.mem, slot.user);
	return 0;
}

/*
 * Send a pin fd through a socket. Then either receive the pin fd, or close the socket
 * while the pin fd is still in it.
 */
static int act_send(struct world *world, const struct op *op)
{
	const struct slot slot = *world_slot(world, op->file);
	int line[2], fd, error;

	if (slot.fd < 0)
		return EBADF;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line))
		return errno;
	error = errno_of(holder_send_fd(line[0], slot.fd));
	fd = !error && op->number % 2 ? holder_receive_fd(line[1]) : -1;
	close(line[0]);
	close(line[1]);
	if (fd >= 0)
		world_fill_slot(world, (op->number >> 1) % PIN_SLOTS, fd,
				slot.mem, slot.user);
	return error;
}

static void stop_sleeper(struct world *world)
{
	/*
	 * kill() fails if the worker is no longer root. In that case the parent of the
	 * worker kills the sleeper later.
	 */
	if (world->sleeper > 0 && !kill(world->sleeper, SIGKILL))
		waitpid(world->sleeper, NULL, 0);
	world->sleeper = 0;
}

/*
 * Fork the sleeper, a child that keeps copies of our descriptors. With @exec, the
 * sleeper calls exec, so it keeps only the descriptors without close-on-exec.
 */
static int act_fork(struct world *world, bool exec)
{
	stop_sleeper(world);
	world->sleeper = fork();
	if (world->sleeper)
		return errno_of(world->sleeper);
	if (exec)
		execl("/proc/self/exe", "gupx-fuzz", "--sleep", NULL);
	for (;;)
		pause();
}

static long call_in_target(struct world *world, const struct op *op,
			   uint64_t addr, uint64_t len)
{
	const struct target *target = &world->target;

	switch (op->verb) {
	case VERB_TARGET_MUNMAP:
		return TARGET_CALL(target, SYS_munmap, addr, len);
	case VERB_TARGET_MPROTECT:
		return TARGET_CALL(target, SYS_mprotect, addr, len, op->flags);
	case VERB_TARGET_MADVISE:
		return TARGET_CALL(target, SYS_madvise, addr, len, op->flags);
	case VERB_TARGET_MREMAP:
		return TARGET_CALL(target, SYS_mremap, addr, len, len,
				   MREMAP_MAYMOVE);
	default:
		/*
		 * Write through /proc/PID/mem, where a bad address causes an errno, not
		 * a signal.
		 */
		return pwrite(target->mem_fd, &op->number, 1, addr) == 1
			       ? 0
			       : -errno;
	}
}

/*
 * Check that the target still executes calls. An operation may have unmapped code or
 * stack of the target. The target dies from this only when it next uses the unmapped
 * memory, so make it execute a call now.
 */
static enum life check_life(const struct target *target)
{
	return TARGET_CALL(target, SYS_getpid) > 0 ? LIFE_ON : LIFE_UNSURE;
}

static int act_on_target(struct world *world, const struct op *op)
{
	const uint64_t addr = world_addr(world, &world->arena[0], op);
	const uint64_t len = world_len(world, op, addr);
	long result;

	if (world->child || world->target.pid <= 0)
		return ESRCH;
	pthread_mutex_lock(&world->line);
	result = call_in_target(world, op, addr, len);
	if (check_life(&world->target) != LIFE_ON)
		world->target_life = LIFE_UNSURE;
	pthread_mutex_unlock(&world->line);
	return result < 0 ? -result : 0;
}

static int act_target_fork(struct world *world)
{
	if (world->target.pid <= 0 || world->target_child.pid > 0)
		return ESRCH;
	if (target_fork(&world->target, &world->target_child)) {
		world->target_life = LIFE_UNSURE;
		return EAGAIN;
	}
	world->handle[HANDLE_TARGET_CHILD] = world->target_child.mem_fd;
	world_bound_wait(&world->target_child);
	world->target_child_life = check_life(&world->target_child);
	if (check_life(&world->target) != LIFE_ON)
		world->target_life = LIFE_UNSURE;
	return 0;
}

/*
 * End the target's address space by exec or exit. Existing pins of pages in this
 * address space stay. New requests for the address space fail with ESRCH.
 */
static int act_target_end(struct world *world, bool exec)
{
	if (world->target.pid <= 0)
		return ESRCH;
	if (exec) {
		target_exec(&world->target);
		if (!kill(world->target.pid, SIGKILL))
			target_reap(&world->target);
		world->target.pid = 0;
	} else {
		target_stop(&world->target);
	}
	world->target_life = LIFE_GONE;
	/*
	 * The kernel sends the target's child a signal after the target has ended, but
	 * we do not know when. So it is unknown whether the child still exists.
	 */
	world->target_child_life = LIFE_UNSURE;
	return 0;
}

static int act_limit(struct world *world, const struct op *op)
{
	world->limited = true;
	return lab_set_memlock(op->number % 64 * PAGE)
		       ?: lab_drop_capability(CAP_IPC_LOCK);
}

static int limit_files(struct world *world, bool few)
{
	struct rlimit limit;

	world->few_files = few;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = few ? FEW_FILES : MANY_FILES;
	return errno_of(setrlimit(RLIMIT_NOFILE, &limit));
}

static int act_become(struct world *world)
{
	if (!world->admin)
		return EPERM;
	world->admin = false;
	world->limited = true;
	world->user++;
	return lab_become(NOBODY);
}

static int perform_op(struct world *world, struct arena *arena,
		      const struct op *op)
{
	switch (op->verb) {
	case VERB_PREAD:
		return act_pread(world, arena, op);
	case VERB_MMAP:
		return act_mmap(world, op);
	case VERB_TOUCH:
		return act_touch(world, op);
	case VERB_FILL:
		return act_fill(world, op);
	case VERB_MUNMAP:
		return act_munmap(world, op);
	case VERB_MREMAP:
		return act_mremap(world, op);
	case VERB_MPROTECT:
		return act_mprotect(world, op);
	case VERB_MADVISE:
		return act_madvise(world, op);
	case VERB_FDINFO:
		return act_fdinfo(world, op);
	case VERB_CLOSE:
		return act_close(world, op);
	case VERB_DUP:
		return act_dup(world, op);
	case VERB_SEND:
		return act_send(world, op);
	case VERB_FORK:
	case VERB_EXEC:
		return act_fork(world, op->verb == VERB_EXEC);
	case VERB_TARGET_FORK:
		return act_target_fork(world);
	case VERB_TARGET_EXEC:
	case VERB_TARGET_EXIT:
		return act_target_end(world, op->verb == VERB_TARGET_EXEC);
	case VERB_LIMIT:
		return act_limit(world, op);
	case VERB_FEW_FILES:
		return limit_files(world, op->number % 2);
	case VERB_BECOME:
		return act_become(world);
	}
	return act_on_target(world, op);
}

void act_run(struct world *world, struct arena *arena, const struct op *op)
{
	world_count(world, op, perform_op(world, arena, op));
}

void act_end(struct world *world)
{
	for (size_t i = 0; i < PIN_SLOTS; i++)
		world_fill_slot(world, i, -1, 0, 0);
	for (size_t i = 0; i < WINDOWS; i++)
		munmap((void *)world->window[i].addr, 128 * PAGE);
	stop_sleeper(world);
	limit_files(world, false);
}
