// SPDX-License-Identifier: GPL-2.0
/* gupctl populate: bring pages of a process in. */
#include "args.h"
#include "cmd.h"
#include "out.h"
#include "work.h"

/* Long enough to cost nothing, short enough for Ctrl-C and the bar. */
#define CHUNK (64ULL << 20)

static error_t parse_word(int key, char *value, struct argp_state *state)
{
	return gupx_args_take(key, value, state, state->input);
}

static int populate_chunk(struct gupx_work *work, struct gupx_work_chunk *chunk)
{
	struct gupx_populate request = {
		.size = sizeof(request),
		.flags = work->flags,
		.mem_fd = work->target.mem_fd,
		.addr = chunk->addr,
		.len = chunk->len,
	};
	int error;

	error = gupx_dev_call(work->dev.fd, GUPX_IOC_POPULATE, &request);
	chunk->done = request.done;
	chunk->stop = request.stop;
	return error;
}

int gupx_cmd_populate(int argc, char **argv)
{
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_WRITE |
			 GUPX_ARGS_TAKES_HERE | GUPX_ARGS_TAKES_ENGINE,
		.parser = parse_word,
		.words = "PID RANGE...",
		.doc = "Bring pages of a process in, as if it had touched them: "
		       "no first-touch faults, nothing left in swap.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "or a mapped file's path or name; it is rounded outward "
		       "to pages.",
	};
	struct gupx_args args = { .rounds = true };
	struct gupx_work work = {
		.verb = "populate",
		.past = "populated",
		.args = &args,
		.chunk = CHUNK,
		.step = populate_chunk,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &args);
	gupx_args_require_target(&args);
	gupx_work_open(&work);
	gupx_work_run(&work);
	gupx_work_report(&work);
	status = gupx_work_status(&work);
	gupx_work_close(&work);
	gupx_args_free(&args);
	return status;
}
