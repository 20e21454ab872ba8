# SPDX-License-Identifier: GPL-2.0
# Asks this kernel's headers, once, what compat.h has to know: compat.sh tries
# small snippets with the flags that the module itself is compiled with.

gupx_probe_cc = $(CC) $(filter-out -Wp$(comma)-MMD%, $(LINUXINCLUDE) \
	$(KBUILD_CPPFLAGS) $(KBUILD_CFLAGS) $(KBUILD_CFLAGS_MODULE)) \
	-DMODULE -DKBUILD_BASENAME='"probe"' -DKBUILD_MODNAME='"probe"'

# No && here: kbuild goes by set -e, which overlooks what fails before one.
quiet_cmd_gupx_probe = PROBE   $@
      cmd_gupx_probe = $(CONFIG_SHELL) $(src)/module/compat.sh \
	'$(subst ','\'',$(gupx_probe_cc))' > $@.tmp; mv $@.tmp $@

$(obj)/module/compat_probed.h: $(src)/module/compat.sh FORCE
	$(call if_changed,gupx_probe)

targets += module/compat_probed.h
clean-files += module/compat_probed.h

$(addprefix $(obj)/, $(gupx-y) $(gupx_exotic_mappings-y) $(gupx_fake_gup-y) $(gupx_rival-y)): \
	$(obj)/module/compat_probed.h
