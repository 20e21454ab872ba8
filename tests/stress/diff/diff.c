// SPDX-License-Identifier: GPL-2.0
/*
 * The differential tester: random address spaces in pairs of twins, random
 * requests to both, the policy engine on one and the kernel on the other. In the
 * VM, as root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"
#include "options.h"
#include "pair.h"

#define FAILURES_SHOWN 4

/**
 * struct options - of the command line
 * @seeds: numbers to draw from
 * @first: case of each seed
 * @cases: of each seed
 * @requests: fewer than that, of all seeds, is a failure
 * @seconds: no case begins later
 * @script: run this instead
 * @shrink: make failing cases small
 * @verbose: show each case
 * @fail_fast: the first failing case is the last one
 */
struct options {
	struct option_seeds seeds;
	uint64_t first;
	uint64_t cases;
	uint64_t requests;
	uint64_t seconds;
	const char *script;
	bool shrink;
	bool verbose;
	bool fail_fast;
};

static const char usage[] =
	"usage: gupx-diff [--seed N|fresh]... [--cases N] [--case K]\n"
	"                 [--requests N] [--seconds N] [--script FILE]\n"
	"                 [--no-shrink] [--fail-fast] [--verbose]\n";

static void write_setting(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("# not set: %s\n", path);
	if (fd >= 0)
		close(fd);
}

/* The first huge mapping of all wakes khugepaged, for one round. Let it be this. */
static void tire_khugepaged(void)
{
	const size_t len = 4UL << 20;
	const pid_t child = fork();

	if (child == 0) {
		char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED || madvise(memory, len, MADV_HUGEPAGE))
			_exit(1);
		memset(memory, 1, len);
		usleep(500000);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* Nothing may change the twins but what is done to them. */
static void set_up(void)
{
#define THP "/sys/kernel/mm/transparent_hugepage/"
	cpu_set_t first;

	/* Pages in another CPU's batches would be held by one more reference. */
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	write_setting(THP "khugepaged/scan_sleep_millisecs", "4000000000");
	write_setting(THP "khugepaged/alloc_sleep_millisecs", "4000000000");
	write_setting(THP "enabled", "madvise");
	write_setting(THP "defrag", "madvise");
	write_setting(THP "shmem_enabled", "advise");
	write_setting("/proc/sys/vm/nr_hugepages", "48");
	write_setting("/proc/sys/vm/dirty_writeback_centisecs", "0");
	if (!access("/proc/sys/kernel/numa_balancing", F_OK))
		write_setting("/proc/sys/kernel/numa_balancing", "0");
	lab_set_param("allow_force", true);
	tire_khugepaged();
#undef THP
}

static void parse_options(int argc, char **argv, struct options *options)
{
	uint64_t one_case = UINT64_MAX;
	const struct option_spec specs[] = {
		{ "seed", OPTION_SEED, &options->seeds },
		{ "cases", OPTION_NUMBER, &options->cases },
		{ "case", OPTION_NUMBER, &one_case },
		{ "requests", OPTION_NUMBER, &options->requests },
		{ "seconds", OPTION_NUMBER, &options->seconds },
		{ "script", OPTION_TEXT, &options->script },
		{ "no-shrink", OPTION_CLEAR, &options->shrink },
		{ "fail-fast", OPTION_SET, &options->fail_fast },
		{ "verbose", OPTION_SET, &options->verbose },
		{ 0 },
	};

	options_parse(argc, argv, specs, usage);
	if (one_case != UINT64_MAX) {
		options->first = one_case;
		options->cases = 1;
	}
	if (!options->seeds.nr)
		options->seeds.value[options->seeds.nr++] = 1;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void print_case(const struct op *ops, size_t nr,
		       const struct report *report)
{
	for (size_t i = 0; i < nr; i++)
		op_print(stdout,
			 report->differs && i == report->op ? "#  > " : "#    ",
			 &ops[i]);
	if (report->differs)
		printf("#    %s\n", report->text);
}

/* The replay is of the whole case; the script is what is left of it. */
static void show_failure(const struct options *options, uint64_t seed,
			 uint64_t number, struct op *ops, size_t nr)
{
	struct report report;

	printf("# replay: gupx-diff --seed 0x%" PRIx64 " --case %" PRIu64 "\n",
	       seed, number);
	if (options->shrink)
		nr = case_shrink(ops, nr, &report);
	else
		case_run(ops, nr, &report);
	print_case(ops, nr, &report);
	if (!report.differs)
		printf("#    and not again: something else took part in it\n");
	fflush(stdout);
}

static void sum_up(struct report *sum, const struct report *report)
{
	sum->requests += report->requests;
	sum->pages += report->pages;
	sum->refused += report->refused;
	for (size_t i = 0; i < KNOWN_ROWS; i++)
		sum->explained[i] += report->explained[i];
}

/**
 * struct tally - what came of all cases so far
 * @sum: of the cases' reports
 * @cases: done
 * @failed: of them
 */
struct tally {
	struct report sum;
	uint64_t cases;
	uint64_t failed;
};

static void run_case(const struct options *options, uint64_t seed,
		     uint64_t number, struct tally *tally)
{
	struct op ops[OPS_MAX];
	const size_t nr = draw_case(seed, number, ops);
	struct report report = { 0 };

	/* Before it runs: it may be the last one. */
	if (options->verbose) {
		printf("# case %" PRIu64 "\n", number);
		print_case(ops, nr, &report);
	}
	case_run(ops, nr, &report);
	sum_up(&tally->sum, &report);
	tally->cases++;
	if (!report.differs)
		return;
	printf("# case %" PRIu64 ", operation %zu: %s\n", number, report.op,
	       report.text);
	if (tally->failed++ < FAILURES_SHOWN)
		show_failure(options, seed, number, ops, nr);
}

static void run_seed(const struct options *options, size_t i, uint64_t end,
		     struct tally *tally)
{
	const struct tally before = *tally;
	const uint64_t seed = options->seeds.value[i];
	uint64_t number = options->first;

	while (number < options->first + options->cases && now() < end &&
	       !(options->fail_fast && tally->failed))
		run_case(options, seed, number++, tally);
	printf("%s %zu diff.seed_0x%" PRIx64 " # %" PRIu64 " cases, %" PRIu64
	       " requests\n",
	       tally->failed == before.failed ? "ok" : "not ok", i + 1, seed,
	       tally->cases - before.cases,
	       tally->sum.requests - before.sum.requests);
	fflush(stdout);
}

static int run_script(const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct op ops[OPS_MAX];
	struct report report;
	char line[256];
	size_t nr = 0;

	if (!file) {
		perror(path);
		return 2;
	}
	while (nr < OPS_MAX && fgets(line, sizeof(line), file)) {
		const char *text = line + strspn(line, "# >\t");

		if (*text == '\n')
			continue;
		if (!op_parse(text, &ops[nr++])) {
			fprintf(stderr, "gupx-diff: no operation: %s", text);
			return 2;
		}
	}
	printf("1..1\n");
	case_run(ops, nr, &report);
	print_case(ops, nr, &report);
	known_print(&report);
	printf("%s 1 diff.script\n", report.differs ? "not ok" : "ok");
	return report.differs;
}

static void print_summary(const struct options *options,
			  const struct tally *tally, uint64_t seconds)
{
	uint64_t explained = 0;

	for (size_t i = 0; i < KNOWN_ROWS; i++)
		explained += tally->sum.explained[i];
	known_print(&tally->sum);
	printf("# %" PRIu64 " pages, %" PRIu64 " requests ended short, %" PRIu64
	       " s\n",
	       tally->sum.pages, tally->sum.refused, seconds);
	printf("# diff: %" PRIu64 " requests, %" PRIu64
	       " cases, %u seeds, %" PRIu64 " differences (%" PRIu64
	       " explained)\n",
	       tally->sum.requests, tally->cases, options->seeds.nr,
	       tally->failed + explained, explained);
}

/* A slow machine must not keep the last seed from its turn. */
static uint64_t later_seeds(const struct options *options, size_t i)
{
	return options->seconds / 10 * (options->seeds.nr - 1 - i);
}

int main(int argc, char **argv)
{
	struct options options = {
		.cases = 100,
		.seconds = 1000000,
		.shrink = true,
	};
	struct tally tally = { 0 };
	const uint64_t start = now();
	bool enough;

	parse_options(argc, argv, &options);
	if (lab_device() < 0) {
		perror("gupx-diff: " GUPX_DEVICE);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	set_up();
	twin_prepare();
	known_probe();
	if (options.script)
		return run_script(options.script);
	printf("1..%u\n", options.seeds.nr + 1);
	for (size_t i = 0; i < options.seeds.nr; i++)
		run_seed(&options, i,
			 start + options.seconds - later_seeds(&options, i),
			 &tally);
	enough = tally.sum.requests >= options.requests;
	printf("%s %u diff.requests_are_enough\n", enough ? "ok" : "not ok",
	       options.seeds.nr + 1);
	print_summary(&options, &tally, now() - start);
	return tally.failed || !enough;
}
