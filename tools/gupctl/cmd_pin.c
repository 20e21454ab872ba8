// SPDX-License-Identifier: GPL-2.0
/* gupctl pin: hold pages of a process in place. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "extents.h"
#include "out.h"
#include "signals.h"
#include "work.h"

/* Long enough to cost nothing, short enough for Ctrl-C and the bar. */
#define CHUNK (64ULL << 20)

#define KEY_HOLD GUPX_ARGS_OWN
#define KEY_EXTENTS (GUPX_ARGS_OWN + 1)
#define KEY_READ_ONLY (GUPX_ARGS_OWN + 2)

/* A hundred years: more is a slip of the finger. */
#define HOLD_MAX 3155760000.0

/**
 * struct pin - one run of the command
 * @args: first, so that a pointer to the one is a pointer to the other
 * @extents: list them
 * @read_only: the pin fd never has a writable window
 * @hold: seconds; negative: until a signal comes
 * @pin_fd: owns the pins; closing it releases them
 * @bytes: held
 */
struct pin {
	struct gupx_args args;
	bool extents;
	bool read_only;
	double hold;
	int pin_fd;
	__u64 bytes;
};

static double parse_hold(const char *text)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	if (end == text || *end || !isfinite(seconds) || seconds < 0 ||
	    seconds > HOLD_MAX)
		gupx_args_die(
			"'%s' is no time to hold: write seconds, 0 or more",
			text);
	return seconds;
}

static error_t parse_word(int key, char *value, struct argp_state *state)
{
	struct pin *pin = state->input;

	switch (key) {
	case KEY_HOLD:
		pin->hold = parse_hold(value);
		return 0;
	case KEY_EXTENTS:
		pin->extents = true;
		return 0;
	case KEY_READ_ONLY:
		pin->read_only = true;
		return 0;
	}
	return gupx_args_take(key, value, state, &pin->args);
}

static int pin_chunk(struct gupx_work *work, struct gupx_work_chunk *chunk)
{
	struct pin *own = work->own;
	struct gupx_pin request = {
		.size = sizeof(request),
		.flags = work->flags,
		.mem_fd = work->target.mem_fd,
		.pin_fd = own->pin_fd,
		.addr = chunk->addr,
		.len = chunk->len,
	};
	int error;

	/* The module takes the flag only where it makes the pin fd. */
	if (own->read_only && own->pin_fd < 0)
		request.flags |= GUPX_F_READ_ONLY;
	error = gupx_dev_call(work->dev.fd, GUPX_IOC_PIN, &request);
	work->ask.limit = request.memlock_limit;
	work->ask.used = request.memlock_used;
	if (error)
		return error;
	own->pin_fd = request.pin_fd;
	chunk->done = request.done;
	chunk->stop = request.stop;
	return 0;
}

static void report_pins(struct gupx_work *work, struct pin *pin)
{
	int error;

	if (pin->pin_fd < 0)
		return;
	error = gupx_extents_report(pin->pin_fd, work->dev.info.page_size,
				    pin->extents, &pin->bytes);
	if (error)
		gupx_out_error("extents", NULL,
			       "cannot ask what the pin holds: %s",
			       strerror(-error));
}

/* The pins outlive the target: say so when it goes, and hold on. */
static void hold_pins(const struct gupx_work *work, const struct pin *pin)
{
	const double begun = gupx_signals_now();
	const double deadline = pin->hold < 0 ? -1 : begun + pin->hold;
	int pidfd = pidfd_open(work->target.pid, 0);

	if (pin->hold < 0)
		gupx_out_note("holding; Ctrl-C releases");
	else if (pin->hold > 0)
		gupx_out_note("holding for %g s; Ctrl-C releases earlier",
			      pin->hold);
	if (gupx_signals_wait(deadline, pidfd) == GUPX_SIGNALS_END_FD) {
		gupx_out_note("process %d has exited; its pages are still held",
			      work->target.pid);
		gupx_signals_wait(deadline, -1);
	}
	if (pidfd >= 0)
		close(pidfd);
	close(pin->pin_fd);
	gupx_out_note("released %s, held for %.1f s",
		      gupx_out_size(pin->bytes).text,
		      gupx_signals_now() - begun);
}

static int pin_and_hold(struct gupx_work *work, struct pin *pin)
{
	int status;

	gupx_work_open(work);
	gupx_work_run(work);
	gupx_work_report(work);
	report_pins(work, pin);
	status = gupx_work_status(work);
	/* A program reads the answer while the pins are held. */
	gupx_out_end();
	if (pin->pin_fd >= 0)
		hold_pins(work, pin);
	return status;
}

int gupx_cmd_pin(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "hold", KEY_HOLD, "SECONDS", 0,
		  "How long to hold; without it until Ctrl-C", 0 },
		{ "extents", KEY_EXTENTS, NULL, 0,
		  "List the runs of pages that are held", 0 },
		{ "read-only", KEY_READ_ONLY, NULL, 0,
		  "Let no process map the pin fd for writing", 0 },
		{ 0 },
	};
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_WRITE |
			 GUPX_ARGS_TAKES_FORCE | GUPX_ARGS_TAKES_NOFAULT |
			 GUPX_ARGS_TAKES_HERE | GUPX_ARGS_TAKES_ENGINE,
		.own = options,
		.parser = parse_word,
		.words = "PID RANGE...",
		.doc = "Hold pages of a process in place: not swapped, not moved, "
		       "not freed, until released.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "or a mapped file's path or name; it is rounded outward "
		       "to pages.",
	};
	struct pin pin = { .args.rounds = true, .hold = -1, .pin_fd = -1 };
	struct gupx_work work = {
		.verb = "pin",
		.past = "pinned",
		.args = &pin.args,
		.chunk = CHUNK,
		.step = pin_chunk,
		.own = &pin,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &pin);
	gupx_args_require_target(&pin.args);
	status = pin_and_hold(&work, &pin);
	gupx_work_close(&work);
	gupx_args_free(&pin.args);
	return status;
}
