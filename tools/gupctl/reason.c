// SPDX-License-Identifier: GPL-2.0
/*
 * Names and texts for enum gupx_reason and enum gupx_stage. tests/unit_test.c checks
 * them against linux/gupx.h: each value needs an entry with the same name.
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
		.text = "all was done",
	},
	[GUPX_REASON_NO_MAPPING] = {
		.name = "no_mapping",
		.text = "nothing is mapped there",
		.cure = "see /proc/PID/maps for what is",
	},
	[GUPX_REASON_GATE_WRITE] = {
		.name = "gate_write",
		.text = "the vsyscall page is never writable",
		.cure = "leave out --write",
	},
	[GUPX_REASON_GATE_EMPTY] = {
		.name = "gate_empty",
		.text = "the vsyscall page cannot be read on this machine",
	},
	[GUPX_REASON_IO_MAPPING] = {
		.name = "io_mapping",
		.text = "it is device memory or raw page frames, not pages",
	},
	[GUPX_REASON_NOT_ANON] = {
		.name = "not_anon",
		.text = "it is a file's mapping, anonymous memory was asked",
	},
	[GUPX_REASON_FSDAX] = {
		.name = "fsdax",
		.text = "a DAX file cannot be held for long",
	},
	[GUPX_REASON_SECRETMEM] = {
		.name = "secretmem",
		.text = "memfd_secret() memory is never shown",
	},
	[GUPX_REASON_DIRTY_TRACKING] = {
		.name = "dirty_tracking",
		.text = "its filesystem must see each write, so it cannot be held for writing",
		.cure = "leave out --write",
	},
	[GUPX_REASON_NO_WRITE] = {
		.name = "no_write",
		.text = "the mapping is not writable",
		.cure = "leave out --write",
	},
	[GUPX_REASON_FORCE_HUGETLB] = {
		.name = "force_hugetlb",
		.text = "huge pages cannot be written to by force",
		.cure = "leave out --write",
	},
	[GUPX_REASON_FORCE_SHARED] = {
		.name = "force_shared",
		.text = "a shared mapping cannot be written to by force",
		.cure = "leave out --write",
	},
	[GUPX_REASON_NO_READ] = {
		.name = "no_read",
		.text = "the mapping is not readable",
		.cure = "leave it out; pin and read have --force, see gupctl(8)",
	},
	[GUPX_REASON_NO_PAGE] = {
		.name = "no_page",
		.text = "a page frame that the kernel does not manage is mapped there",
	},
	[GUPX_REASON_DUMP_EMPTY] = {
		.name = "dump_empty",
		.text = "nothing was ever put there",
	},
	[GUPX_REASON_DUMP_SPECIAL] = {
		.name = "dump_special",
		.text = "it is the zero page, or another special one",
	},
	[GUPX_REASON_BAD_ENTRY] = {
		.name = "bad_entry",
		.text = "the page table is corrupted there",
		.cure = "look at the kernel log (dmesg)",
	},
	[GUPX_REASON_NOFAULT] = {
		.name = "nofault",
		.text = "the page is not there in the way that was asked",
		.cure = "leave out --nofault to bring it in",
	},
	[GUPX_REASON_WOULD_WAIT] = {
		.name = "would_wait",
		.text = "the page needs a wait",
	},
	[GUPX_REASON_FAULT_OOM] = {
		.name = "fault_oom",
		.text = "there was no memory for the page",
		.cure = "free some memory, or look at the memory cgroup's limit",
	},
	[GUPX_REASON_FAULT_HWPOISON] = {
		.name = "fault_hwpoison",
		.text = "the memory is broken: the page is poisoned",
	},
	[GUPX_REASON_FAULT_SIGBUS] = {
		.name = "fault_sigbus",
		.text = "an access would raise SIGBUS: end of the file, I/O error or userfaultfd",
		.cure = "compare the file's size with the mapping; hugetlb: see HugePages_Free",
	},
	[GUPX_REASON_FAULT_SIGSEGV] = {
		.name = "fault_sigsegv",
		.text = "an access would raise SIGSEGV",
	},
	[GUPX_REASON_REFCOUNT] = {
		.name = "refcount",
		.text = "the page's reference count is exhausted",
	},
	[GUPX_REASON_P2PDMA] = {
		.name = "p2pdma",
		.text = "it is PCI peer-to-peer memory",
	},
	[GUPX_REASON_NOT_ACCESSIBLE] = {
		.name = "not_accessible",
		.text = "this machine cannot make the page accessible",
	},
	[GUPX_REASON_DEVMAP_GONE] = {
		.name = "devmap_gone",
		.text = "the device memory behind it went away",
	},
	[GUPX_REASON_MIGRATE] = {
		.name = "migrate",
		.text = "the page may not be held where it is, and could not be moved",
		.cure = "try again: what held it may be gone by then",
	},
	[GUPX_REASON_SIGNAL] = {
		.name = "signal",
		.text = "a signal came",
	},
	[GUPX_REASON_MEMLOCK] = {
		.name = "memlock",
		.text = "RLIMIT_MEMLOCK allows no more",
		.cure = "raise it (ulimit -l), or run with CAP_IPC_LOCK (sudo)",
	},
	[GUPX_REASON_NO_KERNEL_MEMORY] = {
		.name = "no_kernel_memory",
		.text = "the kernel had no memory for its bookkeeping",
		.cure = "free some memory",
	},
	[GUPX_REASON_BUFFER] = {
		.name = "buffer",
		.text = "gupctl's own buffer could not be written",
	},
	[GUPX_REASON_NO_PROGRESS] = {
		.name = "no_progress",
		.text = "the kernel gave neither a page nor an error",
	},
	[GUPX_REASON_KERNEL_ENGINE] = {
		.name = "kernel_engine",
		.text = "the kernel's own get_user_pages stopped there",
		.cure = "ask --engine gupx, which has a reason",
	},
	[GUPX_REASON_UNSUPPORTED] = {
		.name = "unsupported",
		.text = "the kernel would get this memory wrong when asked for "
			"another process",
		.cure = "let the process touch it by itself",
	},
	[GUPX_REASON_EXTENTS] = {
		.name = "extents",
		.text = "this user holds as many extents as the module parameter "
			"max_extents allows",
		.cure = "release some pins, or raise it: echo NUMBER | sudo tee "
			"/sys/module/gupx/parameters/max_extents",
	},
};

const struct gupx_reason_info *gupx_reason_get(unsigned int reason)
{
	static const struct gupx_reason_info unknown = {
		"unknown", "for a reason newer than this program",
		"upgrade gupctl"
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
