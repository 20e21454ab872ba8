#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# dkms.sh SUITE: test DKMS with new kernels. Install gupx in a clean root of that Debian
# suite, and run the hooks that apt would run for a new kernel. If gupx supports the kernel,
# DKMS builds the module. If the kernel is too new or has no headers, DKMS reports that, and
# the hooks succeed. Prints TAP; the last line holds the totals.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/root.sh
. "$LAB/root.sh"

PACKAGES=(dkms gcc kmod libc6-dev libcap-dev libjson-c-dev lsb-base make mount
	pkg-config linux-headers-amd64)
# Two made-up kernels that are too new for gupx: NEW has usable headers, BARE has none.
NEW=9.9.9-new
BARE=9.9.9-bare

make_new_kernels() {
	local build

	build=$(readlink "$root/lib/modules/$release/build")
	mkdir -p "$root/lib/modules"/{$NEW,$BARE}
	ln -s "$build" "$root/lib/modules/$NEW/build"
}

# run_kernel_hooks KERNEL: run the hooks that the headers package and the image package of a
# kernel run when apt installs them. If a hook fails, apt stops half-way.
run_kernel_hooks() {
	local hooks

	for hooks in header_postinst.d postinst.d; do
		in_root run-parts --exit-on-error --arg="$1" \
			--arg="/boot/vmlinuz-$1" "/etc/kernel/$hooks" || return
	done
}

has_module() {
	compgen -G "$root/lib/modules/$1/updates/dkms/gupx.ko*"
}

# continues_without_module KERNEL TEXT: check that the kernel's hooks succeed, print TEXT and
# build no module.
continues_without_module() {
	run_kernel_hooks "$1" 2>&1 | tee "$work/hooks" && grep -F -e "$2" "$work/hooks" &&
		! has_module "$1"
}

hooks_build_module() {
	in_root dkms uninstall "gupx/$version" -k "$release"
	in_root dkms unbuild "gupx/$version" -k "$release"
	! has_module "$release" && run_kernel_hooks "$release" && has_module "$release"
}

# The administrator can override the list of supported kernels in /etc/dkms.
builds_if_allowed() {
	mkdir -p "$root/etc/dkms"
	echo "BUILD_EXCLUSIVE_KERNEL='^9[.]9[.]'" >"$root/etc/dkms/gupx.conf"
	in_root dkms install "gupx/$version" -k "$NEW" && has_module "$NEW"
}

(($# == 1)) || { sed -n '3,6s/^# //p' "$0"; exit 2; }
if ((EUID != 0)); then
	echo "ok 1 - dkms # SKIP needs root, to create a Debian root"
	print_totals 0 0 1
	exit
fi
"$LAB/deps" vm install
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf")
set_up_work
unpack_root "$(make_base_tar "dkms-$1" "$1" "${PACKAGES[@]}")"
release=$(only_kernel)
say "Debian $1: $(in_root dkms --version), Linux $release"
copy_tree
make_new_kernels

check "make install for the installed kernel" \
	in_root make --no-print-directory -C "$SRC" install KERNEL="$release"
check "a new kernel that gupx does not support: DKMS reports it and builds nothing" \
	continues_without_module "$NEW" "gupx $version does not support Linux $NEW"
check "dkms install for the unsupported kernel is refused" \
	fails_with BUILD_EXCLUSIVE in_root dkms install "gupx/$version" -k "$NEW"
check "a new kernel without headers: DKMS reports it and builds nothing" \
	continues_without_module "$BARE" "headers for this kernel do not seem to be installed"
check "a new kernel that gupx supports: DKMS builds the module" hooks_build_module
check "unsupported kernel, allowed in /etc/dkms/gupx.conf: DKMS builds the module" \
	builds_if_allowed
print_totals "$passed" "$failed" 0
((failed == 0))
