// SPDX-License-Identifier: GPL-2.0
/*
 * Tests with a file on a DAX filesystem. The pages of such a file are in the memory
 * of the device. The machine needs an emulated device: boot with memmap=64M!1G, and
 * provide the modules nd_e820 and nd_pmem.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "row.h"

#define DEVICE "/dev/pmem0"
#define DIR "/tmp/gupx-dax"

FIXTURE(dax)
{
	struct target target;
	const char *missing;
	uint64_t addr;
	uint64_t len;
	long held;
	bool mounted;
};

FIXTURE_VARIANT(dax)
{
	int mapping;
};

FIXTURE_VARIANT_ADD(dax, shared){
	.mapping = MAP_SHARED,
};

FIXTURE_VARIANT_ADD(dax, private){
	.mapping = MAP_PRIVATE,
};

/* Load the drivers and wait up to a second for the device. */
static bool has_device(void)
{
	if (access(DEVICE, F_OK) &&
	    system("modprobe -a nd_pmem nd_e820 2>/dev/null"))
		return false;
	for (unsigned int i = 0; i < 50 && access(DEVICE, F_OK); i++)
		usleep(20000);
	return !access(DEVICE, F_OK);
}

FIXTURE_SETUP(dax)
{
	long fd;

	ASSERT_LE(0, lab_device());
	self->held = lab_pins_held();
	if (!has_device()) {
		self->missing = "no " DEVICE ": memmap=64M!1G";
		return;
	}
	ASSERT_EQ(0, system("mke2fs -b 4096 " DEVICE " >/dev/null 2>&1"));
	mkdir(DIR, 0700);
	ASSERT_EQ(0, mount(DEVICE, DIR, "ext4", 0, "dax=always"));
	self->mounted = true;
	ASSERT_EQ(0, target_start(&self->target));
	self->len = 8 * lab_page();
	fd = memory_open_file(&self->target, DIR, self->len);
	ASSERT_LE(0, fd);
	self->addr =
		TARGET_CALL(&self->target, SYS_mmap, 0, self->len,
			    PROT_READ | PROT_WRITE, variant->mapping, fd, 0);
	ASSERT_LT(0, (long)self->addr);
}

/* Check that no page of the device is still pinned; otherwise, umount() fails. */
FIXTURE_TEARDOWN(dax)
{
	target_stop(&self->target);
	EXPECT_EQ(self->held, lab_pins_held());
	if (self->mounted)
		EXPECT_EQ(0, umount(DIR));
}

/*
 * Check that row V3 (no long-term pin of a DAX file) is tested before row V6 (dirty
 * tracking) and before the page table walk.
 */
TEST_F(dax, V3_is_not_held_for_long)
{
	static const uint32_t flags[] = {
		0,
		GUPX_F_WRITE,
		GUPX_F_NOFAULT,
	};
	struct lab_answer answer;

	SKIP_IF_MISSING();
	check_explained(_metadata, &self->target, self->addr, 0,
			GUPX_CONTENT_UNSEEN);
	for (int resident = 0; resident < 2; resident++) {
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			answer = pin_once(&self->target, self->addr, self->len,
					  flags[i]);
			check_stops(_metadata, &answer, EOPNOTSUPP,
				    GUPX_STAGE_VMA, GUPX_REASON_FSDAX);
			answer = pin_once(&self->target, self->addr, self->len,
					  flags[i] | GUPX_F_ENGINE_KERNEL);
			check_stops(_metadata, &answer, EOPNOTSUPP,
				    GUPX_STAGE_VMA, GUPX_REASON_FSDAX);
			EXPECT_EQ(0ULL, answer.done);
		}
		target_peek(&self->target, self->addr, self->len);
	}
}

/*
 * Row L17 (continue without a page): check that POPULATE counts an entry for device
 * memory as done. POPULATE does not need a reference to the page.
 */
TEST_F(dax, E11_L17_populate)
{
	const size_t nr = self->len / 4096;

	SKIP_IF_MISSING();
	for (int round = 0; round < 2; round++) {
		EXPECT_EQ(self->len, lab_populate(self->target.mem_fd,
						  self->addr, self->len, 0)
					     .done);
		EXPECT_EQ(nr, lab_resident(self->target.pid, self->addr, nr));
	}
	/* Make the entries empty. Then a write fault copies each page from the file. */
	ASSERT_EQ(0, TARGET_CALL(&self->target, SYS_madvise, self->addr,
				 self->len, MADV_DONTNEED));
	for (int round = 0; round < 2; round++)
		EXPECT_EQ(self->len,
			  lab_populate(self->target.mem_fd, self->addr,
				       self->len, GUPX_F_WRITE)
				  .done);
	EXPECT_EQ((long)nr * 'f',
		  target_peek(&self->target, self->addr, self->len));
}

/*
 * Row L23 (put the device pagemap): gupx delegates reads of device pages to the
 * kernel's engine, which takes a reference to the device's pagemap and must put the
 * reference exactly once. Check that READ returns the same bytes as process_vm_readv().
 */
TEST_F(dax, L23_read)
{
	static unsigned char mine[8 * 4096], kernel[8 * 4096];
	const struct iovec local = { .iov_base = kernel, .iov_len = self->len };
	const struct iovec remote = { .iov_base = (void *)self->addr,
				      .iov_len = self->len };

	struct gupx_judgement judged;

	SKIP_IF_MISSING();
	ASSERT_EQ(0, target_poke(&self->target, self->addr + lab_page(),
				 2 * lab_page(), 'w'));
	for (int round = 0; round < 2; round++) {
		EXPECT_EQ(self->len, lab_read(self->target.mem_fd, self->addr,
					      self->len, mine, 0)
					     .done);
		ASSERT_EQ((ssize_t)self->len,
			  process_vm_readv(self->target.pid, &local, 1, &remote,
					   1, 0));
		EXPECT_EQ(0, memcmp(mine, kernel, self->len));
		EXPECT_EQ('f', mine[0]);
		EXPECT_EQ('w', mine[lab_page()]);
	}
	EXPECT_EQ(self->len, lab_read(self->target.mem_fd, self->addr,
				      self->len, mine, GUPX_F_NOFAULT)
				     .done);
	judged = explain_page(&self->target, self->addr, GUPX_VERB_READ, 0);
	/*
	 * Since Linux 6.17, DAX entries map ordinary pages. So EXPLAIN reports a page
	 * of a file, and not a page of a device.
	 */
	if (judged.content == GUPX_CONTENT_FILE) {
		EXPECT_EQ(GUPX_OUTCOME_TAKE, judged.outcome);
	} else {
		EXPECT_EQ(GUPX_CONTENT_DEVICE, judged.content);
		EXPECT_EQ(GUPX_OUTCOME_MIGRATE, judged.outcome);
	}
}

/*
 * An entry of a private DAX mapping may have no struct page. To handle a write fault on
 * such an entry, the kernel copies the page from the same user address of the current
 * process. The current process is the caller and not the target, so the kernel would
 * copy the wrong contents. Check that gupx refuses the request instead.
 */
TEST_F(dax, E4_mapped_private_page_is_not_copied_blindly)
{
	struct lab_answer answer;

	SKIP_IF_MISSING();
	if (variant->mapping != MAP_PRIVATE)
		SKIP(return, "a shared page is not copied");
	target_peek(&self->target, self->addr, self->len);
	answer = lab_populate(self->target.mem_fd, self->addr, self->len,
			      GUPX_F_WRITE);
	/*
	 * Since Linux 6.17, the entry maps a page with a struct page, which the kernel
	 * can copy.
	 */
	if (answer.done) {
		EXPECT_EQ(self->len, answer.done);
	} else {
		check_stops(_metadata, &answer, EOPNOTSUPP, GUPX_STAGE_FOLLOW,
			    GUPX_REASON_UNSUPPORTED);
	}
	EXPECT_EQ('f', target_peek(&self->target, self->addr, 1));
}

TEST_HARNESS_MAIN
