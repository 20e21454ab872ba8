/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUPX_FDINFO_H
#define GUPX_FDINFO_H

struct gupx_pinset;
struct seq_file;

void gupx_fdinfo_show(struct gupx_pinset *set, struct seq_file *seq);

#endif /* GUPX_FDINFO_H */
