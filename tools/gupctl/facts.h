/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Collect facts about the machine, the caller and the module for gupctl doctor.
 * Facts that cannot be read keep their previous value.
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
 * @vermagic: vermagic of that file; begins with the kernel it was built for
 * @signer: signer of that file; "" if it is unsigned
 * @source: the DKMS source is installed
 * @modules: /lib/modules has a directory for this kernel; containers may have none
 * @headers: the headers of this kernel are installed
 *
 * @loaded: the module is loaded
 * @loaded_version: version of the loaded module
 * @untrusted: the loaded module is unsigned, or its key is unknown to the kernel
 *
 * @sig_enforce: the kernel requires signed modules
 * @lockdown: "none", "integrity" or "confidentiality"; "" if unknown
 * @secure_boot: 1: enabled; 0: disabled; -1: not supported
 *
 * @node: /dev/gupx exists
 * @mode: its mode
 * @gid: its group ID
 * @group: its group's name, or number
 *
 * @root: the caller is root
 * @in_session: the calling process has the node's group
 * @listed: the group database lists the caller in the node's group
 * @open_error: errno of opening the node, or 0
 * @info_error: errno of GUPX_IOC_INFO; 0: @info is valid
 * @info: answer to GUPX_IOC_INFO
 *
 * @ipc_lock: the caller has CAP_IPC_LOCK
 * @memlock: RLIMIT_MEMLOCK of the caller; all ones: unlimited
 * @sys_ptrace: the caller has CAP_SYS_PTRACE
 * @sys_admin: the caller has CAP_SYS_ADMIN
 * @yama: Yama's ptrace_scope; -1: no Yama in this kernel
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
 * Read the files of the machine. @root: prefix of all paths, "" except in tests;
 * @release: kernel release.
 */
void gupx_facts_read_files(struct gupx_facts *facts, const char *root,
			   const char *release);

/*
 * Read groups, capabilities and limits of the caller. Call gupx_facts_read_files()
 * first.
 */
void gupx_facts_read_caller(struct gupx_facts *facts);

void gupx_facts_query_module(struct gupx_facts *facts);

#endif
