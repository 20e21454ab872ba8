/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_SELFCHECK_H
#define GUPX_SELFCHECK_H

bool gupx_selfcheck_knows_kernel(void);
int gupx_selfcheck_run(void);

#endif /* GUPX_SELFCHECK_H */
