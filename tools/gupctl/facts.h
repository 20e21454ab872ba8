/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What doctor goes by: the files of this machine, the caller, and what the module
 * answers. Looks, and judges nothing; what cannot be looked at stays as it was.
 */
#ifndef GUPX_FACTS_H
#define GUPX_FACTS_H

#include <stdbool.h>
#include <sys/types.h>

#include <linux/gupx.h>

/**
 * struct gupx_facts - the machine as it is now
 * @release: of the running kernel
 *
 * @file: of the module, as modprobe would find it for that kernel; or empty
 * @file_version: of that file
 * @vermagic: the kernel that it was built for, and more
 * @signer: who signed it; empty: nobody
 * @source: DKMS has its source
 * @modules: this kernel has a folder of modules; a container may have none
 * @headers: of this kernel
 *
 * @loaded: the kernel has it
 * @loaded_version: of that one
 * @untrusted: that one's signature was missing, or of a key unknown to the kernel
 *
 * @sig_enforce: the kernel wants signatures
 * @lockdown: "none", "integrity", "confidentiality"; empty: not known
 * @secure_boot: 1: on; 0: off; -1: no such thing
 *
 * @node: there is a device node, and what it is
 * @group: its group's name, or number
 *
 * @root: the caller is
 * @in_session: the caller's processes are in the node's group
 * @listed: the caller's user is in the node's group
 * @open_error: errno of opening the node; 0: it is open to the caller
 * @info_error: errno of asking the module; 0: @info is its answer
 *
 * @ipc_lock: CAP_IPC_LOCK
 * @memlock: RLIMIT_MEMLOCK of the caller
 * @sys_ptrace: CAP_SYS_PTRACE
 * @sys_admin: CAP_SYS_ADMIN
 * @yama: Yama's ptrace_scope; -1: the kernel has none
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

/* @root: in front of all paths; "" but for tests. @release: the kernel's. */
void gupx_facts_read_files(struct gupx_facts *facts, const char *root,
			   const char *release);

/* The node was looked at before. */
void gupx_facts_read_caller(struct gupx_facts *facts);

void gupx_facts_query_module(struct gupx_facts *facts);

#endif
