// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"
#include "target.h"

enum order_kind { ORDER_CALL, ORDER_RUN, ORDER_POKE, ORDER_PEEK, ORDER_FORK };

struct order {
	enum order_kind kind;
	long number;
	long arguments[6];
};

static long obey_poke(const struct order *order)
{
	volatile unsigned char *const at = (void *)order->arguments[0];

	for (long i = 0; i < order->arguments[1]; i += lab_page())
		at[i] = order->arguments[2];
	return 0;
}

static long obey_peek(const struct order *order)
{
	const volatile unsigned char *const at = (void *)order->arguments[0];
	long sum = 0;

	for (long i = 0; i < order->arguments[1]; i += lab_page())
		sum += at[i];
	return sum;
}

static long obey_call(const struct order *order)
{
	const long *const a = order->arguments;
	const long result =
		syscall(order->number, a[0], a[1], a[2], a[3], a[4], a[5]);

	return result == -1 ? -errno : result;
}

static long obey_run(const struct order *order)
{
	return ((target_fn *)order->number)(order->arguments);
}

static void serve_orders(int line, int child_line);

static void note_signal(int signal)
{
	(void)signal;
}

static long obey_fork(int line, int child_line)
{
	const pid_t pid = fork();

	if (pid == 0) {
		close(line);
		serve_orders(child_line, -1);
	}
	return pid < 0 ? -errno : pid;
}

/*
 * Ignore one SIGBUS. The kernel may send this signal when the target poisons its own
 * memory.
 */
static void forgive_one_sigbus(void)
{
	const struct sigaction action = {
		.sa_handler = note_signal,
		.sa_flags = SA_RESETHAND,
	};

	sigaction(SIGBUS, &action, NULL);
}

/*
 * Main loop of a target. SIGCHLD is ignored, so that the kernel reaps the target's
 * children.
 */
static void serve_orders(int line, int child_line)
{
	struct order order;
	long result;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	forgive_one_sigbus();
	while (recv(line, &order, sizeof(order), 0) == sizeof(order)) {
		switch (order.kind) {
		case ORDER_RUN:
			result = obey_run(&order);
			break;
		case ORDER_POKE:
			result = obey_poke(&order);
			break;
		case ORDER_PEEK:
			result = obey_peek(&order);
			break;
		case ORDER_FORK:
			result = obey_fork(line, child_line);
			break;
		default:
			result = obey_call(&order);
		}
		if (send(line, &result, sizeof(result), 0) != sizeof(result))
			break;
	}
	_exit(0);
}

int target_start(struct target *target)
{
	int line[2], child_line[2];

	*target = (struct target){ .mem_fd = -1, .line = -1, .child_line = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, child_line))
		return errno;
	target->line = line[0];
	target->child_line = child_line[0];
	target->pid = fork();
	if (target->pid == 0) {
		close(line[0]);
		close(child_line[0]);
		serve_orders(line[1], child_line[1]);
	}
	close(line[1]);
	close(child_line[1]);
	if (target->pid < 0)
		return errno;
	target->mem_fd = lab_open_mem(target->pid, O_RDWR);
	return target->mem_fd < 0 ? errno : 0;
}

static void close_all(struct target *target)
{
	if (target->mem_fd >= 0)
		close(target->mem_fd);
	if (target->line >= 0)
		close(target->line);
	if (target->child_line >= 0)
		close(target->child_line);
	*target = (struct target){ .mem_fd = -1, .line = -1, .child_line = -1 };
}

void target_reap(struct target *target)
{
	if (target->pid > 0)
		waitpid(target->pid, NULL, 0);
	target->pid = 0;
}

void target_stop(struct target *target)
{
	if (target->pid <= 0)
		return;
	/*
	 * A test without privileges may be unable to kill the target. Close the
	 * socket first, so that the target exits. The children of a target share one
	 * socket, which the next child needs; they exit when the target does.
	 */
	if (target->child_line >= 0)
		shutdown(target->line, SHUT_RDWR);
	kill(target->pid, SIGKILL);
	target_reap(target);
	close_all(target);
}

static long send_order(const struct target *target, const struct order *order)
{
	long result;

	if (send(target->line, order, sizeof(*order), MSG_NOSIGNAL) < 0 ||
	    recv(target->line, &result, sizeof(result), 0) != sizeof(result))
		return -EPIPE;
	return result;
}

long target_call(const struct target *target, long number,
		 const long arguments[6])
{
	struct order order = { .kind = ORDER_CALL, .number = number };

	memcpy(order.arguments, arguments, sizeof(order.arguments));
	return send_order(target, &order);
}

long target_run(const struct target *target, target_fn *run,
		const long arguments[6])
{
	struct order order = { .kind = ORDER_RUN, .number = (long)run };

	memcpy(order.arguments, arguments, sizeof(order.arguments));
	return send_order(target, &order);
}

/*
 * If this program was started by target_exec(), which passes --sleep, then sleep until
 * it is killed. The constructor runs before main().
 */
static void __attribute__((constructor)) sleep_if_told(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "--sleep"))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

void target_exec(const struct target *target)
{
	static const char program[] = "/proc/self/exe";
	static const char *const argv[] = { program, "--sleep", NULL };
	static const char *const envp[] = { NULL };
	const struct order order = {
		.kind = ORDER_CALL,
		.number = SYS_execve,
		.arguments = { (long)program, (long)argv, (long)envp },
	};

	send(target->line, &order, sizeof(order), MSG_NOSIGNAL);
	while (recv(target->line, &(long){ 0 }, sizeof(long), 0) > 0)
		;
}

long target_poke(const struct target *target, uint64_t addr, size_t len,
		 unsigned char byte)
{
	const struct order order = {
		.kind = ORDER_POKE,
		.arguments = { addr, len, byte },
	};

	return send_order(target, &order);
}

/*
 * Distance in pages between two successive writes. STRIDE is a prime number, so the
 * writes reach every page unless the number of pages is a multiple of STRIDE.
 */
#define STRIDE 7919

static long poke_scattered(const long arguments[6])
{
	volatile unsigned char *const base = (void *)arguments[0];
	const unsigned long pages = arguments[1] / lab_page();

	for (unsigned long i = 0; i < pages; i++)
		base[i * STRIDE % pages * lab_page()] = arguments[2];
	return pages % STRIDE ? 0 : -EINVAL;
}

long target_scatter(const struct target *target, uint64_t addr, size_t len,
		    unsigned char byte)
{
	return TARGET_RUN(target, poke_scattered, addr, len, byte);
}

long target_peek(const struct target *target, uint64_t addr, size_t len)
{
	const struct order order = {
		.kind = ORDER_PEEK,
		.arguments = { addr, len },
	};

	return send_order(target, &order);
}

int target_fork(const struct target *target, struct target *child)
{
	const struct order order = { .kind = ORDER_FORK };
	const long pid = send_order(target, &order);

	*child = (struct target){ .mem_fd = -1, .line = -1, .child_line = -1 };
	if (pid < 0)
		return -pid;
	child->pid = pid;
	child->line = fcntl(target->child_line, F_DUPFD_CLOEXEC, 0);
	child->mem_fd = lab_open_mem(pid, O_RDWR);
	return child->line < 0 || child->mem_fd < 0 ? errno : 0;
}

static FILE *open_proc(const struct target *target, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", target->pid, name);
	return fopen(path, "re");
}

bool target_find_mapping(const struct target *target, const char *name,
			 uint64_t *first, uint64_t *end)
{
	FILE *maps = open_proc(target, "maps");
	bool found = false;
	char line[512];

	while (maps && !found && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, name))
			continue;
		found = sscanf(line, "%lx-%lx", first, end) == 2;
	}
	if (maps)
		fclose(maps);
	return found;
}

long target_smaps(const struct target *target, uint64_t addr, const char *key)
{
	FILE *smaps = open_proc(target, "smaps");
	uint64_t first, end;
	bool inside = false;
	long number = -1;
	char line[512];

	while (smaps && number < 0 && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
			inside = first <= addr && addr < end;
		else if (inside && !strncmp(line, key, strlen(key)))
			number = strtol(line + strlen(key), NULL, 10);
	}
	if (smaps)
		fclose(smaps);
	return number;
}
