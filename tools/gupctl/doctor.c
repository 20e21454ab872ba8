// SPDX-License-Identifier: GPL-2.0
/* Turn facts about the machine into findings and cures. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dev.h"
#include "doctor.h"
#include "out.h"

/* DKMS on Debian signs modules with its own key, which must be enrolled once. */
#define ENROLL                                                            \
	"enroll the key that DKMS signs with, then reboot: sudo mokutil " \
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
		set_cure(
			finding,
			"build it anew: sudo dkms install --force gupx/%s -k %s",
			*facts->file_version ? facts->file_version
					     : GUPCTL_VERSION,
			release);
	} else if (facts->loaded) {
		set_finding(
			finding, GUPX_DOCTOR_NOTE,
			"modprobe finds no gupx for Linux %s; the one that is loaded came by hand",
			release);
		set_cure(
			finding,
			facts->modules
				? "install it: the package gupx-dkms, or make install"
				: "nothing, if this is a container");
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
			"%ssudo dkms autoinstall -k %s; it says why where it cannot",
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
			    "those of Linux %s are installed", facts->release);
		return;
	}
	set_finding(finding, needed ? GUPX_DOCTOR_BAD : GUPX_DOCTOR_NOTE,
		    "Linux %s has no headers here%s", facts->release,
		    needed ? ""
			   : ": an update of gupx could not be built for it");
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
 * If the module is loaded, its taint flag shows whether the kernel trusts the
 * signature.
 */
static void judge_signature(const struct gupx_facts *facts,
			    struct gupx_doctor_finding *finding)
{
	const bool wanted = facts->sig_enforce || is_locked_down(facts);
	const char *signer = *facts->signer ? facts->signer : NULL;

	if (!wanted) {
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"Linux takes unsigned modules here (%s, lockdown: %s)",
			describe_secure_boot(facts),
			*facts->lockdown ? facts->lockdown : "not known");
	} else if (facts->loaded && !facts->untrusted) {
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"Linux wants signed modules (%s), and took this one%s%s",
			describe_secure_boot(facts), signer ? " of " : "",
			signer ? signer : "");
	} else if (!*facts->file) {
		set_finding(
			finding, GUPX_DOCTOR_UNKNOWN,
			"Linux wants signed modules (%s), and there is none to look at",
			describe_secure_boot(facts));
	} else if (!signer) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"Linux wants signed modules (%s), and this one is unsigned",
			describe_secure_boot(facts));
		set_cure(
			finding,
			"have DKMS sign it: sudo dkms install --force gupx/%s; " ENROLL,
			facts->file_version);
	} else {
		set_finding(
			finding, GUPX_DOCTOR_NOTE,
			"Linux wants signed modules (%s); this one is signed by %s",
			describe_secure_boot(facts), signer);
		set_cure(finding, "if the kernel refuses that key: " ENROLL);
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
			"load it: sudo modprobe gupx; where it refuses, sudo dmesg says why");
	} else if (*facts->file &&
		   strcmp(facts->loaded_version, facts->file_version)) {
		set_finding(finding, GUPX_DOCTOR_NOTE,
			    "gupx %s is loaded, %s is installed",
			    facts->loaded_version, facts->file_version);
		set_cure(
			finding,
			"when nothing is pinned: sudo rmmod gupx && sudo modprobe gupx");
	} else {
		set_finding(finding, GUPX_DOCTOR_OK, "gupx %s is loaded",
			    facts->loaded_version);
	}
}

static void judge_node(const struct gupx_facts *facts,
		       struct gupx_doctor_finding *finding)
{
	if (!facts->node && !facts->loaded) {
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "it comes when the module is loaded");
	} else if (!facts->node || !S_ISCHR(facts->mode)) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			facts->node
				? "%s is no device node"
				: "there is no %s, though the module is loaded",
			GUPX_DEVICE);
		set_cure(
			finding,
			"look at udev (udevadm trigger), or bind /dev into the container");
	} else if (!facts->gid || !(facts->mode & S_IRGRP) ||
		   !(facts->mode & S_IWGRP)) {
		set_finding(finding, GUPX_DOCTOR_NOTE,
			    "%s is for root alone (%04o)", GUPX_DEVICE,
			    facts->mode & 07777);
		set_cure(
			finding,
			"install the udev rule 60-gupx.rules, then: sudo udevadm trigger /dev/gupx");
	} else if (facts->mode & S_IRWXO) {
		set_finding(finding, GUPX_DOCTOR_NOTE,
			    "%s is for everybody (%04o)", GUPX_DEVICE,
			    facts->mode & 07777);
		set_cure(
			finding,
			"keep it to a group: look for MODE= of it in /etc/udev/rules.d");
	} else {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "%s is for group %s (%04o)", GUPX_DEVICE,
			    facts->group, facts->mode & 07777);
	}
}

/*
 * Explain why the node does not open. EPERM and EACCES mean that its owner, group
 * and mode refuse the caller.
 */
static void judge_refusal(const struct gupx_facts *facts,
			  struct gupx_doctor_finding *finding)
{
	if (facts->open_error != EACCES && facts->open_error != EPERM) {
		set_finding(finding, GUPX_DOCTOR_BAD, "%s does not open: %s",
			    GUPX_DEVICE, strerror(facts->open_error));
		set_cure(finding, "load the module: sudo modprobe gupx");
	} else if (facts->in_session || !facts->gid) {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "%s is not open to you, but to root", GUPX_DEVICE);
		set_cure(finding, "run gupctl as root (sudo)");
	} else if (facts->listed) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"you are in group %s, but were not when you logged in",
			facts->group);
		set_cure(finding, "log in anew, or run: newgrp %s",
			 facts->group);
	} else {
		set_finding(finding, GUPX_DOCTOR_BAD, "you are not in group %s",
			    facts->group);
		set_cure(
			finding,
			"join it (sudo usermod -aG %s $USER), then log in anew",
			facts->group);
	}
}

static void judge_access(const struct gupx_facts *facts,
			 struct gupx_doctor_finding *finding)
{
	if (!facts->node)
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "there is no %s to open", GUPX_DEVICE);
	else if (facts->open_error)
		judge_refusal(facts, finding);
	else if (facts->root)
		set_finding(finding, GUPX_DOCTOR_OK,
			    "%s is open to you, as root", GUPX_DEVICE);
	else
		set_finding(finding, GUPX_DOCTOR_OK, "%s is open to you%s%s",
			    GUPX_DEVICE, facts->in_session ? ", by group " : "",
			    facts->in_session ? facts->group : "");
}

static void judge_abi(const struct gupx_facts *facts,
		      struct gupx_doctor_finding *finding)
{
	const struct gupx_info *info = &facts->info;
	const char *which = gupx_dev_cure_abi(info->abi);

	if (!facts->node || facts->open_error) {
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "the module could not be asked");
	} else if (facts->info_error) {
		set_finding(finding, GUPX_DOCTOR_BAD,
			    "%s does not answer as gupx does: %s", GUPX_DEVICE,
			    strerror(facts->info_error));
		set_cure(finding,
			 "install gupctl and module of the same version");
	} else if (which) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"the module speaks ABI %u, this gupctl speaks ABI %u",
			info->abi, GUPX_ABI);
		set_cure(finding, "%s", which);
	} else if (strcmp((const char *)info->version, GUPCTL_VERSION)) {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "both speak ABI %u; the module is %s, gupctl is %s",
			    GUPX_ABI, (const char *)info->version,
			    GUPCTL_VERSION);
	} else {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "module and gupctl speak ABI %u, version %s",
			    GUPX_ABI, GUPCTL_VERSION);
	}
}

static void judge_memlock(const struct gupx_facts *facts,
			  struct gupx_doctor_finding *finding)
{
	const bool asked = !facts->open_error && !facts->info_error;
	const __u64 used = asked ? facts->info.memlock_used : 0;

	if (facts->ipc_lock || facts->memlock == ~0ULL) {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "you may pin without limit%s",
			    facts->ipc_lock ? ": CAP_IPC_LOCK" : "");
		return;
	}
	set_finding(finding,
		    facts->memlock <= used ? GUPX_DOCTOR_BAD : GUPX_DOCTOR_OK,
		    "RLIMIT_MEMLOCK lets you pin %s, %s of it are in use",
		    gupx_out_size(facts->memlock).text,
		    gupx_out_size(used).text);
	if (facts->memlock <= used)
		set_cure(
			finding,
			"raise it: ulimit -l, /etc/security/limits.conf, LimitMEMLOCK= of a service");
}

/*
 * Check that struct gupx_info is usable: a module of another ABI fills in only part
 * of it.
 */
static bool is_answered(const struct gupx_facts *facts)
{
	return facts->node && !facts->open_error && !facts->info_error &&
	       facts->info.abi == GUPX_ABI;
}

static void judge_pins(const struct gupx_facts *facts,
		       struct gupx_doctor_finding *finding)
{
	const struct gupx_info *info = &facts->info;

	if (!is_answered(facts)) {
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "the module could not be asked");
	} else if (!(info->params & GUPX_PARAM_PINS)) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"new pins are switched off: the module parameter allow_pins is not set");
		set_cure(
			finding,
			"set it again: echo 1 | sudo tee /sys/module/gupx/parameters/allow_pins");
	} else if (info->extents_used >= info->max_extents) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"new pins are allowed, but you hold %llu extents, and max_extents is %llu",
			info->extents_used, info->max_extents);
		set_cure(
			finding,
			"release some pins, or raise it: echo NUMBER | sudo tee /sys/module/gupx/parameters/max_extents");
	} else {
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"new pins are allowed; you hold %llu of %llu extents",
			info->extents_used, info->max_extents);
	}
}

/* Never GUPX_DOCTOR_BAD: gupx works without the kernel engine. */
static void judge_engine(const struct gupx_facts *facts,
			 struct gupx_doctor_finding *finding)
{
	if (!is_answered(facts))
		set_finding(finding, GUPX_DOCTOR_UNKNOWN,
			    "the module could not be asked");
	else if (facts->info.params & GUPX_PARAM_KERNEL_ENGINE)
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"--engine kernel is open to all users: allow_kernel_engine is set");
	else
		set_finding(
			finding, GUPX_DOCTOR_OK,
			"--engine kernel is %s: allow_kernel_engine is not set",
			facts->sys_admin ? "open to you, by CAP_SYS_ADMIN"
					 : "closed to you");
}

static void judge_ptrace(const struct gupx_facts *facts,
			 struct gupx_doctor_finding *finding)
{
	if (facts->yama == 3) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"Yama lets nobody at another process's memory: ptrace_scope is 3");
		set_cure(
			finding,
			"set kernel.yama.ptrace_scope lower in sysctl.d, and reboot");
	} else if (facts->sys_ptrace) {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "every process is open to you: CAP_SYS_PTRACE");
	} else if (facts->yama == 2) {
		set_finding(
			finding, GUPX_DOCTOR_BAD,
			"Yama keeps all processes for administrators: ptrace_scope is 2");
		set_cure(
			finding,
			"run gupctl as root (sudo), or: sudo sysctl kernel.yama.ptrace_scope=1");
	} else if (facts->yama == 1) {
		set_finding(
			finding, GUPX_DOCTOR_NOTE,
			"of your processes, gupctl's children alone are open to it: ptrace_scope is 1");
		set_cure(
			finding,
			"run gupctl as root (sudo), or: sudo sysctl kernel.yama.ptrace_scope=0");
	} else {
		set_finding(finding, GUPX_DOCTOR_OK,
			    "your own processes are open to you");
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
