// SPDX-License-Identifier: GPL-2.0
/* Collect facts about the machine, the caller and the module. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <libkmod.h>

#include "access.h"
#include "dev.h"
#include "facts.h"

/*
 * File of the UEFI variable for Secure Boot. It contains four bytes of attributes, then
 * one byte with the state.
 */
#define SECURE_BOOT                  \
	"/sys/firmware/efi/efivars/" \
	"SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/*
 * Read the first line of a file into @text, without the newline. Return: true if the
 * file has a line. If it has none, return false and leave @text unchanged.
 */
static bool read_line(const char *root, const char *path, char *text,
		      size_t room)
{
	char whole[PATH_MAX];
	bool read;
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	file = fopen(whole, "re");
	if (!file)
		return false;
	read = fgets(text, (int)room, file);
	if (read)
		text[strcspn(text, "\n")] = '\0';
	fclose(file);
	return read;
}

static bool file_exists(const char *root, const char *pattern)
{
	char whole[PATH_MAX];
	glob_t found;
	bool there;

	snprintf(whole, sizeof(whole), "%s%s", root, pattern);
	there = !glob(whole, GLOB_NOSORT, NULL, &found);
	if (there)
		globfree(&found);
	return there;
}

/* Store the information in the file of the module: its version, kernel and signer. */
static void read_module_info(struct gupx_facts *facts,
			     struct kmod_module *module)
{
	struct kmod_list *list = NULL, *entry;

	if (kmod_module_get_info(module, &list) < 0)
		return;
	kmod_list_foreach(entry, list)
	{
		const char *key = kmod_module_info_get_key(entry);
		const char *value = kmod_module_info_get_value(entry);

		if (!strcmp(key, "version"))
			snprintf(facts->file_version,
				 sizeof(facts->file_version), "%s", value);
		else if (!strcmp(key, "vermagic"))
			snprintf(facts->vermagic, sizeof(facts->vermagic), "%s",
				 value);
		else if (!strcmp(key, "signer"))
			snprintf(facts->signer, sizeof(facts->signer), "%s",
				 value);
	}
	kmod_module_info_free_list(list);
}

/*
 * Read the facts about the module file. libkmod finds the file that modprobe would load,
 * because both read modules.dep. It can also read compressed modules.
 */
static void read_module_file(struct gupx_facts *facts, const char *root)
{
	const char *no_config = NULL;
	struct kmod_module *module = NULL;
	struct kmod_list *list = NULL;
	const char *path = NULL;
	struct kmod_ctx *context;
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/lib/modules/%s", root, facts->release);
	context = kmod_new(dir, &no_config);
	if (!context)
		return;
	/* A machine without modules.dep is no error. */
	kmod_set_log_priority(context, LOG_EMERG);
	if (!kmod_module_new_from_lookup(context, "gupx", &list) && list)
		module = kmod_module_get_module(list);
	if (module)
		path = kmod_module_get_path(module);
	if (path) {
		snprintf(facts->file, sizeof(facts->file), "%s", path);
		read_module_info(facts, module);
	}
	if (module)
		kmod_module_unref(module);
	kmod_module_unref_list(list);
	kmod_unref(context);
}

static int read_secure_boot(const char *root)
{
	unsigned char bytes[5];
	char path[PATH_MAX];
	int value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s" SECURE_BOOT, root);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fread(bytes, 1, sizeof(bytes), file) == sizeof(bytes))
		value = bytes[4] == 1;
	fclose(file);
	return value;
}

/*
 * Read the lockdown mode. The file contains a line such as
 * "none [integrity] confidentiality", in which the current mode is in brackets.
 */
static void read_lockdown(struct gupx_facts *facts, const char *root)
{
	char line[96] = "";
	const char *word;

	read_line(root, "/sys/kernel/security/lockdown", line, sizeof(line));
	word = strchr(line, '[');
	if (word)
		snprintf(facts->lockdown, sizeof(facts->lockdown), "%.*s",
			 (int)strcspn(word + 1, "]"), word + 1);
}

static void read_node(struct gupx_facts *facts, const char *root)
{
	const struct group *group;
	char path[PATH_MAX];
	struct stat node;

	snprintf(path, sizeof(path), "%s" GUPX_DEVICE, root);
	facts->node = !stat(path, &node);
	if (!facts->node)
		return;
	facts->mode = node.st_mode;
	facts->gid = node.st_gid;
	group = getgrgid(node.st_gid);
	if (group)
		snprintf(facts->group, sizeof(facts->group), "%s",
			 group->gr_name);
	else
		snprintf(facts->group, sizeof(facts->group), "%u", node.st_gid);
}

void gupx_facts_read_files(struct gupx_facts *facts, const char *root,
			   const char *release)
{
	char path[PATH_MAX];
	char taint[32] = "";
	char word[32] = "";

	snprintf(facts->release, sizeof(facts->release), "%s", release);
	read_module_file(facts, root);
	facts->source = file_exists(root, "/usr/src/gupx-*/dkms.conf");
	snprintf(path, sizeof(path), "/lib/modules/%s", release);
	facts->modules = file_exists(root, path);
	snprintf(path, sizeof(path), "/lib/modules/%s/build/Makefile", release);
	facts->headers = file_exists(root, path);
	facts->loaded = file_exists(root, "/sys/module/gupx");
	read_line(root, "/sys/module/gupx/version", facts->loaded_version,
		  sizeof(facts->loaded_version));
	read_line(root, "/sys/module/gupx/taint", taint, sizeof(taint));
	facts->untrusted = strchr(taint, 'E');
	read_line(root, "/sys/module/module/parameters/sig_enforce", word,
		  sizeof(word));
	facts->sig_enforce = *word == 'Y';
	read_lockdown(facts, root);
	facts->secure_boot = read_secure_boot(root);
	read_node(facts, root);
	facts->yama = -1;
	if (read_line(root, "/proc/sys/kernel/yama/ptrace_scope", word,
		      sizeof(word)))
		facts->yama = atoi(word);
}

static bool is_in_session(gid_t gid)
{
	gid_t list[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX, list);

	while (count > 0)
		if (list[--count] == gid)
			return true;
	return getegid() == gid;
}

static bool is_listed(gid_t gid)
{
	const struct passwd *user = getpwuid(getuid());
	gid_t list[NGROUPS_MAX];
	int count = NGROUPS_MAX;

	if (!user ||
	    getgrouplist(user->pw_name, user->pw_gid, list, &count) < 0)
		return false;
	while (count > 0)
		if (list[--count] == gid)
			return true;
	return false;
}

void gupx_facts_read_caller(struct gupx_facts *facts)
{
	struct rlimit limit;

	facts->contained = !gupx_access_is_host();
	facts->root = !geteuid() && !facts->contained;
	facts->in_session = facts->node && is_in_session(facts->gid);
	facts->listed = facts->node && is_listed(facts->gid);
	facts->ipc_lock = gupx_access_has_on_host(CAP_IPC_LOCK);
	facts->sys_ptrace = gupx_access_has_on_host(CAP_SYS_PTRACE);
	facts->sys_admin = gupx_access_has_on_host(CAP_SYS_ADMIN);
	facts->memlock = ~0ULL;
	if (!getrlimit(RLIMIT_MEMLOCK, &limit) &&
	    limit.rlim_cur != RLIM_INFINITY)
		facts->memlock = limit.rlim_cur;
}

void gupx_facts_query_module(struct gupx_facts *facts)
{
	int fd = open(GUPX_DEVICE, O_RDWR | O_CLOEXEC);

	facts->info_error = ENODEV;
	facts->open_error = fd < 0 ? errno : 0;
	if (fd < 0)
		return;
	facts->info.size = sizeof(facts->info);
	facts->info_error = -gupx_dev_call(fd, GUPX_IOC_INFO, &facts->info);
	facts->info.version[sizeof(facts->info.version) - 1] = '\0';
	close(fd);
}
