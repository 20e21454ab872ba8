/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The twins of a case: two targets with the same memory, and functions that compare
 * them. The policy engine, which is gupx's own loop, serves the requests on twin a. The
 * kernel serves the same requests on twin b.
 */
#ifndef GUPX_TESTS_DIFF_PAIR_H
#define GUPX_TESTS_DIFF_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"
#include "twin.h"

/*
 * Known differences between the policy and some kernels. known.c contains the reason
 * for each difference.
 */
enum known {
	KNOWN_NONE,
	KNOWN_L5,
	KNOWN_O2,
	KNOWN_O5,
	KNOWN_V1,
	KNOWN_V6,
	KNOWN_V8,
	KNOWN_E7B,
	KNOWN_GET,
	KNOWN_WATCH,
	KNOWN_ROWS,
};

/**
 * struct report - result of a case
 * @requests: number of requests to the policy engine
 * @pages: number of pages that these requests completed
 * @refused: number of requests that stopped early
 * @explained: number of known differences of each kind, by enum known
 * @differs: true if an unknown difference was found
 * @op: index of the operation after which the difference was found
 * @text: description of the difference
 */
struct report {
	uint64_t requests;
	uint64_t pages;
	uint64_t refused;
	uint64_t explained[KNOWN_ROWS];
	bool differs;
	size_t op;
	char text[512];
};

/**
 * struct pair - the twins of a case
 * @a: twin whose memory the policy engine pins, populates and reads
 * @b: twin whose memory the kernel pins, populates and reads
 * @seen_a: state of @a after the last operation
 * @seen_b: state of @b after the last operation
 * @pages: number of pages of the arena that the case uses
 * @report: result of the case
 */
struct pair {
	struct twin a;
	struct twin b;
	struct state seen_a;
	struct state seen_b;
	size_t pages;
	struct report *report;
};

/*
 * Record a difference. Only the first difference of a case is recorded, because a
 * difference may cause others.
 */
void pair_differs(struct pair *pair, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Read the state of both twins into @seen_a and @seen_b. */
void pair_look(struct pair *pair);
/*
 * Record a difference if @seen_a and @seen_b are not equal. For @sharing, see
 * state_differs().
 */
void pair_compare(struct pair *pair, bool sharing);

/*
 * Compare @size bytes that were read from @addr in both twins. Bytes of a perf buffer
 * are not compared. Return: true if all compared bytes are equal, else false.
 */
bool pair_same_bytes(const struct pair *pair, uint64_t addr, const void *a,
		     const void *b, size_t size);

/*
 * Make the same request on both twins. Compare the results, the pinned frames, the pin
 * counters and the memory.
 */
void pair_request(struct pair *pair, const struct op *op);

/* Run all operations of a case on new twins. */
void case_run(const struct op *ops, size_t nr, struct report *report);
/*
 * Shrink a case in which gupx and the kernel differ: remove operations and flags and
 * shorten ranges, as long as the case still shows a difference. Return: number of
 * operations left in @ops.
 */
size_t case_shrink(struct op *ops, size_t nr, struct report *report);

struct lab_answer;

/*
 * Find out by experiment which known differences this kernel has. Call this function
 * after twin_prepare().
 */
void known_probe(void);
/*
 * Check whether a known difference explains why the policy engine stopped at
 * @answer->stop but the kernel does not stop there. If so, the caller must limit the
 * kernel's request to the pages before this address. Return: the known difference, or
 * KNOWN_NONE.
 */
enum known known_cut(const struct pair *pair, const struct op *op,
		     const struct lab_answer *answer);
/**
 * struct settled - pages that known_settle_pin() made equal in both twins
 * @pages: number of pages
 * @uncounted: how many of these pages the kernel had pinned without counting the pin
 */
struct settled {
	size_t pages;
	size_t uncounted;
};

/*
 * Count the known differences that a request caused in memory, then make both twins
 * equal again. @addr and @len are the range that the request completed.
 */
struct settled known_settle_pin(struct pair *pair, const struct op *op,
				uint64_t addr, uint64_t len);
/*
 * Mark hugetlb pages of @seen_b as write-protected if the kernel lost their userfaultfd
 * bit. Call this function after a READ, before known_settle_read().
 */
void known_settle_watch(struct pair *pair);
void known_settle_read(struct pair *pair, uint64_t addr, uint64_t len,
		       void *buffer);
void known_print(const struct report *sum);

#endif /* GUPX_TESTS_DIFF_PAIR_H */
