// SPDX-License-Identifier: GPL-2.0
/* gupctl populate: fault in pages of a process. */
#include <stdlib.h>

#include "args.h"
#include "cmd.h"
#include "jobs.h"
#include "out.h"
#include "request.h"

/*
 * Bytes per thread and ioctl. The size is large enough to amortize the cost of the
 * ioctl, and small enough to react to Ctrl-C and to update the progress bar.
 */
#define CHUNK (64ULL << 20)

/*
 * Alignment of slices. Slices are aligned to 2 MiB, so that no two threads fault in the
 * same huge page.
 */
#define SLICE_ALIGN (2ULL << 20)

#define KEY_JOBS 'j'

/**
 * struct populate_command - state of the populate command
 * @args: shared options
 * @jobs: number of threads
 */
struct populate_command {
	struct gupx_args args;
	unsigned int jobs;
};

/**
 * struct slice - part of a chunk that one thread populates
 * @fd: file descriptor of the device
 * @arg: argument of the ioctl
 * @error: -errno of the ioctl, or 0
 */
struct slice {
	int fd;
	struct gupx_populate arg;
	int error;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct populate_command *command = state->input;
	unsigned long jobs;
	char *end;

	if (key != KEY_JOBS)
		return gupx_args_parse_key(key, value, state, &command->args);
	jobs = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || !jobs ||
	    jobs > GUPX_JOBS_MAX)
		gupx_args_die(
			"invalid number of jobs '%s': must be from 1 to %d",
			value, GUPX_JOBS_MAX);
	command->jobs = (unsigned int)jobs;
	return 0;
}

static void populate_slice(void *element)
{
	struct slice *slice = element;

	slice->error = gupx_dev_call(slice->fd, GUPX_IOC_POPULATE, &slice->arg);
}

/*
 * Split a chunk into slices, at most one per thread. Unless a memory policy is set, a
 * page is allocated on the node where the thread that populates it runs. Each slice is
 * contiguous, so that neighboring pages are usually allocated on the same node. Return:
 * the number of slices.
 */
static size_t split_chunk(const struct gupx_request *request,
			  const struct gupx_request_chunk *chunk,
			  struct slice *slices)
{
	const struct populate_command *command = request->priv;
	const __u64 share = chunk->len / command->jobs + SLICE_ALIGN - 1;
	const __u64 end = chunk->addr + chunk->len;
	__u64 addr = chunk->addr;
	size_t count = 0;

	while (addr < end) {
		__u64 next = (addr + share) & ~(SLICE_ALIGN - 1);

		if (next > end || count + 1 == command->jobs)
			next = end;
		slices[count++] = (struct slice){
			.fd = request->dev.fd,
			.arg = { .size = sizeof(struct gupx_populate),
				 .flags = request->flags,
				 .mem_fd = request->target.mem_fd,
				 .addr = addr,
				 .len = next - addr },
		};
		addr = next;
	}
	return count;
}

/*
 * Populate a chunk with several threads. If a thread stops early, the chunk ends at the
 * address where the thread stopped. Bytes after this address do not count as done, even
 * if another thread populated them.
 */
static int populate_chunk(struct gupx_request *request,
			  struct gupx_request_chunk *chunk)
{
	struct slice slices[GUPX_JOBS_MAX];
	const size_t count = split_chunk(request, chunk, slices);
	size_t i;

	gupx_jobs_run(populate_slice, slices, count, sizeof(*slices));
	for (i = 0; i < count; i++) {
		if (slices[i].error)
			return slices[i].error;
		chunk->done += slices[i].arg.done;
		chunk->stop = slices[i].arg.stop;
		if (slices[i].arg.done < slices[i].arg.len)
			break;
	}
	return 0;
}

/*
 * Return: the chunk size in bytes. It is a power of two, and at least CHUNK bytes for
 * each thread.
 */
static __u64 get_chunk_size(unsigned int jobs)
{
	__u64 size = CHUNK;

	while (size < CHUNK * jobs)
		size *= 2;
	return size;
}

static int run_populate(struct gupx_request *request)
{
	gupx_request_run(request);
	gupx_request_report(request);
	return gupx_request_status(request);
}

int gupx_cmd_populate(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "jobs", KEY_JOBS, "N", 0, "Use N threads to fault in pages",
		  0 },
		{ 0 },
	};
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_BEST_EFFORT |
			 GUPX_ARGS_TAKES_TABLE | GUPX_ARGS_TAKES_WRITE |
			 GUPX_ARGS_TAKES_HERE | GUPX_ARGS_TAKES_ENGINE,
		.own_options = options,
		.parser = parse_option,
		.args_doc = "PID... RANGE...\nNAME RANGE...",
		.doc = "Fault in pages of a process, as if it had accessed them: "
		       "no first-touch faults later, nothing left in swap.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "[shared], [file], [writable], or the path or name of a "
		       "mapped file. It is rounded "
		       "outward to whole pages.",
	};
	struct populate_command command = { .args.rounds = true, .jobs = 1 };
	struct gupx_args *args = &command.args;
	struct gupx_request request = {
		.verb = "populate",
		.past = "populated",
		.args = args,
		.step = populate_chunk,
		.priv = &command,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &command);
	gupx_args_require_target(args);
	request.chunk = get_chunk_size(command.jobs);
	status = gupx_request_each(&request, run_populate);
	gupx_args_free(args);
	return status;
}
