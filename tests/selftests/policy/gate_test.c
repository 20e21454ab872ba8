// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of row L7: the vsyscall page, which has no VMA. The boot parameter vsyscall=
 * selects one of three modes: emulate, xonly or none. Each mode has its own test. A
 * test is skipped if /proc/PID/maps shows that another mode is active, or if this is not x86.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "kselftest_harness.h"
#include "row.h"

#define VSYSCALL 0xffffffffff600000

/*
 * Returns the protection of the vsyscall page in /proc/PID/maps, or "none" if
 * /proc/PID/maps does not list the page.
 */
static const char *vsyscall_mode(const struct target *target)
{
	static char mode[8];
	char path[64], line[256];
	FILE *maps;

	strcpy(mode, "none");
	snprintf(path, sizeof(path), "/proc/%d/maps", target->pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "[vsyscall]"))
			sscanf(line, "%*x-%*x %4s", mode);
	if (maps)
		fclose(maps);
	return mode;
}

static bool is_x86(void)
{
	struct utsname machine;

	return !uname(&machine) && !strcmp(machine.machine, "x86_64");
}

#define NEED_MODE(wanted, boot)                                             \
	do {                                                                \
		if (!is_x86())                                              \
			SKIP(return, "only x86 has a vsyscall page");       \
		const char *mode_ = vsyscall_mode(&self->target);           \
		if (strcmp(mode_, wanted))                                  \
			SKIP(return, "vsyscall is %s: boot with %s", mode_, \
				   boot);                                   \
	} while (0)

/*
 * Check for every mode that writes are refused, and that POPULATE does not find a
 * mapping.
 */
static void check_never(struct __test_metadata *_metadata,
			const struct target *target, uint16_t stage,
			uint16_t reason)
{
	struct lab_answer answer;

	check_refused(_metadata, target, VSYSCALL, GUPX_F_WRITE, stage, reason);
	check_refused(_metadata, target, VSYSCALL, GUPX_F_WRITE | GUPX_F_FORCE,
		      stage, reason);
	answer = lab_populate(target->mem_fd, VSYSCALL, lab_page(), 0);
	check_stops(_metadata, &answer, ENOMEM, GUPX_STAGE_LOOKUP,
		    GUPX_REASON_NO_MAPPING);
	check_explained(_metadata, target, VSYSCALL, 0, GUPX_CONTENT_GATE);
	check_explained(_metadata, target, VSYSCALL, GUPX_F_WRITE,
			GUPX_CONTENT_GATE);
	EXPECT_EQ(
		GUPX_CONTENT_HOLE,
		explain_page(target, VSYSCALL, GUPX_VERB_POPULATE, 0).content);
}

TEST_F(row, L7_emulated_vsyscall_page_is_read)
{
	static unsigned char mine[4096], kernel[4096];
	const struct iovec local = { .iov_base = kernel,
				     .iov_len = sizeof(kernel) };
	const struct iovec remote = { .iov_base = (void *)VSYSCALL,
				      .iov_len = sizeof(kernel) };
	struct lab_answer answer;

	NEED_MODE("r-xp", "vsyscall=emulate");
	check_taken(_metadata, &self->target, VSYSCALL, lab_page(), 0);
	/*
	 * Check that a pin of two pages pins only the vsyscall page, because nothing is
	 * mapped at the next address.
	 */
	answer = pin_once(&self->target, VSYSCALL, 2 * lab_page(), 0);
	EXPECT_EQ(lab_page(), answer.done);
	check_stops(_metadata, &answer, EFAULT, GUPX_STAGE_LOOKUP,
		    GUPX_REASON_NO_MAPPING);
	ASSERT_EQ((ssize_t)sizeof(kernel),
		  process_vm_readv(self->target.pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(sizeof(mine),
		  lab_read(self->target.mem_fd, VSYSCALL, sizeof(mine), mine, 0)
			  .done);
	EXPECT_EQ(0, memcmp(mine, kernel, sizeof(mine)));
	check_never(_metadata, &self->target, GUPX_STAGE_GATE,
		    GUPX_REASON_GATE_WRITE);
}

TEST_F(row, L7_vsyscall_page_that_only_executes)
{
	NEED_MODE("--xp", "vsyscall=xonly");
	check_refused(_metadata, &self->target, VSYSCALL, 0, GUPX_STAGE_GATE,
		      GUPX_REASON_GATE_EMPTY);
	check_refused(_metadata, &self->target, VSYSCALL, GUPX_F_FORCE,
		      GUPX_STAGE_GATE, GUPX_REASON_GATE_EMPTY);
	check_never(_metadata, &self->target, GUPX_STAGE_GATE,
		    GUPX_REASON_GATE_WRITE);
}

/*
 * A module cannot tell vsyscall=none from vsyscall=xonly by the page tables. Check that
 * the result is the same in both modes.
 */
TEST_F(row, L7_no_vsyscall_page)
{
	NEED_MODE("none", "vsyscall=none");
	check_refused(_metadata, &self->target, VSYSCALL, 0, GUPX_STAGE_GATE,
		      GUPX_REASON_GATE_EMPTY);
	check_never(_metadata, &self->target, GUPX_STAGE_GATE,
		    GUPX_REASON_GATE_WRITE);
}

TEST_HARNESS_MAIN
