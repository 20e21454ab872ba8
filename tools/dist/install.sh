#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# install.sh: install gupx, for `make install` after gupctl is built.
#
# KERNEL="V..."  build the module for these kernels (default: all that have headers here).
#                DKMS also builds it for kernels that are installed later
# PREFIX=DIR     prefix of gupctl, its man page and <linux/gupx.h> (default: /usr/local)
# DESTDIR=DIR    write the files below DIR, for packaging; use no DKMS, create no group
set -euo pipefail
# shellcheck source=tools/dist/lib.sh
. "$(dirname "$0")/lib.sh"

die() {
	warn "NOT installed: $*"
	exit 1
}

has_headers() {
	[[ -e /lib/modules/$1/build/Makefile ]]
}

kernels_with_headers() {
	local dir

	for dir in /lib/modules/*/; do
		dir=$(basename "$dir")
		! has_headers "$dir" || echo "$dir"
	done
}

# Check the tree before anything is changed, so that a refused install leaves nothing behind.
check_tree() {
	local source

	[[ -n $VERSION ]] || die "dkms.conf has no PACKAGE_VERSION"
	while read -r _ source _; do
		[[ -e $TOP/$source ]] || die "$source is missing: run make install"
	done < <(list_files)
}

check_machine() {
	local kernel

	((EUID == 0)) || die "only root may install: sudo make install"
	! is_packaged || die "gupx is installed as a package: apt purge gupx-dkms gupctl"
	PATH=$PATH:/usr/sbin:/sbin
	type -P dkms >/dev/null || die "dkms is not installed: apt install dkms"
	((${#kernels[@]})) || die "no kernel headers are installed:" \
		"apt install linux-headers-$(dpkg --print-architecture)"
	for kernel in "${kernels[@]}"; do
		has_headers "$kernel" ||
			die "Linux $kernel has no headers in /lib/modules/$kernel/build;" \
				"these have:" "$(kernels_with_headers | xargs)"
	done
}

# Warn if no module is built for the running kernel. In a chroot, the running kernel is the
# host's and usually has no directory in /lib/modules: then do not warn.
warn_about_running_kernel() {
	local kernel running

	running=$(uname -r)
	for kernel in "${kernels[@]}"; do
		[[ $kernel != "$running" ]] || return 0
	done
	[[ ! -d /lib/modules/$running ]] ||
		warn "WARNING: no module is built for the running kernel, $running:" \
			"apt install linux-headers-$running && make install"
}

# Copy what DKMS needs, without build products.
copy_sources() {
	local to file

	to=$(source_tree "$VERSION")
	rm -rf "$to"
	cd "$TOP"
	while read -r file; do
		install -D -m "$([[ -x $file ]] && echo 755 || echo 644)" "$file" "$to/$file"
	done < <(
		printf '%s\n' dkms.conf Kbuild COPYING tools/dist/dkms_pre_build.sh
		find module uapi -name '[!.]*' ! -name '*.mod.c' \
			! -name compat_probed.h -type f \
			\( -name '*.[ch]' -o -name '*.mk' -o -name '*.sh' \)
	)
	say "sources: $to"
}

copy_files() {
	local mode source to

	while read -r mode source to; do
		install -D -m "$mode" "$TOP/$source" "$DESTDIR$to"
		say "${source##*/}: $DESTDIR$to"
	done < <(list_files)
}

create_group() {
	! getent group "$GROUP" >/dev/null || return 0
	if type -P systemd-sysusers >/dev/null; then
		systemd-sysusers "$SYSTEM/sysusers.d/gupx.conf" >/dev/null
	else
		groupadd --system "$GROUP"
	fi
	getent group "$GROUP" >/dev/null || {
		warn "cannot create the group $GROUP"
		return 1
	}
	say "group: $GROUP"
}

# Build the module for each kernel. If DKMS fails for one kernel, continue with the others.
build_modules() {
	local kernel

	run_dkms add "gupx/$VERSION"
	for kernel in "${kernels[@]}"; do
		say "DKMS builds the module for Linux $kernel"
		run_dkms install "gupx/$VERSION" -k "$kernel" || failed+=("$kernel")
	done
}

print_next_steps() {
	local loads="modprobe gupx"

	[[ ! -e /sys/module/gupx ]] ||
		loads="rmmod gupx && modprobe gupx (an older gupx is loaded)"
	say "gupx $VERSION is installed, and each boot loads it. To load it now: $loads"
	say "to let a user other than root use it: adduser NAME $GROUP"
}

check_tree
if [[ -n $DESTDIR ]]; then
	copy_sources
	copy_files
	exit
fi
read -ra kernels <<<"${KERNEL:-$(kernels_with_headers | xargs)}"
failed=()
check_machine
remove_from_dkms || die "DKMS cannot remove the gupx that it has, see above"
copy_sources
copy_files
create_group
build_modules
reload_udev
((${#failed[@]} == 0)) || {
	warn "FAILED: no module for Linux ${failed[*]}, see above; the rest is installed"
	exit 1
}
warn_about_running_kernel
print_next_steps
