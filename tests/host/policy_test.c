// SPDX-License-Identifier: GPL-2.0
/*
 * Check the verdicts of module/policy.h for all inputs.
 *
 * An input is one 64-bit word that contains entry (or fault) bits, mapping bits and
 * request bits. The expected verdicts are ordered lists of rows {mask, value, verdict,
 * row id}. The rows are derived from the policy document, not from the code. The first
 * row that matches an input gives the expected verdict. The test fails if no row
 * matches an input, if a verdict differs from the expected one, or if a row is never
 * the first match.
 *
 * If a list has too many input bits to enumerate, some bits that occur in no mask of
 * the list are set pseudo-randomly. Code that reads such a bit by mistake then returns
 * a wrong verdict for some inputs.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_ROWS 96
/* Check that the entry bits and the mapping bits fit into 16 bits each. */
_Static_assert(GUPX_E_ALL <= 0xffff && GUPX_V_ALL <= 0xffff, "too many facts");
/*
 * Maximum number of input bits whose combinations are all tried. If the rows of a list
 * test more bits than this, all combinations of the tested bits are tried nevertheless.
 * Trying 2^28 combinations takes about two seconds.
 */
#define MAX_BITS 28

/*
 * Position of the entry (or fault) bits, the mapping bits and the request bits in the
 * 64-bit input word.
 */
#define E(marks) ((uint64_t)GUPX_E_##marks)
#define H(answer) ((uint64_t)GUPX_H_##answer)
#define V(fact) ((uint64_t)GUPX_V_##fact << 16)
#define R(flag) ((uint64_t)GUPX_R_##flag << 32)
#define ENTRY_OF(word) ((uint32_t)((word)&0xffff))
#define VMA_OF(word) ((uint32_t)((word) >> 16 & 0xffff))
#define REQUEST_OF(word) ((uint32_t)((word) >> 32))
#define ALL_E ((uint64_t)GUPX_E_ALL)
#define ALL_H ((uint64_t)GUPX_H_ALL)
#define ALL_V ((uint64_t)GUPX_V_ALL << 16)
#define ALL_R ((uint64_t)GUPX_R_ALL << 32)

/*
 * Input bit that is set if the page table allows reads of the gate page. The verdict
 * for the gate page depends on no other fact of the page table.
 */
#define GATE_READABLE ((uint64_t)1)

/* Build a row from the bits that must be set and the bits that must be clear. */
#define WHEN(on, off) .mask = (on) | (off), .value = (on)
#define KIND(kind, on, off) \
	.mask = E(KIND) | (on) | (off), .value = E(kind) | (on)

#define DO(what) ((struct gupx_verdict){ .action = GUPX_##what })
#define STOP(where, why, err)                \
	((struct gupx_verdict){              \
		.action = GUPX_STOP,         \
		.stage = GUPX_STAGE_##where, \
		.reason = GUPX_REASON_##why, \
		.error = (err),              \
	})

struct row {
	uint64_t mask;
	uint64_t value;
	struct gupx_verdict verdict;
	const char *id;
};

static const struct row hole_rows[] = {
	{ WHEN(R(POPULATE), 0), STOP(LOOKUP, NO_MAPPING, ENOMEM), "L5" },
	{ WHEN(0, R(POPULATE)), STOP(LOOKUP, NO_MAPPING, EFAULT), "L8" },
};

static const struct row gate_rows[] = {
	{ WHEN(R(WRITE), 0), STOP(GATE, GATE_WRITE, EFAULT), "L7 write" },
	{ WHEN(0, GATE_READABLE), STOP(GATE, GATE_EMPTY, EFAULT), "L7 xonly" },
	{ WHEN(GATE_READABLE, R(WRITE)), DO(GO), "L7 page" },
};

/*
 * Row L6 (POPULATE returns EINVAL for a VMA that it cannot use): if a row refuses a
 * mapping, the error for POPULATE is EINVAL, whatever the reason for the refusal is.
 */
#define REFUSE(on, off, why, err, id)                                        \
	{ WHEN((on) | R(POPULATE), off), STOP(VMA, why, EINVAL), "L6 " id }, \
	{                                                                    \
		WHEN(on, (off) | R(POPULATE)), STOP(VMA, why, err), id       \
	}

#define SHARED_WRITABLE (V(SHARED) | V(WRITE))

static const struct row vma_rows[] = {
	REFUSE(V(IO), 0, IO_MAPPING, EFAULT, "V1 io"),
	REFUSE(V(PFNMAP), 0, IO_MAPPING, EFAULT, "V1 pfnmap"),
	REFUSE(R(ANON), V(ANON), NOT_ANON, EFAULT, "V2"),
	{ WHEN(V(FSDAX) | R(PIN) | R(LONGTERM), 0),
	  STOP(VMA, FSDAX, EOPNOTSUPP), "V3" },
	{ WHEN(V(FSDAX) | R(PIN) | R(SHORT), 0), STOP(VMA, FSDAX, EOPNOTSUPP),
	  "V3 short pin held on purpose" },
	REFUSE(V(SECRETMEM), 0, SECRETMEM, EFAULT, "V5"),
	{ WHEN(R(WRITE) | R(PIN) | R(LONGTERM) | SHARED_WRITABLE | V(MKWRITE),
	       V(ANON)),
	  STOP(VMA, DIRTY_TRACKING, EFAULT), "V6 mkwrite" },
	{ WHEN(R(WRITE) | R(PIN) | R(LONGTERM) | SHARED_WRITABLE | V(WRITEBACK),
	       V(ANON)),
	  STOP(VMA, DIRTY_TRACKING, EFAULT), "V6 writeback" },
	{ WHEN(R(WRITE) | R(PIN) | R(SHORT) | SHARED_WRITABLE | V(MKWRITE),
	       V(ANON)),
	  STOP(VMA, DIRTY_TRACKING, EFAULT), "V6 short, mkwrite" },
	{ WHEN(R(WRITE) | R(PIN) | R(SHORT) | SHARED_WRITABLE | V(WRITEBACK),
	       V(ANON)),
	  STOP(VMA, DIRTY_TRACKING, EFAULT), "V6 short, writeback" },
	{ WHEN(R(WRITE) | V(WRITE), V(SHADOW_STACK)), DO(GO), "V7 may write" },
	REFUSE(R(WRITE), V(WRITE) | R(FORCE), NO_WRITE, EFAULT, "V7"),
	REFUSE(R(WRITE) | V(SHADOW_STACK), R(FORCE), NO_WRITE, EFAULT,
	       "V7 shadow stack"),
	/*
	 * The following rows apply only with FORCE, so they need no variant for
	 * POPULATE: POPULATE never has FORCE (row O7).
	 */
	{ WHEN(R(WRITE) | R(FORCE) | V(HUGETLB), V(WRITE)),
	  STOP(VMA, FORCE_HUGETLB, EFAULT), "V8" },
	{ WHEN(R(WRITE) | R(FORCE) | V(HUGETLB) | V(SHADOW_STACK), 0),
	  STOP(VMA, FORCE_HUGETLB, EFAULT), "V8 shadow stack" },
	{ WHEN(R(WRITE) | R(FORCE) | V(SHARED), 0),
	  STOP(VMA, FORCE_SHARED, EFAULT), "V9 shared" },
	{ WHEN(R(WRITE) | R(FORCE), V(MAYWRITE)),
	  STOP(VMA, FORCE_SHARED, EFAULT), "V9 never writable" },
	{ WHEN(R(WRITE) | R(FORCE) | V(MAYWRITE), V(SHARED)), DO(GO),
	  "V9 COW" },
	{ WHEN(V(READ), R(WRITE)), DO(GO), "V10 may read" },
	REFUSE(0, R(WRITE) | V(READ) | R(FORCE), NO_READ, EFAULT, "V10"),
	{ WHEN(R(FORCE), R(WRITE) | V(READ) | V(MAYREAD)),
	  STOP(VMA, NO_READ, EFAULT), "V10 never readable" },
	{ WHEN(R(FORCE) | V(MAYREAD), R(WRITE) | V(READ)), DO(GO),
	  "V10 FORCE" },
};

/* Row O5: with NOFAULT, the verdict is a stop instead of a fault or an unshare. */
#define BRING_IN(on, off, how, id)                                     \
	{ WHEN((on) | R(NOFAULT), off), STOP(FOLLOW, NOFAULT, EFAULT), \
	  "O5 of " id },                                               \
	{                                                              \
		WHEN(on, (off) | R(NOFAULT)), DO(how), id              \
	}

#define NOT_WRITE (R(WRITE) | E(WRITABLE))
#define COW_FILE (R(PIN) | R(LONGTERM) | V(MAYWRITE))

static const struct row entry_rows[] = {
	{ KIND(BAD, 0, 0), STOP(FOLLOW, BAD_ENTRY, EFAULT), "E10 bad" },
	{ KIND(EMPTY, R(DUMP) | V(ANON), 0), STOP(FOLLOW, DUMP_EMPTY, EFAULT),
	  "E2 anonymous" },
	{ KIND(EMPTY, R(DUMP), E(FILLED)), STOP(FOLLOW, DUMP_EMPTY, EFAULT),
	  "E2 no fault op" },
	BRING_IN(E(EMPTY), E(KIND) & ~E(EMPTY), FAULT, "E1 nothing mapped"),
	BRING_IN(E(ABSENT), E(KIND) & ~E(ABSENT), FAULT,
		 "E1 swap, migration, marker"),
	{ KIND(GUARD, 0, 0), STOP(FOLLOW, GUARD, EFAULT), "E1b guard region" },
	{ WHEN(E(PROTNONE) | R(HONOR_NUMA) | E(PMD) | R(DUMP) | V(ANON), 0),
	  STOP(FOLLOW, DUMP_EMPTY, EFAULT), "E2 of E3, anonymous" },
	{ WHEN(E(PROTNONE) | R(HONOR_NUMA) | E(PMD) | R(DUMP), E(FILLED)),
	  STOP(FOLLOW, DUMP_EMPTY, EFAULT), "E2 of E3, no fault op" },
	BRING_IN(E(PROTNONE) | R(HONOR_NUMA), 0, FAULT, "E3"),
	{ WHEN(E(PROTNONE) | V(UFFD_RWP) | E(PMD) | R(DUMP) | V(ANON), 0),
	  STOP(FOLLOW, DUMP_EMPTY, EFAULT), "E2 of E3b, anonymous" },
	{ WHEN(E(PROTNONE) | V(UFFD_RWP) | E(PMD) | R(DUMP), E(FILLED)),
	  STOP(FOLLOW, DUMP_EMPTY, EFAULT), "E2 of E3b, no fault op" },
	BRING_IN(E(PROTNONE) | V(UFFD_RWP), 0, FAULT, "E3b"),
	{ KIND(DEVMAP, R(WRITE) | V(MAYWRITE), E(WRITABLE) | V(SHARED)),
	  STOP(FOLLOW, UNSUPPORTED, EOPNOTSUPP),
	  "E4 device map, copied blindly" },
	{ KIND(NO_PAGE, R(WRITE) | V(MAYWRITE), E(WRITABLE) | V(SHARED)),
	  STOP(FOLLOW, UNSUPPORTED, EOPNOTSUPP), "E4 no page, copied blindly" },
	{ KIND(OPAQUE, R(WRITE) | V(MAYWRITE), E(WRITABLE) | V(SHARED)),
	  STOP(FOLLOW, UNSUPPORTED, EOPNOTSUPP), "E4 opaque, copied blindly" },
	BRING_IN(R(WRITE), E(WRITABLE) | R(FORCE), FAULT, "E4 no FORCE"),
	BRING_IN(R(WRITE) | E(NEVER_FORCE), E(WRITABLE), FAULT,
		 "E4 PUD, device map"),
	BRING_IN(R(WRITE) | V(SHARED), E(WRITABLE), FAULT, "E4 shared"),
	BRING_IN(R(WRITE) | V(MAYSHARE), E(WRITABLE), FAULT, "E4 may share"),
	BRING_IN(R(WRITE), V(MAYWRITE) | E(WRITABLE), FAULT,
		 "E4 never writable"),
	BRING_IN(R(WRITE) | V(WRITE), E(WRITABLE), FAULT,
		 "E4 writable mapping"),
	BRING_IN(R(WRITE), E(PAGE_ANON) | E(WRITABLE), FAULT,
		 "E4 not anonymous"),
	BRING_IN(R(WRITE), E(PAGE_EXCLUSIVE) | E(WRITABLE), FAULT,
		 "E4 not exclusive"),
	BRING_IN(R(WRITE) | E(SOFT_DIRTY_DUE), E(WRITABLE), FAULT,
		 "E4 soft-dirty due"),
	BRING_IN(R(WRITE) | E(UFFD_WP), E(WRITABLE), FAULT, "E4 uffd-wp"),
	/*
	 * Row E5 (DUMP refuses special entries) does not apply to DEVMAP entries,
	 * although they map no normal page. GET and PIN leave DEVMAP entries to the
	 * kernel's engine (row E12). POPULATE skips them (row E11).
	 */
	{ KIND(DEVMAP, R(GET), 0), DO(DELEGATE), "E12 get" },
	{ KIND(DEVMAP, R(PIN), 0), DO(DELEGATE), "E12 pin" },
	{ KIND(DEVMAP, 0, R(GET) | R(PIN)), DO(SKIP), "E11 L17" },
	{ KIND(ZERO, R(DUMP), 0), STOP(FOLLOW, DUMP_SPECIAL, EFAULT),
	  "E5 zero page" },
	{ KIND(HUGE_ZERO, R(DUMP), 0), STOP(FOLLOW, DUMP_SPECIAL, EFAULT),
	  "E5 huge zero page" },
	{ KIND(NO_PAGE, R(DUMP), 0), STOP(FOLLOW, DUMP_SPECIAL, EFAULT),
	  "E5 no page" },
	{ KIND(OPAQUE, R(DUMP), 0), STOP(FOLLOW, DUMP_SPECIAL, EFAULT),
	  "E5 opaque" },
	{ KIND(OPAQUE, 0, R(DUMP)), DO(DELEGATE),
	  "E6 opaque: only the kernel can tell" },
	{ KIND(NO_PAGE, R(GET), 0), STOP(FOLLOW, NO_PAGE, EEXIST),
	  "E6 L16 get" },
	{ KIND(NO_PAGE, R(PIN), 0), STOP(FOLLOW, NO_PAGE, EEXIST),
	  "E6 L16 pin" },
	{ KIND(NO_PAGE, 0, R(GET) | R(PIN)), DO(SKIP), "E6 L17" },
	BRING_IN(R(PIN) | E(PAGE_ANON), NOT_WRITE | E(PAGE_EXCLUSIVE), UNSHARE,
		 "E7a"),
	BRING_IN(COW_FILE | R(CAN_UNSHARE_FILE),
		 NOT_WRITE | E(PAGE_ANON) | V(SHARED), UNSHARE, "E7b"),
	BRING_IN(COW_FILE | V(WRITE),
		 NOT_WRITE | E(PAGE_ANON) | V(SHARED) | R(CAN_UNSHARE_FILE),
		 BREAK_COW, "E7b on a kernel that cannot unshare files"),
	{ WHEN(E(REFCOUNT_BAD), 0), STOP(GRAB, REFCOUNT, ENOMEM), "E9" },
	{ WHEN(E(P2PDMA), 0), STOP(GRAB, P2PDMA, EREMOTEIO), "E8p" },
	{ WHEN(R(LONGTERM) | E(NOT_LONGTERM_PINNABLE) | V(HUGETLB),
	       R(CAN_MOVE_HUGETLB)),
	  STOP(GRAB, MIGRATE, ENOMEM),
	  "O4 on a kernel that cannot move hugetlb" },
	{ WHEN(R(LONGTERM) | E(NOT_LONGTERM_PINNABLE), 0), DO(DELEGATE), "O4" },
	{ KIND(PAGE, 0, 0), DO(GO), "E8" },
	{ KIND(ZERO, 0, 0), DO(GO), "E8z" },
	{ KIND(HUGE_ZERO, 0, 0), DO(GO), "E5 without DUMP" },
};

static const struct row fault_rows[] = {
	{ WHEN(H(COMPLETED), 0), DO(RELOCK), "L14 completed" },
	{ WHEN(H(OOM), 0), STOP(FAULT, FAULT_OOM, ENOMEM), "L15 oom" },
	{ WHEN(H(HWPOISON) | R(HWPOISON), 0),
	  STOP(FAULT, FAULT_HWPOISON, EHWPOISON), "L15 hwpoison asked" },
	{ WHEN(H(HWPOISON) | R(POPULATE), 0),
	  STOP(FAULT, FAULT_HWPOISON, EHWPOISON), "L15 hwpoison, populate" },
	{ WHEN(H(HWPOISON), 0), STOP(FAULT, FAULT_HWPOISON, EFAULT),
	  "L15 hwpoison" },
	{ WHEN(H(SIGBUS), 0), STOP(FAULT, FAULT_SIGBUS, EFAULT), "L15 sigbus" },
	{ WHEN(H(SIGSEGV), 0), STOP(FAULT, FAULT_SIGSEGV, EFAULT),
	  "L15 sigsegv" },
	{ WHEN(H(OTHER_ERROR), 0), STOP(FAULT, FAULT_SIGBUS, EFAULT),
	  "L15 unknown error bit" },
	{ WHEN(H(RETRY) | R(NOWAIT), 0), STOP(FAULT, WOULD_WAIT, 0),
	  "L14 nowait" },
	{ WHEN(H(RETRY), R(NOWAIT)), DO(RELOCK), "L14 retry" },
	{ WHEN(0, H(COMPLETED) | H(OOM) | H(HWPOISON) | H(SIGBUS) | H(SIGSEGV) |
			  H(OTHER_ERROR) | H(RETRY)),
	  DO(LOOK_AGAIN), "L13" },
};

static bool all_possible(uint64_t word)
{
	(void)word;
	return true;
}

/*
 * Row L5 (populate without a VMA fails) precedes row L7 (gate page), so a request with
 * POPULATE never reaches the gate page.
 */
static bool gate_possible(uint64_t word)
{
	return !(word & R(POPULATE));
}

/*
 * Row O7: POPULATE never has GET, PIN or FORCE. Row L3: LONGTERM occurs only with PIN.
 */
static bool vma_possible(uint64_t word)
{
	if (word & R(POPULATE))
		return !(word & (R(PIN) | R(FORCE) | R(LONGTERM) | R(SHORT)));
	return (word & R(PIN)) || !(word & R(LONGTERM));
}

/*
 * Row L3 (invalid flag combinations): GET and PIN exclude each other, and LONGTERM
 * occurs only with PIN. The kind of a page table entry is a number below GUPX_E_KINDS.
 * The kinds ABSENT (swap, migration or marker entry) and GUARD occur only for PTEs. The loop
 * handles a PMD that is not present like an empty PMD, so its kind is EMPTY.
 */
static bool entry_possible(uint64_t word)
{
	const uint64_t kind = word & E(KIND);

	if (kind >= GUPX_E_KINDS)
		return false;
	if (!(word & R(PIN)) && (word & R(LONGTERM)))
		return false;
	if ((word & (R(GET) | R(PIN))) == (R(GET) | R(PIN)))
		return false;
	return !((kind == GUPX_E_ABSENT || kind == GUPX_E_GUARD) &&
		 (word & E(PMD)));
}

static struct gupx_verdict judge_hole(uint64_t word)
{
	return gupx_policy_judge_hole(REQUEST_OF(word));
}

static struct gupx_verdict judge_gate(uint64_t word)
{
	return gupx_policy_judge_gate(word & GATE_READABLE, REQUEST_OF(word));
}

static struct gupx_verdict judge_vma(uint64_t word)
{
	return gupx_policy_judge_vma(VMA_OF(word), REQUEST_OF(word));
}

static struct gupx_verdict judge_entry(uint64_t word)
{
	return gupx_policy_judge_entry(ENTRY_OF(word), VMA_OF(word),
				       REQUEST_OF(word));
}

static struct gupx_verdict judge_fault(uint64_t word)
{
	return gupx_policy_judge_fault(ENTRY_OF(word), REQUEST_OF(word));
}

/**
 * struct table - one function of the policy and its expected verdicts
 * @name: name in messages
 * @rows: expected verdicts; the first row that matches an input applies
 * @nr_rows: number of rows, at most MAX_ROWS
 * @bits: all bits that can be set in an input
 * @possible: returns true if the input can occur
 * @judge: function under test
 */
struct table {
	const char *name;
	const struct row *rows;
	size_t nr_rows;
	uint64_t bits;
	bool (*possible)(uint64_t word);
	struct gupx_verdict (*judge)(uint64_t word);
};

#define TABLE(function, all)                                                \
	{                                                                   \
		.name = #function, .rows = function##_rows,                 \
		.nr_rows = ARRAY_SIZE(function##_rows), .bits = (all),      \
		.possible = function##_possible, .judge = judge_##function, \
	}

#define hole_possible all_possible
#define fault_possible all_possible

static const struct table tables[] = {
	TABLE(hole, ALL_R),	     TABLE(gate, GATE_READABLE | ALL_R),
	TABLE(vma, ALL_V | ALL_R),   TABLE(entry, ALL_E | ALL_V | ALL_R),
	TABLE(fault, ALL_H | ALL_R),
};

/* Results of one worker process. The struct is in memory shared with the parent. */
struct tally {
	uint64_t inputs;
	uint64_t unmatched;
	uint64_t wrong;
	uint64_t first_unmatched;
	uint64_t first_wrong;
	size_t first_wrong_row;
	uint64_t wins[MAX_ROWS];
};

/*
 * Return the bits to enumerate: all bits in the masks of the rows, then further input
 * bits until there are MAX_BITS bits.
 */
static uint64_t enumerated_bits(const struct table *table)
{
	uint64_t bits = 0, others;

	for (size_t i = 0; i < table->nr_rows; i++)
		bits |= table->rows[i].mask;
	others = table->bits & ~bits;
	while (others && __builtin_popcountll(bits) < MAX_BITS) {
		bits |= others & -others;
		others &= others - 1;
	}
	return bits;
}

/*
 * Hash the word, to choose values for the bits that are not enumerated. The hash is the
 * same in each run, so the test results are the same too.
 */
static uint64_t hash_word(uint64_t word)
{
	word *= 0x9e3779b97f4a7c15ULL;
	return word ^ (word >> 29);
}

static bool is_same_verdict(struct gupx_verdict a, struct gupx_verdict b)
{
	return a.action == b.action && a.stage == b.stage &&
	       a.reason == b.reason && a.error == b.error;
}

static void try_input(const struct table *table, uint64_t word,
		      struct tally *tally)
{
	const struct row *row = table->rows;
	const struct row *const end = row + table->nr_rows;

	while (row < end && (word & row->mask) != row->value)
		row++;
	if (row == end) {
		if (!tally->unmatched++)
			tally->first_unmatched = word;
		return;
	}
	tally->wins[row - table->rows]++;
	if (is_same_verdict(table->judge(word), row->verdict))
		return;
	if (!tally->wrong++) {
		tally->first_wrong = word;
		tally->first_wrong_row = row - table->rows;
	}
}

/*
 * Try all subsets of @bits, each together with @fixed. The subtraction computes the
 * next subset of @bits.
 */
static void try_all(const struct table *table, uint64_t bits, uint64_t fixed,
		    struct tally *tally)
{
	const uint64_t unread = table->bits & ~enumerated_bits(table);
	uint64_t subset = 0;

	do {
		const uint64_t word = subset | fixed;

		if (table->possible(word)) {
			tally->inputs++;
			try_input(table, word | (hash_word(word) & unread),
				  tally);
		}
		subset = (subset - bits) & bits;
	} while (subset);
}

/*
 * Run two worker processes. One tries the words in which the highest bit is clear, the
 * other tries the words in which the highest bit is set.
 */
static int try_in_two(const struct table *table, struct tally tally[2])
{
	const uint64_t bits = enumerated_bits(table);
	const uint64_t top = (uint64_t)1 << (63 - __builtin_clzll(bits));
	int status, failed = 0;

	fflush(stdout);
	for (int worker = 0; worker < 2; worker++) {
		const pid_t pid = fork();

		if (pid < 0)
			return -1;
		if (pid == 0) {
			try_all(table, bits & ~top, worker ? top : 0,
				&tally[worker]);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? -1 : 0;
}

static void merge_tally(struct tally *into, const struct tally *from)
{
	if (!into->unmatched)
		into->first_unmatched = from->first_unmatched;
	if (!into->wrong) {
		into->first_wrong = from->first_wrong;
		into->first_wrong_row = from->first_wrong_row;
	}
	into->inputs += from->inputs;
	into->unmatched += from->unmatched;
	into->wrong += from->wrong;
	for (size_t i = 0; i < MAX_ROWS; i++)
		into->wins[i] += from->wins[i];
}

static void print_verdict(const char *who, struct gupx_verdict verdict)
{
	printf("#   %s: action %u, stage %u, reason %u, error %u\n", who,
	       verdict.action, verdict.stage, verdict.reason, verdict.error);
}

static void print_input(uint64_t word)
{
	printf("#   entry or fault %#x, mapping %#x, request %#x\n",
	       ENTRY_OF(word), VMA_OF(word), REQUEST_OF(word));
}

static bool report_inputs(const struct table *table, const struct tally *tally)
{
	const struct row *row = &table->rows[tally->first_wrong_row];

	if (tally->unmatched) {
		printf("# %llu inputs that no row matches; the first:\n",
		       (unsigned long long)tally->unmatched);
		print_input(tally->first_unmatched);
	}
	if (tally->wrong) {
		printf("# %llu inputs judged wrongly; the first, row %s:\n",
		       (unsigned long long)tally->wrong, row->id);
		print_input(tally->first_wrong);
		print_verdict("expected", row->verdict);
		print_verdict("got", table->judge(tally->first_wrong));
	}
	return tally->inputs && !tally->unmatched && !tally->wrong;
}

static bool report_rows(const struct table *table, const struct tally *tally)
{
	bool ok = true;

	for (size_t i = 0; i < table->nr_rows; i++) {
		if (tally->wins[i])
			continue;
		printf("# row %s never wins\n", table->rows[i].id);
		ok = false;
	}
	return ok;
}

static bool check_table(const struct table *table, unsigned int number)
{
	const size_t size = 2 * sizeof(struct tally);
	struct tally *tally = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool inputs, rows;

	if (tally == MAP_FAILED || table->nr_rows > MAX_ROWS ||
	    try_in_two(table, tally)) {
		printf("Bail out! %s: no memory, too many rows, or a worker died\n",
		       table->name);
		return false;
	}
	merge_tally(&tally[0], &tally[1]);
	inputs = report_inputs(table, tally);
	printf("%sok %u policy.%s.verdicts # %llu inputs\n",
	       inputs ? "" : "not ", number, table->name,
	       (unsigned long long)tally->inputs);
	rows = report_rows(table, tally);
	printf("%sok %u policy.%s.every_row_wins # %zu rows\n",
	       rows ? "" : "not ", number + 1, table->name, table->nr_rows);
	munmap(tally, size);
	return inputs && rows;
}

int main(void)
{
	bool ok = true;

	printf("TAP version 13\n1..%zu\n", 2 * ARRAY_SIZE(tables));
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		ok &= check_table(&tables[i], 2 * i + 1);
	return ok ? 0 : 1;
}
