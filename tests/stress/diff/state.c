// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab.h"
#include "state.h"

#define KINDS (KPF_ANON_BIT | KPF_HUGE_BIT | KPF_THP_BIT | KPF_ZERO_BIT)

static const char *const sums[STATE_SUMS] = {
	"AnonHugePages:",  "ShmemPmdMapped:", "Private_Hugetlb:",
	"Shared_Hugetlb:", "Swap:",
};

/* Read the flags of @nr consecutive frames in one call. */
static void read_kinds(struct state *state, size_t first, size_t nr)
{
	static int fd = -1;
	const uint64_t frame = LAB_PM_FRAME(state->words[first]);
	const ssize_t size = nr * sizeof(state->kinds[0]);

	if (fd < 0)
		fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (pread(fd, &state->kinds[first], size, frame * 8) != size) {
		perror("# /proc/kpageflags");
		exit(1);
	}
	for (size_t i = first; i < first + nr; i++)
		state->kinds[i] &= KINDS;
}

static bool is_contiguous(const uint64_t *words, size_t i)
{
	return (words[i] & LAB_PM_PRESENT) &&
	       LAB_PM_FRAME(words[i]) == LAB_PM_FRAME(words[i - 1]) + 1;
}

static void take_kinds(struct state *state)
{
	size_t i = 0;

	while (i < state->nr) {
		size_t end = i + 1;

		if (state->words[i] & LAB_PM_PRESENT) {
			while (end < state->nr &&
			       is_contiguous(state->words, end))
				end++;
			read_kinds(state, i, end - i);
		} else {
			state->kinds[i] = 0;
		}
		i = end;
	}
}

static void take_sums(struct state *state, const struct twin *twin)
{
	char path[64], text[4096];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", twin->target.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	for (size_t i = 0; i < STATE_SUMS; i++) {
		const char *line = strstr(text, sums[i]);

		state->sums[i] = line ? atol(line + strlen(sums[i])) : -1;
	}
}

void state_take(struct state *state, const struct twin *twin, size_t nr)
{
	state->nr = nr;
	lab_pagemap(twin->target.pid, ARENA, nr, state->words);
	take_kinds(state);
	take_sums(state, twin);
}

/* Mask out frame numbers and swap offsets, which differ between the twins. */
static uint64_t comparable_bits(uint64_t word)
{
	return word & (LAB_PM_PRESENT | LAB_PM_SWAP | LAB_PM_FILE | PM_UFFD_WP |
		       PM_EXCLUSIVE | PM_SOFT_DIRTY);
}

size_t state_differs(const struct state *a, const struct state *b, size_t from,
		     bool sharing)
{
	const uint64_t marks =
		sharing ? ~0ULL : ~(PM_EXCLUSIVE | PM_SOFT_DIRTY);
	const uint64_t kinds = sharing ? ~0ULL : ~KPF_THP_BIT;
	size_t i = from;

	while (i < a->nr &&
	       !((comparable_bits(a->words[i]) ^ comparable_bits(b->words[i])) &
		 marks) &&
	       !((a->kinds[i] ^ b->kinds[i]) & kinds))
		i++;
	return i;
}

const char *state_sum_differs(const struct state *a, const struct state *b)
{
	for (size_t i = 0; i < STATE_SUMS; i++)
		if (a->sums[i] != b->sums[i])
			return sums[i];
	return NULL;
}

const char *state_describe(const struct state *state, size_t page, char *text,
			   size_t size)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} marks[] = {
		{ LAB_PM_PRESENT, " present" },	 { LAB_PM_SWAP, " swap" },
		{ LAB_PM_FILE, " file" },	 { PM_UFFD_WP, " uffd-wp" },
		{ PM_EXCLUSIVE, " mapped-once" }, { PM_SOFT_DIRTY, " soft-dirty" },
	}, kinds[] = {
		{ KPF_ANON_BIT, " ANON" }, { KPF_HUGE_BIT, " HUGETLB" },
		{ KPF_THP_BIT, " THP" },
		{ KPF_ZERO_BIT, " ZERO" },
	};
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (state->words[page] & marks[i].bit)
			used += snprintf(text + used, size - used, "%s",
					 marks[i].name);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (state->kinds[page] & kinds[i].bit)
			used += snprintf(text + used, size - used, "%s",
					 kinds[i].name);
	if (!used)
		snprintf(text, size, " nothing");
	return text;
}

bool state_mapping(const struct twin *twin, uint64_t addr, char protection[5],
		   char *name, size_t size)
{
	char path[64], line[512], where[256];
	uint64_t first, end;
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", twin->target.pid);
	maps = fopen(path, "re");
	while (maps && !found && fgets(line, sizeof(line), maps)) {
		where[0] = '\0';
		if (sscanf(line,
			   "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %255s",
			   &first, &end, protection, where) < 3)
			continue;
		found = first <= addr && addr < end;
	}
	if (maps)
		fclose(maps);
	if (found)
		snprintf(name, size, "%s", where);
	return found;
}

static long parse_counter(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? atol(line + strlen(name)) : -1;
}

/*
 * Write to stat_refresh before reading the counters, so that the kernel adds the
 * per-CPU deltas to them.
 */
struct pin_counters state_pin_counters(void)
{
	static char text[16384];
	static int refresh = -1, vmstat = -1;
	ssize_t size;

	if (refresh < 0) {
		refresh =
			open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
		vmstat = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	}
	if (pwrite(refresh, "1", 1, 0) != 1) {
		perror("# stat_refresh");
		exit(1);
	}
	size = pread(vmstat, text, sizeof(text) - 1, 0);
	text[size > 0 ? size : 0] = '\0';
	return (struct pin_counters){
		.acquired = parse_counter(text, "nr_foll_pin_acquired "),
		.released = parse_counter(text, "nr_foll_pin_released "),
	};
}
