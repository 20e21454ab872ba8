// SPDX-License-Identifier: GPL-2.0
/* gupctl read: dump or copy the memory of a process. */
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
#include "request.h"
#include "std.h"

/* Bytes per ioctl, and size of the buffer. */
#define CHUNK (4ULL << 20)

/*
 * Upper limit of a read with JSON output, in bytes. It limits the memory of gupctl,
 * which stores the bytes read as hexadecimal text, once in each item and once in the
 * JSON object.
 */
#define JSON_MAX (16ULL << 20)

#define KEY_OUTPUT 'o'
#define KEY_RAW 'r'

/**
 * struct read_command - state of the read command
 * @args: shared options
 * @path: name of the output file, or NULL
 * @raw: true to write raw bytes
 * @fd: file descriptor to which raw bytes are written, or -1
 * @buffer: bytes of one chunk
 * @hex: hexadecimal dump in progress
 * @dumping: item whose bytes @hex prints, or NULL
 */
struct read_command {
	struct gupx_args args;
	const char *path;
	bool raw;
	int fd;
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
	}
	return gupx_args_parse_key(key, value, state, &command->args);
}

static void check_output(const struct read_command *command)
{
	gupx_args_require_target(&command->args);
	if (command->path)
		return;
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
	command->fd = -1;
	if (command->path) {
		/*
		 * The memory of another process may contain secrets, so create the file
		 * with mode 0600.
		 */
		command->fd =
			open(command->path,
			     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (command->fd < 0)
			gupx_out_die(GUPX_EXIT_REFUSED, "output", NULL,
				     "cannot write to %s: %s", command->path,
				     strerror(errno));
	} else if (command->raw) {
		command->fd = STDOUT_FILENO;
	} else if (gupx_out_is_json() && request->total > JSON_MAX) {
		gupx_out_die(GUPX_EXIT_REFUSED, "too_long", "use --output FILE",
			     "%s is too large for JSON",
			     gupx_out_size(request->total).text);
	}
	if (!command->path && !gupx_out_is_json())
		gupx_out_use_stderr();
}

static void write_bytes(const struct read_command *command, size_t len)
{
	const unsigned char *at = command->buffer;

	while (len) {
		const ssize_t written = write(command->fd, at, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && !command->path)
			gupx_std_die(errno);
		if (written < 0)
			gupx_out_die(GUPX_EXIT_REFUSED, "output", NULL,
				     "cannot write to %s: %s", command->path,
				     strerror(errno));
		at += written;
		len -= (size_t)written;
	}
}

static void append_json(struct gupx_request_item *item,
			const unsigned char *bytes, size_t len)
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

static void dump_bytes(struct read_command *command,
		       const struct gupx_request_chunk *chunk)
{
	if (command->dumping != chunk->item) {
		gupx_hex_end(&command->hex);
		gupx_hex_begin(&command->hex, stdout, chunk->addr);
		command->dumping = chunk->item;
	}
	gupx_hex_add(&command->hex, command->buffer, chunk->done);
	if (ferror(stdout))
		gupx_std_flush();
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
	if (command->fd >= 0)
		write_bytes(command, chunk->done);
	else if (gupx_out_is_json())
		append_json(chunk->item, command->buffer, chunk->done);
	else
		dump_bytes(command, chunk);
	return 0;
}

/* Write the rest of the output, then print the report. */
static void report_read(struct gupx_request *request,
			struct read_command *command)
{
	gupx_hex_end(&command->hex);
	gupx_std_flush();
	if (command->path && close(command->fd))
		gupx_out_error("output", NULL, "cannot write to %s: %s",
			       command->path, strerror(errno));
	gupx_request_report(request);
	if (command->path)
		gupx_out_note("wrote the bytes to %s", command->path);
}

static int run_read(struct gupx_request *request, struct read_command *command)
{
	gupx_request_open(request);
	open_output(command, request);
	command->buffer = malloc(CHUNK);
	if (!command->buffer)
		gupx_out_die(GUPX_EXIT_REFUSED, "no_memory", NULL,
			     "out of memory");
	gupx_request_run(request);
	report_read(request, command);
	free(command->buffer);
	return gupx_request_status(request);
}

int gupx_cmd_read(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "output", KEY_OUTPUT, "FILE", 0, "Write raw bytes to FILE",
		  0 },
		{ "raw", KEY_RAW, NULL, 0, "Write raw bytes to standard output",
		  0 },
		{ 0 },
	};
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_FORCE |
			 GUPX_ARGS_TAKES_NOFAULT | GUPX_ARGS_TAKES_ENGINE,
		.own_options = options,
		.parser = parse_option,
		.args_doc = "PID RANGE...",
		.doc = "Print the memory of a process as a hexadecimal dump, or "
		       "copy it.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "or the path or name of a mapped file. It is not rounded.",
	};
	struct read_command command = { .fd = -1 };
	struct gupx_request request = {
		.verb = "read",
		.past = "read",
		.args = &command.args,
		.chunk = CHUNK,
		.step = read_chunk,
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
	status = run_read(&request, &command);
	gupx_request_close(&request);
	gupx_args_free(&command.args);
	return status;
}
