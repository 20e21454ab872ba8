# SPDX-License-Identifier: GPL-2.0
# Generate compat_probed.h for compat.h: compat.sh compiles small snippets against this
# kernel's headers, with the same flags as the module.

gupx_probe_cc = $(CC) $(filter-out -Wp$(comma)-MMD%, $(LINUXINCLUDE) \
	$(KBUILD_CPPFLAGS) $(KBUILD_CFLAGS) $(KBUILD_CFLAGS_MODULE)) \
	-DMODULE -DKBUILD_BASENAME='"probe"' -DKBUILD_MODNAME='"probe"'

# No && here: kbuild relies on set -e, which ignores a failure on the left of &&.
quiet_cmd_gupx_probe = PROBE   $@
      cmd_gupx_probe = $(CONFIG_SHELL) $(src)/module/compat.sh \
	'$(subst ','\'',$(gupx_probe_cc))' > $@.tmp; mv $@.tmp $@

$(obj)/module/compat_probed.h: $(src)/module/compat.sh FORCE
	$(call if_changed,gupx_probe)

# If a file does not compile although all probes have succeeded, the kernel may differ in
# something that no probe looks at. Say so after the compiler's errors.
$(addprefix $(obj)/, $(gupx-y)): private CC := $(CONFIG_SHELL) $(src)/module/compat_cc.sh $(CC)

# The versions of Linux on which the tests of gupx run. On others, the module reports that it
# is not tested.
GUPX_TESTED_KERNELS ?= 6.1 6.12 6.18 7.2 7.3
ccflags-y += -DGUPX_TESTED_KERNEL=$(if \
	$(filter $(GUPX_TESTED_KERNELS),$(VERSION).$(PATCHLEVEL)),1,0)

targets += module/compat_probed.h
clean-files += module/compat_probed.h

$(addprefix $(obj)/, $(gupx-y) $(gupx_exotic_mappings-y) $(gupx_fake_gup-y) $(gupx_rival-y)): \
	$(obj)/module/compat_probed.h
