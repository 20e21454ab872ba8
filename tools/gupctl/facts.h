/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Collect facts about the machine, the caller and the module for gupctl doctor. If a
 * fact cannot be read, its member keeps the previous value.
 */
#ifndef GUPX_FACTS_H
#define GUPX_FACTS_H

#include <stdbool.h>
#include <sys/types.h>

#include <linux/gupx.h>

/**
 * struct gupx_facts - state of the machine
 * @release: release of the running kernel
 *
 * @file: module file that modprobe would load, or ""
 * @file_version: version of that file
 * @vermagic: vermagic of that file; begins with the release of the kernel that the file
 *	was built for
 * @signer: signer of that file; "" if the file is unsigned
 * @source: true if the DKMS source is installed
 * @modules: true if /lib/modules has a directory for this kernel; false in many
 *	containers
 * @headers: true if the headers of this kernel are installed
 *
 * @loaded: true if the module is loaded
 * @loaded_version: version of the loaded module
 * @untrusted: true if the loaded module is unsigned, or if the kernel does not know the
 *	key of the signature
 *
 * @sig_enforce: true if the kernel requires signed modules
 * @lockdown: "none", "integrity" or "confidentiality"; "" if unknown
 * @secure_boot: state of Secure Boot: 1 if on, 0 if off, -1 if not supported
 *
 * @node: true if /dev/gupx exists
 * @mode: mode of /dev/gupx
 * @gid: group ID of /dev/gupx
 * @group: name of that group, or its number if it has no name
 *
 * @contained: true if the caller runs in a user namespace, where its capabilities do not
 *	count for the module
 * @root: true if the caller is root, and not contained
 * @in_session: true if the calling process is in the group of /dev/gupx
 * @listed: true if the group database lists the caller in the group of /dev/gupx
 * @open_error: errno from open() of /dev/gupx, or 0
 * @info_error: errno of GUPX_IOC_INFO; 0 if @info is valid
 * @info: result of GUPX_IOC_INFO
 *
 * @ipc_lock: true if the caller has CAP_IPC_LOCK
 * @memlock: RLIMIT_MEMLOCK of the caller in bytes; all ones if unlimited
 * @sys_ptrace: true if the caller has CAP_SYS_PTRACE
 * @sys_admin: true if the caller has CAP_SYS_ADMIN
 * @yama: ptrace_scope of Yama; -1 if this kernel does not support Yama
 */
struct gupx_facts {
	char release[72];

	char file[256];
	char file_version[64];
	char vermagic[128];
	char signer[128];
	bool source;
	bool modules;
	bool headers;

	bool loaded;
	char loaded_version[64];
	bool untrusted;

	bool sig_enforce;
	char lockdown[32];
	int secure_boot;

	bool node;
	mode_t mode;
	gid_t gid;
	char group[64];

	bool contained;
	bool root;
	bool in_session;
	bool listed;
	int open_error;
	int info_error;
	struct gupx_info info;

	bool ipc_lock;
	__u64 memlock;
	bool sys_ptrace;
	bool sys_admin;
	int yama;
};

/*
 * Read facts from files of the machine. @root is put before all paths; it is "" except
 * in tests. @release is the kernel release.
 */
void gupx_facts_read_files(struct gupx_facts *facts, const char *root,
			   const char *release);

/*
 * Read the groups, capabilities and limits of the caller. Call gupx_facts_read_files()
 * first, because this function needs the group of /dev/gupx.
 */
void gupx_facts_read_caller(struct gupx_facts *facts);

void gupx_facts_query_module(struct gupx_facts *facts);

#endif
