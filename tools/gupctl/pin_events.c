// SPDX-License-Identifier: GPL-2.0
/* Report what becomes of pins while they are held. */
#include <stddef.h>

#include "out.h"
#include "pin_events.h"
#include "signals.h"

struct exited_row {
	__u64 pid;
};

static const struct gupx_out_field exited_fields[] = {
	GUPX_OUT_FIELD(struct exited_row, pid, "pid", NULL, GUPX_OUT_COUNT),
};

static const struct gupx_out_spec exited_spec = GUPX_OUT_SPEC(exited_fields);

struct released_row {
	__u64 bytes;
	__u64 milliseconds;
	const char *signal;
};

static const struct gupx_out_field released_fields[] = {
	GUPX_OUT_FIELD(struct released_row, bytes, "bytes", NULL,
		       GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct released_row, milliseconds, "milliseconds", NULL,
		       GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct released_row, signal, "signal", NULL,
		       GUPX_OUT_STRING),
};

static const struct gupx_out_spec released_spec =
	GUPX_OUT_SPEC(released_fields);

struct held_row {
	const char *event;
	__u64 holder;
	const char *id;
	const char *name;
};

static const struct gupx_out_field held_fields[] = {
	GUPX_OUT_FIELD(struct held_row, event, "event", NULL, GUPX_OUT_STRING),
	GUPX_OUT_FIELD(struct held_row, holder, "holder", NULL, GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct held_row, id, "holder_id", NULL, GUPX_OUT_STRING),
	GUPX_OUT_FIELD(struct held_row, name, "holder_name", NULL,
		       GUPX_OUT_STRING),
};

static const struct gupx_out_spec held_spec = GUPX_OUT_SPEC(held_fields);

struct command_exited_row {
	__u64 status;
};

static const struct gupx_out_field command_exited_fields[] = {
	GUPX_OUT_FIELD(struct command_exited_row, status, "status", NULL,
		       GUPX_OUT_COUNT),
};

static const struct gupx_out_spec command_exited_spec =
	GUPX_OUT_SPEC(command_exited_fields);

void gupx_pin_events_held(const struct gupx_pin_events_held *held)
{
	const struct held_row row = {
		.event = "held",
		.holder = held->holder,
		.id = held->id,
		.name = held->name,
	};

	if (gupx_out_is_json())
		gupx_out_record(NULL, &held_spec, &row);
}

void gupx_pin_events_target_exited(int pid)
{
	const struct exited_row row = { .pid = (__u64)pid };

	gupx_out_note("process %d has exited; its pages stay pinned", pid);
	gupx_out_event("target_exited", &exited_spec, &row);
}

void gupx_pin_events_command_exited(int status)
{
	const struct command_exited_row row = { .status = (__u64)status };

	gupx_out_event("command_exited", &command_exited_spec, &row);
}

void gupx_pin_events_released(__u64 bytes, double seconds)
{
	const struct released_row row = {
		.bytes = bytes,
		.milliseconds = (__u64)(seconds * 1000),
		.signal = gupx_signals_name(),
	};

	gupx_out_note("released %s after %.1f s", gupx_out_size(bytes).text,
		      seconds);
	gupx_out_event("released", &released_spec, &row);
}
