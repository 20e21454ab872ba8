// SPDX-License-Identifier: GPL-2.0
/*
 * Chaos on the target: processes do whatever they like to their own memory, are
 * killed and stopped, their pages are moved and written out; others pin, read,
 * populate and explain it meanwhile, and are killed and stopped as well. In the
 * VM, as root.
 *
 * This process starts the others, kills them, and starts them again. It is the
 * parent of them all, also of those whose own parent is gone.
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

/* Where it stays through exec. */
#define WORLD_FD 100
/* Without a beat for so long, somebody hangs. Emulated machines are slow. */
#define PATIENCE 60
/* The rarest is one of four hundred. */
#define OPS_OF_ALL_KINDS 4000

#define KSM "/sys/kernel/mm/ksm/"
#define THP "/sys/kernel/mm/transparent_hugepage/"

/**
 * struct worker - one that is started again whenever it ends
 * @pid: of it
 * @beats: when last looked at
 * @moved: when that number last changed, seconds
 */
struct worker {
	pid_t pid;
	uint64_t beats;
	uint64_t moved;
};

/**
 * struct play - all of it
 * @workers: victims, askers, the weather
 * @prng: of who is killed and stopped
 * @stopped: by SIGSTOP, until the next tick; 0: nobody
 * @seed: of all dice
 * @seconds: how long
 * @progress: seconds between reports
 */
struct play {
	struct worker workers[WORKERS];
	struct prng prng;
	pid_t stopped;
	uint64_t seed;
	uint64_t seconds;
	uint64_t progress;
};

/**
 * struct books - what has to be at the end as it was at the beginning
 * @pins: of the whole system
 * @charged: to our user, bytes
 * @users: of the module
 */
struct books {
	long pins;
	uint64_t charged;
	long users;
};

/*
 * Knobs that make more happen, and what they were. NUMA balancing is on by itself
 * where there are two nodes.
 */
static struct {
	const char *path;
	long value;
	long before;
} knobs[] = {
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

#define KNOBS (sizeof(knobs) / sizeof(knobs[0]))

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void turn_knobs(void)
{
	for (size_t i = 0; i < KNOBS; i++) {
		knobs[i].before = sysctl_get(knobs[i].path);
		if (knobs[i].before < 0 ||
		    !sysctl_set(knobs[i].path, knobs[i].value))
			printf("# not here: %s\n", knobs[i].path);
	}
	for (size_t i = 0; i < 2; i++) {
		params_before[i] = lab_param(params[i]);
		lab_set_param(params[i], true);
	}
}

/* What KSM has merged is taken apart again before it is turned off. */
static void turn_knobs_back(void)
{
	for (size_t i = 0; i < 2; i++)
		lab_set_param(params[i], params_before[i]);
	sysctl_set(KSM "run", 2);
	for (size_t i = 0; i < KNOBS; i++)
		if (knobs[i].before >= 0)
			sysctl_set(knobs[i].path, knobs[i].before);
}

static struct books read_books(void)
{
	struct gupx_info info;

	if (lab_info(&info)) {
		perror("gupx-chaos: INFO");
		exit(2);
	}
	return (struct books){
		.pins = lab_pins_held(),
		.charged = info.memlock_used,
		.users = sysctl_get("/sys/module/gupx/refcnt"),
	};
}

/* What is held by an address space that something else still looks at goes late. */
static void check_books(const struct books *before)
{
	struct books after = read_books();

	for (unsigned int i = 0; i < 100; i++) {
		if (!memcmp(&after, before, sizeof(after)))
			return;
		usleep(100000);
		after = read_books();
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

static void live(unsigned int number, uint64_t seed)
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

static void start(struct play *play, unsigned int number)
{
	const uint64_t seed = prng_next(&play->prng);
	struct worker *worker = &play->workers[number];
	const pid_t pid = fork();

	if (pid == 0)
		live(number, seed);
	worker->pid = pid;
	worker->moved = now();
}

/* Nobody may be found by the number of a process that is about to be free. */
static void forget(pid_t pid)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (atomic_load(&world->slots[i].pid) == pid)
			world_leave(i);
}

/* One that has ended: it, and what was asked of it, are gone. 0: nobody has. */
static pid_t reap(void)
{
	siginfo_t info = { 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) ||
	    !info.si_pid)
		return 0;
	forget(info.si_pid);
	waitpid(info.si_pid, NULL, 0);
	return info.si_pid;
}

static void reap_and_restart(struct play *play)
{
	pid_t pid;

	while ((pid = reap())) {
		if (pid == play->stopped)
			play->stopped = 0;
		for (unsigned int i = 0; i < WORKERS; i++)
			if (play->workers[i].pid == pid)
				start(play, i);
	}
}

static pid_t draw_process(struct play *play)
{
	const unsigned int i = prng_below(&play->prng, WORKERS + TARGETS);
	struct life child;

	if (i < WORKERS)
		return play->workers[i].pid;
	return world_look(i - WORKERS + TARGETS, &child) ? child.pid : 0;
}

/* A process that is ours until we reap it: its number is nobody else's. */
static void disturb(struct play *play)
{
	pid_t pid;

	if (play->stopped)
		kill(play->stopped, SIGCONT);
	play->stopped = 0;
	pid = draw_process(play);
	if (pid <= 0 || !prng_chance(&play->prng, 40))
		return;
	if (prng_chance(&play->prng, 35)) {
		kill(pid, SIGKILL);
		count(&world->tally.kills);
	} else {
		kill(pid, SIGSTOP);
		play->stopped = pid;
		count(&world->tally.stops);
	}
}

static void note_stack(pid_t pid, char *text, size_t size)
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

static void check_beats(struct play *play)
{
	char stack[160];

	for (unsigned int i = 0; i < WORKERS; i++) {
		struct worker *worker = &play->workers[i];
		const uint64_t beats = atomic_load(&world->beats[i]);

		if (beats != worker->beats)
			worker->moved = now();
		worker->beats = beats;
		if (now() - worker->moved < PATIENCE)
			continue;
		note_stack(worker->pid, stack, sizeof(stack));
		complain(RULE_LIVENESS, "worker %u hangs for %d s: %s", i,
			 PATIENCE, stack);
		worker->moved = now();
	}
}

static void run(struct play *play)
{
	const uint64_t start_at = now();
	uint64_t next = play->progress;

	for (unsigned int i = 0; i < WORKERS; i++)
		start(play, i);
	while (now() - start_at < play->seconds) {
		usleep(20000 + prng_below(&play->prng, 30000));
		disturb(play);
		reap_and_restart(play);
		check_beats(play);
		if (play->progress && now() - start_at >= next) {
			report_progress(next);
			next += play->progress;
		}
	}
}

/* Our children now, those included whose parents were killed just before. */
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
		note_stack(pid, stack, sizeof(stack));
	complain(RULE_LIVENESS, "killed, and still there: %s", stack);
	if (file)
		fclose(file);
}

/* Killed, each is gone at once, in whatever it was. */
static void end_all(void)
{
	const uint64_t end = now() + PATIENCE;
	bool any = true;

	while (any && now() < end) {
		kill_children(&any);
		usleep(20000);
		while (reap())
			;
	}
	if (any)
		complain_of_child();
}

/* A run in which nothing happened would prove nothing. */
static void check_variety(void)
{
	const struct tally *tally = &world->tally;
	unsigned int never = 0;
	uint64_t ops = 0;
	uint64_t least = atomic_load(&tally->asks[0]);

	for (enum ask ask = 0; ask < ASKS; ask++)
		if (atomic_load(&tally->asks[ask]) < least)
			least = atomic_load(&tally->asks[ask]);
	if (!least || !atomic_load(&tally->kills) ||
	    !atomic_load(&tally->stops) || !atomic_load(&tally->coherent) ||
	    !atomic_load(&tally->short_asks))
		complain(RULE_VARIETY, "something never happened");
	/* Where there were enough of them for the rarest to be among them. */
	for (enum op op = 0; op <= OP_EXIT; op++) {
		ops += atomic_load(&tally->ops[op]);
		never += !atomic_load(&tally->ops[op]);
	}
	if (never && ops >= OPS_OF_ALL_KINDS)
		complain(RULE_VARIETY, "%u deeds were never done", never);
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

static void parse_options(int argc, char **argv, struct play *play)
{
	struct option_seeds seeds = { 0 };
	const struct option_spec specs[] = {
		{ "seconds", OPTION_NUMBER, &play->seconds },
		{ "seed", OPTION_SEED, &seeds },
		{ "progress", OPTION_NUMBER, &play->progress },
		{ 0 },
	};

	options_parse(argc, argv, specs, usage);
	play->seed = seeds.nr ? seeds.value[seeds.nr - 1] : prng_fresh_seed();
	play->prng.state = play->seed;
}

int main(int argc, char **argv)
{
	struct play play = { .seconds = 35, .progress = 10 };
	struct books before;

	if (argc == 4 && !strcmp(argv[1], "--target")) {
		map_world();
		live(strtoul(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
	}
	parse_options(argc, argv, &play);
	if (lab_device() < 0) {
		perror("gupx-chaos: " GUPX_DEVICE);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_world();
	map_world();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	printf("1..%d\n# seed 0x%" PRIx64 "\n", RULES, play.seed);
	before = read_books();
	report_begin();
	turn_knobs();
	run(&play);
	end_all();
	turn_knobs_back();
	check_books(&before);
	check_variety();
	report_print();
	return print_verdicts();
}
