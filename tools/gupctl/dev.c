// SPDX-License-Identifier: GPL-2.0
/* Access to /dev/gupx. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "dev.h"
#include "out.h"
#include "target.h"

#define LOAD_MODULE "load it: sudo modprobe gupx"

/*
 * Shell command that sets a module parameter. modprobe cannot set a parameter of a
 * module that is already loaded.
 */
#define SET_PARAM(name) "echo 1 | sudo tee /sys/module/gupx/parameters/" name

int gupx_dev_call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static __attribute__((noreturn)) void die_no_node(void)
{
	if (!access("/sys/module/gupx", F_OK))
		gupx_out_die(
			GUPX_EXIT_REFUSED, "no_module",
			"check udev (udevadm trigger), or bind-mount /dev into the container",
			GUPX_DEVICE
			" does not exist, although the module gupx is loaded");
	gupx_out_die(GUPX_EXIT_REFUSED, "no_module", LOAD_MODULE,
		     "the module gupx is not loaded: " GUPX_DEVICE
		     " does not exist");
}

static __attribute__((noreturn)) void die_no_node_access(void)
{
	const mode_t group_access = S_IRGRP | S_IWGRP;
	const mode_t other_access = S_IROTH | S_IWOTH;
	const struct group *group;
	struct stat node;
	char cure[224];
	char name[64];

	if (stat(GUPX_DEVICE, &node))
		gupx_out_die(GUPX_EXIT_REFUSED, "node_access", NULL,
			     "cannot stat " GUPX_DEVICE ": %s",
			     strerror(errno));
	/* The mode is not the reason: it may be a container, or a security module. */
	if ((node.st_mode & other_access) == other_access)
		gupx_out_die(
			GUPX_EXIT_REFUSED, "node_access",
			"check the device cgroup of the container, and security profiles (AppArmor, SELinux)",
			"permission denied: cannot open " GUPX_DEVICE
			", although its mode %04o allows all users to",
			node.st_mode & 07777);
	if (!node.st_gid || (node.st_mode & group_access) != group_access)
		gupx_out_die(
			GUPX_EXIT_REFUSED, "node_access",
			"run gupctl as root (sudo), or install the udev rule",
			"permission denied: only UID %u may open " GUPX_DEVICE,
			node.st_uid);
	group = getgrgid(node.st_gid);
	if (group)
		snprintf(name, sizeof(name), "%s", group->gr_name);
	else
		snprintf(name, sizeof(name), "%u", node.st_gid);
	snprintf(
		cure, sizeof(cure),
		"join the group (sudo usermod -aG %s $USER), then log in again or run: newgrp %s",
		name, name);
	gupx_out_die(GUPX_EXIT_REFUSED, "node_access", cure,
		     "permission denied: only group %s may open " GUPX_DEVICE,
		     name);
}

static void open_node(struct gupx_dev *dev)
{
	dev->fd = open(GUPX_DEVICE, O_RDWR | O_CLOEXEC);
	if (dev->fd >= 0)
		return;
	switch (errno) {
	case ENOENT:
		die_no_node();
	case EACCES:
	case EPERM:
		die_no_node_access();
	case ENXIO:
	case ENODEV:
		gupx_out_die(
			GUPX_EXIT_REFUSED, "no_module", LOAD_MODULE,
			"the module gupx is not loaded, although " GUPX_DEVICE
			" exists");
	default:
		gupx_out_die(GUPX_EXIT_REFUSED, "open_device", NULL,
			     "cannot open " GUPX_DEVICE ": %s",
			     strerror(errno));
	}
}

const char *gupx_dev_cure_abi(__u32 abi)
{
	if (abi == GUPX_ABI)
		return NULL;
	return abi > GUPX_ABI ? "upgrade gupctl" : "upgrade the module gupx";
}

void gupx_dev_check_abi(const struct gupx_info *info)
{
	const char *cure = gupx_dev_cure_abi(info->abi);

	if (cure)
		gupx_out_die(GUPX_EXIT_REFUSED, "abi_mismatch", cure,
			     "the module has ABI %u, gupctl has ABI %u",
			     info->abi, GUPX_ABI);
}

void gupx_dev_open(struct gupx_dev *dev)
{
	int error;

	*dev = (struct gupx_dev){ .fd = -1 };
	open_node(dev);
	dev->info.size = sizeof(dev->info);
	error = gupx_dev_call(dev->fd, GUPX_IOC_INFO, &dev->info);
	if (error)
		gupx_out_die(
			GUPX_EXIT_REFUSED, "abi_mismatch",
			"install gupctl and the module of the same version",
			"cannot query " GUPX_DEVICE ": %s", strerror(-error));
	gupx_dev_check_abi(&dev->info);
	dev->info.version[sizeof(dev->info.version) - 1] = '\0';
}

void gupx_dev_close(struct gupx_dev *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

static void check_force(const struct gupx_info *info)
{
	if (!(info->params & GUPX_PARAM_FORCE))
		gupx_out_die(
			GUPX_EXIT_REFUSED, "force_off",
			"set it: " SET_PARAM("allow_force"),
			"--force is disabled: the module parameter allow_force is not set");
	if (!gupx_access_has_on_host(CAP_SYS_PTRACE))
		gupx_out_die(GUPX_EXIT_REFUSED, "permission",
			     "run gupctl as root (sudo), outside of containers",
			     "--force requires CAP_SYS_PTRACE");
}

static void check_engine(const struct gupx_info *info)
{
	if (!(info->params & GUPX_PARAM_KERNEL_ENGINE) &&
	    !gupx_access_has_on_host(CAP_SYS_ADMIN))
		gupx_out_die(
			GUPX_EXIT_REFUSED, "engine_off",
			"run gupctl as root (sudo), or set it: " SET_PARAM(
				"allow_kernel_engine"),
			"--engine kernel is disabled: the module parameter allow_kernel_engine is not set, and CAP_SYS_ADMIN is missing");
}

static __u32 get_supported_flags(const struct gupx_info *info, const char *verb)
{
	if (!strcmp(verb, "pin"))
		return info->pin_flags;
	if (!strcmp(verb, "populate"))
		return info->populate_flags;
	if (!strcmp(verb, "explain") || !strcmp(verb, "map"))
		return info->explain_flags;
	return info->read_flags;
}

void gupx_dev_check_flags(const struct gupx_dev *dev, const char *verb,
			  __u32 flags)
{
	static const struct {
		__u32 flag;
		const char *option;
	} options[] = {
		{ GUPX_F_WRITE, "--write" },
		{ GUPX_F_NOFAULT, "--nofault" },
		{ GUPX_F_FORCE, "--force" },
		{ GUPX_F_ENGINE_KERNEL, "--engine kernel" },
	};
	const __u32 missing = flags & ~get_supported_flags(&dev->info, verb);
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (missing & options[i].flag)
			gupx_out_die(
				GUPX_EXIT_REFUSED, "unsupported",
				"upgrade the module gupx, or omit the option",
				"the module does not support %s for %s",
				options[i].option, verb);
	if (flags & GUPX_F_FORCE)
		check_force(&dev->info);
	if (flags & GUPX_F_ENGINE_KERNEL)
		check_engine(&dev->info);
	if (!strcmp(verb, "pin") && !(dev->info.params & GUPX_PARAM_PINS))
		gupx_out_die(
			GUPX_EXIT_REFUSED, "pins_off",
			"set it: " SET_PARAM("allow_pins"),
			"new pins are disabled: the module parameter allow_pins is not set");
}

static const struct gupx_out_field memlock_fields[] = {
	GUPX_OUT_FIELD(struct gupx_dev_context, limit, "limit", NULL,
		       GUPX_OUT_LIMIT),
	GUPX_OUT_FIELD(struct gupx_dev_context, used, "used", NULL,
		       GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct gupx_dev_context, asked, "asked", NULL,
		       GUPX_OUT_SIZE),
};

static const struct gupx_out_spec memlock_spec = GUPX_OUT_SPEC(memlock_fields);

void gupx_dev_report_memlock(const struct gupx_dev_context *context)
{
	gupx_out_record("memlock", &memlock_spec, context);
	gupx_out_error(
		"memlock",
		"raise the limit (ulimit -l, limits.conf, LimitMEMLOCK=), or run gupctl with CAP_IPC_LOCK (sudo)",
		"RLIMIT_MEMLOCK exceeded: the limit is %s, %s in use, %s more requested",
		gupx_out_size(context->limit).text,
		gupx_out_size(context->used).text,
		gupx_out_size(context->asked).text);
}

static void report_descriptors(const char *whose, const char *cure)
{
	gupx_out_error("descriptors", cure,
		       "too many open files in %s: cannot create the pin fd",
		       whose);
}

/*
 * Report EPERM from an ioctl. gupctl checked module parameters and capabilities before
 * the ioctl. Either a parameter has changed since this check, or gupctl has the
 * capability only in a user namespace.
 */
static void report_denied(const struct gupx_dev_context *context)
{
	if (context->flags & GUPX_F_FORCE)
		gupx_out_error(
			"permission",
			"set allow_force=1, and run gupctl as root outside of containers",
			"the module refused --force");
	else if (context->flags & GUPX_F_ENGINE_KERNEL)
		gupx_out_error(
			"permission",
			"set allow_kernel_engine=1, or run gupctl as root outside of containers",
			"the module refused --engine kernel");
	else
		gupx_out_error(
			"permission",
			"check \"new pins allowed\" in gupctl info",
			"new pins are disabled, or the pin fd is sealed");
}

void gupx_dev_report(int error, const struct gupx_dev_context *context,
		     const struct gupx_target *target)
{
	switch (error) {
	case ENOTTY:
	case EOPNOTSUPP:
		gupx_out_error("unsupported", "upgrade the module gupx",
			       "the module does not support this %s",
			       context->verb);
		break;
	case E2BIG:
		gupx_out_error("abi_mismatch", "upgrade the module gupx",
			       "the module is older than gupctl");
		break;
	case EFBIG:
		gupx_out_error("too_large",
			       "raise the module parameter max_pin_mib",
			       "cannot %s that much in one request",
			       context->verb);
		break;
	case ESRCH:
		gupx_target_report_gone(target);
		break;
	case EPERM:
		report_denied(context);
		break;
	case EBUSY:
		gupx_out_error("busy", "unmap it first",
			       "cannot %s: the pin fd has a writable mapping",
			       context->verb);
		break;
	case EACCES:
		gupx_out_error(
			"permission",
			"run gupctl with the credentials that opened the target",
			"permission denied: cannot %s memory of process %d",
			context->verb, target->pid);
		break;
	case ENOBUFS:
		gupx_dev_report_memlock(context);
		break;
	case ENOMEM:
		gupx_out_error("no_kernel_memory", "free some memory",
			       "out of kernel memory for this %s",
			       context->verb);
		break;
	case EMFILE:
		report_descriptors("gupctl", "raise the limit (ulimit -n)");
		break;
	case ENFILE:
		report_descriptors("the system", "raise fs.file-max");
		break;
	case ENODEV:
		gupx_out_error("no_module", LOAD_MODULE,
			       "the module gupx is being unloaded");
		break;
	case EINTR:
		/* gupx_request_report_signal() reports the signal. */
		break;
	default:
		gupx_out_error("refused", "report this as a bug",
			       "the module refused this %s: %s", context->verb,
			       strerror(error));
		break;
	}
}
