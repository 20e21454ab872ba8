// SPDX-License-Identifier: GPL-2.0
/* Print the counters of the test and the failures that it found. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "world.h"

static const char *const op_names[OPS] = {
	[OP_WRITE] = "write",
	[OP_LOOK] = "read",
	[OP_MMAP] = "mmap",
	[OP_MUNMAP] = "munmap",
	[OP_MPROTECT] = "mprotect",
	[OP_MREMAP] = "mremap",
	[OP_MLOCK] = "mlock",
	[OP_MUNLOCK] = "munlock",
	[OP_DONTNEED] = "dontneed",
	[OP_FREE] = "free",
	[OP_PAGEOUT] = "pageout",
	[OP_COLD] = "cold",
	[OP_COLLAPSE] = "collapse",
	[OP_HUGEPAGE] = "hugepage",
	[OP_NOHUGEPAGE] = "nohugepage",
	[OP_MERGEABLE] = "mergeable",
	[OP_UNMERGEABLE] = "unmergeable",
	[OP_POPULATE] = "populate",
	[OP_GUARD] = "guard",
	[OP_REMOVE] = "punch",
	[OP_TRUNCATE] = "truncate",
	[OP_FORK] = "fork",
	[OP_EXEC] = "exec",
	[OP_EXIT] = "exit",
	[OP_MOVE_PAGES] = "move_pages",
	[OP_MIGRATE] = "migrate_pages",
	[OP_COMPACT] = "compact",
	[OP_DROP_CACHES] = "drop_caches",
	[OP_PAGEOUT_OF_OTHERS] = "process_madvise",
	[OP_CLEAR_REFS] = "clear_refs",
};

static const char *const request_names[REQUESTS] = {
	[REQUEST_PIN] = "pin",
	[REQUEST_PIN_MORE] = "pin more",
	[REQUEST_POPULATE] = "populate",
	[REQUEST_READ] = "read",
	[REQUEST_EXPLAIN] = "explain",
	[REQUEST_PREAD] = "pread",
	[REQUEST_WINDOW] = "window",
	[REQUEST_WINDOW_WRITE] = "window written",
	[REQUEST_SHARE] = "shared with a child",
	[REQUEST_RELEASE] = "released",
};

/*
 * Counters of /proc/vmstat that are reported. They show what the kernel itself did with
 * pages during the test.
 */
static struct {
	const char *key;
	const char *name;
	long before;
} events[] = {
	{ "pswpout ", "swapped out", 0 },
	{ "pswpin ", "swapped in", 0 },
	{ "pgmigrate_success ", "moved", 0 },
	{ "numa_hint_faults ", "NUMA hints", 0 },
	{ "numa_pages_migrated ", "moved for NUMA", 0 },
	{ "compact_migrate_scanned ", "looked at by compaction", 0 },
	{ "thp_collapse_alloc ", "collapsed", 0 },
	{ "thp_split_pmd ", "huge mappings split", 0 },
	{ "cow_ksm ", "merged pages copied", 0 },
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

void report_begin(void)
{
	for (size_t i = 0; i < EVENTS; i++)
		events[i].before = lab_number("/proc/vmstat", events[i].key);
}

static void print_events(void)
{
	printf("# by the kernel itself, pages:");
	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].before >= 0)
			printf("%s %s %ld", i ? "," : "", events[i].name,
			       lab_number("/proc/vmstat", events[i].key) -
				       events[i].before);
	printf("\n");
}

static uint64_t sum_counters(const _Atomic uint64_t *counters, size_t nr)
{
	uint64_t all = 0;

	for (size_t i = 0; i < nr; i++)
		all += atomic_load(&counters[i]);
	return all;
}

void report_progress(uint64_t seconds)
{
	const struct tally *tally = &world->tally;

	printf("# %4" PRIu64 " s: %" PRIu64 " requests, %" PRIu64
	       " target operations, %" PRIu64 " kills, %u complaints\n",
	       seconds, sum_counters(tally->requests, REQUESTS),
	       sum_counters(tally->ops, OPS), atomic_load(&tally->kills),
	       atomic_load(&world->complaints));
}

static void print_ops(const struct tally *tally)
{
	printf("# target operations (refused by the kernel):");
	for (size_t i = 0; i < OPS; i++)
		printf(" %s %" PRIu64 " (%" PRIu64 ")", op_names[i],
		       atomic_load(&tally->ops[i]),
		       atomic_load(&tally->refused_ops[i]));
	printf("\n");
}

static void print_requests(const struct tally *tally)
{
	printf("# requests:");
	for (size_t i = 0; i < REQUESTS; i++)
		printf(" %s %" PRIu64 ",", request_names[i],
		       atomic_load(&tally->requests[i]));
	printf(" by the kernel's engine %" PRIu64 "\n",
	       atomic_load(&tally->by_kernel));
}

static void print_refusals(const struct tally *tally)
{
	printf("# refused by ioctl:");
	for (size_t i = 0; i < ERRNOS; i++)
		if (atomic_load(&tally->errnos[i]))
			printf(" %s %" PRIu64, strerrorname_np(i),
			       atomic_load(&tally->errnos[i]));
	printf("\n# stopped short:");
	for (size_t i = 0; i < CONTRACT_REASONS; i++)
		if (atomic_load(&tally->reasons[i]))
			printf(" %s %" PRIu64, contract_reason_name(i),
			       atomic_load(&tally->reasons[i]));
	printf("\n");
}

void report_print(void)
{
	const struct tally *tally = &world->tally;
	const uint32_t complaints = atomic_load(&world->complaints);

	for (uint32_t i = 0; i < complaints && i < COMPLAINTS; i++)
		printf("# complaint: %s\n", world->complaint[i]);
	print_ops(tally);
	print_requests(tally);
	print_refusals(tally);
	print_events();
	printf("# pages done %" PRIu64 ", looked at %" PRIu64
	       ", compared with their owner %" PRIu64 ", lives %" PRIu64 "\n",
	       atomic_load(&tally->pages), atomic_load(&tally->checked),
	       atomic_load(&tally->coherent), atomic_load(&tally->lives));
	printf("# chaos: %" PRIu64 " operations, %" PRIu64 " kills, %" PRIu64
	       " stops, %" PRIu64 " refusals, %u leaks\n",
	       sum_counters(tally->requests, REQUESTS) +
		       sum_counters(tally->ops, OPS),
	       atomic_load(&tally->kills), atomic_load(&tally->stops),
	       sum_counters(tally->errnos, ERRNOS) +
		       atomic_load(&tally->short_requests),
	       atomic_load(&world->broken[RULE_BALANCE]));
}
