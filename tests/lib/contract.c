// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/gupx.h>

#include "contract.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define STAGE(name) (1U << GUPX_STAGE_##name)
#define NO_STAGE 0
#define ANY_ERROR 255
/*
 * The largest errno in the uapi headers. Larger values, such as ERESTARTSYS, must not
 * reach user space.
 */
#define LARGEST_ERROR EHWPOISON

/*
 * The name, the stages and the errnos of each reason. In some cases, POPULATE stops
 * with another errno than the other verbs: EINVAL or ENOMEM, like
 * madvise(MADV_POPULATE_*). An errno of 0 is valid for WOULD_WAIT only.
 *
 * A reason with NO_STAGE must not occur: P2PDMA, NOT_ACCESSIBLE and DEVMAP_GONE need
 * device memory, which the VM does not have, and BAD_ENTRY (a corrupted page-table
 * entry) is a bug.
 */
#define EACH_REASON(X)                                                         \
	X(NONE, none, NO_STAGE, 0)                                             \
	X(NO_MAPPING, no_mapping, STAGE(LOOKUP), EFAULT, ENOMEM)               \
	X(GATE_WRITE, gate_write, STAGE(GATE), EFAULT)                         \
	X(GATE_EMPTY, gate_empty, STAGE(GATE), EFAULT)                         \
	X(IO_MAPPING, io_mapping, STAGE(VMA), EFAULT, EINVAL)                  \
	X(NOT_ANON, not_anon, STAGE(VMA), EFAULT)                              \
	X(FSDAX, fsdax, STAGE(VMA), EOPNOTSUPP)                                \
	X(SECRETMEM, secretmem, STAGE(VMA), EFAULT, EINVAL)                    \
	X(DIRTY_TRACKING, dirty_tracking, STAGE(VMA), EFAULT)                  \
	X(NO_WRITE, no_write, STAGE(VMA), EFAULT, EINVAL)                      \
	X(FORCE_HUGETLB, force_hugetlb, STAGE(VMA), EFAULT)                    \
	X(FORCE_SHARED, force_shared, STAGE(VMA), EFAULT)                      \
	X(NO_READ, no_read, STAGE(VMA), EFAULT, EINVAL)                        \
	X(NO_PAGE, no_page, STAGE(FOLLOW), EEXIST)                             \
	X(DUMP_EMPTY, dump_empty, STAGE(FOLLOW), EFAULT)                       \
	X(DUMP_SPECIAL, dump_special, STAGE(FOLLOW), EFAULT)                   \
	X(BAD_ENTRY, bad_entry, NO_STAGE, 0)                                   \
	X(NOFAULT, nofault, STAGE(FOLLOW), EFAULT)                             \
	X(WOULD_WAIT, would_wait, STAGE(FAULT) | STAGE(ENGINE), 0)             \
	X(FAULT_OOM, fault_oom, STAGE(FAULT), ENOMEM)                          \
	X(FAULT_HWPOISON, fault_hwpoison, STAGE(FAULT), EHWPOISON, EFAULT)     \
	X(FAULT_SIGBUS, fault_sigbus, STAGE(FAULT), EFAULT)                    \
	X(FAULT_SIGSEGV, fault_sigsegv, STAGE(FAULT), EFAULT)                  \
	X(REFCOUNT, refcount, STAGE(GRAB), ENOMEM)                             \
	X(P2PDMA, p2pdma, NO_STAGE, 0)                                         \
	X(NOT_ACCESSIBLE, not_accessible, NO_STAGE, 0)                         \
	X(DEVMAP_GONE, devmap_gone, NO_STAGE, 0)                               \
	X(MIGRATE, migrate, STAGE(GRAB), ENOMEM, EBUSY)                        \
	X(SIGNAL, signal, STAGE(SIGNAL), EINTR)                                \
	X(MEMLOCK, memlock, STAGE(ACCOUNT), ENOBUFS)                           \
	X(NO_KERNEL_MEMORY, no_kernel_memory, STAGE(ACCOUNT), ENOMEM)          \
	X(BUFFER, buffer, STAGE(COPY), EFAULT)                                 \
	X(NO_PROGRESS, no_progress, STAGE(ENGINE), EFAULT)                     \
	X(KERNEL_ENGINE, kernel_engine, STAGE(ENGINE), ANY_ERROR)              \
	X(UNSUPPORTED, unsupported, STAGE(FOLLOW) | STAGE(ENGINE), EOPNOTSUPP) \
	X(EXTENTS, extents, STAGE(ACCOUNT), EDQUOT)                            \
	X(GUARD, guard, STAGE(FOLLOW), EFAULT)

#define AS_ROW(reason, text, where, ...) \
	[GUPX_REASON_##reason] = { #text, where, { __VA_ARGS__ } },
#define AS_CASE(reason, ...) case GUPX_REASON_##reason:

static const struct {
	const char *name;
	uint32_t stages;
	uint8_t errors[2];
} reasons[] = { EACH_REASON(AS_ROW) };

static_assert(ARRAY_SIZE(reasons) <= CONTRACT_REASONS,
	      "CONTRACT_REASONS is too small");

/* This does not compile (-Wswitch) if EACH_REASON lacks a value of the enum. */
static bool is_known_reason(enum gupx_reason reason)
{
	switch (reason) {
		EACH_REASON(AS_CASE)
		return true;
	}
	return false;
}

const char *contract_reason_name(unsigned int reason)
{
	return is_known_reason(reason) ? reasons[reason].name : "?";
}

bool contract_allows_stop(unsigned int reason, unsigned int stage,
			  unsigned int error)
{
	if (!is_known_reason(reason) || stage > GUPX_STAGE_ENGINE ||
	    !(reasons[reason].stages & 1U << stage))
		return false;
	if (reason == GUPX_REASON_WOULD_WAIT)
		return !error;
	if (!error || error > LARGEST_ERROR)
		return false;
	return reasons[reason].errors[0] == ANY_ERROR ||
	       error == reasons[reason].errors[0] ||
	       error == reasons[reason].errors[1];
}
