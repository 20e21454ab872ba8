// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lab.h"
#include "pair.h"

/*
 * The known differences between the policy and some kernels, with the reason for each.
 * Any other difference is a failure.
 */
static const struct {
	const char *row;
	const char *reason;
} rows[KNOWN_ROWS] = {
	[KNOWN_L5] = { "L5",
		       "this kernel's madvise() says ENOMEM of a hole and "
		       "populates what lies behind it all the same (Linux "
		       "631426ba1d45, in v6.9)" },
	[KNOWN_O2] = { "O2",
		       "this kernel's long-term pins cannot drop "
		       "mmap_lock, so a page that is read from a disk is not "
		       "faulted again and its neighbours stay unmapped (Linux "
		       "9a863a6a5139, in v6.3)" },
	[KNOWN_O5] = { "O5",
		       "this kernel faults hugetlb pages in under NOFAULT "
		       "(Linux 4849807114b8, in v6.6)" },
	[KNOWN_V1] = { "V1",
		       "this kernel takes pages of [vvar] that are present, and "
		       "fails to fault in the others (Linux 7.3); the policy "
		       "refuses [vvar]" },
	[KNOWN_V6] = { "V6",
		       "this kernel pins shared writable pages of a file that "
		       "tracks writes (Linux 8ac268436e6d, in v6.5)" },
	[KNOWN_V8] = { "V8", "this kernel's FORCE writes to hugetlb (Linux "
			     "\"mm/hugetlb: support FOLL_FORCE|FOLL_WRITE\")" },
	[KNOWN_E7B] = { "E7b",
			"this kernel pins a file page or the zero page where a "
			"write would copy it away (Linux 84209e87c696, in "
			"v6.3); the policy breaks COW first" },
	[KNOWN_GET] = { "READ",
			"READ takes references, process_vm_readv() pins: it "
			"unshares, READ leaves no trace" },
	[KNOWN_WATCH] = { "READ",
			  "where this kernel unshares hugetlb it forgets that "
			  "userfaultfd watches it (Linux \"mm/hugetlb: fix "
			  "uffd-wp bit lost when unsharing happens\", in "
			  "v6.4)" },
};

static bool takes_vvar;
static bool lacks_v6;
static bool lacks_unshare_file;
static bool skips_zero_page;
static bool passes_holes;
static bool keeps_lock;
static bool faults_hugetlb;
static bool forces_hugetlb;
static bool forgets_watch;

/* Map one page in a new twin and pin it with the kernel's engine. */
static struct lab_answer probe_pin(enum op_kind kind, uint32_t map_flags,
				   uint32_t flags, uint64_t *word,
				   long *acquired)
{
	const struct op map = {
		.kind = kind,
		.len = lab_page(),
		.flags = map_flags | OP_F_READ,
	};
	const struct pin_counters before = state_pin_counters();
	struct lab_answer answer = { .pin_fd = -1 };
	struct twin twin;

	if (!twin_start(&twin, &map, 1) && twin_do(&twin, &map, 0) > 0)
		answer = lab_pin(twin.target.mem_fd, ARENA, lab_page(),
				 flags | GUPX_F_ENGINE_KERNEL);
	*acquired = state_pin_counters().acquired - before.acquired;
	*word = lab_pagemap_word(twin.target.pid, ARENA);
	if (answer.pin_fd >= 0)
		close(answer.pin_fd);
	twin_stop(&twin);
	return answer;
}

/*
 * Populate a hole and the page that follows the hole. Check whether the page is then
 * present. Check also whether the kernel populates [vvar].
 */
static void probe_populate(void)
{
	const struct op map = {
		.kind = OP_MAP_ANON,
		.at = lab_page(),
		.len = lab_page(),
		.flags = OP_F_READ | OP_F_WRITE,
	};
	struct twin twin;

	if (!twin_start(&twin, &map, 1) && twin_do(&twin, &map, 0) > 0)
		twin_populate(&twin, ARENA, 2 * lab_page(), true);
	passes_holes = lab_resident(twin.target.pid, ARENA, 2);
	takes_vvar = twin.vvar &&
		     !twin_populate(&twin, twin.vvar, lab_page(), false);
	twin_stop(&twin);
}

/*
 * Page out 16 pages of a file on disk and pin one of them. Check whether the other 15
 * are still unmapped after that.
 */
static void probe_neighbours(void)
{
	const struct op ops[] = {
		{ OP_MAP_DISK, 0, 0, 16 * lab_page(), OP_F_READ, 0 },
		{ OP_LOOK, 0, 0, 16 * lab_page(), 0, 0 },
		{ OP_PAGEOUT, 0, 0, 16 * lab_page(), 0, 0 },
	};
	struct lab_answer answer = { .pin_fd = -1 };
	struct twin twin;

	if (!twin_start(&twin, ops, 1)) {
		for (size_t i = 0; i < 3; i++)
			twin_do(&twin, &ops[i], i);
		answer = lab_pin(twin.target.mem_fd, ARENA + 8 * lab_page(),
				 lab_page(), GUPX_F_ENGINE_KERNEL);
	}
	keeps_lock = lab_resident(twin.target.pid, ARENA, 16) == 1;
	if (answer.pin_fd >= 0)
		close(answer.pin_fd);
	twin_stop(&twin);
}

/*
 * Pin a hugetlb page that is shared with a child and write-protected by userfaultfd.
 * The pin unshares the page. Check whether the new page is still write-protected.
 */
static void probe_watch(void)
{
	const uint64_t huge = 512 * lab_page();
	const struct op ops[] = {
		{ OP_MAP_HUGETLB, 0, 0, huge, OP_F_READ | OP_F_WRITE, 0 },
		{ OP_WRITE, 0, 0, huge, 0, 0 },
		{ OP_FORK, 0, 0, 0, 0, 0 },
		{ OP_WATCH_WRITES, 0, 0, huge, 0, 0 },
	};
	struct lab_answer answer = { .pin_fd = -1 };
	struct twin twin;

	if (!twin_start(&twin, ops, 1)) {
		for (size_t i = 0; i < 4; i++)
			twin_do(&twin, &ops[i], i);
		answer = lab_pin(twin.target.mem_fd, ARENA, lab_page(),
				 GUPX_F_ENGINE_KERNEL);
	}
	forgets_watch =
		answer.done &&
		!(lab_pagemap_word(twin.target.pid, ARENA) & PM_UFFD_WP);
	if (answer.pin_fd >= 0)
		close(answer.pin_fd);
	twin_stop(&twin);
}

void known_probe(void)
{
	uint64_t word;
	long acquired;

	lacks_v6 = probe_pin(OP_MAP_DISK, OP_F_SHARED | OP_F_WRITE,
			     GUPX_F_WRITE, &word, &acquired)
			   .done;
	if (!probe_pin(OP_MAP_TMPFS, OP_F_WRITE, 0, &word, &acquired).done) {
		printf("# the kernel's engine cannot pin a file's page\n");
		exit(1);
	}
	lacks_unshare_file = word & LAB_PM_FILE;
	/*
	 * Find out whether row E8z applies: this kernel does not count pins of the zero
	 * page. A read pin of untouched memory pins the zero page.
	 */
	probe_pin(OP_MAP_ANON, OP_F_WRITE, 0, &word, &acquired);
	skips_zero_page = !acquired;
	faults_hugetlb = probe_pin(OP_MAP_HUGETLB, OP_F_WRITE, GUPX_F_NOFAULT,
				   &word, &acquired)
				 .done;
	forces_hugetlb =
		probe_pin(OP_MAP_HUGETLB, 0, GUPX_F_WRITE | GUPX_F_FORCE, &word,
			  &acquired)
			.done;
	probe_populate();
	probe_neighbours();
	probe_watch();
}

static bool is_mapped(const struct pair *pair, uint64_t addr,
		      const char *protection, char *name, size_t size)
{
	char found[5] = "";

	if (!state_mapping(&pair->a, addr, found, name, size))
		return false;
	for (int i = 0; i < 4; i++)
		if (protection[i] != '?' && protection[i] != found[i])
			return false;
	return true;
}

static bool tracks_writes(const struct pair *pair, uint64_t addr)
{
	char name[256];

	if (!is_mapped(pair, addr, "?w?s", name, sizeof(name)))
		return false;
	return !strncmp(name, "/mnt/disk/", 10) ||
	       !strncmp(name, "anon_inode:[perf_event]", 23);
}

static bool is_hugetlb(const struct pair *pair, uint64_t addr)
{
	char name[256];

	return is_mapped(pair, addr, "????", name, sizeof(name)) &&
	       !strncmp(name, "/anon_hugepage", 14);
}

static bool is_on_disk(const struct pair *pair, uint64_t addr)
{
	char name[256];

	return is_mapped(pair, addr, "????", name, sizeof(name)) &&
	       !strncmp(name, "/mnt/disk/", 10);
}

/*
 * Return: true if a write by the twin would copy the page, else false. A write copies a
 * file page in a private mapping, and the zero page.
 */
static bool is_cow_source(const struct pair *pair, const struct state *state,
			  uint64_t addr)
{
	const size_t page = (addr - ARENA) / lab_page();
	char name[256];

	return addr >= ARENA && page < state->nr &&
	       (state->words[page] & LAB_PM_PRESENT) &&
	       !(state->kinds[page] & KPF_ANON_BIT) &&
	       is_mapped(pair, addr, "?w?p", name, sizeof(name));
}

/*
 * Return: true if @op can pin or read the page without a fault, else false. No fault is
 * needed if the page is present and mapped only once, and @op is not for writing. After
 * a fork, PM_EXCLUSIVE is not sufficient: if the child no longer maps a page, the page
 * is not marked anon-exclusive until the parent writes to it.
 */
static bool is_readable(const struct pair *pair, size_t page,
			const struct op *op)
{
	const uint64_t own = LAB_PM_PRESENT | PM_EXCLUSIVE;

	return !(op->flags & GUPX_F_WRITE) && !pair->a.forked &&
	       page < pair->pages && (pair->seen_a.words[page] & own) == own;
}

enum known known_cut(const struct pair *pair, const struct op *op,
		     const struct lab_answer *answer)
{
	const uint64_t addr = answer->stop.addr;
	const size_t page = (addr - ARENA) / lab_page();

	if (answer->failed)
		return KNOWN_NONE;
	if (answer->stop.reason == GUPX_REASON_IO_MAPPING)
		return takes_vvar && op->space == SPACE_VVAR ? KNOWN_V1
							     : KNOWN_NONE;
	if (op->kind == OP_POPULATE)
		return passes_holes && answer->stop.reason ==
					       GUPX_REASON_NO_MAPPING
			       ? KNOWN_L5
			       : KNOWN_NONE;
	if (answer->stop.reason == GUPX_REASON_NOFAULT && faults_hugetlb &&
	    is_hugetlb(pair, addr) && !is_readable(pair, page, op))
		return KNOWN_O5;
	if (op->kind == OP_READ)
		return KNOWN_NONE;
	if (answer->stop.reason == GUPX_REASON_DIRTY_TRACKING)
		return lacks_v6 && (op->flags & GUPX_F_WRITE) &&
				       tracks_writes(pair, addr)
			       ? KNOWN_V6
			       : KNOWN_NONE;
	if (answer->stop.reason == GUPX_REASON_FORCE_HUGETLB)
		return forces_hugetlb && is_hugetlb(pair, addr) ? KNOWN_V8
								: KNOWN_NONE;
	if (!lacks_unshare_file || (op->flags & GUPX_F_WRITE) ||
	    !is_cow_source(pair, &pair->seen_a, addr))
		return KNOWN_NONE;
	/*
	 * The policy engine must break COW of this page before it pins the page, but
	 * this was not possible: either NOFAULT forbade the fault, or userfaultfd
	 * blocked the fault.
	 */
	if (answer->stop.reason == GUPX_REASON_NOFAULT ||
	    (answer->stop.reason == GUPX_REASON_FAULT_SIGBUS &&
	     (pair->seen_a.words[page] & PM_UFFD_WP)))
		return KNOWN_E7B;
	return KNOWN_NONE;
}

/*
 * Return: true if the page belongs to a file on disk and only one twin maps the page,
 * else false.
 */
static bool is_neighbour(const struct pair *pair, size_t page)
{
	const bool in_a = pair->seen_a.words[page] & LAB_PM_PRESENT;
	const bool in_b = pair->seen_b.words[page] & LAB_PM_PRESENT;
	const struct state *in = in_a ? &pair->seen_a : &pair->seen_b;

	return in_a != in_b && (in->words[page] & LAB_PM_FILE) &&
	       is_on_disk(pair, ARENA + page * lab_page());
}

/*
 * Find neighbouring pages that fault-around mapped in only one twin, and map them in
 * both twins. Fault-around maps the cached pages in the aligned 64 KiB around a page.
 * If the mapping begins inside these 64 KiB, fault-around maps the 64 KiB after the
 * start of the mapping. Therefore the search includes the next 64 KiB, too.
 */
static void settle_neighbours(struct pair *pair, uint64_t addr, uint64_t len)
{
	const uint64_t window = 16 * lab_page();
	const uint64_t first = addr / window * window;
	const uint64_t end = (addr + len - 1) / window * window + 2 * window;
	bool settled = false;

	for (uint64_t at = first; at < end; at += lab_page()) {
		const size_t page = (at - ARENA) / lab_page();

		if (at < ARENA || page >= pair->pages ||
		    (at >= addr && at < addr + len) ||
		    !is_neighbour(pair, page))
			continue;
		twin_populate(&pair->a, at, lab_page(), false);
		twin_populate(&pair->b, at, lab_page(), false);
		pair->report->explained[KNOWN_O2]++;
		settled = true;
	}
	if (settled)
		pair_look(pair);
}

struct settled known_settle_pin(struct pair *pair, const struct op *op,
				uint64_t addr, uint64_t len)
{
	struct settled settled = { 0 };

	if (keeps_lock && !(op->flags & GUPX_F_WRITE))
		settle_neighbours(pair, addr, len);
	if (!lacks_unshare_file || (op->flags & GUPX_F_WRITE))
		return settled;
	for (uint64_t at = addr; at < addr + len; at += lab_page()) {
		const size_t page = (at - ARENA) / lab_page();

		if (!is_cow_source(pair, &pair->seen_b, at) ||
		    !(pair->seen_a.kinds[page] & KPF_ANON_BIT))
			continue;
		twin_populate(&pair->b, at, lab_page(), true);
		pair->report->explained[KNOWN_E7B]++;
		settled.pages++;
		/*
		 * Count only pages that are the small zero page. The kernel counts pins
		 * of the huge zero page, as for any large folio.
		 */
		if (skips_zero_page &&
		    (pair->seen_b.kinds[page] & KPF_ZERO_BIT) &&
		    !(pair->seen_b.kinds[page] & KPF_THP_BIT))
			settled.uncounted++;
	}
	if (settled.pages)
		pair_look(pair);
	return settled;
}

void known_settle_watch(struct pair *pair)
{
	const struct state *a = &pair->seen_a;
	struct state *b = &pair->seen_b;

	if (!forgets_watch)
		return;
	for (size_t page = 0; page < b->nr; page++) {
		if (!(a->words[page] & ~b->words[page] & PM_UFFD_WP) ||
		    !(b->kinds[page] & KPF_HUGE_BIT))
			continue;
		b->words[page] |= PM_UFFD_WP;
		pair->report->explained[KNOWN_WATCH]++;
	}
}

void known_settle_read(struct pair *pair, uint64_t addr, uint64_t len,
		       void *buffer)
{
	const struct iovec local = { buffer, len };
	const struct iovec remote = { (void *)addr, len };
	size_t page = 0;

	while ((page = state_differs(&pair->seen_a, &pair->seen_b, page,
				     true)) < pair->seen_a.nr) {
		if (pair->seen_b.kinds[page] & KPF_ANON_BIT)
			pair->report->explained[KNOWN_GET]++;
		page++;
	}
	/*
	 * Read the range of twin a with process_vm_readv() too. This makes the page
	 * state of both twins equal, including the state that /proc does not show.
	 */
	process_vm_readv(pair->a.target.pid, &local, 1, &remote, 1, 0);
	pair_look(pair);
}

void known_print(const struct report *sum)
{
	for (size_t i = KNOWN_NONE + 1; i < KNOWN_ROWS; i++)
		if (sum->explained[i])
			printf("# %s: %" PRIu64 " known: %s\n", rows[i].row,
			       sum->explained[i], rows[i].reason);
}
