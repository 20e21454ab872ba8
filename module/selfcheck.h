/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_SELFCHECK_H
#define GUPX_SELFCHECK_H

u32 gupx_selfcheck_kernel(void);
int gupx_selfcheck_run(void);

#endif /* GUPX_SELFCHECK_H */
