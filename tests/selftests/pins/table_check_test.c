// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel that checks its page tables (page_table_check=on) stops with a BUG if a window
 * maps an anonymous page that the target can write to. So there must be no windows on such
 * a kernel. Pins, and pread() of a pin fd, work there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "row.h"

/* Only the debug kernel knows the parameter; the lab passes "on" to no other kernel. */
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

static void expect_no_window(struct __test_metadata *_metadata, int pin_fd,
			     int protection)
{
	char *window =
		mmap(NULL, lab_page(), protection, MAP_SHARED, pin_fd, 0);

	EXPECT_EQ(MAP_FAILED, window);
	EXPECT_EQ(EOPNOTSUPP, errno);
}

TEST_F(row, a_kernel_that_checks_page_tables_has_no_windows)
{
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
	expect_no_window(_metadata, answer.pin_fd, PROT_READ);
	expect_no_window(_metadata, answer.pin_fd, PROT_READ | PROT_WRITE);
	EXPECT_EQ(1, pread(answer.pin_fd, &byte, 1, 0));
	EXPECT_EQ('t', byte);
	close(answer.pin_fd);
}

TEST_HARNESS_MAIN
