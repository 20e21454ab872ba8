// SPDX-License-Identifier: GPL-2.0
/* Show a pin set in /proc/PID/fdinfo: the target process, page counts, ranges and ages. */
#include <linux/capability.h>
#include <linux/gupx.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include "fdinfo.h"
#include "pinset.h"
#include "pinset_internal.h"

static void show_kb(struct seq_file *seq, const char *name, u64 pages)
{
	seq_printf(seq, "gupx-%s:\t%llu kB\n", name,
		   pages << (PAGE_SHIFT - 10));
}

static void show_range(struct seq_file *seq, const struct gupx_extent *extent,
		       u32 pin_time)
{
	static const struct {
		u32 flag;
		char letter;
	} letters[] = {
		{ GUPX_EXTENT_WRITE, 'w' },
		{ GUPX_EXTENT_ENGINE_KERNEL, 'k' },
		{ GUPX_EXTENT_ZERO, 'z' },
		{ GUPX_EXTENT_SHORT, 's' },
	};
	unsigned int i;

	seq_printf(seq, "gupx-range:\t%llx-%llx ", extent->addr,
		   extent->addr + extent->len);
	for (i = 0; i < ARRAY_SIZE(letters); i++)
		if (extent->flags & letters[i].flag)
			seq_putc(seq, letters[i].letter);
	if (!extent->flags)
		seq_putc(seq, '-');
	seq_printf(seq, " %llu\n",
		   (u64)(ktime_get_boottime_seconds() - pin_time));
}

/*
 * Show at most this many ranges, so that the file does not get too long. EXTENTS lists all
 * extents.
 */
#define RANGES_SHOWN 128U
#define RANGES_AT_A_TIME 4U

static void show_ranges(struct gupx_pinset *set, struct seq_file *seq)
{
	struct gupx_extent extent[RANGES_AT_A_TIME];
	u32 pin_time[RANGES_AT_A_TIME];
	unsigned int shown = 0, nr, i;
	u64 all;

	if (gupx_pinset_lock(set))
		return;
	all = gupx_extent_list_joined(&set->list);
	do {
		nr = gupx_extent_list_describe(&set->list, true, shown, extent,
					       pin_time, RANGES_AT_A_TIME);
		for (i = 0; i < nr; i++)
			show_range(seq, &extent[i], pin_time[i]);
		shown += nr;
	} while (nr && shown < RANGES_SHOWN);
	gupx_pinset_unlock(set);
	if (all > shown)
		seq_printf(seq, "gupx-ranges-more:\t%llu\n", all - shown);
}

/**
 * gupx_fdinfo_show() - show the set in /proc/PID/fdinfo
 * @set: pin set
 * @seq: output
 */
void gupx_fdinfo_show(struct gupx_pinset *set, struct seq_file *seq)
{
	const bool joined =
		!file_ns_capable(seq->file, &init_user_ns, CAP_SYS_ADMIN);
	struct pid_namespace *ns = proc_pid_ns(file_inode(seq->file)->i_sb);
	struct gupx_pinset_totals totals;

	if (gupx_pinset_totals(set, joined, &totals))
		return;
	seq_printf(seq, "gupx-target-pid:\t%d\n", pid_nr_ns(set->pid, ns));
	/* Show the start time in clock ticks since boot, like starttime in /proc/PID/stat. */
	seq_printf(seq, "gupx-target-start:\t%llu\n",
		   div_u64(set->start, NSEC_PER_SEC / USER_HZ));
	seq_printf(seq, "gupx-extents:\t%llu\n", totals.extents);
	show_kb(seq, "pinned", totals.pages);
	show_kb(seq, "pinned-write", totals.write_pages);
	show_kb(seq, "pinned-by-kernel", totals.kernel_pages);
	show_kb(seq, "pinned-short", totals.short_pages);
	show_kb(seq, "released", totals.length - totals.pages);
	show_kb(seq, "charged", totals.charged);
	seq_printf(seq, "gupx-seals:\t%#x\n", totals.seals);
	show_ranges(set, seq);
}
