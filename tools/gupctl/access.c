// SPDX-License-Identifier: GPL-2.0
/* Explain why the kernel refused to open /proc/PID/mem. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "out.h"
#include "target.h"

#define YAMA_SCOPE "/proc/sys/kernel/yama/ptrace_scope"

#define WITH_PTRACE "run gupctl with CAP_SYS_PTRACE (sudo)"

/* Inode number of the initial user namespace; PROC_USER_INIT_INO of the kernel */
#define INITIAL_USER_NAMESPACE 0xEFFFFFFDU

struct owner {
	unsigned int real, effective, saved;
	unsigned int real_gid, effective_gid, saved_gid;
};

bool gupx_access_has(cap_value_t capability)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (!caps)
		return false;
	if (cap_get_flag(caps, capability, CAP_EFFECTIVE, &value))
		value = CAP_CLEAR;
	cap_free(caps);
	return value == CAP_SET;
}

bool gupx_access_is_host(void)
{
	struct stat namespace;

	return stat("/proc/self/ns/user", &namespace) ||
	       namespace.st_ino == INITIAL_USER_NAMESPACE;
}

bool gupx_access_has_on_host(cap_value_t capability)
{
	return gupx_access_is_host() && gupx_access_has(capability);
}

static bool read_owner(int pid, struct owner *owner)
{
	char path[32];
	char line[128];
	int found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		found += sscanf(line, "Uid: %u %u %u", &owner->real,
				&owner->effective, &owner->saved) == 3;
		found += sscanf(line, "Gid: %u %u %u", &owner->real_gid,
				&owner->effective_gid, &owner->saved_gid) == 3;
	}
	fclose(file);
	return found == 2;
}

static bool is_mine(const struct owner *owner)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	return owner->real == uid && owner->effective == uid &&
	       owner->saved == uid && owner->real_gid == gid &&
	       owner->effective_gid == gid && owner->saved_gid == gid;
}

/* Return: the ptrace_scope of Yama, or -1 if this kernel does not support Yama. */
static int read_yama_scope(void)
{
	FILE *file = fopen(YAMA_SCOPE, "re");
	int scope = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &scope) != 1)
		scope = -1;
	fclose(file);
	return scope;
}

/*
 * Check that the process is dumpable. The files of a process in /proc belong to root if
 * the process is not dumpable.
 */
static bool is_dumpable(int pid, const struct owner *owner)
{
	struct stat stat_of_file;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return stat(path, &stat_of_file) ||
	       stat_of_file.st_uid == owner->effective;
}

static void report_other_owner(const struct gupx_target *target,
			       const struct owner *owner)
{
	const struct passwd *user = getpwuid(owner->real);

	gupx_out_error(
		"permission",
		"run gupctl as that user, or with CAP_SYS_PTRACE (sudo)",
		"permission denied: process %d (%s) runs as another user or group (%s, UID %u), and CAP_SYS_PTRACE is missing",
		target->pid, target->comm, user ? user->pw_name : "unknown",
		owner->real);
}

/* If Yama refuses access, report it and return true. */
static bool is_refused_by_yama(const struct gupx_target *target,
			       bool may_ptrace)
{
	const int scope = read_yama_scope();

	if (scope == 3)
		gupx_out_error(
			"permission",
			"lower it in sysctl.d and reboot (it cannot be lowered at run time)",
			"Yama forbids access to process %d (%s): " YAMA_SCOPE
			" is 3",
			target->pid, target->comm);
	else if (scope == 2 && !may_ptrace)
		gupx_out_error(
			"permission", WITH_PTRACE,
			"Yama restricts process %d (%s) to administrators: " YAMA_SCOPE
			" is 2, and CAP_SYS_PTRACE is missing",
			target->pid, target->comm);
	else if (scope == 1 && !may_ptrace)
		gupx_out_error(
			"permission",
			WITH_PTRACE
			", or as an ancestor of the target, or set kernel.yama.ptrace_scope=0",
			"Yama restricts process %d (%s) to its ancestors: " YAMA_SCOPE
			" is 1, and CAP_SYS_PTRACE is missing",
			target->pid, target->comm);
	else
		return false;
	return true;
}

void gupx_access_report(const struct gupx_target *target)
{
	const bool may_ptrace = gupx_access_has(CAP_SYS_PTRACE);
	struct owner owner;

	if (!read_owner(target->pid, &owner))
		gupx_out_error("target_exited", NULL, "process %d has exited",
			       target->pid);
	else if (!may_ptrace && !is_mine(&owner))
		report_other_owner(target, &owner);
	else if (!may_ptrace && !is_dumpable(target->pid, &owner))
		gupx_out_error(
			"permission", WITH_PTRACE,
			"permission denied: process %d (%s) is not dumpable (it changed its credentials, or used PR_SET_DUMPABLE), and CAP_SYS_PTRACE is missing",
			target->pid, target->comm);
	else if (!gupx_access_is_host())
		gupx_out_error(
			"permission",
			"run gupctl outside of the container, as root (sudo)",
			"permission denied: process %d (%s) is not in the user namespace of gupctl, where its capabilities count",
			target->pid, target->comm);
	else if (!is_refused_by_yama(target, may_ptrace))
		gupx_out_error(
			"permission",
			"check its security profile (AppArmor, SELinux)",
			"permission denied: the kernel refused access to process %d (%s)%s",
			target->pid, target->comm,
			may_ptrace ? " despite CAP_SYS_PTRACE" : "");
}
