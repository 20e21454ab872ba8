// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel that checks its page tables (page_table_check=on) would BUG() on a page that
 * the target and a window map: it must have no windows. Pins work all the same.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "row.h"

static bool kernel_checks_tables(void)
{
	const int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	char line[2048];
	ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	close(fd);
	if (len < 0)
		return false;
	line[len] = '\0';
	return strstr(line, "page_table_check=on");
}

TEST_F(row, a_kernel_that_checks_page_tables_has_no_windows)
{
	static const int protections[] = { PROT_READ, PROT_READ | PROT_WRITE };
	struct lab_answer answer;
	char byte = 0;

	if (!kernel_checks_tables())
		SKIP(return, "not booted with page_table_check=on");
	BUILD(MEMORY_ANON);
	ASSERT_EQ(0, target_poke(&self->target, self->memory.addr,
				 self->memory.len, 't'));
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, GUPX_F_WRITE);
	ASSERT_EQ(self->memory.len, answer.done);
	for (int i = 0; i < 2; i++) {
		char *window = mmap(NULL, lab_page(), protections[i],
				    MAP_SHARED, answer.pin_fd, 0);

		EXPECT_EQ(MAP_FAILED, window);
		EXPECT_EQ(ENODEV, errno);
		if (window != MAP_FAILED)
			munmap(window, lab_page());
	}
	EXPECT_EQ(1, pread(answer.pin_fd, &byte, 1, 0));
	EXPECT_EQ('t', byte);
	close(answer.pin_fd);
}

TEST_HARNESS_MAIN
