/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_VERSION_H
#define GUPX_VERSION_H

/* Must match dkms.conf; `make lint` compares them. */
#define GUPX_VERSION "0.1.0"

#endif /* GUPX_VERSION_H */
