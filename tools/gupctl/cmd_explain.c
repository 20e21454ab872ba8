// SPDX-License-Identifier: GPL-2.0
/* gupctl explain: what a request would do, and why not. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "foretell.h"
#include "judged.h"
#include "out.h"
#include "runs.h"
#include "signals.h"
#include "work.h"

/*
 * Judging is cheap, and costs nothing where nothing is mapped: even the whole
 * address space is done in seconds.
 */
#define CHUNK (8ULL << 40)

/* Judgements asked for in one ioctl. */
#define BATCH 4096

#define KEY_FOR 'f'

/**
 * struct explaining - one run of the command
 * @args: first, so that a pointer to the one is a pointer to the other
 * @verb: GUPX_VERB_*
 * @batch: room for one ioctl's answer
 * @runs: all answers
 */
struct explaining {
	struct gupx_args args;
	unsigned int verb;
	struct gupx_judgement *batch;
	struct gupx_runs runs;
};

static unsigned int parse_verb(const char *name)
{
	unsigned int verb;

	for (verb = 0; gupx_judged_verb(verb); verb++)
		if (!strcmp(gupx_judged_verb(verb), name))
			return verb;
	gupx_args_die("'%s' cannot be judged: write pin, populate or read",
		      name);
}

static error_t parse_word(int key, char *value, struct argp_state *state)
{
	struct explaining *own = state->input;

	if (key == KEY_FOR) {
		own->verb = parse_verb(value);
		return 0;
	}
	return gupx_args_take(key, value, state, &own->args);
}

/* Options that the judged command has not, it is not judged for either. */
static void check_options(const struct explaining *own)
{
	const struct gupx_args *args = &own->args;
	const char *option = NULL;

	if (own->verb == GUPX_VERB_READ && args->write)
		option = "--write";
	if (own->verb == GUPX_VERB_POPULATE && args->force)
		option = "--force";
	if (own->verb == GUPX_VERB_POPULATE && args->nofault)
		option = "--nofault";
	if (option)
		gupx_args_die("%s has no option %s",
			      gupx_judged_verb(own->verb), option);
}

static int keep_batch(struct gupx_work *work, const struct gupx_work_item *item,
		      __u32 count)
{
	struct explaining *own = work->own;
	int error = 0;
	__u32 i;

	for (i = 0; !error && i < count; i++)
		error = gupx_runs_add(&own->runs, &work->maps, &own->batch[i],
				      item->group);
	return error;
}

static int explain_batch(struct gupx_work *work, struct gupx_work_chunk *chunk)
{
	struct explaining *own = work->own;
	struct gupx_explain request = {
		.size = sizeof(request),
		.flags = work->flags,
		.mem_fd = work->target.mem_fd,
		.verb = own->verb,
		.addr = chunk->addr + chunk->done,
		.len = chunk->len - chunk->done,
		.buf = (__u64)(uintptr_t)own->batch,
		.capacity = BATCH,
		.entry_size = sizeof(*own->batch),
	};
	int error;

	error = gupx_dev_call(work->dev.fd, GUPX_IOC_EXPLAIN, &request);
	if (error)
		return error;
	chunk->done += request.done;
	/* A module that says nothing more would be asked for ever. */
	if (!request.done)
		return -EPROTO;
	return keep_batch(work, chunk->item, request.count);
}

static int explain_chunk(struct gupx_work *work, struct gupx_work_chunk *chunk)
{
	int error = 0;

	while (!error && chunk->done < chunk->len && !gupx_signals_came())
		error = explain_batch(work, chunk);
	return error;
}

static int run(struct gupx_work *work, struct explaining *own)
{
	const struct gupx_foretell foretell = {
		.work = work,
		.verb = own->verb,
		.runs = &own->runs,
	};

	own->batch = calloc(BATCH, sizeof(*own->batch));
	if (!own->batch)
		gupx_out_die(GUPX_EXIT_REFUSED, "no_memory", NULL,
			     "out of memory");
	gupx_work_open(work);
	gupx_work_run(work);
	return gupx_foretell_report(&foretell);
}

int gupx_cmd_explain(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "for", KEY_FOR, "COMMAND", 0,
		  "Which one is to be judged: pin (default), populate or read",
		  0 },
		{ 0 },
	};
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_WRITE |
			 GUPX_ARGS_TAKES_FORCE | GUPX_ARGS_TAKES_NOFAULT,
		.own = options,
		.parser = parse_word,
		.words = "PID RANGE...",
		.doc = "Say what a pin, populate or read would do with the "
		       "memory of a process, and where and why it would stop. "
		       "Touches nothing.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "or a mapped file's path or name; it is rounded outward "
		       "to pages.",
	};
	struct explaining own = { .args.rounds = true, .args.here = true };
	struct gupx_work work = {
		.verb = "explain",
		.past = "explained",
		.args = &own.args,
		.chunk = CHUNK,
		.step = explain_chunk,
		.own = &own,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &own);
	gupx_args_require_target(&own.args);
	check_options(&own);
	status = run(&work, &own);
	gupx_work_close(&work);
	gupx_runs_free(&own.runs);
	free(own.batch);
	gupx_args_free(&own.args);
	return status;
}
