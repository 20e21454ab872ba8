// SPDX-License-Identifier: GPL-2.0
/* gupctl populate: fault in pages of a process. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "dry_run.h"
#include "estimate.h"
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
#define KEY_READ GUPX_ARGS_OWN
#define KEY_DRY_RUN (GUPX_ARGS_OWN + 1)
#define KEY_FORCE (GUPX_ARGS_OWN + 2)

/*
 * Part of the pages, in percent, that has to be resident after the request. The target
 * keeps running and may free some itself.
 */
#define RESIDENT_PERCENT 95

/**
 * struct populate_command - state of the populate command
 * @args: shared options
 * @wanted_jobs: number of threads that the user wants, or 0 for one for each CPU
 * @jobs: number of threads for the present target
 * @advised: end of the memory that the kernel was advised to read ahead
 * @swapped: number of bytes in swap before the request
 * @read: true to read only, also from writable mappings
 * @dry_run: true to only print what the request would do
 * @force: true to run even if there is no room
 */
struct populate_command {
	struct gupx_args args;
	unsigned int wanted_jobs;
	unsigned int jobs;
	__u64 advised;
	__u64 swapped;
	bool read;
	bool dry_run;
	bool force;
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

	switch (key) {
	case KEY_READ:
		command->read = true;
		return 0;
	case KEY_DRY_RUN:
		command->dry_run = true;
		return 0;
	case KEY_FORCE:
		command->force = true;
		return 0;
	case KEY_JOBS:
		break;
	default:
		return gupx_args_parse_key(key, value, state, &command->args);
	}
	jobs = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || !jobs ||
	    jobs > GUPX_JOBS_MAX)
		gupx_args_die(
			"invalid number of jobs '%s': must be from 1 to %d",
			value, GUPX_JOBS_MAX);
	command->wanted_jobs = (unsigned int)jobs;
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
				 .flags = chunk->flags,
				 .mem_fd = request->target.mem_fd,
				 .addr = addr,
				 .len = next - addr },
		};
		addr = next;
	}
	return count;
}

/*
 * Let the kernel start to read this chunk and the next one from swap. A page fault reads
 * only a few pages ahead, so a disk would be idle most of the time. This is advice: it
 * needs CAP_SYS_NICE, and a kernel that has process_madvise().
 */
static void read_ahead(const struct gupx_request *request,
		       const struct gupx_request_chunk *chunk)
{
	struct populate_command *command = request->priv;
	const __u64 end = chunk->item->range.addr + chunk->item->range.len;
	const __u64 window = chunk->addr + chunk->len + request->chunk;
	const __u64 first =
		command->advised > chunk->addr && command->advised < end
			? command->advised
			: chunk->addr;
	struct iovec range = { .iov_base = (void *)(uintptr_t)first };

	if (!command->swapped || request->target.pidfd < 0 ||
	    first > chunk->addr + chunk->len)
		return;
	range.iov_len = (window < end ? window : end) - first;
	process_madvise(request->target.pidfd, &range, 1, MADV_WILLNEED, 0);
	command->advised = first + range.iov_len;
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

	read_ahead(request, chunk);
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

/*
 * Return: the number of threads. Unless the user chose it, use as many as there are CPUs
 * that the target may use.
 */
static unsigned int get_jobs(const struct gupx_request *request)
{
	const struct populate_command *command = request->priv;
	unsigned int jobs = command->wanted_jobs;

	if (!jobs)
		jobs = request->placement.count;
	if (!jobs)
		jobs = 1;
	return jobs < GUPX_JOBS_MAX ? jobs : GUPX_JOBS_MAX;
}

/* Refuse a request without room. Return: true if the request may run. */
static bool has_room(const struct gupx_request *request,
		     const struct gupx_estimate *estimate, bool force)
{
	const __u64 needed = estimate->added + estimate->tables;
	struct gupx_room room;

	gupx_estimate_room(request, estimate, &room);
	if (force || needed <= room.bytes)
		return true;
	gupx_out_error(
		"no_room",
		"populate less, free memory or raise the limit; --force does it anyway",
		"not enough memory for process %d (%s): populate would add %s and %s of page tables, but only %s is available (%s)",
		request->target.pid, request->target.comm,
		gupx_out_size(estimate->added).text,
		gupx_out_size(estimate->tables).text,
		gupx_out_size(room.bytes).text, room.limit);
	return false;
}

struct now_row {
	__u64 resident;
	__u64 swapped;
	__u64 absent;
};

static const struct gupx_out_field now_fields[] = {
	GUPX_OUT_FIELD(struct now_row, resident, "resident", NULL,
		       GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct now_row, swapped, "swapped", NULL, GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct now_row, absent, "absent", NULL, GUPX_OUT_SIZE),
};

static const struct gupx_out_spec now_spec = GUPX_OUT_SPEC(now_fields);

/*
 * Judge the pages again, because memory pressure may have paged them out already. Return:
 * true if most of them are still resident.
 */
static bool are_resident(struct gupx_request *request)
{
	struct gupx_estimate now;
	struct now_row row;

	if (!gupx_estimate(request, &now))
		return false;
	row = (struct now_row){ now.resident, now.swapped, now.absent };
	if (gupx_out_is_json())
		gupx_out_record("now", &now_spec, &row);
	if (now.resident >= request->done / 100 * RESIDENT_PERCENT)
		return true;
	gupx_out_error(
		"not_resident", "free memory, or raise the memory limit",
		"only %s of %s are resident now: %s were paged out again, %s were dropped or freed",
		gupx_out_size(now.resident).text,
		gupx_out_size(request->done).text,
		gupx_out_size(now.swapped).text,
		gupx_out_size(now.absent).text);
	return false;
}

/* If memory runs out nevertheless, let the kernel kill gupctl first. */
static void offer_to_die_first(void)
{
	const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) < 0)
		gupx_out_warn("cannot raise oom_score_adj: %s",
			      strerror(errno));
	close(fd);
}

static int run_populate(struct gupx_request *request)
{
	struct populate_command *command = request->priv;
	struct gupx_estimate estimate;
	int status;

	if (!gupx_estimate(request, &estimate))
		return GUPX_EXIT_REFUSED;
	if (command->dry_run) {
		gupx_dry_run_report(request, &estimate);
		return GUPX_EXIT_DONE;
	}
	command->swapped = estimate.swapped;
	command->advised = 0;
	command->jobs = get_jobs(request);
	request->chunk = get_chunk_size(command->jobs);
	if (!has_room(request, &estimate, command->force))
		return GUPX_EXIT_REFUSED;
	offer_to_die_first();
	gupx_request_run(request);
	gupx_request_report(request);
	status = gupx_request_status(request);
	if (status == GUPX_EXIT_DONE && !are_resident(request))
		status = GUPX_EXIT_REFUSED;
	return status;
}

int gupx_cmd_populate(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "dry-run", KEY_DRY_RUN, NULL, 0,
		  "Print what would be added, and change nothing", 0 },
		{ "force", KEY_FORCE, NULL, 0,
		  "Do it even if there is not enough memory", 0 },
		{ "read", KEY_READ, NULL, 0,
		  "Read only, also from writable mappings", 0 },
		{ "jobs", KEY_JOBS, "N", 0,
		  "Use N threads; default: the number of CPUs of the target",
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
	struct populate_command command = { .args.rounds = true };
	struct gupx_args *args = &command.args;
	struct gupx_request request = {
		.verb = "populate",
		.past = "populated",
		.args = args,
		.needs_maps = true,
		.step = populate_chunk,
		.priv = &command,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &command);
	gupx_args_require_target(args);
	if (command.read && args->write)
		gupx_args_die("--read and --write are mutually exclusive");
	request.auto_write = !command.read && !args->write;
	status = gupx_request_each(&request, run_populate);
	gupx_args_free(args);
	return status;
}
