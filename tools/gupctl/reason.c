// SPDX-License-Identifier: GPL-2.0
/*
 * Names and texts for enum gupx_reason and enum gupx_stage. tests/unit_test.c checks
 * that each value in linux/gupx.h has an entry here with the same name.
 */
#include <stddef.h>
#include <string.h>

#include "reason.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const char *const stages[] = {
	[GUPX_STAGE_NONE] = "none",	  [GUPX_STAGE_LOOKUP] = "lookup",
	[GUPX_STAGE_VMA] = "vma",	  [GUPX_STAGE_GATE] = "gate",
	[GUPX_STAGE_FOLLOW] = "follow",	  [GUPX_STAGE_FAULT] = "fault",
	[GUPX_STAGE_GRAB] = "grab",	  [GUPX_STAGE_SIGNAL] = "signal",
	[GUPX_STAGE_ACCOUNT] = "account", [GUPX_STAGE_COPY] = "copy",
	[GUPX_STAGE_ENGINE] = "engine",
};

static const struct gupx_reason_info reasons[GUPX_REASONS] = {
	[GUPX_REASON_NONE] = {
		.name = "none",
		.text = "all done",
	},
	[GUPX_REASON_NO_MAPPING] = {
		.name = "no_mapping",
		.text = "nothing is mapped there",
		.cure = "see /proc/PID/maps",
	},
	[GUPX_REASON_GATE_WRITE] = {
		.name = "gate_write",
		.text = "the vsyscall page is never writable",
		.cure = "omit --write",
	},
	[GUPX_REASON_GATE_EMPTY] = {
		.name = "gate_empty",
		.text = "the vsyscall page cannot be read on this machine",
	},
	[GUPX_REASON_IO_MAPPING] = {
		.name = "io_mapping",
		.text = "it is device memory or raw page frames",
	},
	[GUPX_REASON_NOT_ANON] = {
		.name = "not_anon",
		.text = "it is a file mapping, but anonymous memory was requested",
	},
	[GUPX_REASON_FSDAX] = {
		.name = "fsdax",
		.text = "DAX files do not allow long-term pins",
	},
	[GUPX_REASON_SECRETMEM] = {
		.name = "secretmem",
		.text = "memfd_secret() memory is not accessible",
	},
	[GUPX_REASON_DIRTY_TRACKING] = {
		.name = "dirty_tracking",
		.text = "the filesystem tracks writes: no long-term pins for writing",
		.cure = "omit --write",
	},
	[GUPX_REASON_NO_WRITE] = {
		.name = "no_write",
		.text = "the mapping is not writable",
		.cure = "omit --write",
	},
	[GUPX_REASON_FORCE_HUGETLB] = {
		.name = "force_hugetlb",
		.text = "hugetlb mappings cannot be written with --force",
		.cure = "omit --write",
	},
	[GUPX_REASON_FORCE_SHARED] = {
		.name = "force_shared",
		.text = "shared mappings cannot be written with --force",
		.cure = "omit --write",
	},
	[GUPX_REASON_NO_READ] = {
		.name = "no_read",
		.text = "the mapping is not readable",
		.cure = "omit this range, or use --force (pin and read only, see gupctl(8))",
	},
	[GUPX_REASON_NO_PAGE] = {
		.name = "no_page",
		.text = "the page frame has no struct page",
	},
	[GUPX_REASON_DUMP_EMPTY] = {
		.name = "dump_empty",
		.text = "no page was faulted in yet",
	},
	[GUPX_REASON_DUMP_SPECIAL] = {
		.name = "dump_special",
		.text = "it is the zero page or another special page",
	},
	[GUPX_REASON_BAD_ENTRY] = {
		.name = "bad_entry",
		.text = "the page-table entry is corrupted",
		.cure = "see the kernel log (dmesg)",
	},
	[GUPX_REASON_NOFAULT] = {
		.name = "nofault",
		.text = "the page would have to be faulted in",
		.cure = "omit --nofault to fault it in",
	},
	[GUPX_REASON_WOULD_WAIT] = {
		.name = "would_wait",
		.text = "would block",
	},
	[GUPX_REASON_FAULT_OOM] = {
		.name = "fault_oom",
		.text = "out of memory in the page fault",
		.cure = "free some memory, or raise the limit of the memory cgroup",
	},
	[GUPX_REASON_FAULT_HWPOISON] = {
		.name = "fault_hwpoison",
		.text = "the page is poisoned after a memory error",
	},
	[GUPX_REASON_FAULT_SIGBUS] = {
		.name = "fault_sigbus",
		.text = "an access would raise SIGBUS: end of file, I/O error or userfaultfd",
		.cure = "compare the sizes of file and mapping (hugetlb: check HugePages_Free)",
	},
	[GUPX_REASON_FAULT_SIGSEGV] = {
		.name = "fault_sigsegv",
		.text = "an access would raise SIGSEGV",
	},
	[GUPX_REASON_REFCOUNT] = {
		.name = "refcount",
		.text = "the reference count of the page would overflow",
	},
	[GUPX_REASON_P2PDMA] = {
		.name = "p2pdma",
		.text = "it is PCI peer-to-peer memory",
	},
	[GUPX_REASON_NOT_ACCESSIBLE] = {
		.name = "not_accessible",
		.text = "the architecture cannot make the page accessible",
	},
	[GUPX_REASON_DEVMAP_GONE] = {
		.name = "devmap_gone",
		.text = "the device memory was removed",
	},
	[GUPX_REASON_MIGRATE] = {
		.name = "migrate",
		.text = "the page does not allow long-term pins, and could not be migrated",
		.cure = "try again later (temporary references may be gone by then)",
	},
	[GUPX_REASON_SIGNAL] = {
		.name = "signal",
		.text = "interrupted by signal",
	},
	[GUPX_REASON_MEMLOCK] = {
		.name = "memlock",
		.text = "RLIMIT_MEMLOCK exceeded",
		.cure = "raise it (ulimit -l), or run gupctl with CAP_IPC_LOCK (sudo)",
	},
	[GUPX_REASON_NO_KERNEL_MEMORY] = {
		.name = "no_kernel_memory",
		.text = "out of kernel memory for bookkeeping",
		.cure = "free some memory",
	},
	[GUPX_REASON_BUFFER] = {
		.name = "buffer",
		.text = "the buffer of gupctl is not writable",
	},
	[GUPX_REASON_NO_PROGRESS] = {
		.name = "no_progress",
		.text = "the kernel returned neither a page nor an error",
	},
	[GUPX_REASON_KERNEL_ENGINE] = {
		.name = "kernel_engine",
		.text = "the kernel engine stopped, it reports no reason",
		.cure = "use --engine gupx to get the reason",
	},
	[GUPX_REASON_UNSUPPORTED] = {
		.name = "unsupported",
		.text = "the kernel mishandles this memory when the request "
			"comes from another process",
		.cure = "let the process access it itself",
	},
	[GUPX_REASON_GUARD] = {
		.name = "guard",
		.text = "it is a guard region, where an access raises SIGSEGV",
		.cure = "omit it, or use --best-effort to go on past it",
	},
	[GUPX_REASON_EXTENTS] = {
		.name = "extents",
		.text = "this user has as many extents as the module parameter "
			"max_extents allows",
		.cure = "release some pins, or raise the limit: echo NUMBER | sudo tee "
			"/sys/module/gupx/parameters/max_extents",
	},
};

const struct gupx_reason_info *gupx_reason_get(unsigned int reason)
{
	static const struct gupx_reason_info unknown = {
		"unknown", "unknown reason of a newer module", "upgrade gupctl"
	};

	if (reason >= ARRAY_SIZE(reasons) || !reasons[reason].name)
		return &unknown;
	return &reasons[reason];
}

const char *gupx_reason_stage(unsigned int stage)
{
	if (stage >= ARRAY_SIZE(stages) || !stages[stage])
		return "unknown";
	return stages[stage];
}

const char *gupx_reason_errno(unsigned int error)
{
	return error ? strerrorname_np((int)error) : NULL;
}
