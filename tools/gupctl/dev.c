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

#define LOAD_MODULE "load it as root: modprobe gupx"

/* The module is already loaded here, so modprobe would not change its parameters. */
#define SET_PARAM(name) "echo 1 | sudo tee /sys/module/gupx/parameters/" name

int gupx_dev_call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static bool is_module_loaded(void)
{
	return !access("/sys/module/gupx", F_OK);
}

static __attribute__((noreturn)) void die_no_node(void)
{
	if (is_module_loaded())
		gupx_out_die(
			GUPX_EXIT_REFUSED, "no_module",
			"look at udev (udevadm trigger), or bind /dev into the container",
			"the module gupx is loaded, but there is no " GUPX_DEVICE
			" here");
	gupx_out_die(GUPX_EXIT_REFUSED, "no_module", LOAD_MODULE,
		     "the module gupx is not loaded: there is no " GUPX_DEVICE);
}

static __attribute__((noreturn)) void die_no_node_access(void)
{
	const struct group *group;
	struct stat node;
	char cure[224];
	char name[64];

	if (stat(GUPX_DEVICE, &node))
		gupx_out_die(GUPX_EXIT_REFUSED, "node_access", NULL,
			     "cannot look at " GUPX_DEVICE ": %s",
			     strerror(errno));
	if (!node.st_gid || !(node.st_mode & S_IRGRP))
		gupx_out_die(
			GUPX_EXIT_REFUSED, "node_access",
			"run gupctl as root (sudo), or install its udev rule",
			GUPX_DEVICE " is for its owner, uid %u, alone",
			node.st_uid);
	group = getgrgid(node.st_gid);
	if (group)
		snprintf(name, sizeof(name), "%s", group->gr_name);
	else
		snprintf(name, sizeof(name), "%u", node.st_gid);
	snprintf(
		cure, sizeof(cure),
		"join it (sudo usermod -aG %s $USER), then log in anew or run newgrp %s",
		name, name);
	gupx_out_die(GUPX_EXIT_REFUSED, "node_access", cure,
		     GUPX_DEVICE " is for the group %s, which you are not in",
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
			"the module gupx is not loaded, though " GUPX_DEVICE
			" is there");
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
		gupx_out_die(
			GUPX_EXIT_REFUSED, "abi_mismatch", cure,
			"the module speaks ABI %u, this gupctl speaks ABI %u",
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
		gupx_out_die(GUPX_EXIT_REFUSED, "abi_mismatch",
			     "install gupctl and module of the same version",
			     GUPX_DEVICE " does not answer as gupx does: %s",
			     strerror(-error));
	gupx_dev_check_abi(&dev->info);
	dev->info.version[sizeof(dev->info.version) - 1] = '\0';
}

void gupx_dev_close(struct gupx_dev *dev)
{
	close(dev->fd);
}

static void check_force(const struct gupx_info *info)
{
	if (!(info->params & GUPX_PARAM_FORCE))
		gupx_out_die(
			GUPX_EXIT_REFUSED, "force_off",
			"set it: " SET_PARAM("allow_force"),
			"--force is off: the module parameter allow_force is not set");
	if (!gupx_access_has(CAP_SYS_PTRACE))
		gupx_out_die(GUPX_EXIT_REFUSED, "permission",
			     "run gupctl with it (sudo)",
			     "--force needs CAP_SYS_PTRACE, which is missing");
}

static void check_engine(const struct gupx_info *info)
{
	if (!(info->params & GUPX_PARAM_KERNEL_ENGINE) &&
	    !gupx_access_has(CAP_SYS_ADMIN))
		gupx_out_die(
			GUPX_EXIT_REFUSED, "engine_off",
			"run gupctl as root (sudo), or set it: " SET_PARAM(
				"allow_kernel_engine"),
			"--engine kernel is off: the module parameter allow_kernel_engine is not set, and CAP_SYS_ADMIN is missing");
}

static void check_pins(const struct gupx_info *info)
{
	if (!(info->params & GUPX_PARAM_PINS))
		gupx_out_die(
			GUPX_EXIT_REFUSED, "pins_off",
			"set it again: " SET_PARAM("allow_pins"),
			"new pins are switched off: the module parameter allow_pins is not set");
}

static __u32 get_supported_flags(const struct gupx_info *info, const char *verb)
{
	if (!strcmp(verb, "pin"))
		return info->pin_flags;
	if (!strcmp(verb, "populate"))
		return info->populate_flags;
	if (!strcmp(verb, "explain"))
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
			gupx_out_die(GUPX_EXIT_REFUSED, "unsupported",
				     "upgrade the module gupx, or leave it out",
				     "the module does not know %s for %s",
				     options[i].option, verb);
	if (flags & GUPX_F_FORCE)
		check_force(&dev->info);
	if (flags & GUPX_F_ENGINE_KERNEL)
		check_engine(&dev->info);
	if (!strcmp(verb, "pin"))
		check_pins(&dev->info);
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
		"raise it (ulimit -l, limits.conf, LimitMEMLOCK=) or run gupctl with CAP_IPC_LOCK (sudo)",
		"RLIMIT_MEMLOCK allows no more pins: the limit is %s, %s are in use, %s more were asked",
		gupx_out_size(context->limit).text,
		gupx_out_size(context->used).text,
		gupx_out_size(context->asked).text);
}

static void report_descriptors(const char *whose, const char *cure)
{
	gupx_out_error("descriptors", cure,
		       "%s has no free file descriptor for a pin", whose);
}

/*
 * Report EPERM. Parameters and capabilities were checked before the call. Either
 * they have changed since, or the capability is only held in a user namespace.
 */
static void report_denied(const struct gupx_dev_context *context)
{
	if (context->flags & GUPX_F_FORCE)
		gupx_out_error(
			"permission",
			"set allow_force=1, and run gupctl as root outside of containers",
			"the module does not allow --force here");
	else if (context->flags & GUPX_F_ENGINE_KERNEL)
		gupx_out_error(
			"permission",
			"set allow_kernel_engine=1, or run gupctl as root outside of containers",
			"the module does not allow --engine kernel here");
	else
		gupx_out_error(
			"permission",
			"look at \"new pins allowed\" in gupctl info",
			"new pins are switched off, or the pin fd is sealed");
}

void gupx_dev_report(int error, const struct gupx_dev_context *context,
		     const struct gupx_target *target)
{
	switch (error) {
	case ENOTTY:
	case EOPNOTSUPP:
		gupx_out_error("unsupported", "upgrade the module gupx",
			       "the module cannot %s in this way",
			       context->verb);
		break;
	case E2BIG:
		gupx_out_error("abi_mismatch", "upgrade the module gupx",
			       "the module is older than this gupctl");
		break;
	case EFBIG:
		gupx_out_error("too_large",
			       "raise the module parameter max_pin_mib",
			       "one request may not %s that much",
			       context->verb);
		break;
	case ESRCH:
		gupx_target_report_gone(target);
		break;
	case EPERM:
		report_denied(context);
		break;
	case EBUSY:
		gupx_out_error(
			"busy", "unmap it first",
			"a writable mapping of the pin fd blocks this %s",
			context->verb);
		break;
	case EACCES:
		gupx_out_error(
			"permission",
			"run gupctl with the rights that opened the target",
			"the memory of process %d is not open for this %s",
			target->pid, context->verb);
		break;
	case ENOBUFS:
		gupx_dev_report_memlock(context);
		break;
	case ENOMEM:
		gupx_out_error("no_kernel_memory", "free some memory",
			       "the kernel has no memory for this %s",
			       context->verb);
		break;
	case EMFILE:
		report_descriptors("gupctl", "raise its limit (ulimit -n)");
		break;
	case ENFILE:
		report_descriptors("the system", "raise fs.file-max");
		break;
	case ENODEV:
		gupx_out_error("no_module", LOAD_MODULE,
			       "the module gupx is being unloaded");
		break;
	case EINTR:
		gupx_out_error("interrupted", NULL, "interrupted");
		break;
	default:
		gupx_out_error("refused", "please report this as a bug",
			       "the module refused this %s: %s", context->verb,
			       strerror(error));
		break;
	}
}
