/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Define the API of read-write protection by userfaultfd (RWP), which was added in
 * Linux 7.3. The <linux/userfaultfd.h> of older systems does not contain these
 * definitions.
 */
#ifndef GUPX_TESTS_UFFD_RWP_H
#define GUPX_TESTS_UFFD_RWP_H

#include <linux/userfaultfd.h>

#ifndef UFFDIO_REGISTER_MODE_RWP
#define UFFDIO_REGISTER_MODE_RWP ((__u64)1 << 3)
#define UFFD_FEATURE_RWP (1 << 17)
#define UFFD_PAGEFAULT_FLAG_RWP (1 << 3)
#define UFFDIO_RWPROTECT_MODE_RWP ((__u64)1 << 0)
struct uffdio_rwprotect {
	struct uffdio_range range;
	__u64 mode;
};
#define UFFDIO_RWPROTECT _IOWR(UFFDIO, 0x09, struct uffdio_rwprotect)
#endif

#endif /* GUPX_TESTS_UFFD_RWP_H */
