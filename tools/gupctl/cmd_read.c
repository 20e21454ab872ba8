// SPDX-License-Identifier: GPL-2.0
/* gupctl read: dump or copy the memory of a process. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "hex.h"
#include "out.h"
#include "output.h"
#include "request.h"
#include "std.h"
#include "table.h"

/* Bytes per ioctl, and size of the buffer. */
#define CHUNK (4ULL << 20)

/*
 * Upper limit of a read with JSON output, in bytes. It limits the memory of gupctl,
 * which stores the bytes read as hexadecimal text, once in each item and once in the
 * JSON object.
 */
#define JSON_MAX (16ULL << 20)

#define NOTHING_KEPT \
	"nothing was kept, and an old file is unchanged; use --partial to keep a part"

#define KEY_OUTPUT 'o'
#define KEY_RAW 'r'
#define KEY_PARTIAL GUPX_ARGS_OWN

/**
 * struct read_command - state of the read command
 * @args: shared options
 * @path: name of the output file, or NULL
 * @raw: true to write raw bytes
 * @partial: true to keep the output file even if the copy is not complete
 * @output: output file, or standard output, to which raw bytes are written; its file
 *	descriptor is -1 if no raw bytes are written
 * @write_error: errno of the write that ended the copy, or 0
 * @buffer: bytes of one chunk
 * @hex: hexadecimal dump in progress
 * @dumping: item whose bytes @hex prints, or NULL
 */
struct read_command {
	struct gupx_args args;
	const char *path;
	bool raw;
	bool partial;
	struct gupx_output output;
	int write_error;
	unsigned char *buffer;
	struct gupx_hex hex;
	const struct gupx_request_item *dumping;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct read_command *command = state->input;

	switch (key) {
	case KEY_OUTPUT:
		command->path = value;
		return 0;
	case KEY_RAW:
		command->raw = true;
		return 0;
	case KEY_PARTIAL:
		command->partial = true;
		return 0;
	}
	return gupx_args_parse_key(key, value, state, &command->args);
}

static void check_output(struct read_command *command)
{
	gupx_args_require_target(&command->args);
	if (command->path)
		return;
	if (command->partial)
		gupx_args_die("--partial requires --output");
	if (command->raw && gupx_out_is_json())
		gupx_args_die(
			"--json and --raw are mutually exclusive without --output");
	if (command->raw && isatty(STDOUT_FILENO))
		gupx_args_die(
			"refusing to write --raw output to a terminal: redirect it, or use --output FILE");
}

static void open_output(struct read_command *command,
			const struct gupx_request *request)
{
	command->output.fd = -1;
	if (command->path) {
		gupx_output_open(
			&command->output, command->path,
			"name the file that it leads to, or use --raw for standard output");
	} else if (command->raw) {
		command->output.fd = STDOUT_FILENO;
	} else if (gupx_out_is_json() && request->total > JSON_MAX) {
		gupx_out_die(GUPX_EXIT_REFUSED, "too_long", "use --output FILE",
			     "%s is too large for JSON",
			     gupx_out_size(request->total).text);
	}
	if (!command->path && !gupx_out_is_json())
		gupx_out_use_stderr();
}

static void append_json(struct gupx_request_item *item,
			const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const size_t before = item->data ? strlen(item->data) : 0;
	char *grown = realloc(item->data, before + 2 * len + 1);
	size_t i;

	if (!grown)
		gupx_out_no_memory();
	for (i = 0; i < len; i++) {
		grown[before + 2 * i] = digits[bytes[i] >> 4];
		grown[before + 2 * i + 1] = digits[bytes[i] & 15];
	}
	grown[before + 2 * len] = '\0';
	item->data = grown;
}

static void dump_bytes(struct read_command *command,
		       const struct gupx_request_chunk *chunk)
{
	if (command->dumping != chunk->item) {
		gupx_hex_end(&command->hex);
		gupx_hex_begin(&command->hex, stdout, chunk->addr,
			       gupx_table_width(STDOUT_FILENO));
		command->dumping = chunk->item;
	}
	gupx_hex_add(&command->hex, command->buffer, chunk->done);
	if (ferror(stdout))
		gupx_std_flush();
}

/* Write the bytes of a chunk. On failure, end the copy at the chunk. */
static void write_chunk(struct read_command *command,
			struct gupx_request_chunk *chunk)
{
	const __u64 before = command->output.written;

	command->write_error = gupx_output_write(&command->output,
						 command->buffer, chunk->done);
	if (!command->write_error)
		return;
	if (!command->path)
		gupx_std_die(command->write_error);
	chunk->done = command->output.written - before;
	chunk->stop = (struct gupx_stop){ .addr = chunk->addr + chunk->done };
}

/*
 * Pass memory that was left out. A copy has zeros in its place, so that the other bytes
 * keep their offsets. A dump shows addresses, so it has nothing there.
 */
static void pass_gap(struct gupx_request *request,
		     const struct gupx_request_item *item, __u64 len)
{
	struct read_command *command = request->priv;
	struct gupx_request_chunk chunk = {
		.item = (struct gupx_request_item *)item,
	};

	if (command->output.fd < 0 && !gupx_out_is_json()) {
		if (command->dumping)
			gupx_hex_end(&command->hex);
		command->hex = (struct gupx_hex){ 0 };
		command->dumping = NULL;
		return;
	}
	memset(command->buffer, 0, CHUNK);
	for (; len && !command->write_error; len -= chunk.done) {
		chunk.done = len < CHUNK ? len : CHUNK;
		if (command->output.fd >= 0)
			write_chunk(command, &chunk);
		else
			append_json(chunk.item, command->buffer, chunk.done);
	}
}

static int read_chunk(struct gupx_request *request,
		      struct gupx_request_chunk *chunk)
{
	struct read_command *command = request->priv;
	struct gupx_read arg = {
		.size = sizeof(arg),
		.flags = request->flags,
		.mem_fd = request->target.mem_fd,
		.addr = chunk->addr,
		.len = chunk->len,
		.buf = (__u64)(uintptr_t)command->buffer,
	};
	int error;

	error = gupx_dev_call(request->dev.fd, GUPX_IOC_READ, &arg);
	if (error)
		return error;
	chunk->done = arg.done;
	chunk->stop = arg.stop;
	if (command->output.fd >= 0)
		write_chunk(command, chunk);
	else if (gupx_out_is_json())
		append_json(chunk->item, command->buffer, chunk->done);
	else
		dump_bytes(command, chunk);
	return 0;
}

/*
 * Give the output file its name if the copy is complete, or if the user wants to keep a
 * part of it. Report errors.
 */
static void finish_output(struct read_command *command,
			  const struct gupx_request *request)
{
	const bool complete = gupx_request_status(request) == GUPX_EXIT_DONE;
	const bool kept = command->partial || !command->output.temp;
	int error = command->write_error;

	if (complete || command->partial) {
		const int late = gupx_output_keep(&command->output);

		error = error ? error : late;
	} else {
		gupx_output_discard(&command->output);
	}
	if (error)
		gupx_out_error("output", kept ? NULL : NOTHING_KEPT,
			       "cannot write to %s: %s, after %s of %s",
			       command->path, strerror(error),
			       gupx_out_size(request->done).text,
			       gupx_out_size(request->total).text);
}

/* Write the rest of the output, then print the report. */
static void report_read(struct gupx_request *request,
			struct read_command *command)
{
	const bool complete = gupx_request_status(request) == GUPX_EXIT_DONE;
	const bool kept = command->partial || !command->output.temp;

	gupx_hex_end(&command->hex);
	gupx_std_flush();
	if (command->path)
		finish_output(command, request);
	gupx_request_report(request);
	if (command->path && !complete)
		gupx_out_error("incomplete", kept ? NULL : NOTHING_KEPT,
			       "copied only %s of %s",
			       gupx_out_size(request->done).text,
			       gupx_out_size(request->total).text);
	else if (command->path && !gupx_out_has_failed())
		gupx_out_note("wrote %s to %s",
			      gupx_out_size(request->done).text, command->path);
}

static int run_read(struct gupx_request *request)
{
	struct read_command *command = request->priv;

	if (request->many && (command->raw || command->path))
		gupx_args_die("--raw and --output take only one process");
	open_output(command, request);
	if (request->many)
		gupx_out_note("process %d (%s)", request->target.pid,
			      request->target.comm);
	gupx_request_run(request);
	report_read(request, command);
	command->hex = (struct gupx_hex){ 0 };
	command->dumping = NULL;
	return gupx_request_status(request);
}

int gupx_cmd_read(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "output", KEY_OUTPUT, "FILE", 0, "Write raw bytes to FILE",
		  0 },
		{ "partial", KEY_PARTIAL, NULL, 0,
		  "Keep the output file even if the copy is not complete", 0 },
		{ "raw", KEY_RAW, NULL, 0, "Write raw bytes to standard output",
		  0 },
		{ 0 },
	};
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_BEST_EFFORT |
			 GUPX_ARGS_TAKES_FORCE | GUPX_ARGS_TAKES_NOFAULT |
			 GUPX_ARGS_TAKES_ENGINE,
		.own_options = options,
		.parser = parse_option,
		.args_doc = "PID... RANGE...\nNAME RANGE...",
		.doc = "Print the memory of a process as a hexadecimal dump, or "
		       "copy it.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "[shared], [file], [writable], or the path or name of a "
		       "mapped file. It is not rounded.",
	};
	struct read_command command = { .output.fd = -1 };
	struct gupx_request request = {
		.verb = "read",
		.past = "read",
		.args = &command.args,
		.chunk = CHUNK,
		.step = read_chunk,
		.pass = pass_gap,
		.priv = &command,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &command);
	check_output(&command);
	/*
	 * Stop at the first gap: raw bytes are written without their addresses, so the
	 * reader of the output could not notice the gap.
	 */
	request.stop_at_gap = command.raw || command.path;
	request.terse = !command.path;
	/*
	 * Do not move to the CPUs of the target: read copies pages and does not keep
	 * them, so it does not matter on which node it runs.
	 */
	command.args.here = true;
	command.buffer = malloc(CHUNK);
	if (!command.buffer)
		gupx_out_no_memory();
	status = gupx_request_each(&request, run_read);
	free(command.buffer);
	gupx_args_free(&command.args);
	return status;
}
