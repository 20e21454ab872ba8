/* SPDX-License-Identifier: GPL-2.0 */
/* Report the state of a service to systemd, see sd_notify(3). */
#ifndef GUPX_NOTIFY_H
#define GUPX_NOTIFY_H

/*
 * Send lines such as "READY=1" to the socket in $NOTIFY_SOCKET. Do nothing if there is
 * none. A failure is a warning only.
 */
__attribute__((format(printf, 1, 2))) void gupx_notify(const char *format, ...);

#endif
