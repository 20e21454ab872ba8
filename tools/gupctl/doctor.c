// SPDX-License-Identifier: GPL-2.0
/* Check facts about the machine. Describe each problem and how to fix it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dev.h"
#include "doctor.h"
#include "out.h"

/* DKMS on Debian signs modules with its own key. The user must enroll this key once. */
#define ENROLL                                                    \
	"enroll the DKMS signing key, then reboot: sudo mokutil " \
	"--import /var/lib/dkms/mok.pub"

static char *format_text(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) >= 0)
		return text;
	fputs("gupctl: out of memory\n", stderr);
	exit(GUPX_EXIT_REFUSED);
}

__attribute__((format(printf, 3, 4))) static void
set_finding(struct gupx_doctor_finding *finding, int state, const char *format,
	    ...)
{
	va_list args;

	va_start(args, format);
	finding->state = state;
	finding->text = format_text(format, args);
	va_end(args);
}

__attribute__((format(printf, 2, 3))) static void
set_cure(struct gupx_doctor_finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	finding->cure = format_text(format, args);
	va_end(args);
}

static bool is_for_this_kernel(const struct gupx_facts *facts)
{
	const size_t length = strlen(facts->release);

	return !strncmp(facts->vermagic, facts->release, length) &&
	       facts->vermagic[length] == ' ';
}

static void judge_file(const struct gupx_facts *facts,
		       struct gupx_doctor_finding *finding)
{
	const char *release = facts->release;

	if (*facts->file && is_for_this_kernel(facts)) {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "gupx %s for Linux %s is at %s",
			    facts->file_version, release, facts->file);
	} else if (*facts->file) {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "%s was built for Linux %.*s, this is Linux %s",
			    facts->file, (int)strcspn(facts->vermagic, " "),
			    facts->vermagic, release);
		set_cure(finding,
			 "rebuild it: sudo dkms install --force gupx/%s -k %s",
			 *facts->file_version ? facts->file_version
					      : GUPCTL_VERSION,
			 release);
	} else if (facts->loaded) {
		set_finding(
			finding, GUPX_DOCTOR_NOTE,
			"modprobe finds no gupx for Linux %s; the loaded module was inserted by hand",
			release);
		set_cure(
			finding,
			facts->modules
				? "install it: the package gupx-dkms, or make install"
				: "nothing to do in a container");
	} else if (!facts->source) {
		set_finding(finding, GUPX_DOCTOR_BAD, "gupx is not installed");
		set_cure(finding,
			 "install it: the package gupx-dkms, or make install");
	} else {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "DKMS has gupx, but has not built it for Linux %s",
			    release);
		set_cure(
			finding,
			"%ssudo dkms autoinstall -k %s (it prints build errors)",
			facts->headers ? "" : "install the headers, then: ",
			release);
	}
}

static void judge_headers(const struct gupx_facts *facts,
			  struct gupx_doctor_finding *finding)
{
	const bool needed = !*facts->file && !facts->loaded;

	if (facts->headers) {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "the headers of Linux %s are installed",
			    facts->release);
		return;
	}
	set_finding(finding, needed ? GUPX_DOCTOR_BAD : GUPX_DOCTOR_NOTE,
		    "the headers of Linux %s are not installed%s",
		    facts->release,
		    needed ? "" : ": updates of gupx cannot be built");
	set_cure(finding, "install them: sudo apt install linux-headers-%s",
		 facts->release);
}

static const char *describe_secure_boot(const struct gupx_facts *facts)
{
	if (facts->secure_boot < 0)
		return "no Secure Boot";
	return facts->secure_boot ? "Secure Boot is on" : "Secure Boot is off";
}

static bool is_locked_down(const struct gupx_facts *facts)
{
	return *facts->lockdown && strcmp(facts->lockdown, "none");
}

/*
 * Check whether the kernel requires a signature and whether the module has one. If the
 * module is loaded, its taint flags show whether the kernel trusts the signature.
 */
static void judge_signature(const struct gupx_facts *facts,
			    struct gupx_doctor_finding *finding)
{
	const bool wanted = facts->sig_enforce || is_locked_down(facts);
	const char *signer = *facts->signer ? facts->signer : NULL;

	if (!wanted) {
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"the kernel accepts unsigned modules (%s, lockdown: %s)",
			describe_secure_boot(facts),
			*facts->lockdown ? facts->lockdown : "unknown");
	} else if (facts->loaded && !facts->untrusted) {
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"the kernel requires signed modules (%s) and accepted this one%s%s",
			describe_secure_boot(facts),
			signer ? ", signed by " : "", signer ? signer : "");
	} else if (!*facts->file) {
		set_finding(
			finding, GUPX_DOCTOR_UNKNOWN,
			"the kernel requires signed modules (%s), but there is no module to check",
			describe_secure_boot(facts));
	} else if (!signer) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"the kernel requires signed modules (%s), but this one is unsigned",
			describe_secure_boot(facts));
		set_cure(
			finding,
			"sign it with DKMS: sudo dkms install --force gupx/%s; " ENROLL,
			facts->file_version);
	} else {
		set_finding(
			finding, GUPX_DOCTOR_NOTE,
			"the kernel requires signed modules (%s); this one is signed by %s",
			describe_secure_boot(facts), signer);
		set_cure(finding, "if the kernel rejects that key: " ENROLL);
	}
}

static void judge_loaded(const struct gupx_facts *facts,
			 struct gupx_doctor_finding *finding)
{
	if (!facts->loaded) {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "the module is not loaded");
		set_cure(
			finding,
			"load it: sudo modprobe gupx (if that fails, see sudo dmesg)");
	} else if (*facts->file &&
		   strcmp(facts->loaded_version, facts->file_version)) {
		set_finding(finding, GUPX_DOCTOR_NOTE,
			    "gupx %s is loaded, %s is installed",
			    facts->loaded_version, facts->file_version);
		set_cure(
			finding,
			"after all pins are released: sudo rmmod gupx && sudo modprobe gupx");
	} else {
		set_finding(finding, GUPX_DOCTOR_OK, "gupx %s is loaded",
			    facts->loaded_version);
	}
}

static bool is_open_to_all(const struct gupx_facts *facts)
{
	const mode_t access = S_IROTH | S_IWOTH;

	return (facts->mode & access) == access;
}

static void judge_node(const struct gupx_facts *facts,
		       struct gupx_doctor_finding *finding)
{
	if (!facts->node && !facts->loaded) {
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "it is created when the module is loaded");
	} else if (!facts->node || !S_ISCHR(facts->mode)) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			facts->node
				? "%s is not a device node"
				: "%s does not exist, although the module is loaded",
			GUPX_DEVICE);
		set_cure(
			finding,
			"check udev (udevadm trigger), or bind-mount /dev into the container");
	} else if (is_open_to_all(facts)) {
		set_finding(finding, GUPX_DOCTOR_NOTE,
			    "all users may open %s (mode %04o)", GUPX_DEVICE,
			    facts->mode & 07777);
		set_cure(
			finding,
			"restrict it to a group: check MODE= in /etc/udev/rules.d");
	} else if (!facts->gid || !(facts->mode & S_IRGRP) ||
		   !(facts->mode & S_IWGRP)) {
		set_finding(finding, GUPX_DOCTOR_NOTE,
			    "only root may open %s (mode %04o)", GUPX_DEVICE,
			    facts->mode & 07777);
		set_cure(
			finding,
			"install the udev rule 60-gupx.rules, then: sudo udevadm trigger /dev/gupx");
	} else {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "group %s may open %s (mode %04o)", facts->group,
			    GUPX_DEVICE, facts->mode & 07777);
	}
}

/*
 * Explain why the device node cannot be opened. EPERM and EACCES mean that the owner,
 * group and mode of the node do not allow the caller to open it.
 */
static void judge_refusal(const struct gupx_facts *facts,
			  struct gupx_doctor_finding *finding)
{
	if (facts->open_error != EACCES && facts->open_error != EPERM) {
		set_finding(finding, GUPX_DOCTOR_BAD, "cannot open %s: %s",
			    GUPX_DEVICE, strerror(facts->open_error));
		set_cure(finding, "load the module: sudo modprobe gupx");
	} else if (is_open_to_all(facts)) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"permission denied, although the mode of %s allows all users to open it",
			GUPX_DEVICE);
		set_cure(
			finding,
			"check the device cgroup of the container, and security profiles (AppArmor, SELinux)");
	} else if (facts->in_session || !facts->gid) {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "permission denied: only root may open %s",
			    GUPX_DEVICE);
		set_cure(finding, "run gupctl as root (sudo)");
	} else if (facts->listed) {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "you joined group %s after this login",
			    facts->group);
		set_cure(finding, "log in again, or run: newgrp %s",
			 facts->group);
	} else {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "you are not a member of group %s", facts->group);
		set_cure(
			finding,
			"join it (sudo usermod -aG %s $USER), then log in again",
			facts->group);
	}
}

static void judge_access(const struct gupx_facts *facts,
			 struct gupx_doctor_finding *finding)
{
	if (!facts->node)
		set_finding(finding, GUPX_DOCTOR_UNKNOWN, "%s does not exist",
			    GUPX_DEVICE);
	else if (facts->open_error)
		judge_refusal(facts, finding);
	else if (facts->root)
		set_finding(finding, GUPX_DOCTOR_OK, "you may open %s as root",
			    GUPX_DEVICE);
	else
		set_finding(finding, GUPX_DOCTOR_OK, "you may open %s%s%s",
			    GUPX_DEVICE,
			    facts->in_session ? " as a member of group " : "",
			    facts->in_session ? facts->group : "");
}

static void judge_abi(const struct gupx_facts *facts,
		      struct gupx_doctor_finding *finding)
{
	const struct gupx_info *info = &facts->info;
	const char *which = gupx_dev_cure_abi(info->abi);

	if (!facts->node || facts->open_error) {
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "the module cannot be queried");
	} else if (facts->info_error) {
		set_finding(finding, GUPX_DOCTOR_BAD, "cannot query %s: %s",
			    GUPX_DEVICE, strerror(facts->info_error));
		set_cure(finding,
			 "install gupctl and the module of the same version");
	} else if (which) {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "the module has ABI %u, gupctl has ABI %u",
			    info->abi, GUPX_ABI);
		set_cure(finding, "%s", which);
	} else if (strcmp((const char *)info->version, GUPCTL_VERSION)) {
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"both have ABI %u; the module is version %s, gupctl is version %s",
			GUPX_ABI, (const char *)info->version, GUPCTL_VERSION);
	} else {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "module and gupctl have ABI %u, version %s",
			    GUPX_ABI, GUPCTL_VERSION);
	}
}

/*
 * Return: true if all fields of struct gupx_info are valid, else false. A module with
 * another ABI fills in only some of the fields.
 */
static bool is_answered(const struct gupx_facts *facts)
{
	return facts->node && !facts->open_error && !facts->info_error &&
	       facts->info.abi == GUPX_ABI;
}

static void judge_kernel(const struct gupx_facts *facts,
			 struct gupx_doctor_finding *finding)
{
	if (!is_answered(facts)) {
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "the module cannot be queried");
	} else if (facts->info.kernel & GUPX_KERNEL_UNTESTED) {
		set_finding(
			finding, GUPX_DOCTOR_NOTE,
			"gupx is not tested on Linux %s; when it was loaded, it pinned as the kernel does",
			facts->release);
		set_cure(finding, "use a newer gupx, if there is one");
	} else {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "gupx is tested on this version of Linux");
	}
}

/*
 * Check how much the caller may pin. The module knows the limit better than gupctl does:
 * in a user namespace, CAP_IPC_LOCK does not count.
 */
static void judge_memlock(const struct gupx_facts *facts,
			  struct gupx_doctor_finding *finding)
{
	const bool asked = is_answered(facts);
	const __u64 used = asked ? facts->info.memlock_used : 0;
	const __u64 own_limit = facts->ipc_lock ? ~0ULL : facts->memlock;
	const __u64 limit = asked ? facts->info.memlock_limit : own_limit;

	if (limit == ~0ULL) {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "you may pin without limit%s",
			    facts->ipc_lock ? ": CAP_IPC_LOCK" : "");
		return;
	}
	set_finding(finding, limit <= used ? GUPX_DOCTOR_BAD : GUPX_DOCTOR_OK,
		    "RLIMIT_MEMLOCK is %s, %s in use",
		    gupx_out_size(limit).text, gupx_out_size(used).text);
	if (limit <= used)
		set_cure(
			finding,
			"raise it: ulimit -l, /etc/security/limits.conf, LimitMEMLOCK= of a service");
}

static void judge_pins(const struct gupx_facts *facts,
		       struct gupx_doctor_finding *finding)
{
	const struct gupx_info *info = &facts->info;

	if (!is_answered(facts)) {
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "the module cannot be queried");
	} else if (!(info->params & GUPX_PARAM_PINS)) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"new pins are disabled: the module parameter allow_pins is not set");
		set_cure(
			finding,
			"set it: echo 1 | sudo tee /sys/module/gupx/parameters/allow_pins");
	} else if (info->extents_used >= info->max_extents) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"new pins are allowed, but you hold %llu extents and the limit max_extents is %llu",
			info->extents_used, info->max_extents);
		set_cure(
			finding,
			"release some pins, or raise the limit: echo NUMBER | sudo tee /sys/module/gupx/parameters/max_extents");
	} else {
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"new pins are allowed; you hold %llu of %llu extents",
			info->extents_used, info->max_extents);
	}
}

/*
 * This check never reports GUPX_DOCTOR_BAD, because gupx works without the kernel
 * engine.
 */
static void judge_engine(const struct gupx_facts *facts,
			 struct gupx_doctor_finding *finding)
{
	if (!is_answered(facts))
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "the module cannot be queried");
	else if (facts->info.params & GUPX_PARAM_KERNEL_ENGINE)
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"--engine kernel is available to all users: allow_kernel_engine is set");
	else
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"--engine kernel is %s: allow_kernel_engine is not set",
			facts->sys_admin ? "available to you with CAP_SYS_ADMIN"
					 : "not available to you");
}

static void judge_ptrace(const struct gupx_facts *facts,
			 struct gupx_doctor_finding *finding)
{
	if (facts->yama == 3) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"Yama forbids access to other processes: ptrace_scope is 3");
		set_cure(
			finding,
			"lower kernel.yama.ptrace_scope in sysctl.d, and reboot");
	} else if (facts->sys_ptrace) {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "you may access all processes: CAP_SYS_PTRACE");
	} else if (facts->yama == 2) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"Yama restricts access to administrators: ptrace_scope is 2");
		set_cure(
			finding,
			"run gupctl as root (sudo), or: sudo sysctl kernel.yama.ptrace_scope=1");
	} else if (facts->yama == 1) {
		set_finding(
			finding, GUPX_DOCTOR_NOTE,
			"Yama restricts access to descendants of gupctl: ptrace_scope is 1");
		set_cure(
			finding,
			"run gupctl as root (sudo), or: sudo sysctl kernel.yama.ptrace_scope=0");
	} else {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "you may access your own processes%s",
			    facts->contained ? " in your user namespace" : "");
	}
}

static const struct {
	const char *name;
	void (*judge)(const struct gupx_facts *facts,
		      struct gupx_doctor_finding *finding);
} checks[GUPX_DOCTOR_CHECKS] = {
	{ "headers", judge_headers },
	{ "module", judge_file },
	{ "signature", judge_signature },
	{ "loaded", judge_loaded },
	{ "node", judge_node },
	{ "access", judge_access },
	{ "abi", judge_abi },
	{ "kernel", judge_kernel },
	{ "memlock", judge_memlock },
	{ "pins", judge_pins },
	{ "engine", judge_engine },
	{ "ptrace", judge_ptrace },
};

void gupx_doctor_judge(const struct gupx_facts *facts,
		       struct gupx_doctor_finding finding[GUPX_DOCTOR_CHECKS])
{
	size_t i;

	for (i = 0; i < GUPX_DOCTOR_CHECKS; i++) {
		finding[i] = (struct gupx_doctor_finding){
			.check = checks[i].name,
		};
		checks[i].judge(facts, &finding[i]);
	}
}

void gupx_doctor_free(struct gupx_doctor_finding finding[GUPX_DOCTOR_CHECKS])
{
	size_t i;

	for (i = 0; i < GUPX_DOCTOR_CHECKS; i++) {
		free(finding[i].text);
		free(finding[i].cure);
	}
}
