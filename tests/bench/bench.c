// SPDX-License-Identifier: GPL-2.0
/*
 * Run the benchmark in the guest, as root. The program prints measurements and does not
 * compare them with limits. Each measurement is one line in one of these forms:
 *
 *   bench ROW ENGINE PHASE PAGES NUMBER
 *   skip ROW ENGINE PAGES WHY
 *
 * ROW is the name of a struct row, and ENGINE is the name of a struct engine. NUMBER is
 * a time in nanoseconds if PHASE is "take" or "drop", and a size in bytes if PHASE is
 * "bytes".
 */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sysctl.h"
#include "lab.h"
#include "round.h"
#include "engine.h"
#include "work.h"

/**
 * struct row - one comparison of several engines on the same memory
 * @name: name in the output and on the command line
 * @engines: engines that are compared
 * @kind: kind of memory
 * @state: state of the memory before each measurement
 * @odd: true if the range begins one page after an aligned address
 * @sizes: sizes in pages, in ascending order, ended by 0; NULL selects the usual sizes
 * @most: largest size in pages; 0 selects the default of get_most_pages()
 */
struct row {
	const char *name;
	const struct engine *engines;
	enum work_kind kind;
	enum work_state state;
	bool odd;
	const uint64_t *sizes;
	uint64_t most;
};

static const uint64_t usual[] = { 1, 512, 16384, 262144, 0 };
static const uint64_t from_mib_to_4gib[] = { 256,   1024,   4096,    16384,
					     65536, 262144, 1048576, 0 };
static const uint64_t large[] = { 16384, 0 };
static const uint64_t one_gib[] = { 262144, 0 };
static const uint64_t one[] = { 1, 0 };
static const uint64_t few_and_many[] = { 1, 16, 1024, 0 };
static const uint64_t many_vmas[] = { 512, 16384, 0 };
static const uint64_t many_extents[] = { 16384, 65536, 262144, 1048576, 0 };

/*
 * Largest memory to swap out, in pages. It is small because the swap space of the guest
 * is small, and because compressing swapped pages is slow.
 */
#define SWAPPABLE 512
/*
 * Number of measurements of each size if the measurements are slow: if the memory is
 * large, or if it must be set up again for each measurement.
 */
#define TIMES_AT_LEAST 2

static const struct row rows[] = {
	{ "pin-4k", pin_engines, .kind = WORK_4K },
	{ "pin-4k-fresh", pin_engines, .kind = WORK_4K, .state = WORK_FRESH },
	{ "pin-4k-odd", pin_engines, .kind = WORK_4K, .odd = true },
	{ "pin-scattered", pin_engines, .kind = WORK_SCATTERED },
	{ "pin-interleaved", pin_engines, .kind = WORK_INTERLEAVED },
	{ "pin-shmem", pin_engines, .kind = WORK_SHMEM },
	{ "pin-large", pin_engines, .kind = WORK_LARGE },
	{ "pin-thp", pin_engines, .kind = WORK_THP },
	{ "pin-thp-odd", pin_engines, .kind = WORK_THP, .odd = true },
	{ "pin-hugetlb", pin_engines, .kind = WORK_HUGETLB },
	{ "pin-4k-absent", long_engines, .kind = WORK_4K,
	  .state = WORK_ABSENT },
	{ "pin-4k-swapped", long_engines, .kind = WORK_4K,
	  .state = WORK_SWAPPED, .most = SWAPPABLE },
	{ "pin-4k-forked", long_engines, .kind = WORK_4K,
	  .state = WORK_FORKED },
	{ "pin-shmem-absent", long_engines, .kind = WORK_SHMEM,
	  .state = WORK_ABSENT },
	{ "pin-shmem-swapped", long_engines, .kind = WORK_SHMEM,
	  .state = WORK_SWAPPED, .most = SWAPPABLE },
	{ "pin-thp-absent", long_engines, .kind = WORK_THP,
	  .state = WORK_ABSENT },
	{ "pin-thp-forked", long_engines, .kind = WORK_THP,
	  .state = WORK_FORKED },
	{ "pin-hugetlb-absent", long_engines, .kind = WORK_HUGETLB,
	  .state = WORK_ABSENT },
	{ "populate-4k", populate_engines, .kind = WORK_4K },
	{ "populate-4k-fresh", populate_engines, .kind = WORK_4K,
	  .state = WORK_FRESH },
	{ "populate-4k-odd", populate_engines, .kind = WORK_4K, .odd = true },
	{ "populate-shmem", populate_engines, .kind = WORK_SHMEM },
	{ "populate-large", populate_engines, .kind = WORK_LARGE },
	{ "populate-thp", populate_engines, .kind = WORK_THP },
	{ "populate-hugetlb", populate_engines, .kind = WORK_HUGETLB },
	{ "populate-4k-absent", populate_engines, .kind = WORK_4K,
	  .state = WORK_ABSENT },
	{ "populate-jobs", jobs_engines, .kind = WORK_4K, .state = WORK_ABSENT,
	  .sizes = large },
	{ "populate-4k-swapped", populate_engines, .kind = WORK_4K,
	  .state = WORK_SWAPPED, .most = SWAPPABLE },
	{ "populate-4k-forked", populate_engines, .kind = WORK_4K,
	  .state = WORK_FORKED },
	{ "populate-shmem-absent", populate_engines, .kind = WORK_SHMEM,
	  .state = WORK_ABSENT },
	{ "populate-shmem-swapped", populate_engines, .kind = WORK_SHMEM,
	  .state = WORK_SWAPPED, .most = SWAPPABLE },
	{ "populate-thp-absent", populate_engines, .kind = WORK_THP,
	  .state = WORK_ABSENT },
	{ "populate-hugetlb-absent", populate_engines, .kind = WORK_HUGETLB,
	  .state = WORK_ABSENT },
	{ "read-4k", read_engines, .kind = WORK_4K, .most = 16384 },
	{ "read-scattered", read_engines, .kind = WORK_SCATTERED,
	  .most = 16384 },
	{ "read-shmem", read_engines, .kind = WORK_SHMEM, .most = 16384 },
	{ "read-large", read_engines, .kind = WORK_LARGE, .most = 16384 },
	{ "read-thp", read_engines, .kind = WORK_THP, .most = 16384 },
	{ "read-hugetlb", read_engines, .kind = WORK_HUGETLB, .most = 16384 },
	{ "window-4k", window_engines, .kind = WORK_4K, .most = 16384 },
	{ "touch-4k", touch_engines, .kind = WORK_4K, .most = 16384 },
	{ "touch-scattered", touch_engines, .kind = WORK_SCATTERED,
	  .most = 16384 },
	{ "touch-thp", touch_engines, .kind = WORK_THP, .most = 16384 },
	{ "pread-4k", pread_engines, .kind = WORK_4K, .most = 16384 },
	{ "pread-scattered", pread_engines, .kind = WORK_SCATTERED,
	  .most = 16384 },
	{ "segments-8", segment_8_engines, .kind = WORK_SCATTERED,
	  .sizes = few_and_many },
	{ "segments-64", segment_64_engines, .kind = WORK_SCATTERED,
	  .sizes = few_and_many },
	{ "segments-4k", segment_4k_engines, .kind = WORK_SCATTERED,
	  .sizes = few_and_many },
	{ "pin-vmas", long_engines, .kind = WORK_VMAS, .sizes = many_vmas },
	{ "populate-vmas", populate_engines, .kind = WORK_VMAS,
	  .sizes = many_vmas },
	{ "read-vmas", read_engines, .kind = WORK_VMAS, .sizes = many_vmas },
	{ "pin-dirty-turns", pin_read_engines, .kind = WORK_DIRTY_TURNS,
	  .sizes = large },
	{ "populate-dirty-turns", populate_read_engines,
	  .kind = WORK_DIRTY_TURNS, .sizes = large },
	{ "populate-shared-turns", populate_read_engines,
	  .kind = WORK_SHARED_TURNS, .sizes = large },
	{ "populate-zero-turns", populate_read_engines, .kind = WORK_ZERO_TURNS,
	  .sizes = large },
	{ "explain-4k", explain_engines, .kind = WORK_4K, .most = 16384 },
	{ "explain-scattered", explain_engines, .kind = WORK_SCATTERED,
	  .most = 16384 },
	{ "explain-sparse", sparse_engines, .kind = WORK_4K, .sizes = one },
	{ "extents", extents_engines, .kind = WORK_SCATTERED,
	  .sizes = many_extents },
	{ "pin-more", more_engines, .kind = WORK_4K, .sizes = one },
	{ "memory-one", many_engines, .kind = WORK_4K, .sizes = one },
	{ "trace-4k", trace_engines, .kind = WORK_4K },
	/*
	 * Physically contiguous pages cost less to pin, and the number of contiguous
	 * pages varies between runs. Use scattered pages instead, so that all runs have
	 * the same cost.
	 */
	{ "linear-scattered", plain_engines, .kind = WORK_SCATTERED,
	  .sizes = from_mib_to_4gib },
	{ "memory-scattered", few_engines, .kind = WORK_SCATTERED,
	  .sizes = one_gib },
	{ "memory-thp", many_engines, .kind = WORK_THP, .sizes = one_gib },
};

/**
 * struct options - options of the command line
 * @least: smallest size of memory to measure, in pages
 * @most: largest size of memory to measure, in pages
 * @times: number of measurements of each size
 * @repeat: measure large sizes @times times as well
 * @engine: shell pattern; only engines whose name matches the pattern are run
 * @sample: phase during which the kernel is profiled
 */
static struct options {
	uint64_t least;
	uint64_t most;
	int times;
	bool repeat;
	const char *engine;
	enum round sample;
} options = { .most = 16384, .times = 3, .engine = "*" };

static void print_phase(const struct row *row, const struct engine *engine,
			const struct work *work, const char *phase, long number)
{
	if (number >= 0)
		printf("bench %s %s %s %lu %ld\n", row->name, engine->name,
		       phase, (unsigned long)work->pages, number);
}

static void print_skip(const struct row *row, const char *engine,
		       const struct work *work, const char *why)
{
	printf("skip %s %s %lu %s\n", row->name, engine,
	       (unsigned long)work->pages, why);
}

static int get_nr_runs(const struct work *work)
{
	if (options.repeat || work->pages <= 512 ||
	    (work->state == WORK_RESIDENT && work->pages <= 16384))
		return options.times;
	return TIMES_AT_LEAST;
}

static void run_engine(const struct row *row, const struct engine *engine,
		       struct work *work)
{
	for (int i = 0; i < get_nr_runs(work); i++) {
		struct times times = { -1, -1, -1 };
		const char *why = work_reset(work);

		if (!why)
			why = engine->run(work, engine->flags, &times);
		if (why) {
			print_skip(row, engine->name, work, why);
			return;
		}
		print_phase(row, engine, work, "take", times.take);
		print_phase(row, engine, work, "drop", times.drop);
		print_phase(row, engine, work, "bytes", times.bytes);
	}
}

static void run_size(const struct row *row, const struct target *target,
		     uint64_t pages)
{
	struct work work = {
		.target = target,
		.kind = row->kind,
		.state = row->state,
		.odd = row->odd,
		.pages = pages,
	};
	const char *why = work_build(&work);
	const struct engine *engine;

	if (why)
		print_skip(row, "-", &work, why);
	for (engine = row->engines; engine->name && !why; engine++)
		if (!fnmatch(options.engine, engine->name, 0))
			run_engine(row, engine, &work);
	work_drop(&work);
}

/*
 * Return the largest size to measure, in pages. If the memory is set up again for each
 * measurement, the size is limited, because setting up memory is slow.
 */
static uint64_t get_most_pages(const struct row *row)
{
	const uint64_t most = row->state == WORK_RESIDENT ? UINT64_MAX : 16384;

	return row->most ? row->most : most;
}

static bool run_row(const struct row *row)
{
	const uint64_t *sizes = row->sizes ? row->sizes : usual;
	struct target target;

	if (target_start(&target)) {
		fprintf(stderr, "no target\n");
		return false;
	}
	for (int i = 0; sizes[i] && sizes[i] <= options.most; i++)
		if (sizes[i] >= options.least &&
		    sizes[i] <= get_most_pages(row))
			run_size(row, &target, sizes[i]);
	target_stop(&target);
	return true;
}

/*
 * Set up the machine: keep khugepaged from collapsing pages, and allow mappings that
 * are larger than the memory of the guest.
 */
static void set_up(void)
{
	sysctl_set("/proc/sys/vm/overcommit_memory", 1);
	sysctl_set(
		"/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs",
		1000000000);
	lab_set_param("allow_short_pins", true);
	setvbuf(stdout, NULL, _IOLBF, 0);
	engine_init();
	round_init();
}

static bool read_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "least", required_argument, NULL, 'l' },
		{ "most", required_argument, NULL, 'm' },
		{ "repeat", no_argument, NULL, 'r' },
		{ "times", required_argument, NULL, 't' },
		{ "side", required_argument, NULL, 's' },
		{ "sample", required_argument, NULL, 'p' },
		{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'l':
			options.least = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			options.most = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			options.repeat = true;
			break;
		case 't':
			options.times = atoi(optarg);
			break;
		case 's':
			options.engine = optarg;
			break;
		case 'p':
			options.sample = strcmp(optarg, "drop") ? ROUND_TAKE
								: ROUND_DROP;
			break;
		default:
			return false;
		}
	}
	return true;
}

static bool is_wanted(const struct row *row, char **patterns)
{
	if (!*patterns)
		return true;
	for (; *patterns; patterns++)
		if (!fnmatch(*patterns, row->name, 0))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool any = false;

	if (!read_options(argc, argv))
		return 2;
	set_up();
	round_sample(engine_rival(), options.sample);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!is_wanted(&rows[i], argv + optind))
			continue;
		any = true;
		if (!run_row(&rows[i]))
			return 1;
	}
	if (options.sample)
		round_print_samples(engine_rival());
	if (!any)
		fprintf(stderr, "no such row\n");
	return !any;
}
