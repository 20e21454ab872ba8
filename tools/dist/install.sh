#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# install.sh: what `make install` does once gupctl is built.
#
# KERNEL="V..."  build the module for these (all that have headers here); DKMS
#                does the same by itself for kernels that are installed later
# PREFIX=DIR     of gupctl, its man page and <linux/gupx.h> (/usr/local)
# DESTDIR=DIR    put the files below DIR, for packaging: no DKMS, no group
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

# Before anything is touched, so that what is refused leaves nothing behind.
check_tree() {
	local source

	[[ -n $VERSION ]] || die "dkms.conf does not say which version this is"
	while read -r _ source _; do
		[[ -e $TOP/$source ]] || die "there is no $source: run make install"
	done < <(list_files)
}

check_machine() {
	local kernel

	((EUID == 0)) || die "only root may: sudo make install"
	! is_packaged || die "gupx is here as a package: apt purge gupx-dkms gupctl"
	PATH=$PATH:/usr/sbin:/sbin
	type -P dkms >/dev/null || die "there is no dkms here: apt install dkms"
	((${#kernels[@]})) || die "no kernel here has its headers installed:" \
		"apt install linux-headers-$(dpkg --print-architecture)"
	for kernel in "${kernels[@]}"; do
		has_headers "$kernel" ||
			die "Linux $kernel has no headers in /lib/modules/$kernel/build;" \
				"these have:" "$(kernels_with_headers | xargs)"
	done
}

# A chroot's running kernel is not one of its own: it has no /lib/modules there.
warn_of_running_kernel() {
	local kernel running

	running=$(uname -r)
	for kernel in "${kernels[@]}"; do
		[[ $kernel != "$running" ]] || return 0
	done
	[[ ! -d /lib/modules/$running ]] ||
		warn "WARNING: nothing is built for the running kernel, $running:" \
			"apt install linux-headers-$running && make install"
}

# Copy what DKMS needs, without build products.
copy_sources() {
	local to file

	to=$(source_tree "$VERSION")
	rm -rf "$to"
	cd "$TOP"
	while read -r file; do
		install -D -m 644 "$file" "$to/$file"
	done < <(
		printf '%s\n' dkms.conf Kbuild COPYING
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

make_group() {
	! getent group "$GROUP" >/dev/null || return 0
	if type -P systemd-sysusers >/dev/null; then
		systemd-sysusers "$SYSTEM/sysusers.d/gupx.conf" >/dev/null
	else
		groupadd --system "$GROUP"
	fi
	getent group "$GROUP" >/dev/null || {
		warn "could not make the group $GROUP"
		return 1
	}
	say "group: $GROUP"
}

# One kernel that gupx does not know keeps none of the others from having it.
build_modules() {
	local kernel

	run_dkms add "gupx/$VERSION"
	for kernel in "${kernels[@]}"; do
		say "DKMS builds the module for Linux $kernel"
		run_dkms install "gupx/$VERSION" -k "$kernel" || failed+=("$kernel")
	done
}

say_what_next() {
	local loads="modprobe gupx"

	[[ ! -e /sys/module/gupx ]] ||
		loads="an older gupx is loaded; rmmod gupx && modprobe gupx"
	say "gupx $VERSION is installed. Now: $loads (each boot does it by itself)"
	say "who shall use it as another than root: adduser NAME $GROUP"
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
remove_from_dkms || die "DKMS does not let go of the gupx that it has"
copy_sources
copy_files
make_group
build_modules
reload_udev
((${#failed[@]} == 0)) || {
	warn "FAILED: no module for Linux ${failed[*]}, see above; the rest is installed"
	exit 1
}
warn_of_running_kernel
say_what_next
