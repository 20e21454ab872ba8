/* SPDX-License-Identifier: GPL-2.0 */
/* Report what becomes of pins while they are held, as text or as JSON. */
#ifndef GUPX_PIN_EVENTS_H
#define GUPX_PIN_EVENTS_H

#include <linux/types.h>

/**
 * struct gupx_pin_events_held - everything is pinned
 * @holder: PID of the holder
 * @id: ID of the holder
 * @name: name of the holder, or NULL
 */
struct gupx_pin_events_held {
	__u64 holder;
	const char *id;
	const char *name;
};

/* Add the event to the JSON object. In text, the caller prints what the user can do now. */
void gupx_pin_events_held(const struct gupx_pin_events_held *held);

void gupx_pin_events_target_exited(int pid);

/* The command of --exec has ended. @status is the exit status of gupctl. */
void gupx_pin_events_command_exited(int status);

void gupx_pin_events_released(__u64 bytes, double seconds);

#endif
