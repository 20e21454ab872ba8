#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# dkms.sh SUITE: test DKMS with new kernels. Install gupx in a clean root of that Debian
# suite, and run the hooks that apt would run for a new kernel. For a kernel on which gupx is
# tested, DKMS builds the module. So it does for an unknown kernel if the module compiles,
# but DKMS of Debian 12 waits until it is told to. The hooks always succeed. Prints TAP; the
# last line holds the totals.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/root.sh
. "$LAB/root.sh"

PACKAGES=(dkms gcc kmod libc6-dev libcap-dev libjson-c-dev libkmod-dev
	libsmartcols-dev lsb-base make mount
	pkg-config linux-headers-amd64)
# Made-up kernels that gupx does not know: NEW has the headers of the installed kernel, BROKEN
# has changed something that gupx probes, CHANGED something that no probe looks at, BARE has no
# headers, and OLD is older than all that gupx supports.
NEW=9.9.9-new
BROKEN=9.9.9-broken
CHANGED=9.9.9-changed
BARE=9.9.9-bare
OLD=5.10.0-old

# make_kernel NAME [KCFLAGS]: make a kernel whose headers are those of the installed one, with
# these flags for the compiler.
make_kernel() {
	local headers=/usr/src/linux-headers-$1

	mkdir -p "$root/lib/modules/$1"
	cp -a "$root/usr/src/linux-headers-$release" "$root$headers"
	sed -i "1i export KCFLAGS += ${2:-}" "$root$headers/Makefile"
	ln -s "$headers" "$root/lib/modules/$1/build"
}

make_new_kernels() {
	make_kernel "$NEW"
	make_kernel "$BROKEN" '-Duserfaultfd_rwp=]'
	make_kernel "$CHANGED" '-Dgupx_vma_facts=]'
	make_kernel "$OLD"
	mkdir -p "$root/lib/modules/$BARE"
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

# builds_by_hand KERNEL
builds_by_hand() {
	in_root dkms install "gupx/$version" -k "$1" && has_module "$1"
}

builds_by_itself() {
	run_kernel_hooks "$1" && has_module "$1"
}

# DKMS 3.2 skips a module whose PRE_BUILD exits with 77.
skips_broken() {
	continues_without_module "$1" "was skipped for module(s) gupx" &&
		grep -qxF "gupx does not support this kernel, so DKMS skips it; try a newer gupx" \
			"$root/var/lib/dkms/gupx/$version/build/make.log"
}

(($# == 1)) || { sed -n '3,7s/^# //p' "$0"; exit 2; }
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
# shellcheck disable=SC2016 # These are words of the script.
if in_root grep -qF 'exit "$res"' /usr/sbin/dkms; then
	check "unknown kernel, the module compiles: DKMS builds it" builds_by_itself "$NEW"
	check "unknown kernel, a probe fails: DKMS skips it" skips_broken "$BROKEN"
	check "unknown kernel, a file does not compile: DKMS skips it" skips_broken "$CHANGED"
else
	check "unknown kernel: DKMS reports it and builds nothing" \
		continues_without_module "$NEW" "is not tested on Linux $NEW"
	check "unknown kernel that is broken: the same" \
		continues_without_module "$BROKEN" "is not tested on Linux $BROKEN"
	check "unknown kernel, the module compiles: dkms install builds it" \
		builds_by_hand "$NEW"
	check "unknown kernel, a probe fails: dkms install says so" \
		fails_with "exit status" in_root dkms install "gupx/$version" -k "$BROKEN"
fi
check "too old a kernel: DKMS builds nothing" \
	continues_without_module "$OLD" ""
check "dkms install for too old a kernel is refused" \
	fails_with BUILD_EXCLUSIVE in_root dkms install "gupx/$version" -k "$OLD"
check "a new kernel without headers: DKMS reports it and builds nothing" \
	continues_without_module "$BARE" "headers for this kernel do not seem to be installed"
check "a new kernel that gupx knows: DKMS builds the module" hooks_build_module
print_totals "$passed" "$failed" 0
((failed == 0))
