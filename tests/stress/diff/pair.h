/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The twins of a case, and what was found out about them.
 *
 *   a  is asked of the policy engine, gupx's own loop
 *   b  is asked of the oracle, the kernel
 */
#ifndef GUPX_TESTS_DIFF_PAIR_H
#define GUPX_TESTS_DIFF_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"
#include "twin.h"

/* Rows in which the policy is known to differ from a kernel: known.c. */
enum known {
	KNOWN_NONE,
	KNOWN_L5,
	KNOWN_O2,
	KNOWN_O5,
	KNOWN_V6,
	KNOWN_V8,
	KNOWN_E7B,
	KNOWN_GET,
	KNOWN_WATCH,
	KNOWN_ROWS,
};

/**
 * struct report - what came of a case
 * @requests: asked of the policy engine
 * @pages: it answered with
 * @refused: requests that it ended short
 * @explained: differences that are known, by row
 * @differs: there was one that is not; what follows tells
 * @op: index of the operation
 * @text: the difference
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
 * @a: the policy's
 * @b: the kernel's
 * @seen_a: of @a, after the last operation
 * @seen_b: of @b
 * @pages: of the arena that the case uses
 * @report: of the case
 */
struct pair {
	struct twin a;
	struct twin b;
	struct state seen_a;
	struct state seen_b;
	size_t pages;
	struct report *report;
};

/* Only the first difference counts: those after it may follow from it. */
void pair_differs(struct pair *pair, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Looks at both. */
void pair_look(struct pair *pair);
/* Compares what was seen of both; with or without who shares which page. */
void pair_compare(struct pair *pair, bool sharing);

/* Whether the twins hold the same bytes, by what they should hold. */
bool pair_same_bytes(const struct pair *pair, uint64_t addr, const void *a,
		     const void *b, size_t size);

/* A request, and all that has to hold of its answers. */
void ask(struct pair *pair, const struct op *op);

/* All of a case on fresh twins. */
void case_run(const struct op *ops, size_t nr, struct report *report);
/* Makes a case that differs small: how many operations are left. */
size_t case_shrink(struct op *ops, size_t nr, struct report *report);

struct lab_answer;

/* What this kernel does not do, found out by trying. Once, after twin_prepare(). */
void known_probe(void);
/*
 * Why the policy may stop at @answer where this kernel goes on: then the kernel is
 * asked up to there only. KNOWN_NONE: it may not.
 */
enum known known_cut(const struct pair *pair, const struct op *op,
		     const struct lab_answer *answer);
/*
 * What a request leaves different, by a known row, is noted and then made equal by
 * hand. @addr and @len: what was done.
 */
struct settled {
	size_t pages;
	/* Of them, those that the kernel pinned without counting. */
	size_t uncounted;
};

struct settled known_settle_pin(struct pair *pair, const struct op *op,
				uint64_t addr, uint64_t len);
/* After a READ, and before known_settle_read() makes it true. */
void known_settle_watch(struct pair *pair);
void known_settle_read(struct pair *pair, uint64_t addr, uint64_t len,
		       void *buffer);
void known_print(const struct report *sum);

#endif /* GUPX_TESTS_DIFF_PAIR_H */
