// SPDX-License-Identifier: GPL-2.0
/* gupctl pin: pin pages of a process. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "command.h"
#include "detach.h"
#include "dry_run.h"
#include "estimate.h"
#include "extents.h"
#include "holder.h"
#include "notify.h"
#include "out.h"
#include "pidfile.h"
#include "pin_events.h"
#include "pinfds.h"
#include "signals.h"
#include "request.h"

/*
 * Bytes per ioctl. The size is large enough to amortize the cost of the ioctl, and
 * small enough to react to Ctrl-C and to update the progress bar.
 */
#define CHUNK (64ULL << 20)

#define KEY_HOLD GUPX_ARGS_OWN
#define KEY_EXTENTS (GUPX_ARGS_OWN + 1)
#define KEY_READ_ONLY (GUPX_ARGS_OWN + 2)
#define KEY_PARTIAL (GUPX_ARGS_OWN + 3)
#define KEY_DRY_RUN (GUPX_ARGS_OWN + 4)
#define KEY_NAME (GUPX_ARGS_OWN + 5)
#define KEY_DETACH (GUPX_ARGS_OWN + 6)
#define KEY_HOLDER_PIDFILE (GUPX_ARGS_OWN + 7)
#define KEY_EXEC (GUPX_ARGS_OWN + 8)

/* Upper limit of --hold in seconds: 100 years. A longer time is a typing error. */
#define HOLD_MAX 3155760000.0

#define NOTHING_HELD \
	"nothing is held, because not everything was pinned; use --partial to hold a part"

/**
 * struct held - pins of one target
 * @pid: PID of the target
 * @pin_fd: file descriptor that owns the pins; closing it releases the pins
 */
struct held {
	int pid;
	int pin_fd;
};

/**
 * struct pin_command - state of the pin command
 * @args: shared options
 * @extents: true to list all extents
 * @read_only: true to create the pin fd with GUPX_F_READ_ONLY
 * @partial: true to hold the pins even if not everything was pinned
 * @dry_run: true to only print what the request would do
 * @hold: seconds for which to hold the pins; if negative, until a signal arrives
 * @name: name of the holder, or ""
 * @detach: true to hold the pins in the background
 * @detach_line: socket for gupx_detach_ready(), or -1
 * @holder_pidfile: path of the file for the PID of the holder, or NULL
 * @pidfile: that file
 * @exec: command to run while the pins are held, or NULL; an array that ends with NULL
 * @command: its process
 * @pin_fd: file descriptor that owns the pins of the present target, or -1
 * @bytes: number of bytes pinned, of all targets
 * @held: pins of all targets
 * @pidfd: their pidfds, or -1 after a target has exited
 * @held_count: number of elements of @held and @pidfd
 */
struct pin_command {
	struct gupx_args args;
	bool extents;
	bool read_only;
	bool partial;
	bool dry_run;
	double hold;
	const char *name;
	bool detach;
	int detach_line;
	const char *holder_pidfile;
	struct gupx_pidfile pidfile;
	char **exec;
	struct gupx_command command;
	int pin_fd;
	__u64 bytes;
	struct held *held;
	struct pollfd *pidfd;
	size_t held_count;
};

static double parse_hold(const char *text)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	if (end == text || *end || !isfinite(seconds) || seconds < 0 ||
	    seconds > HOLD_MAX)
		gupx_args_die(
			"invalid time '%s': must be a number of seconds, 0 or more",
			text);
	return seconds;
}

/*
 * Take all following arguments as a command. Copy them, because getopt_long() moves the
 * processes and ranges, which come before the option, behind them.
 */
static char **take_exec(struct argp_state *state)
{
	const int first = state->next;
	const size_t count = (size_t)(state->argc - first);
	char **argv;

	if (!count)
		gupx_args_die("option '--exec' requires a command");
	argv = calloc(count + 1, sizeof(*argv));
	if (!argv)
		gupx_out_no_memory();
	memcpy(argv, &state->argv[first], count * sizeof(*argv));
	state->next = state->argc;
	return argv;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct pin_command *command = state->input;

	switch (key) {
	case KEY_NAME:
		if (!gupx_holder_is_name(value))
			gupx_args_die(
				"invalid name '%s': must be a letter, then up to 62 letters, digits and . _ - @ : +",
				value);
		command->name = value;
		return 0;
	case KEY_DETACH:
		command->detach = true;
		return 0;
	case KEY_HOLDER_PIDFILE:
		command->holder_pidfile = value;
		return 0;
	case KEY_EXEC:
		command->exec = take_exec(state);
		return 0;
	case KEY_HOLD:
		command->hold = parse_hold(value);
		return 0;
	case KEY_EXTENTS:
		command->extents = true;
		return 0;
	case KEY_READ_ONLY:
		command->read_only = true;
		return 0;
	case KEY_DRY_RUN:
		command->dry_run = true;
		return 0;
	case KEY_PARTIAL:
		command->partial = true;
		return 0;
	}
	return gupx_args_parse_key(key, value, state, &command->args);
}

static int pin_chunk(struct gupx_request *request,
		     struct gupx_request_chunk *chunk)
{
	struct pin_command *command = request->priv;
	struct gupx_pin arg = {
		.size = sizeof(arg),
		.flags = request->flags,
		.mem_fd = request->target.mem_fd,
		.pin_fd = command->pin_fd,
		.addr = chunk->addr,
		.len = chunk->len,
	};
	int error;

	/*
	 * The module accepts GUPX_F_READ_ONLY only in the call that creates the pin fd.
	 */
	if (command->read_only && command->pin_fd < 0)
		arg.flags |= GUPX_F_READ_ONLY;
	error = gupx_dev_call(request->dev.fd, GUPX_IOC_PIN, &arg);
	request->context.limit = arg.memlock_limit;
	request->context.used = arg.memlock_used;
	if (error)
		return error;
	command->pin_fd = arg.pin_fd;
	chunk->done = arg.done;
	chunk->stop = arg.stop;
	return 0;
}

static void report_pins(struct gupx_request *request,
			struct pin_command *command)
{
	__u64 bytes = 0;
	int error;

	error = gupx_extents_report(command->pin_fd,
				    request->dev.info.page_size,
				    command->extents, &bytes);
	command->bytes += bytes;
	if (error)
		gupx_out_error("extents", NULL,
			       "cannot query the pinned extents: %s",
			       strerror(-error));
}

/* Close all pin fds, which releases the pins. */
static void close_pins(struct pin_command *command)
{
	size_t i;

	for (i = 0; i < command->held_count; i++) {
		close(command->held[i].pin_fd);
		if (command->pidfd[i].fd >= 0)
			close(command->pidfd[i].fd);
	}
	command->held_count = 0;
}

static void release_pins(struct pin_command *command, double begun)
{
	const double seconds = gupx_signals_now() - begun;

	close_pins(command);
	gupx_pin_events_released(command->bytes, seconds);
}

/* Report each target that has exited. Its pins remain. */
static void note_exits(void *priv)
{
	struct pin_command *command = priv;
	size_t i;

	for (i = 0; i < command->held_count; i++) {
		if (!command->pidfd[i].revents)
			continue;
		gupx_pin_events_target_exited(command->held[i].pid);
		close(command->pidfd[i].fd);
		/* poll() ignores negative descriptors. */
		command->pidfd[i] = (struct pollfd){ .fd = -1 };
	}
}

/* Wait until the time has passed or a signal arrives. */
static void wait_for_end(struct pin_command *command, double begun)
{
	const double deadline = command->hold < 0 ? -1 : begun + command->hold;

	while (gupx_signals_wait(deadline, command->pidfd,
				 command->held_count) == GUPX_SIGNALS_END_FD)
		note_exits(command);
}

/* Run the command of --exec. Return: the exit status of gupctl. */
static int run_exec(struct pin_command *command)
{
	const int status =
		gupx_command_run(&command->command, command->pidfd,
				 command->held_count, note_exits, command);

	gupx_pin_events_command_exited(status);
	return status;
}

static void note_holding(const struct pin_command *command,
			 const struct gupx_pin_events_held *row)
{
	if (command->detach)
		gupx_out_note(
			"process %llu holds the pins; to release them: gupctl unpin %s",
			row->holder, row->name ? row->name : row->id);
	else if (command->exec)
		gupx_out_note("holding the pins while '%s' runs",
			      command->exec[0]);
	else if (command->hold < 0)
		gupx_out_note("holding the pins; press Ctrl-C to release them");
	else if (command->hold > 0)
		gupx_out_note(
			"holding the pins for %g s; press Ctrl-C to release them earlier",
			command->hold);
}

/*
 * Say that everything is held: to the user, to the service manager, and to the parent that
 * waits for it. Return: false if that parent has gone away.
 */
static bool announce_pins(struct pin_command *command, int status)
{
	const struct gupx_holder_id id = gupx_holder_format_id(
		getpid(), gupx_pinfds_start(&gupx_pinfds_proc, getpid()));
	const struct gupx_pin_events_held row = {
		.holder = (__u64)getpid(),
		.id = id.text,
		.name = *command->name ? command->name : NULL,
	};

	if (command->holder_pidfile)
		gupx_pidfile_write(&command->pidfile, command->holder_pidfile);
	gupx_pin_events_held(&row);
	note_holding(command, &row);
	/* With --exec, the service is the command, which notifies by itself. */
	if (!command->exec)
		gupx_notify("MAINPID=%d\nREADY=1\nSTATUS=holding %s", getpid(),
			    gupx_out_size(command->bytes).text);
	/*
	 * Complete the JSON object now, so that a program can read it while the pins
	 * are held.
	 */
	gupx_out_end();
	return !command->detach ||
	       gupx_detach_ready(command->detach_line, status);
}

/* Hold the pins, then release them. Return: the exit status of gupctl. */
static int hold_pins(struct pin_command *command, int status)
{
	const double begun = gupx_signals_now();

	if (!announce_pins(command, status)) {
		close_pins(command);
		status = GUPX_EXIT_REFUSED;
	} else if (command->exec) {
		status = run_exec(command);
	} else {
		wait_for_end(command, begun);
		gupx_notify("STOPPING=1");
	}
	if (command->held_count)
		release_pins(command, begun);
	gupx_pidfile_remove(&command->pidfile);
	return status;
}

/* Keep the pin fd and the pidfd of a target until all targets are pinned. */
static void keep_pins(struct gupx_request *request, struct pin_command *command)
{
	const size_t count = command->held_count + 1;
	struct held *held = reallocarray(command->held, count, sizeof(*held));
	struct pollfd *pidfd =
		reallocarray(command->pidfd, count, sizeof(*pidfd));

	if (!held || !pidfd)
		gupx_out_no_memory();
	command->held = held;
	command->pidfd = pidfd;
	held[count - 1] = (struct held){ request->target.pid, command->pin_fd };
	pidfd[count - 1] = (struct pollfd){ .fd = request->target.pidfd,
					    .events = POLLIN };
	command->held_count = count;
	command->pin_fd = -1;
	request->target.pidfd = -1;
}

/*
 * Pin pages of one target. If they are only a part of what the user wanted, release them,
 * so that a script does not wait for a pin that has failed.
 */
static int run_pin(struct gupx_request *request)
{
	struct pin_command *command = request->priv;
	struct gupx_estimate estimate;
	int status;

	if (command->dry_run) {
		if (!gupx_estimate(request, &estimate))
			return GUPX_EXIT_REFUSED;
		gupx_dry_run_report(request, &estimate);
		return GUPX_EXIT_DONE;
	}
	gupx_request_run(request);
	gupx_request_report(request);
	status = gupx_request_status(request);
	if (command->pin_fd < 0)
		return status;
	if (status != GUPX_EXIT_DONE && !command->partial) {
		close(command->pin_fd);
		command->pin_fd = -1;
		gupx_out_warn("%s", NOTHING_HELD);
		return status;
	}
	report_pins(request, command);
	keep_pins(request, command);
	return status;
}

static int pin_and_hold(const struct gupx_request *request,
			struct pin_command *command)
{
	const int status = gupx_request_each(request, run_pin);

	if (status != GUPX_EXIT_DONE && !command->partial &&
	    command->held_count) {
		close_pins(command);
		gupx_out_warn("%s", NOTHING_HELD);
	}
	if (command->held_count)
		return hold_pins(command, status);
	if (command->exec)
		gupx_command_cancel(&command->command);
	gupx_out_end();
	return status;
}

static void check_options(const struct pin_command *command)
{
	const char *other = command->detach	      ? "--detach"
			    : command->exec	      ? "--exec"
			    : *command->name	      ? "--name"
			    : command->holder_pidfile ? "--holder-pidfile"
						      : NULL;

	if (command->dry_run && other)
		gupx_args_die("--dry-run and %s are mutually exclusive", other);
	if (command->exec && command->detach)
		gupx_args_die("--detach and --exec are mutually exclusive");
	if (command->exec && command->hold >= 0)
		gupx_args_die("--hold and --exec are mutually exclusive");
}

/* Refuse the name of another holder of this user, because unpin could not tell them apart. */
static void check_name(const char *name)
{
	const struct gupx_pinfds_holder *holder;
	struct gupx_pinfds found;

	gupx_pinfds_scan(&found, &gupx_pinfds_proc, 0);
	holder = gupx_pinfds_find_name(&found, NULL, name);
	if (holder)
		gupx_out_die(
			GUPX_EXIT_REFUSED, "name_in_use",
			"choose another name, or release its pins with gupctl unpin",
			"process %d already holds pins with the name '%s'",
			holder->pid, name);
	gupx_pinfds_free(&found);
}

/*
 * Start the processes of --detach and --exec, then make this process known as a holder. The
 * command must not inherit the marker.
 */
static void become_holder(struct pin_command *command)
{
	if (*command->name)
		check_name(command->name);
	if (command->detach)
		command->detach_line = gupx_detach_fork();
	if (command->exec) {
		/* Standard output belongs to the command. */
		gupx_out_use_stderr();
		gupx_command_fork(&command->command, command->exec);
	}
	if (gupx_holder_mark(command->name) < 0)
		gupx_out_die(GUPX_EXIT_REFUSED, "marker", NULL,
			     "cannot mark this process as a holder of pins: %s",
			     strerror(errno));
}

static const struct argp_option options[] = {
	{ "hold", KEY_HOLD, "SECONDS", 0,
	  "Time to hold the pins; default: until Ctrl-C", 0 },
	{ "extents", KEY_EXTENTS, NULL, 0, "List the pinned extents", 0 },
	{ "dry-run", KEY_DRY_RUN, NULL, 0,
	  "Print what would be added and charged, and change nothing", 0 },
	{ "partial", KEY_PARTIAL, NULL, 0,
	  "Hold the pins even if not everything was pinned", 0 },
	{ "read-only", KEY_READ_ONLY, NULL, 0,
	  "Never allow writable mappings of the pin fd", 0 },
	{ "name", KEY_NAME, "NAME", 0,
	  "Name of the holder, for gupctl pins and unpin", 0 },
	{ "detach", KEY_DETACH, NULL, 0,
	  "Hold the pins in the background; return when all is pinned", 0 },
	{ "holder-pidfile", KEY_HOLDER_PIDFILE, "FILE", 0,
	  "Write the PID of the process that holds the pins", 0 },
	{ "exec", KEY_EXEC, NULL, 0,
	  "Run the command that follows while the pins are held", 0 },
	{ 0 },
};

int gupx_cmd_pin(int argc, char **argv)
{
	static const struct gupx_args_syntax syntax = {
		.takes = GUPX_ARGS_TAKES_TARGET | GUPX_ARGS_TAKES_BEST_EFFORT |
			 GUPX_ARGS_TAKES_TABLE | GUPX_ARGS_TAKES_WRITE |
			 GUPX_ARGS_TAKES_FORCE | GUPX_ARGS_TAKES_NOFAULT |
			 GUPX_ARGS_TAKES_HERE | GUPX_ARGS_TAKES_ENGINE,
		.own_options = options,
		.parser = parse_option,
		.args_doc =
			"PID... RANGE... [--exec CMD [ARG...]]\nNAME RANGE... [--exec CMD [ARG...]]",
		.doc = "Pin pages of a process: they are not swapped out, migrated "
		       "or freed until they are released.\v"
		       "RANGE is ADDR+LEN, ADDR-END, [heap], [stack], [anon], "
		       "[shared], [file], [writable], or the path or name of a "
		       "mapped file. It is rounded "
		       "outward to whole pages.",
	};
	struct pin_command command = { .args.rounds = true,
				       .hold = -1,
				       .name = "",
				       .detach_line = -1,
				       .pidfile.dir_fd = -1,
				       .pin_fd = -1 };
	struct gupx_request request = {
		.verb = "pin",
		.past = "pinned",
		.args = &command.args,
		.chunk = CHUNK,
		.step = pin_chunk,
		.priv = &command,
	};
	int status;

	gupx_args_parse(&syntax, argc, argv, &command);
	gupx_args_require_target(&command.args);
	check_options(&command);
	if (!command.dry_run)
		become_holder(&command);
	request.needs_maps = command.dry_run;
	status = pin_and_hold(&request, &command);
	free(command.held);
	free(command.pidfd);
	free(command.exec);
	gupx_args_free(&command.args);
	return status;
}
