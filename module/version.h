/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_VERSION_H
#define GUPX_VERSION_H

/* The version must be the same as in dkms.conf; `make lint` checks this. */
#define GUPX_VERSION "0.1.0"

#endif /* GUPX_VERSION_H */
