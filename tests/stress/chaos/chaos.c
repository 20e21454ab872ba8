// SPDX-License-Identifier: GPL-2.0
/*
 * The chaos test. Targets change their own memory at random. Requesters pin, read,
 * populate and explain that memory. A third kind of process migrates and reclaims pages
 * of the targets. Random processes of all kinds are killed or stopped. The test runs in
 * the VM, as root.
 *
 * The main process starts, kills and restarts all other processes. It is a subreaper,
 * so it becomes the parent of processes whose own parent has died.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sysctl.h"
#include "lab.h"
#include "options.h"
#include "world.h"

/*
 * Number of the file descriptor of the shared memory. The descriptor stays open across
 * exec.
 */
#define WORLD_FD 100
/*
 * A worker without a heartbeat for this many seconds is reported as hung. The limit is
 * high because emulated machines are slow.
 */
#define HANG_SECONDS 60
/*
 * The test checks that every kind of operation has occurred. The check is skipped if
 * the targets performed fewer operations than this number. The rarest kind is 1 in 400
 * operations.
 */
#define OPS_OF_ALL_KINDS 4000

#define KSM "/sys/kernel/mm/ksm/"
#define THP "/sys/kernel/mm/transparent_hugepage/"

/**
 * struct worker - a process that is restarted whenever it ends
 * @pid: PID of the process
 * @beats: heartbeat count of the process at the last check
 * @moved: time at which the heartbeat count last changed, in seconds
 */
struct worker {
	pid_t pid;
	uint64_t beats;
	uint64_t moved;
};

/**
 * struct run - state of the whole test
 * @workers: targets, then requesters, then mm_pressure
 * @prng: random numbers for kills, stops and the seeds of workers
 * @stopped: PID of the process that is stopped until the next call of
 *	disturb_process(); 0 if there is none
 * @seed: seed of @prng
 * @seconds: duration of the test in seconds
 * @progress: seconds between progress lines; 0 to print no progress lines
 */
struct run {
	struct worker workers[WORKERS];
	struct prng prng;
	pid_t stopped;
	uint64_t seed;
	uint64_t seconds;
	uint64_t progress;
};

/**
 * struct baseline - counters that must be the same before and after the test
 * @pins: number of pins in the whole system
 * @charged: bytes charged to our user
 * @users: reference count of the module
 */
struct baseline {
	long pins;
	uint64_t charged;
	long users;
};

/*
 * Settings that make KSM, khugepaged and NUMA balancing run more often, and allocate
 * hugetlb pages. @before is the value that is restored after the test. No setting
 * enables NUMA balancing, because the kernel enables it itself if there are two nodes.
 */
static struct {
	const char *path;
	long value;
	long before;
} settings[] = {
	{ KSM "pages_to_scan", 1000, -1 },
	{ KSM "sleep_millisecs", 20, -1 },
	{ KSM "run", 1, -1 },
	{ THP "khugepaged/scan_sleep_millisecs", 50, -1 },
	{ THP "khugepaged/alloc_sleep_millisecs", 100, -1 },
	{ "/proc/sys/vm/nr_hugepages", 16, -1 },
	{ "/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms", 50, -1 },
	{ "/sys/kernel/debug/sched/numa_balancing/scan_period_max_ms", 200,
	  -1 },
};

static const char *const params[] = { "allow_force", "allow_short_pins" };
static bool params_before[2];

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static uint64_t read_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void apply_settings(void)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		settings[i].before = sysctl_get(settings[i].path);
		if (settings[i].before < 0 ||
		    !sysctl_set(settings[i].path, settings[i].value))
			printf("# not here: %s\n", settings[i].path);
	}
	for (size_t i = 0; i < 2; i++) {
		params_before[i] = lab_param(params[i]);
		lab_set_param(params[i], true);
	}
}

/*
 * Restore the settings. Before that, write 2 to KSM's "run" file, so that KSM unmerges
 * all pages.
 */
static void restore_settings(void)
{
	for (size_t i = 0; i < 2; i++)
		lab_set_param(params[i], params_before[i]);
	sysctl_set(KSM "run", 2);
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings[i].before >= 0)
			sysctl_set(settings[i].path, settings[i].before);
}

static struct baseline read_baseline(void)
{
	struct gupx_info info;

	if (lab_info(&info)) {
		perror("gupx-chaos: INFO");
		exit(2);
	}
	return (struct baseline){
		.pins = lab_pins_held(),
		.charged = info.memlock_used,
		.users = sysctl_get("/sys/module/gupx/refcnt"),
	};
}

/*
 * Compare the counters. Retry for up to 10 s: a window keeps its pins until the address
 * space of its process is destroyed, and this is delayed if another process still
 * references the address space.
 */
static void check_baseline(const struct baseline *before)
{
	struct baseline after = read_baseline();

	for (unsigned int i = 0; i < 100; i++) {
		if (!memcmp(&after, before, sizeof(after)))
			return;
		usleep(100000);
		after = read_baseline();
	}
	complain(RULE_BALANCE,
		 "pins %ld before, %ld after; charged %" PRIu64 ", %" PRIu64
		 "; users of the module %ld, %ld",
		 before->pins, after.pins, before->charged, after.charged,
		 before->users, after.users);
}

static void make_world(void)
{
	const int fd = memfd_create("world", 0);

	if (fd < 0 || ftruncate(fd, sizeof(*world)) ||
	    dup2(fd, WORLD_FD) != WORLD_FD) {
		perror("gupx-chaos: the shared memory");
		exit(2);
	}
	close(fd);
}

static void map_world(void)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED,
		     WORLD_FD, 0);
	if (world == MAP_FAILED)
		exit(2);
}

void world_exec(unsigned int worker, uint64_t seed)
{
	char number[16], text[32];
	char *const argv[] = { "gupx-chaos", "--target", number, text, NULL };
	char *const envp[] = { NULL };

	snprintf(number, sizeof(number), "%u", worker);
	snprintf(text, sizeof(text), "%" PRIu64, seed);
	execve("/proc/self/exe", argv, envp);
	_exit(1);
}

static void live_as_worker(unsigned int number, uint64_t seed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (number < TARGETS)
		chaos_target_live(number, seed);
	else if (number < TARGETS + REQUESTERS)
		requester_live(number, seed);
	else
		mm_pressure_live(number, seed);
	_exit(1);
}

static void start_worker(struct run *run, unsigned int number)
{
	const uint64_t seed = prng_next(&run->prng);
	struct worker *worker = &run->workers[number];
	const pid_t pid = fork();

	if (pid == 0)
		live_as_worker(number, seed);
	worker->pid = pid;
	worker->moved = read_seconds();
}

/*
 * Clear the shared-memory slot of a dead process. Call this function before the process
 * is reaped, because its PID can be reused after that.
 */
static void clear_slot(pid_t pid)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (atomic_load(&world->slots[i].pid) == pid)
			world_leave(i);
}

/*
 * Reap one process that has ended. Return: PID of the process, or 0 if no process has
 * ended.
 */
static pid_t reap_one(void)
{
	siginfo_t info = { 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) ||
	    !info.si_pid)
		return 0;
	clear_slot(info.si_pid);
	waitpid(info.si_pid, NULL, 0);
	return info.si_pid;
}

static void reap_and_restart(struct run *run)
{
	pid_t pid;

	while ((pid = reap_one())) {
		if (pid == run->stopped)
			run->stopped = 0;
		for (unsigned int i = 0; i < WORKERS; i++)
			if (run->workers[i].pid == pid)
				start_worker(run, i);
	}
}

static pid_t draw_process(struct run *run)
{
	const unsigned int i = prng_below(&run->prng, WORKERS + TARGETS);
	struct life child;

	if (i < WORKERS)
		return run->workers[i].pid;
	return world_look(i - WORKERS + TARGETS, &child) ? child.pid : 0;
}

/*
 * Kill or stop a random process. The PID of a process cannot be reused before we reap
 * the process.
 */
static void disturb_process(struct run *run)
{
	pid_t pid;

	if (run->stopped)
		kill(run->stopped, SIGCONT);
	run->stopped = 0;
	pid = draw_process(run);
	if (pid <= 0 || !prng_chance(&run->prng, 40))
		return;
	if (prng_chance(&run->prng, 35)) {
		kill(pid, SIGKILL);
		count_event(&world->tally.kills);
	} else {
		kill(pid, SIGSTOP);
		run->stopped = pid;
		count_event(&world->tally.stops);
	}
}

static void read_stack(pid_t pid, char *text, size_t size)
{
	char path[64];
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	file = fopen(path, "re");
	if (file) {
		length = fread(text, 1, size - 1, file);
		fclose(file);
	}
	text[length] = '\0';
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = ' ';
}

static void check_beats(struct run *run)
{
	char stack[160];

	for (unsigned int i = 0; i < WORKERS; i++) {
		struct worker *worker = &run->workers[i];
		const uint64_t beats = atomic_load(&world->beats[i]);

		if (beats != worker->beats)
			worker->moved = read_seconds();
		worker->beats = beats;
		if (read_seconds() - worker->moved < HANG_SECONDS)
			continue;
		read_stack(worker->pid, stack, sizeof(stack));
		complain(RULE_LIVENESS, "worker %u hangs for %d s: %s", i,
			 HANG_SECONDS, stack);
		worker->moved = read_seconds();
	}
}

static void run_test(struct run *run)
{
	const uint64_t start_at = read_seconds();
	uint64_t next = run->progress;

	for (unsigned int i = 0; i < WORKERS; i++)
		start_worker(run, i);
	while (read_seconds() - start_at < run->seconds) {
		usleep(20000 + prng_below(&run->prng, 30000));
		disturb_process(run);
		reap_and_restart(run);
		check_beats(run);
		if (run->progress && read_seconds() - start_at >= next) {
			report_progress(next);
			next += run->progress;
		}
	}
}

/* Kill all our children, including orphans that were reparented to us. */
static void kill_children(bool *any)
{
	char path[64];
	FILE *file;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "re");
	*any = false;
	while (file && fscanf(file, "%d", &pid) == 1) {
		kill(pid, SIGKILL);
		*any = true;
	}
	if (file)
		fclose(file);
}

static void complain_of_child(void)
{
	char path[64], stack[160] = "";
	FILE *file;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "re");
	if (file && fscanf(file, "%d", &pid) == 1)
		read_stack(pid, stack, sizeof(stack));
	complain(RULE_LIVENESS, "killed, and still there: %s", stack);
	if (file)
		fclose(file);
}

/*
 * Kill and reap all our children. Complain if a child still exists after HANG_SECONDS,
 * because it hangs in the kernel.
 */
static void end_all(void)
{
	const uint64_t end = read_seconds() + HANG_SECONDS;
	bool any = true;

	while (any && read_seconds() < end) {
		kill_children(&any);
		usleep(20000);
		while (reap_one())
			;
	}
	if (any)
		complain_of_child();
}

/*
 * Complain if some kind of operation or request never occurred, because the test did
 * not cover that kind.
 */
static void check_variety(void)
{
	const struct tally *tally = &world->tally;
	unsigned int never = 0;
	uint64_t ops = 0;
	uint64_t least = atomic_load(&tally->requests[0]);

	for (enum request_kind kind = 0; kind < REQUESTS; kind++)
		if (atomic_load(&tally->requests[kind]) < least)
			least = atomic_load(&tally->requests[kind]);
	if (!least || !atomic_load(&tally->kills) ||
	    !atomic_load(&tally->stops) || !atomic_load(&tally->coherent) ||
	    !atomic_load(&tally->short_requests))
		complain(RULE_VARIETY, "something never happened");
	/*
	 * Complain about missing operations only if there were enough operations for
	 * the rarest kind to occur.
	 */
	for (enum op op = 0; op <= OP_EXIT; op++) {
		ops += atomic_load(&tally->ops[op]);
		never += !atomic_load(&tally->ops[op]);
	}
	if (never && ops >= OPS_OF_ALL_KINDS)
		complain(RULE_VARIETY, "%u operations were never done", never);
}

static int print_verdicts(void)
{
	static const char *const names[RULES] = {
		[RULE_CONTENT] = "a page is the one that was asked for",
		[RULE_COHERENCE] = "a pinned page stays its owner's",
		[RULE_CONTRACT] = "answers keep to the contract",
		[RULE_LIVENESS] = "everybody goes on, and dies when killed",
		[RULE_BALANCE] = "nothing is left: no pin, no charge, no user",
		[RULE_VARIETY] = "everything happened",
	};
	int failed = 0;

	for (enum rule rule = 0; rule < RULES; rule++) {
		const uint32_t broken = atomic_load(&world->broken[rule]);

		printf("%s %d chaos: %s\n", broken ? "not ok" : "ok", rule + 1,
		       names[rule]);
		failed |= !!broken;
	}
	return failed;
}

static const char usage[] =
	"usage: gupx-chaos [--seconds N] [--seed N|fresh] [--progress N]\n";

static void parse_options(int argc, char **argv, struct run *run)
{
	struct option_seeds seeds = { 0 };
	const struct option_spec specs[] = {
		{ "seconds", OPTION_NUMBER, &run->seconds },
		{ "seed", OPTION_SEED, &seeds },
		{ "progress", OPTION_NUMBER, &run->progress },
		{ 0 },
	};

	options_parse(argc, argv, specs, usage);
	run->seed = seeds.nr ? seeds.value[seeds.nr - 1] : prng_fresh_seed();
	run->prng.state = run->seed;
}

int main(int argc, char **argv)
{
	struct run run = { .seconds = 35, .progress = 10 };
	struct baseline before;

	if (argc == 4 && !strcmp(argv[1], "--target")) {
		map_world();
		live_as_worker(strtoul(argv[2], NULL, 0),
			       strtoull(argv[3], NULL, 0));
	}
	parse_options(argc, argv, &run);
	if (lab_device() < 0) {
		perror("gupx-chaos: " GUPX_DEVICE);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_world();
	map_world();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	printf("1..%d\n# seed 0x%" PRIx64 "\n", RULES, run.seed);
	before = read_baseline();
	report_begin();
	apply_settings();
	run_test(&run);
	end_all();
	restore_settings();
	check_baseline(&before);
	check_variety();
	report_print();
	return print_verdicts();
}
