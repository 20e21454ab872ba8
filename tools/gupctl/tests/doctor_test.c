// SPDX-License-Identifier: GPL-2.0
/*
 * Test gupctl doctor. One part checks the facts that it reads from files, which the
 * test creates below a temporary directory. The other part checks the findings for
 * given facts. Prints TAP. Usage: doctor_test MODULE
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "out.h"
#include "tap.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define RELEASE "1.2.3-test"
#define MODULES "/lib/modules/" RELEASE
#define EFI "/sys/firmware/efi/efivars/"
#define SECURE_BOOT EFI "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static const char *fake_module;

__attribute__((format(printf, 1, 2))) static void
run_command(const char *format, ...)
{
	char command[2 * PATH_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command)) {
		printf("Bail out! %s\n", command);
		exit(1);
	}
}

/*
 * Create a file, and the directories above it. If @text is NULL, create a directory
 * instead.
 */
static void write_file(const char *root, const char *path, const char *text,
		       size_t length)
{
	char whole[PATH_MAX];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	run_command("mkdir -p '%s'", whole);
	if (!text)
		return;
	rmdir(whole);
	file = fopen(whole, "we");
	if (!file || fwrite(text, 1, length, file) != length || fclose(file)) {
		printf("Bail out! %s\n", whole);
		exit(1);
	}
}

static const struct gupx_doctor_finding *
find_check(const struct gupx_doctor_finding *finding, const char *check)
{
	while (strcmp(finding->check, check))
		finding++;
	return finding;
}

/*
 * Check that the finding of @check has the state @state, and that its text or its cure
 * contains @text.
 */
static bool has_finding(const struct gupx_facts *facts, const char *check,
			enum gupx_doctor_state state, const char *text)
{
	struct gupx_doctor_finding finding[GUPX_DOCTOR_CHECKS];
	const struct gupx_doctor_finding *found;
	bool good;

	gupx_doctor_judge(facts, finding);
	found = find_check(finding, check);
	good = found->state == state &&
	       (strstr(found->text, text) ||
		(found->cure && strstr(found->cure, text))) &&
	       (state == GUPX_DOCTOR_BAD || state == GUPX_DOCTOR_NOTE) ==
		       !!found->cure;
	if (!good)
		printf("# %u: %s; %s\n", found->state, found->text,
		       found->cure ? found->cure : "-");
	gupx_doctor_free(finding);
	return good;
}

#define FILE_OF(path, text)                   \
	{                                     \
		path, text, sizeof(text) - 1, \
	}
#define FOLDER(path)           \
	{                      \
		path, NULL, 0, \
	}

#define NONE_LOCKED                              \
	FILE_OF("/sys/kernel/security/lockdown", \
		"[none] integrity confidentiality\n")
#define LOCKED                                   \
	FILE_OF("/sys/kernel/security/lockdown", \
		"none [integrity] confidentiality\n")
#define ENFORCED FILE_OF("/sys/module/module/parameters/sig_enforce", "Y\n")
#define HEADERS FILE_OF(MODULES "/build/Makefile", "\n")
#define SOURCE FILE_OF("/usr/src/gupx-9.8.7/dkms.conf", "\n")
#define LOADED(version) FILE_OF("/sys/module/gupx/version", version "\n")

static const struct {
	const char *name;
	bool module;
	struct {
		const char *path;
		const char *text;
		size_t length;
	} file[4];
	const char *check;
	enum gupx_doctor_state state;
	const char *text;
} machines[] = {
	{ "no headers are bad where there is no module",
	  false,
	  { FOLDER(MODULES) },
	  "headers",
	  GUPX_DOCTOR_BAD,
	  "apt install linux-headers-" RELEASE },
	{ "no headers are a note where there is one",
	  true,
	  { FOLDER(MODULES) },
	  "headers",
	  GUPX_DOCTOR_NOTE,
	  "apt install linux-headers-" RELEASE },
	{ "headers", false, { HEADERS }, "headers", GUPX_DOCTOR_OK, RELEASE },
	{ "nothing is installed",
	  false,
	  { HEADERS },
	  "module",
	  GUPX_DOCTOR_BAD,
	  "gupx-dkms" },
	{ "not built, no headers",
	  false,
	  { SOURCE },
	  "module",
	  GUPX_DOCTOR_BAD,
	  "install the headers, then: sudo dkms autoinstall -k " RELEASE },
	{ "not built",
	  false,
	  { SOURCE, HEADERS },
	  "module",
	  GUPX_DOCTOR_BAD,
	  "sudo dkms autoinstall -k " RELEASE },
	{ "loaded, not installed",
	  false,
	  { HEADERS, LOADED("9.8.7") },
	  "module",
	  GUPX_DOCTOR_NOTE,
	  "gupx-dkms" },
	{ "loaded, in a container",
	  false,
	  { LOADED("9.8.7") },
	  "module",
	  GUPX_DOCTOR_NOTE,
	  "container" },
	{ "modprobe finds it",
	  true,
	  { HEADERS },
	  "module",
	  GUPX_DOCTOR_OK,
	  "gupx 9.8.7 for Linux " RELEASE " is at /" },
	{ "not loaded",
	  true,
	  { HEADERS },
	  "loaded",
	  GUPX_DOCTOR_BAD,
	  "modprobe gupx" },
	{ "loaded",
	  true,
	  { LOADED("9.8.7") },
	  "loaded",
	  GUPX_DOCTOR_OK,
	  "gupx 9.8.7 is loaded" },
	{ "another one is loaded",
	  true,
	  { LOADED("9.8.6") },
	  "loaded",
	  GUPX_DOCTOR_NOTE,
	  "gupx 9.8.6 is loaded, 9.8.7 is installed" },
	{ "signatures are not wanted",
	  true,
	  { NONE_LOCKED },
	  "signature",
	  GUPX_DOCTOR_OK,
	  "no Secure Boot, lockdown: none" },
	{ "Secure Boot is on",
	  true,
	  { NONE_LOCKED, FILE_OF(SECURE_BOOT, "\6\0\0\0\1") },
	  "signature",
	  GUPX_DOCTOR_OK,
	  "Secure Boot is on" },
	{ "Secure Boot is off",
	  true,
	  { FILE_OF(SECURE_BOOT, "\6\0\0\0\0") },
	  "signature",
	  GUPX_DOCTOR_OK,
	  "Secure Boot is off, lockdown: unknown" },
	{ "unsigned under lockdown",
	  true,
	  { LOCKED },
	  "signature",
	  GUPX_DOCTOR_BAD,
	  "mok.pub" },
	{ "unsigned under enforcement",
	  true,
	  { NONE_LOCKED, ENFORCED },
	  "signature",
	  GUPX_DOCTOR_BAD,
	  "this one is unsigned" },
	{ "nothing to look at under enforcement",
	  false,
	  { ENFORCED },
	  "signature",
	  GUPX_DOCTOR_UNKNOWN,
	  "no module to check" },
	{ "loaded under enforcement",
	  true,
	  { ENFORCED, LOADED("9.8.7"),
	    FILE_OF("/sys/module/gupx/taint", "O\n") },
	  "signature",
	  GUPX_DOCTOR_OK,
	  "accepted this one" },
	{ "loaded unsigned, then enforced",
	  true,
	  { ENFORCED, LOADED("9.8.7"),
	    FILE_OF("/sys/module/gupx/taint", "OE\n") },
	  "signature",
	  GUPX_DOCTOR_BAD,
	  "this one is unsigned" },
	{ "no node, not loaded",
	  true,
	  { HEADERS },
	  "node",
	  GUPX_DOCTOR_UNKNOWN,
	  "when the module is loaded" },
	{ "no node, though loaded",
	  true,
	  { LOADED("9.8.7") },
	  "node",
	  GUPX_DOCTOR_BAD,
	  "bind-mount /dev into the container" },
	{ "a file in the node's place",
	  true,
	  { LOADED("9.8.7"), FILE_OF("/dev/gupx", "") },
	  "node",
	  GUPX_DOCTOR_BAD,
	  "is not a device node" },
	{ "no Yama",
	  false,
	  { FOLDER("/proc") },
	  "ptrace",
	  GUPX_DOCTOR_OK,
	  "your own processes" },
	{ "Yama lets children",
	  false,
	  { FILE_OF("/proc/sys/kernel/yama/ptrace_scope", "1\n") },
	  "ptrace",
	  GUPX_DOCTOR_NOTE,
	  "kernel.yama.ptrace_scope=0" },
};

static void test_machines(void)
{
	char root[] = "/tmp/gupctl-doctor.XXXXXX";
	size_t i, j;

	if (!mkdtemp(root))
		abort();
	for (i = 0; i < ARRAY_SIZE(machines); i++) {
		struct gupx_facts facts = { 0 };

		for (j = 0; j < ARRAY_SIZE(machines[i].file); j++)
			if (machines[i].file[j].path)
				write_file(root, machines[i].file[j].path,
					   machines[i].file[j].text,
					   machines[i].file[j].length);
		if (machines[i].module)
			run_command(
				"mkdir -p %s" MODULES
				"/updates && cp '%s' %s" MODULES
				"/updates/gupx.ko && "
				"PATH=$PATH:/usr/sbin:/sbin depmod -b %s " RELEASE
				" 2>/dev/null",
				root, fake_module, root, root);
		gupx_facts_read_files(&facts, root, RELEASE);
		tap_report(has_finding(&facts, machines[i].check,
				       machines[i].state, machines[i].text),
			   "machine", machines[i].name);
		run_command("rm -r %s/*", root);
	}
	rmdir(root);
}

#define FILED .release = RELEASE, .file = "/gupx.ko", .file_version = "1"
#define NODE(rights, number)                                       \
	.node = true, .mode = S_IFCHR | (rights), .gid = (number), \
	.group = "gupx"

static const struct {
	const char *name;
	struct gupx_facts facts;
	const char *check;
	enum gupx_doctor_state state;
	const char *text;
} cases[] = {
	{ "a module of another kernel",
	  { FILED, .vermagic = "1.2.3-tester SMP" },
	  "module",
	  GUPX_DOCTOR_BAD,
	  "built for Linux 1.2.3-tester, this is Linux " RELEASE },
	{ "signed, and wanted",
	  { FILED, .signer = "Jo", .sig_enforce = true },
	  "signature",
	  GUPX_DOCTOR_NOTE,
	  "signed by Jo" },
	{ "signed, and not known to the kernel",
	  { FILED, .signer = "Jo", .sig_enforce = true, .loaded = true,
	    .untrusted = true },
	  "signature",
	  GUPX_DOCTOR_NOTE,
	  "mok.pub" },
	{ "the group's",
	  { .loaded = true, NODE(0660, 5) },
	  "node",
	  GUPX_DOCTOR_OK,
	  "group gupx may open /dev/gupx (mode 0660)" },
	{ "root's group",
	  { .loaded = true, NODE(0660, 0) },
	  "node",
	  GUPX_DOCTOR_NOTE,
	  "udev rule" },
	{ "its owner's",
	  { .loaded = true, NODE(0600, 5) },
	  "node",
	  GUPX_DOCTOR_NOTE,
	  "only root may open /dev/gupx (mode 0600)" },
	{ "not to be written by the group",
	  { .loaded = true, NODE(0640, 5) },
	  "node",
	  GUPX_DOCTOR_NOTE,
	  "only root may open /dev/gupx (mode 0640)" },
	{ "everybody's",
	  { .loaded = true, NODE(0666, 5) },
	  "node",
	  GUPX_DOCTOR_NOTE,
	  "all users may open /dev/gupx (mode 0666)" },
	{ "everybody's, and root's",
	  { .loaded = true, NODE(0666, 0) },
	  "node",
	  GUPX_DOCTOR_NOTE,
	  "all users may open /dev/gupx (mode 0666)" },
	{ "everybody's, but refused",
	  { NODE(0666, 0), .open_error = EPERM },
	  "access",
	  GUPX_DOCTOR_BAD,
	  "device cgroup" },
	{ "in a user namespace",
	  { .contained = true },
	  "ptrace",
	  GUPX_DOCTOR_OK,
	  "in your user namespace" },
	{ "no node",
	  { .open_error = ENOENT },
	  "access",
	  GUPX_DOCTOR_UNKNOWN,
	  "/dev/gupx does not exist" },
	{ "root",
	  { NODE(0660, 5), .root = true },
	  "access",
	  GUPX_DOCTOR_OK,
	  "as root" },
	{ "a member",
	  { NODE(0660, 5), .in_session = true, .listed = true },
	  "access",
	  GUPX_DOCTOR_OK,
	  "as a member of group gupx" },
	{ "by its access list",
	  { NODE(0660, 5) },
	  "access",
	  GUPX_DOCTOR_OK,
	  "you may open /dev/gupx" },
	{ "a member since the login",
	  { NODE(0660, 5), .listed = true, .open_error = EACCES },
	  "access",
	  GUPX_DOCTOR_BAD,
	  "newgrp gupx" },
	{ "no member",
	  { NODE(0660, 5), .open_error = EACCES },
	  "access",
	  GUPX_DOCTOR_BAD,
	  "usermod -aG gupx" },
	{ "a member of no use",
	  { NODE(0600, 5), .in_session = true, .listed = true,
	    .open_error = EACCES },
	  "access",
	  GUPX_DOCTOR_BAD,
	  "as root" },
	{ "a node without a module",
	  { NODE(0660, 5), .open_error = ENXIO },
	  "access",
	  GUPX_DOCTOR_BAD,
	  "modprobe gupx" },
	{ "not asked",
	  { NODE(0660, 5), .open_error = EACCES },
	  "abi",
	  GUPX_DOCTOR_UNKNOWN,
	  "cannot be queried" },
	{ "another device",
	  { NODE(0660, 5), .info_error = ENOTTY },
	  "abi",
	  GUPX_DOCTOR_BAD,
	  "of the same version" },
	{ "an older module",
	  { NODE(0660, 5), .info.abi = GUPX_ABI - 1 },
	  "abi",
	  GUPX_DOCTOR_BAD,
	  "upgrade the module gupx" },
	{ "a newer module",
	  { NODE(0660, 5), .info.abi = GUPX_ABI + 1 },
	  "abi",
	  GUPX_DOCTOR_BAD,
	  "upgrade gupctl" },
	{ "the same ABI, another version",
	  { NODE(0660, 5), .info = { .abi = GUPX_ABI, .version = "0.0" } },
	  "abi",
	  GUPX_DOCTOR_OK,
	  "the module is version 0.0" },
	{ "a kernel of the tests",
	  { NODE(0660, 5), .info.abi = GUPX_ABI },
	  "kernel",
	  GUPX_DOCTOR_OK,
	  "is tested on this version" },
	{ "a kernel that the tests do not know",
	  { NODE(0660, 5), .release = RELEASE,
	    .info = { .abi = GUPX_ABI, .kernel = GUPX_KERNEL_UNTESTED } },
	  "kernel",
	  GUPX_DOCTOR_NOTE,
	  "not tested on Linux " RELEASE },
	{ "no limit",
	  { .memlock = ~0ULL },
	  "memlock",
	  GUPX_DOCTOR_OK,
	  "without limit" },
	{ "no limit, by capability",
	  { .memlock = 0, .ipc_lock = true },
	  "memlock",
	  GUPX_DOCTOR_OK,
	  "CAP_IPC_LOCK" },
	{ "a limit",
	  { NODE(0660, 5), .memlock = ~0ULL, .ipc_lock = true,
	    .info = { .abi = GUPX_ABI,
		      .memlock_limit = 8 << 20,
		      .memlock_used = 4096 } },
	  "memlock",
	  GUPX_DOCTOR_OK,
	  "8 MiB, 4 KiB in use" },
	{ "a limit that is used up",
	  { NODE(0660, 5), .memlock = ~0ULL,
	    .info = { .abi = GUPX_ABI,
		      .memlock_limit = 8 << 20,
		      .memlock_used = 8 << 20 } },
	  "memlock",
	  GUPX_DOCTOR_BAD,
	  "ulimit -l" },
	{ "a limit of nothing",
	  { .memlock = 0, .open_error = EACCES },
	  "memlock",
	  GUPX_DOCTOR_BAD,
	  "LimitMEMLOCK" },
	{ "an older module is not asked about pins",
	  { NODE(0660, 5), .info = { .abi = GUPX_ABI - 1 } },
	  "pins",
	  GUPX_DOCTOR_UNKNOWN,
	  "cannot be queried" },
	{ "pins are switched off",
	  { NODE(0660, 5), .info = { .abi = GUPX_ABI, .max_extents = 9 } },
	  "pins",
	  GUPX_DOCTOR_BAD,
	  "parameters/allow_pins" },
	{ "pins are allowed",
	  { NODE(0660, 5), .info = { .abi = GUPX_ABI,
				     .params = GUPX_PARAM_PINS,
				     .max_extents = 9,
				     .extents_used = 8 } },
	  "pins",
	  GUPX_DOCTOR_OK,
	  "8 of 9 extents" },
	{ "extents that are used up",
	  { NODE(0660, 5), .info = { .abi = GUPX_ABI,
				     .params = GUPX_PARAM_PINS,
				     .max_extents = 9,
				     .extents_used = 9 } },
	  "pins",
	  GUPX_DOCTOR_BAD,
	  "parameters/max_extents" },
	{ "no node, no engine",
	  { .open_error = ENOENT },
	  "engine",
	  GUPX_DOCTOR_UNKNOWN,
	  "cannot be queried" },
	{ "the kernel's engine is closed",
	  { NODE(0660, 5), .info = { .abi = GUPX_ABI } },
	  "engine",
	  GUPX_DOCTOR_OK,
	  "not available to you" },
	{ "the kernel's engine is open to CAP_SYS_ADMIN",
	  { NODE(0660, 5), .info = { .abi = GUPX_ABI }, .sys_admin = true },
	  "engine",
	  GUPX_DOCTOR_OK,
	  "CAP_SYS_ADMIN" },
	{ "the kernel's engine is open to all",
	  { NODE(0660, 5),
	    .info = { .abi = GUPX_ABI, .params = GUPX_PARAM_KERNEL_ENGINE } },
	  "engine",
	  GUPX_DOCTOR_OK,
	  "available to all users" },
	{ "Yama forbids all access",
	  { .yama = 3, .sys_ptrace = true },
	  "ptrace",
	  GUPX_DOCTOR_BAD,
	  "reboot" },
	{ "Yama lets administrators",
	  { .yama = 2 },
	  "ptrace",
	  GUPX_DOCTOR_BAD,
	  "as root" },
	{ "Yama lets this one",
	  { .yama = 2, .sys_ptrace = true },
	  "ptrace",
	  GUPX_DOCTOR_OK,
	  "CAP_SYS_PTRACE" },
	{ "Yama lets all",
	  { .yama = 0 },
	  "ptrace",
	  GUPX_DOCTOR_OK,
	  "your own" },
};

static void test_cases(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		tap_report(has_finding(&cases[i].facts, cases[i].check,
				       cases[i].state, cases[i].text),
			   "case", cases[i].name);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	fake_module = argv[1];
	gupx_out_init(false, false);
	test_machines();
	test_cases();
	return tap_end();
}
