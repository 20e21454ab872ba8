// SPDX-License-Identifier: GPL-2.0
/* gupctl info: print the version, features and limits of the module. */
#include <stddef.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "dev.h"
#include "out.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define FLAGS_MAX 32

struct info_row {
	const char *version;
	const char *program;
	__u64 abi;
	__u64 page_size;
	const char *pin[FLAGS_MAX + 1];
	const char *populate[FLAGS_MAX + 1];
	const char *read[FLAGS_MAX + 1];
	const char *const *pin_flags;
	const char *const *populate_flags;
	const char *const *read_flags;
	bool allow_force;
	bool allow_short_pins;
	bool allow_kernel_engine;
	bool allow_pins;
	bool tested_kernel;
	bool explain;
	__u64 memlock_limit;
	__u64 memlock_used;
	__u64 max_extents;
	__u64 extents_used;
};

#define FIELD(key, label, form, member) \
	GUPX_OUT_FIELD(struct info_row, member, key, label, form)

static const struct gupx_out_field fields[] = {
	FIELD("module_version", "module", GUPX_OUT_STRING, version),
	FIELD("gupctl_version", "gupctl", GUPX_OUT_STRING, program),
	FIELD("abi", "ABI", GUPX_OUT_COUNT, abi),
	FIELD("page_size", "page size", GUPX_OUT_SIZE, page_size),
	FIELD("pin_flags", "pin flags", GUPX_OUT_LIST, pin_flags),
	FIELD("populate_flags", "populate flags", GUPX_OUT_LIST,
	      populate_flags),
	FIELD("read_flags", "read flags", GUPX_OUT_LIST, read_flags),
	FIELD("explain", "explain", GUPX_OUT_BOOL, explain),
	FIELD("allow_force", "force allowed", GUPX_OUT_BOOL, allow_force),
	FIELD("allow_short_pins", "short pins allowed", GUPX_OUT_BOOL,
	      allow_short_pins),
	FIELD("allow_kernel_engine", "kernel engine for all", GUPX_OUT_BOOL,
	      allow_kernel_engine),
	FIELD("allow_pins", "new pins allowed", GUPX_OUT_BOOL, allow_pins),
	FIELD("tested_kernel", "tested on this kernel", GUPX_OUT_BOOL,
	      tested_kernel),
	FIELD("memlock_limit", "your pin limit", GUPX_OUT_LIMIT, memlock_limit),
	FIELD("memlock_used", "in use", GUPX_OUT_SIZE, memlock_used),
	FIELD("max_extents", "your extent limit", GUPX_OUT_COUNT, max_extents),
	FIELD("extents_used", "extents in use", GUPX_OUT_COUNT, extents_used),
};

static const struct gupx_out_spec spec = GUPX_OUT_SPEC(fields);

static const char *const *list_flags(__u32 flags, const char **list)
{
	static const char *const names[] = {
		"write",      "force",	       "nofault",    "nowait",
		"anon",	      "dump",	       "hwpoison",   "interruptible",
		"honor_numa", "engine_kernel", "short_pins", "read_only",
	};
	size_t count = 0;
	size_t i;

	_Static_assert((GUPX_PIN_FLAGS | GUPX_POPULATE_FLAGS |
			GUPX_READ_FLAGS) == (1ULL << ARRAY_SIZE(names)) - 1,
		       "new GUPX_F_ flag: add its name");
	for (i = 0; i < FLAGS_MAX; i++)
		if (flags & (1U << i))
			list[count++] =
				i < ARRAY_SIZE(names) ? names[i] : "unknown";
	list[count] = NULL;
	return list;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		gupx_args_die("unexpected argument '%s'", value);
	return gupx_args_parse_key(key, value, state, NULL);
}

int gupx_cmd_info(int argc, char **argv)
{
	static const struct gupx_args_syntax syntax = {
		.parser = parse_option,
		.doc = "Show version, features and limits of the module gupx.",
	};
	struct info_row row = { .program = GUPCTL_VERSION };
	struct gupx_dev dev;

	gupx_args_parse(&syntax, argc, argv, NULL);
	gupx_dev_open(&dev);
	row.version = (const char *)dev.info.version;
	row.abi = dev.info.abi;
	row.page_size = dev.info.page_size;
	row.pin_flags = list_flags(dev.info.pin_flags, row.pin);
	row.populate_flags = list_flags(dev.info.populate_flags, row.populate);
	row.read_flags = list_flags(dev.info.read_flags, row.read);
	row.explain = dev.info.explain_flags;
	row.allow_force = dev.info.params & GUPX_PARAM_FORCE;
	row.allow_short_pins = dev.info.params & GUPX_PARAM_SHORT_PINS;
	row.allow_kernel_engine = dev.info.params & GUPX_PARAM_KERNEL_ENGINE;
	row.allow_pins = dev.info.params & GUPX_PARAM_PINS;
	row.tested_kernel = !(dev.info.kernel & GUPX_KERNEL_UNTESTED);
	row.max_extents = dev.info.max_extents;
	row.extents_used = dev.info.extents_used;
	row.memlock_limit = dev.info.memlock_limit;
	row.memlock_used = dev.info.memlock_used;
	gupx_out_record(NULL, &spec, &row);
	gupx_dev_close(&dev);
	return GUPX_EXIT_DONE;
}
