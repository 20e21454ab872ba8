// SPDX-License-Identifier: GPL-2.0
/* Tests of the VMA checks, rows V1 to V11. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "row.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

TEST_F(row, V1_page_frame_mapping)
{
	BUILD(MEMORY_PFNMAP);
	check_refused(_metadata, &self->target, self->memory.addr, 0,
		      GUPX_STAGE_VMA, GUPX_REASON_IO_MAPPING);
	check_refused(_metadata, &self->target, self->memory.addr, GUPX_F_FORCE,
		      GUPX_STAGE_VMA, GUPX_REASON_IO_MAPPING);
}

/*
 * Since Linux 7.3, [vvar] has neither VM_IO nor VM_PFNMAP. Check that the VMA checks
 * still refuse it, before any page fault.
 */
TEST_F(row, V1_vvar)
{
	uint64_t end;

	if (!target_find_mapping(&self->target, "[vvar]", &self->memory.addr,
				 &end))
		SKIP(return, "no [vvar]");
	check_refused(_metadata, &self->target, self->memory.addr, 0,
		      GUPX_STAGE_VMA, GUPX_REASON_IO_MAPPING);
	EXPECT_EQ(GUPX_REASON_IO_MAPPING,
		  lab_populate(self->target.mem_fd, self->memory.addr,
			       lab_page(), 0)
			  .stop.reason);
}

TEST_F(row, V2_anonymous_only)
{
	BUILD(MEMORY_ANON);
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, GUPX_F_ANON);
	BUILD(MEMORY_FILE_PRIVATE);
	check_refused(_metadata, &self->target, self->memory.addr, GUPX_F_ANON,
		      GUPX_STAGE_VMA, GUPX_REASON_NOT_ANON);
	BUILD(MEMORY_SHMEM);
	check_refused(_metadata, &self->target, self->memory.addr, GUPX_F_ANON,
		      GUPX_STAGE_VMA, GUPX_REASON_NOT_ANON);
}

TEST_F(row, V5_secret_memory)
{
	const long fd = TARGET_CALL(&self->target, SYS_memfd_secret, 0);
	struct lab_answer answer;
	char byte;

	if (fd < 0)
		SKIP(return, "no memfd_secret: boot with secretmem.enable=1");
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_ftruncate, fd, lab_page()));
	self->memory.addr =
		TARGET_CALL(&self->target, SYS_mmap, 0, lab_page(),
			    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr, 1, 's'));
	check_refused(_metadata, &self->target, self->memory.addr, 0,
		      GUPX_STAGE_VMA, GUPX_REASON_SECRETMEM);
	check_refused(_metadata, &self->target, self->memory.addr, GUPX_F_FORCE,
		      GUPX_STAGE_VMA, GUPX_REASON_SECRETMEM);
	answer = lab_read(self->target.mem_fd, self->memory.addr, 1, &byte, 0);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_VMA,
		    GUPX_REASON_SECRETMEM);
}

/* Row V6: check that a write pin is refused in a mapping with dirty tracking. */
static void check_dirty_tracking(struct __test_metadata *_metadata,
				 const struct target *target, uint64_t addr,
				 uint32_t flags)
{
	const struct lab_answer answer =
		pin_once(target, addr, lab_page(), flags);

	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_VMA,
		    GUPX_REASON_DIRTY_TRACKING);
	EXPECT_EQ(0ULL, answer.done);
}

TEST_F(row, V6_filesystem_is_told_of_writes)
{
	BUILD(MEMORY_PERF);
	check_dirty_tracking(_metadata, &self->target, self->memory.addr,
			     GUPX_F_WRITE);
	check_dirty_tracking(_metadata, &self->target, self->memory.addr,
			     GUPX_F_WRITE | GUPX_F_SHORT);
	check_dirty_tracking(_metadata, &self->target, self->memory.addr,
			     GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL);
	check_taken(_metadata, &self->target, self->memory.addr, lab_page(), 0);
}

TEST_F(row, V6_pages_are_written_back)
{
	BUILD(MEMORY_DISK_SHARED);
	check_dirty_tracking(_metadata, &self->target, self->memory.addr,
			     GUPX_F_WRITE);
	check_dirty_tracking(_metadata, &self->target, self->memory.addr,
			     GUPX_F_WRITE | GUPX_F_SHORT);
	for (int resident = 0; resident < 2; resident++) {
		check_dirty_tracking(_metadata, &self->target,
				     self->memory.addr,
				     GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL);
		ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
					 self->memory.len, 'd'));
	}
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, 0);
	/*
	 * The kernel does not write back the copies in a private mapping, so a write
	 * pin is allowed.
	 */
	BUILD(MEMORY_DISK_PRIVATE);
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, GUPX_F_WRITE);
}

/*
 * Check that both engines pin the pages before a mapping that row V6 (dirty tracking)
 * refuses.
 */
TEST_F(row, V6_ends_a_request_in_the_middle)
{
	static const uint32_t engines[] = { 0, GUPX_F_ENGINE_KERNEL };
	const uint64_t page = lab_page();
	struct memory file;
	const char *missing;

	missing = memory_build(&self->target, MEMORY_DISK_SHARED, &file);
	if (missing)
		SKIP(return, "%s", missing);
	BUILD(MEMORY_ANON);
	/*
	 * Move a part of the file mapping to the second half of the anonymous memory.
	 */
	ASSERT_EQ((long)(self->memory.addr + 8 * page),
		  TARGET_CALL(&self->target, SYS_mremap, file.addr, 8 * page,
			      8 * page, MREMAP_MAYMOVE | MREMAP_FIXED,
			      self->memory.addr + 8 * page));
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		const struct lab_answer answer =
			pin_once(&self->target, self->memory.addr, 16 * page,
				 GUPX_F_WRITE | engines[i]);

		check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_VMA,
			    GUPX_REASON_DIRTY_TRACKING);
		EXPECT_EQ(8 * page, answer.done);
		EXPECT_EQ(self->memory.addr + 8 * page, answer.stop.addr);
	}
}

TEST_F(row, V6_shmem_passes)
{
	BUILD(MEMORY_SHMEM);
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, GUPX_F_WRITE);
}

TEST_F(row, V7_write_without_permission)
{
	BUILD(MEMORY_READ_ONLY);
	check_refused(_metadata, &self->target, self->memory.addr, GUPX_F_WRITE,
		      GUPX_STAGE_VMA, GUPX_REASON_NO_WRITE);
	BUILD(MEMORY_SHMEM_READ_ONLY);
	check_refused(_metadata, &self->target, self->memory.addr, GUPX_F_WRITE,
		      GUPX_STAGE_VMA, GUPX_REASON_NO_WRITE);
}

/*
 * Check rows V9 (FORCE needs a copy-on-write mapping) and E4 (a FORCE write may use a
 * read-only entry of an exclusive page).
 */
TEST_F(row, V9_E4_force_writes_to_private_mapping)
{
	BUILD(MEMORY_READ_ONLY);
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, GUPX_F_WRITE | GUPX_F_FORCE);
	/*
	 * Empty all PTEs. Then check that a FORCE write pin of the first page faults in
	 * no other page.
	 */
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, self->memory.addr,
				 self->memory.len, MADV_DONTNEED));
	check_taken(_metadata, &self->target, self->memory.addr, lab_page(),
		    GUPX_F_WRITE | GUPX_F_FORCE);
	EXPECT_EQ(1UL, lab_resident(self->target.pid, self->memory.addr,
				    self->memory.len / lab_page()));
}

TEST_F(row, V9_force_does_not_write_to_shared_mapping)
{
	BUILD(MEMORY_SHMEM_READ_ONLY);
	check_refused(_metadata, &self->target, self->memory.addr,
		      GUPX_F_WRITE | GUPX_F_FORCE, GUPX_STAGE_VMA,
		      GUPX_REASON_FORCE_SHARED);
}

TEST_F(row, V10_read_without_permission)
{
	unsigned char byte = 0;
	struct lab_answer answer;

	BUILD(MEMORY_PROT_NONE);
	check_refused(_metadata, &self->target, self->memory.addr, 0,
		      GUPX_STAGE_VMA, GUPX_REASON_NO_READ);
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, GUPX_F_FORCE);
	answer = lab_read(self->target.mem_fd, self->memory.addr, 1, &byte,
			  GUPX_F_FORCE);
	EXPECT_EQ(1ULL, answer.done);
	EXPECT_EQ('p', byte);
}

/* Row V11: check that a request to another process ignores protection keys. */
TEST_F(row, V11_protection_keys_do_not_deny)
{
	const long key = TARGET_CALL(&self->target, SYS_pkey_alloc, 0, 3);
	unsigned char mine = 0, kernel = 0;
	struct iovec local = { .iov_base = &kernel, .iov_len = 1 };
	struct iovec remote = { .iov_len = 1 };

	if (key < 0)
		SKIP(return, "no protection keys on this CPU");
	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 'k'));
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_pkey_mprotect,
				 self->memory.addr, self->memory.len,
				 PROT_READ | PROT_WRITE, key));
	remote.iov_base = (void *)self->memory.addr;
	EXPECT_EQ(1,
		  process_vm_readv(self->target.pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(1ULL,
		  lab_read(self->target.mem_fd, self->memory.addr, 1, &mine, 0)
			  .done);
	EXPECT_EQ(kernel, mine);
	check_taken(_metadata, &self->target, self->memory.addr,
		    self->memory.len, GUPX_F_WRITE);
}

TEST_HARNESS_MAIN
