// SPDX-License-Identifier: GPL-2.0
/* gupctl unpin: end a process of "gupctl pin", which releases its pins. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "holder.h"
#include "out.h"
#include "pinfds.h"
#include "signals.h"

/* Time for a holder to end in seconds. The command of --exec may take its time. */
#define WAIT_MAX 60

/**
 * struct victim - a holder that is asked to end
 * @word: the argument that names it
 * @pid: PID
 * @start: start time that its ID contains, or 0 if the user gave no ID
 * @pidfd: its pidfd, or -1
 * @comm: its name
 * @bytes: number of bytes that it holds
 */
struct victim {
	const char *word;
	int pid;
	__u64 start;
	int pidfd;
	char comm[80];
	__u64 bytes;
};

struct unpin_row {
	__u64 pid;
	__u64 bytes;
	__u64 milliseconds;
};

static const struct gupx_out_field fields[] = {
	GUPX_OUT_FIELD(struct unpin_row, pid, "pid", NULL, GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct unpin_row, bytes, "bytes", NULL, GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct unpin_row, milliseconds, "milliseconds", NULL,
		       GUPX_OUT_COUNT),
};

static const struct gupx_out_spec spec = GUPX_OUT_SPEC(fields);

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	const char **word = state->input;

	if (key == ARGP_KEY_NO_ARGS)
		gupx_args_die("missing ID, NAME or PID of a holder of pins");
	if (key == ARGP_KEY_ARG && *word)
		gupx_args_die("unexpected argument '%s'", value);
	if (key != ARGP_KEY_ARG)
		return gupx_args_parse_key(key, value, state, NULL);
	*word = value;
	return 0;
}

static void report_no_holder(const char *word)
{
	gupx_out_error("no_such_holder", "list holders with gupctl pins",
		       "no holder of pins '%s'", word);
}

static bool find_name(const struct gupx_pinfds *found, struct victim *victim)
{
	const struct gupx_pinfds_holder *match =
		gupx_pinfds_find_name(found, NULL, victim->word);
	const struct gupx_pinfds_holder *other;

	if (!match) {
		report_no_holder(victim->word);
		return false;
	}
	other = gupx_pinfds_find_name(found, match, victim->word);
	if (other) {
		gupx_out_error("ambiguous",
			       "give the ID or the PID instead of the name",
			       "processes %d and %d both have the name '%s'",
			       match->pid, other->pid, victim->word);
		return false;
	}
	victim->pid = match->pid;
	victim->start = match->start;
	return true;
}

/* Find the process that an argument names. Return: false after an error was reported. */
static bool find_victim(struct victim *victim)
{
	const char *word = victim->word;
	struct gupx_pinfds found;
	bool is_found;
	long pid;
	char *end;

	if (gupx_holder_parse_id(word, &victim->pid, &victim->start))
		return true;
	if (*word >= '0' && *word <= '9') {
		errno = 0;
		pid = strtol(word, &end, 10);
		if (*end || errno || pid < 1 || pid > INT_MAX)
			gupx_args_die(
				"invalid holder '%s': must be an ID, a name or a PID",
				word);
		victim->pid = (int)pid;
		return true;
	}
	gupx_pinfds_scan(&found, &gupx_pinfds_proc, 0);
	is_found = find_name(&found, victim);
	gupx_pinfds_free(&found);
	return is_found;
}

static const struct gupx_pinfds_holder *
find_holder(const struct gupx_pinfds *found, int pid)
{
	size_t i;

	for (i = 0; i < found->holder_count; i++)
		if (found->holder[i].pid == pid)
			return &found->holder[i];
	return NULL;
}

/* Report why a process is not a holder: it holds no pins, or gupctl may not see that. */
static void report_no_pins(const struct victim *victim)
{
	struct gupx_pinfds found;

	gupx_pinfds_scan(&found, &gupx_pinfds_proc, victim->pid);
	if (found.unreadable)
		gupx_out_error(
			"not_allowed", "run gupctl as root (sudo)",
			"the descriptors of process %d cannot be read: it belongs to another user",
			victim->pid);
	else
		gupx_out_error("no_such_holder",
			       "list holders with gupctl pins",
			       "process %d holds no pins", victim->pid);
	gupx_pinfds_free(&found);
}

/*
 * Check that the process is one of "gupctl pin". The caller has opened its pidfd before, and
 * sends the signal through it: if the PID was used again during the check, the process of
 * the pidfd has ended, and gets no signal.
 *
 * A pin fd and a marker can be sent to any process that receives descriptors, so that alone
 * must not make it the victim of a signal: it must run the program gupctl.
 */
static bool check_victim(const struct gupx_pinfds *found, struct victim *victim)
{
	const struct gupx_pinfds_holder *holder =
		find_holder(found, victim->pid);
	size_t i, j;

	if (!holder) {
		report_no_pins(victim);
		return false;
	}
	if (victim->start && holder->start != victim->start) {
		report_no_holder(victim->word);
		return false;
	}
	if (!gupx_pinfds_is_pin(holder)) {
		gupx_out_error(
			"not_gupctl", "end it as its manual says",
			"process %d (%s) holds pins, but is not a process of this gupctl pin",
			holder->pid, holder->comm);
		return false;
	}
	snprintf(victim->comm, sizeof(victim->comm), "%s", holder->comm);
	victim->start = holder->start;
	for (i = 0; i < found->file_count; i++) {
		const struct gupx_pinfds_file *file = &found->file[i];

		for (j = 0; j < file->ref_count; j++) {
			if (&found->holder[file->ref[j].holder] != holder)
				continue;
			victim->bytes += file->facts.bytes;
			break;
		}
	}
	return true;
}

/* Send SIGTERM, and wait for the end. Return: true, or false after an error was reported. */
static bool end_victim(const struct victim *victim)
{
	struct pollfd file = { .fd = victim->pidfd, .events = POLLIN };
	const double deadline = gupx_signals_now() + WAIT_MAX;

	if (pidfd_send_signal(victim->pidfd, SIGTERM, NULL, 0)) {
		/* It has ended, and another process may have its PID since. */
		if (errno == ESRCH)
			report_no_holder(victim->word);
		else
			gupx_out_error(
				"not_allowed", "run gupctl as root (sudo)",
				"cannot send SIGTERM to process %d (%s): %s",
				victim->pid, victim->comm, strerror(errno));
		return false;
	}
	/* A stopped process handles SIGTERM only after it continues. */
	pidfd_send_signal(victim->pidfd, SIGCONT, NULL, 0);
	switch (gupx_signals_wait(deadline, &file, 1)) {
	case GUPX_SIGNALS_END_FD:
		return true;
	case GUPX_SIGNALS_END_TIME:
		gupx_out_error(
			"timeout",
			"with --exec, end its command; else kill -KILL releases the pins, too",
			"process %d (%s) got SIGTERM, but has not ended after %d s",
			victim->pid, victim->comm, WAIT_MAX);
		return false;
	case GUPX_SIGNALS_END_SIGNAL:
		gupx_out_error("interrupted", NULL,
			       "interrupted by %s while process %d (%s) ends",
			       gupx_signals_name(), victim->pid, victim->comm);
		break;
	}
	return false;
}

static bool has_ref(const struct gupx_pinfds *found,
		    const struct gupx_pinfds_file *file, int pid, int tid,
		    int fd)
{
	size_t i;

	for (i = 0; i < file->ref_count; i++)
		if (found->holder[file->ref[i].holder].pid == pid &&
		    file->ref[i].tid == tid && file->ref[i].fd == fd)
			return true;
	return false;
}

/* Return: true if a pin fd is still open at this place. */
static bool is_still_open(const struct gupx_pinfds *now,
			  const struct gupx_pinfds_file *file, int pid, int tid,
			  int fd)
{
	size_t i;

	for (i = 0; i < now->file_count; i++)
		if (now->file[i].facts.inode == file->facts.inode &&
		    now->file[i].facts.target_start ==
			    file->facts.target_start &&
		    has_ref(now, &now->file[i], pid, tid, fd))
			return true;
	return false;
}

/*
 * Check that no other process has the pin fds of the victim open, which would keep the pins.
 * Return: true, or false after an error was reported.
 */
static bool are_released(const struct gupx_pinfds *before,
			 const struct victim *victim)
{
	struct gupx_pinfds now;
	bool released = true;
	size_t i, j;

	gupx_pinfds_scan(&now, &gupx_pinfds_proc, 0);
	for (i = 0; i < before->file_count; i++) {
		const struct gupx_pinfds_file *file = &before->file[i];
		bool was_held = false;

		for (j = 0; j < file->ref_count; j++)
			was_held |= before->holder[file->ref[j].holder].pid ==
				    victim->pid;
		for (j = 0; was_held && j < file->ref_count; j++) {
			const struct gupx_pinfds_ref *ref = &file->ref[j];
			const struct gupx_pinfds_holder *holder =
				&before->holder[ref->holder];

			if (holder->pid == victim->pid ||
			    !is_still_open(&now, file, holder->pid, ref->tid,
					   ref->fd))
				continue;
			gupx_out_error(
				"still_held", NULL,
				"process %d has ended, but process %d (%s) has its pin fd open and holds %s",
				victim->pid, holder->pid, holder->comm,
				gupx_out_size(file->facts.bytes).text);
			released = false;
		}
	}
	gupx_pinfds_free(&now);
	return released;
}

static bool release_victim(struct victim *victim)
{
	struct gupx_pinfds found;
	bool released;

	victim->pidfd = pidfd_open(victim->pid, 0);
	if (victim->pidfd < 0) {
		report_no_holder(victim->word);
		return false;
	}
	gupx_pinfds_scan(&found, &gupx_pinfds_proc, 0);
	released = check_victim(&found, victim) && end_victim(victim) &&
		   are_released(&found, victim);
	gupx_pinfds_free(&found);
	close(victim->pidfd);
	return released;
}

int gupx_cmd_unpin(int argc, char **argv)
{
	static const struct gupx_args_syntax syntax = {
		.parser = parse_option,
		.args_doc = "ID|NAME|PID",
		.doc = "End a process of gupctl pin, which releases its pins.\v"
		       "gupctl pins lists the IDs. A NAME is that of --name; only "
		       "holders of the same user have names.",
	};
	struct victim victim = { .pidfd = -1 };
	struct unpin_row row;
	double begun;

	gupx_args_parse(&syntax, argc, argv, &victim.word);
	gupx_signals_init();
	begun = gupx_signals_now();
	if (!find_victim(&victim) || !release_victim(&victim))
		return gupx_signals_received()
			       ? GUPX_EXIT_SIGNAL + gupx_signals_received()
			       : GUPX_EXIT_REFUSED;
	row = (struct unpin_row){
		.pid = (__u64)victim.pid,
		.bytes = victim.bytes,
		.milliseconds = (__u64)((gupx_signals_now() - begun) * 1000),
	};
	if (gupx_out_is_json())
		gupx_out_record("released", &spec, &row);
	gupx_out_note("released %s of process %d (%s)",
		      gupx_out_size(victim.bytes).text, victim.pid,
		      victim.comm);
	return GUPX_EXIT_DONE;
}
