#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# dkms.sh SUITE: a kernel comes to a clean root of that Debian suite where gupx is
# installed. If gupx knows it, DKMS builds the module; if it is too new, or has no
# headers, DKMS says so, and the kernel's own installation goes on. What apt would
# run is run here, without apt. TAP; the last line holds the totals.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/root.sh
. "$LAB/root.sh"

PACKAGES=(dkms gcc kmod libc6-dev libcap-dev libjson-c-dev lsb-base make mount
	pkg-config linux-headers-amd64)
# One with usable headers, one without.
NEW=9.9.9-new
BARE=9.9.9-bare

make_kernels() {
	local build

	build=$(readlink "$root/lib/modules/$release/build")
	mkdir -p "$root/lib/modules"/{$NEW,$BARE}
	ln -s "$build" "$root/lib/modules/$NEW/build"
}

# comes KERNEL: as its two packages do at their end. A hook that fails is what stops
# apt half-way.
comes() {
	local hooks

	for hooks in header_postinst.d postinst.d; do
		in_root run-parts --exit-on-error --arg="$1" \
			--arg="/boot/vmlinuz-$1" "/etc/kernel/$hooks" || return
	done
}

has_module() {
	compgen -G "$root/lib/modules/$1/updates/dkms/gupx.ko*"
}

# goes_on_without KERNEL WORDS: with a line that says so, and no module.
goes_on_without() {
	comes "$1" 2>&1 | tee "$work/hooks" && grep -F -e "$2" "$work/hooks" &&
		! has_module "$1"
}


comes_with_module() {
	in_root dkms uninstall "gupx/$version" -k "$release"
	in_root dkms unbuild "gupx/$version" -k "$release"
	! has_module "$release" && comes "$release" && has_module "$release"
}

# The administrator can override the list of kernels in /etc/dkms.
is_built_when_told_to() {
	mkdir -p "$root/etc/dkms"
	echo "BUILD_EXCLUSIVE_KERNEL='^9[.]9[.]'" >"$root/etc/dkms/gupx.conf"
	in_root dkms install "gupx/$version" -k "$NEW" && has_module "$NEW"
}

(($# == 1)) || { sed -n '3,6s/^# //p' "$0"; exit 2; }
if ((EUID != 0)); then
	echo "ok 1 - dkms # SKIP only root may make a Debian root"
	print_totals 0 0 1
	exit
fi
"$LAB/deps" vm install
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf")
set_up_work
unpack_root "$(base_of "dkms-$1" "$1" "${PACKAGES[@]}")"
release=$(only_kernel)
say "Debian $1: $(in_root dkms --version), Linux $release"
copy_tree
make_kernels

check "make install, for the kernel that is there" \
	in_root make --no-print-directory -C "$SRC" install KERNEL="$release"
check "a kernel that gupx does not know comes: it is told, nothing is built" \
	goes_on_without "$NEW" "gupx $version does not know Linux $NEW"
check "asked for by name, DKMS does not build for it either" \
	refuses BUILD_EXCLUSIVE in_root dkms install "gupx/$version" -k "$NEW"
check "a kernel without headers comes: it is told, nothing is built" \
	goes_on_without "$BARE" "headers for this kernel do not seem to be installed"
check "the kernel that gupx knows comes: it has the module" comes_with_module
check "the unknown one too, where /etc/dkms/gupx.conf allows it" \
	is_built_when_told_to
print_totals "$passed" "$failed" 0
((failed == 0))
