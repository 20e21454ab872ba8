// SPDX-License-Identifier: GPL-2.0
/* gupctl read: show or copy the memory of a process. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "hex.h"
#include "out.h"
#include "work.h"

/* What is read in one ioctl: our own buffer. */
#define CHUNK (4ULL << 20)

/* In JSON the bytes stand in memory twice over, as text. */
#define JSON_MAX (16ULL << 20)

#define KEY_OUTPUT 'o'
#define KEY_RAW 'r'

/**
 * struct reading - one run of the command
 * @args: first, so that a pointer to the one is a pointer to the other
 * @path: of the output file, or NULL
 * @raw: bytes as they are
 * @fd: raw bytes go here, or -1
 * @buffer: of one chunk
 * @hex: the dump under way
 * @dumping: the item that @hex dumps, or NULL
 */
struct reading {
	struct gupx_args args;
	const char *path;
	bool raw;
	int fd;
	unsigned char *buffer;
	struct gupx_hex hex;
	const struct gupx_work_item *dumping;
};

static error_t parse_word(int key, char *value, struct argp_state *state)
{
	struct reading *reading = state->input;

	switch (key) {
	case KEY_OUTPUT:
		reading->path = value;
		return 0;
	case KEY_RAW:
		reading->raw = true;
		return 0;
	}
	return gupx_args_take(key, value, state, &reading->args);
}

static void check_output(const struct reading *reading)
{
	gupx_args_require_target(&reading->args);
	if (reading->path)
		return;
	if (reading->raw && gupx_out_is_json())
		gupx_args_die(
			"--json and --raw exclude each other without --output");
	if (reading->raw && isatty(STDOUT_FILENO))
		gupx_args_die(
			"--raw is not for a terminal: redirect it, or use --output FILE");
}

static void open_output(struct reading *reading, const struct gupx_work *work)
{
	reading->fd = -1;
	if (reading->path) {
		/* Someone's memory: for the caller's eyes only. */
		reading->fd =
			open(reading->path,
			     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (reading->fd < 0)
			gupx_out_die(GUPX_EXIT_REFUSED, "output", NULL,
				     "cannot write %s: %s", reading->path,
				     strerror(errno));
	} else if (reading->raw) {
		reading->fd = STDOUT_FILENO;
	} else if (gupx_out_is_json() && work->total > JSON_MAX) {
		gupx_out_die(GUPX_EXIT_REFUSED, "too_long",
			     "write it to a file with --output",
			     "%s is too much for JSON",
			     gupx_out_size(work->total).text);
	}
	if (!reading->path && !gupx_out_is_json())
		gupx_out_yield_stdout();
}

static void write_bytes(const struct reading *reading, size_t len)
{
	const unsigned char *at = reading->buffer;

	while (len) {
		const ssize_t written = write(reading->fd, at, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			gupx_out_die(GUPX_EXIT_REFUSED, "output", NULL,
				     "cannot write %s: %s",
				     reading->path ? reading->path
						   : "to standard output",
				     strerror(errno));
		at += written;
		len -= (size_t)written;
	}
}

static void append_json(struct gupx_work_item *item, const unsigned char *bytes,
			size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const size_t before = item->data ? strlen(item->data) : 0;
	char *grown = realloc(item->data, before + 2 * len + 1);
	size_t i;

	if (!grown)
		gupx_out_die(GUPX_EXIT_REFUSED, "no_memory", NULL,
			     "out of memory");
	for (i = 0; i < len; i++) {
		grown[before + 2 * i] = digits[bytes[i] >> 4];
		grown[before + 2 * i + 1] = digits[bytes[i] & 15];
	}
	grown[before + 2 * len] = '\0';
	item->data = grown;
}

static void dump_bytes(struct reading *reading,
		       const struct gupx_work_chunk *chunk)
{
	if (reading->dumping != chunk->item) {
		gupx_hex_end(&reading->hex);
		gupx_hex_begin(&reading->hex, stdout, chunk->addr);
		reading->dumping = chunk->item;
	}
	gupx_hex_add(&reading->hex, reading->buffer, chunk->done);
	if (ferror(stdout))
		gupx_out_die(GUPX_EXIT_REFUSED, "output", NULL,
			     "cannot write to standard output");
}

static int read_chunk(struct gupx_work *work, struct gupx_work_chunk *chunk)
{
	struct reading *reading = work->own;
	struct gupx_read request = {
		.size = sizeof(request),
		.flags = work->flags,
		.mem_fd = work->target.mem_fd,
		.addr = chunk->addr,
		.len = chunk->len,
		.buf = (__u64)(uintptr_t)reading->buffer,
	};
	int error;

	error = gupx_dev_call(work->dev.fd, GUPX_IOC_READ, &request);
	if (error)
		return error;
	chunk->done = request.done;
	chunk->stop = request.stop;
	if (reading->fd >= 0)
		write_bytes(reading, chunk->done);
	else if (gupx_out_is_json())
		append_json(chunk->item, reading->buffer, chunk->done);
	else
		dump_bytes(reading, chunk);
	return 0;
}

/* A dump or a stream speaks for itself, but for what is missing from it. */
static void report(struct gupx_work *work, struct reading *reading)
{
	gupx_hex_end(&reading->hex);
	if (fflush(stdout))
		gupx_out_error("output", NULL,
			       "cannot write to standard output");
	if (reading->path && close(reading->fd))
		gupx_out_error("output", NULL, "cannot write %s: %s",
			       reading->path, strerror(errno));
	gupx_work_report(work);
	if (reading->path)
		gupx_out_note("the bytes are in %s", reading->path);
}

static int run(struct gupx_work *work, struct reading *reading)
{
	gupx_work_open(work);
	open_output(reading, work);
	reading->buffer = malloc(CHUNK);
	if (!reading->buffer)
		gupx_out_die(GUPX_EXIT_REFUSED, "no_memory", NULL,
			     "out of memory");
	gupx_work_run(work);
	report(work, reading);
	free(reading->buffer);
	return gupx_work_status(work);
}

int gupx_cmd_read(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "output", KEY_OUTPUT, "FILE", 0,
		  "Write the bytes as they are to FILE", 0 },
		{ "raw", KEY_RAW, NULL, 0,
		  "Write the bytes as they are to standard output", 0 },
		{ 0 },
	};
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_FORCE |
			 GUPX_ARGS_TAKES_NOFAULT | GUPX_ARGS_TAKES_ENGINE,
		.own = options,
		.parser = parse_word,
		.words = "PID RANGE...",
		.doc = "Show the memory of a process as a hexadecimal dump, or "
		       "copy it.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "or a mapped file's path or name, to the byte.",
	};
	struct reading reading = { .fd = -1 };
	struct gupx_work work = {
		.verb = "read",
		.past = "read",
		.args = &reading.args,
		.chunk = CHUNK,
		.step = read_chunk,
		.own = &reading,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &reading);
	check_output(&reading);
	/* Where the bytes stand without addresses, a gap would be invisible. */
	work.one_gap = reading.raw || reading.path;
	work.terse = !reading.path;
	/* Only what is kept or brought in for the target goes to its CPUs. */
	reading.args.here = true;
	status = run(&work, &reading);
	gupx_work_close(&work);
	gupx_args_free(&reading.args);
	return status;
}
