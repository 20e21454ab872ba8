// SPDX-License-Identifier: GPL-2.0
/*
 * The differential tester. It builds the same random address space in two processes,
 * the twins, and makes the same random requests on both. The policy engine serves the
 * requests on one twin, and the kernel serves the requests on the other. Then the
 * tester compares the results and the memory. It runs in the VM, as root.
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
 * struct options - the command line
 * @seeds: seeds of the random cases
 * @first: number of the first case of each seed
 * @cases: number of cases of each seed
 * @requests: minimum number of requests over all seeds; the test fails if there are
 *	fewer
 * @seconds: time limit in seconds; no case is started after it
 * @script: file with the operations of one case, which is run instead of random cases;
 *	or NULL
 * @shrink: shrink failing cases
 * @verbose: print each case before it runs
 * @fail_fast: stop at the first failing case
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
	if (lab_write_text(path, text))
		printf("# not set: %s\n", path);
}

/*
 * The first huge mapping wakes khugepaged for one scan. Wait for that scan before the
 * first case runs.
 */
static void let_khugepaged_scan(void)
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

/* Turn off everything in the kernel that changes memory in the background. */
static void set_up(void)
{
#define THP "/sys/kernel/mm/transparent_hugepage/"
	cpu_set_t first;

	/*
	 * Run on one CPU only, because pages in another CPU's LRU batches have an extra
	 * reference.
	 */
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
	let_khugepaged_scan();
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

static uint64_t read_seconds(void)
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

/*
 * Print how to replay the whole case, then the operations that are left after
 * shrinking.
 */
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
 * struct totals - results of all cases so far
 * @sum: sum of the cases' reports
 * @cases: number of cases run
 * @failed: number of cases that failed
 */
struct totals {
	struct report sum;
	uint64_t cases;
	uint64_t failed;
};

static void run_case(const struct options *options, uint64_t seed,
		     uint64_t number, struct totals *totals)
{
	struct op ops[OPS_MAX];
	const size_t nr = draw_case(seed, number, ops);
	struct report report = { 0 };

	/* Print the case before it runs, because it may crash the machine. */
	if (options->verbose) {
		printf("# case %" PRIu64 "\n", number);
		print_case(ops, nr, &report);
	}
	case_run(ops, nr, &report);
	sum_up(&totals->sum, &report);
	totals->cases++;
	if (!report.differs)
		return;
	printf("# case %" PRIu64 ", operation %zu: %s\n", number, report.op,
	       report.text);
	if (totals->failed++ < FAILURES_SHOWN)
		show_failure(options, seed, number, ops, nr);
}

static void run_seed(const struct options *options, size_t i, uint64_t end,
		     struct totals *totals)
{
	const struct totals before = *totals;
	const uint64_t seed = options->seeds.value[i];
	uint64_t number = options->first;

	while (number < options->first + options->cases &&
	       read_seconds() < end && !(options->fail_fast && totals->failed))
		run_case(options, seed, number++, totals);
	printf("%s %zu diff.seed_0x%" PRIx64 " # %" PRIu64 " cases, %" PRIu64
	       " requests\n",
	       totals->failed == before.failed ? "ok" : "not ok", i + 1, seed,
	       totals->cases - before.cases,
	       totals->sum.requests - before.sum.requests);
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
			  const struct totals *totals, uint64_t seconds)
{
	uint64_t explained = 0;

	for (size_t i = 0; i < KNOWN_ROWS; i++)
		explained += totals->sum.explained[i];
	known_print(&totals->sum);
	printf("# %" PRIu64 " pages, %" PRIu64 " requests ended short, %" PRIu64
	       " s\n",
	       totals->sum.pages, totals->sum.refused, seconds);
	printf("# diff: %" PRIu64 " requests, %" PRIu64
	       " cases, %u seeds, %" PRIu64 " differences (%" PRIu64
	       " explained)\n",
	       totals->sum.requests, totals->cases, options->seeds.nr,
	       totals->failed + explained, explained);
}

/*
 * Return: seconds to reserve for the seeds after seed @i. Each of these seeds gets a
 * tenth of the time limit, so that a slow machine runs at least some cases of every
 * seed.
 */
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
	struct totals totals = { 0 };
	const uint64_t start = read_seconds();
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
			 &totals);
	enough = totals.sum.requests >= options.requests;
	printf("%s %u diff.requests_are_enough\n", enough ? "ok" : "not ok",
	       options.seeds.nr + 1);
	print_summary(&options, &totals, read_seconds() - start);
	return totals.failed || !enough;
}
