// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer. It makes random calls on /dev/gupx and on pin fds, and checks the results
 * against the rules in <linux/gupx.h>. It runs in the VM, as root.
 *
 * Each case runs in its own process, the worker. After the worker has ended, none of
 * its pins, charges and child processes may be left.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "sysctl.h"
#include "world.h"

#define HUGE_PAGES 16
/*
 * A case normally runs for some milliseconds. A case that runs for this many seconds is
 * reported as hung.
 */
#define HANG_SECONDS 60
#define FAILURES_SHOWN 8

/**
 * struct options - the command line
 * @seed: seed of the random cases
 * @first: number of the first case
 * @cases: number of cases
 * @again: true to run the first case @cases times
 * @seconds: time limit in seconds; no case is started after it
 * @shared: other programs may also pin pages, so do not check system-wide counters
 * @verbose: print each case before it runs
 */
struct options {
	uint64_t seed;
	uint64_t first;
	uint64_t cases;
	bool again;
	uint64_t seconds;
	bool shared;
	bool verbose;
};

static const char usage[] =
	"usage: gupx-fuzz [--seed N|fresh] [--seconds N] [--cases N] [--shared]\n"
	"                 [--verbose]\n"
	"       gupx-fuzz --seed N --case K [--cases N]    that one, N times\n";

static void parse_options(int argc, char **argv, struct options *options)
{
	struct option_seeds seeds = { 0 };
	uint64_t one_case = UINT64_MAX;
	const struct option_spec specs[] = {
		{ "seed", OPTION_SEED, &seeds },
		{ "case", OPTION_NUMBER, &one_case },
		{ "cases", OPTION_NUMBER, &options->cases },
		{ "seconds", OPTION_NUMBER, &options->seconds },
		{ "shared", OPTION_SET, &options->shared },
		{ "verbose", OPTION_SET, &options->verbose },
		{ 0 },
	};

	options_parse(argc, argv, specs, usage);
	if (seeds.nr)
		options->seed = seeds.value[seeds.nr - 1];
	if (one_case != UINT64_MAX) {
		options->first = one_case;
		options->again = true;
	}
	if (!options->cases)
		options->cases = options->again ? 1 : UINT64_MAX;
	/* Limit the time to 10 s if neither --cases nor --seconds is given. */
	if (options->cases == UINT64_MAX && !options->seconds)
		options->seconds = 10;
	if (!options->seconds)
		options->seconds = 1000000;
}

static uint64_t read_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/**
 * struct run - state of the whole run
 * @options: the command line
 * @handle: descriptors that every worker inherits, by enum handle
 * @tally: counters, shared with the workers
 * @held: number of pins in the whole system before the first case
 * @charged: bytes charged to our user before the first case
 * @cases: number of cases run
 * @failed: number of cases that failed
 */
struct run {
	const struct options *options;
	int handle[HANDLE_PIN0];
	struct tally *tally;
	long held;
	uint64_t charged;
	uint64_t cases;
	uint64_t failed;
};

static uint64_t bytes_charged(void)
{
	struct gupx_info info;

	return lab_info(&info) ? 0 : info.memlock_used;
}

/*
 * Check, in the worker, that all its pins were released when it closed its pin fds and
 * windows.
 */
static void judge_end(struct world *world, const struct run *run)
{
	const long held = world->admin ? lab_pins_held() : run->held;

	if (!run->options->shared && held != run->held)
		world_fail(world, "%ld pins when all was closed",
			   held - run->held);
}

static void live_as_worker(const struct run *run, const struct sketch *sketch)
{
	static struct world world;

	world.tally = run->tally;
	memcpy(world.handle, run->handle, sizeof(world.handle));
	act_prepare();
	if (!world_build(&world, sketch))
		_exit(2);
	script_run(&world, sketch);
	act_end(&world);
	judge_end(&world, run);
	target_stop(&world.target_child);
	target_stop(&world.target);
	_exit(0);
}

static bool ends_within(pid_t pid, int seconds)
{
	struct pollfd end = {
		.fd = syscall(SYS_pidfd_open, pid, 0),
		.events = POLLIN,
	};
	const int ready = poll(&end, 1, seconds * 1000);

	close(end.fd);
	return ready == 1;
}

static void show_stack(pid_t pid)
{
	char path[64], text[2048];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	got = read(fd, text, sizeof(text));
	close(fd);
	printf("# process %d hangs in\n", pid);
	fflush(stdout);
	if (got > 0 && write(STDOUT_FILENO, text, got) < 0)
		perror("gupx-fuzz");
}

/*
 * Kill and reap the worker's process group. We are the subreaper, so orphans become our
 * children.
 */
static bool reap_all(pid_t group)
{
	const uint64_t start = read_seconds();

	while (read_seconds() < start + HANG_SECONDS) {
		const pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return true;
		if (pid == 0) {
			kill(-group, SIGKILL);
			usleep(200);
		}
	}
	return false;
}

static void judge_worker(struct run *run, pid_t pid)
{
	struct world world = { .tally = run->tally };
	int status = 0;

	if (!ends_within(pid, HANG_SECONDS)) {
		show_stack(pid);
		world_fail(&world, "it takes more than %d s", HANG_SECONDS);
	} else if (waitpid(pid, &status, 0) == pid && status) {
		world_fail(&world, "the worker ended with status %#x", status);
	}
	kill(-pid, SIGKILL);
	if (!reap_all(pid)) {
		show_stack(pid);
		world_fail(&world, "SIGKILL does not end it");
	}
	if (guard_changed_at_all())
		world_fail(&world, "%s has changed", guard_changed_at_all());
	if (run->options->shared)
		return;
	if (lab_pins_held() != run->held)
		world_fail(&world, "%ld pins are left",
			   lab_pins_held() - run->held);
	if (bytes_charged() != run->charged)
		world_fail(&world, "%#" PRIx64 " bytes are still charged",
			   bytes_charged() - run->charged);
}

static void show_case(const struct sketch *sketch)
{
	printf("# regions: %u %u %u %u\n", sketch->kind[0], sketch->kind[1],
	       sketch->kind[2], sketch->kind[3]);
	for (size_t i = 0; i < sketch->nr; i++) {
		printf("#   ");
		op_print(&sketch->op[i]);
	}
}

static void show_failure(struct run *run, const struct sketch *sketch,
			 uint64_t number)
{
	printf("# case %" PRIu64 ": %s\n", number, run->tally->text);
	printf("# replay: gupx-fuzz --seed 0x%" PRIx64 " --case %" PRIu64 "\n",
	       run->options->seed, number);
	if (run->failed++ < FAILURES_SHOWN)
		show_case(sketch);
	run->tally->failed = false;
}

static void run_case(struct run *run, uint64_t number)
{
	struct sketch sketch;
	pid_t pid;

	draw_case(run->options->seed, number, &sketch);
	if (run->options->verbose) {
		printf("# case %" PRIu64 "\n", number);
		show_case(&sketch);
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		live_as_worker(run, &sketch);
	}
	setpgid(pid, pid);
	judge_worker(run, pid);
	run->cases++;
	if (run->tally->failed)
		show_failure(run, &sketch, number);
}

static void print_answers(const struct tally *tally, unsigned int verb)
{
	printf("# %-16s", op_verb_name(verb));
	for (int error = 0; error < ERRNOS; error++)
		if (tally->answers[verb][error])
			printf(" %s %" PRIu64,
			       error ? strerrorname_np(error) : "ok",
			       tally->answers[verb][error]);
	putchar('\n');
}

static void print_reasons(const struct tally *tally)
{
	printf("# stopped short, by reason:");
	for (int reason = 1; reason < CONTRACT_REASONS; reason++)
		if (tally->reasons[reason])
			printf(" %d:%" PRIu64, reason, tally->reasons[reason]);
	putchar('\n');
}

static uint64_t count_refused(const struct tally *tally)
{
	uint64_t refused = 0;

	for (int verb = 0; verb <= VERB_STRANGE; verb++)
		for (int error = 1; error < ERRNOS; error++)
			refused += tally->answers[verb][error];
	return refused;
}

static void print_summary(const struct run *run, uint64_t seconds)
{
	for (int verb = 0; verb < VERB_TOGETHER; verb++)
		print_answers(run->tally, verb);
	print_reasons(run->tally);
	printf("# fuzz: %" PRIu64 " operations, %" PRIu64 " cases, %" PRIu64
	       " refused, %" PRIu64 " failures, seed 0x%" PRIx64 ", %" PRIu64
	       " s\n",
	       run->tally->operations, run->cases, count_refused(run->tally),
	       run->failed, run->options->seed, seconds);
}

static void prepare_run(struct run *run)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	lab_set_param("allow_force", true);
	lab_set_param("allow_short_pins", true);
	if (!run->options->shared)
		sysctl_reserve_huge(HUGE_PAGES);
	world_prepare(run->handle);
	if (!guard_prepare()) {
		perror("gupx-fuzz: no bytes to be guarded");
		exit(2);
	}
	run->held = lab_pins_held();
	run->charged = bytes_charged();
	run->tally = mmap(NULL, sizeof(*run->tally), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->tally == MAP_FAILED)
		exit(2);
}

int main(int argc, char **argv)
{
	struct options options = { .seed = 1 };
	struct run run = { .options = &options };
	const uint64_t start = read_seconds();

	parse_options(argc, argv, &options);
	if (lab_device() < 0) {
		perror("gupx-fuzz: " GUPX_DEVICE);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare_run(&run);
	printf("1..1\n");
	while (run.cases < options.cases &&
	       read_seconds() < start + options.seconds)
		run_case(&run, options.first + (options.again ? 0 : run.cases));
	print_summary(&run, read_seconds() - start);
	printf("%s 1 fuzz.seed_0x%" PRIx64 " # %" PRIu64 " cases\n",
	       run.failed || !run.cases ? "not ok" : "ok", options.seed,
	       run.cases);
	return run.failed || !run.cases;
}
