#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# upgrade.sh: test a kernel upgrade in a VM with its own disk. On the first kernel, apt
# installs the packages, DKMS builds the module, and a member of the group pins memory. Then
# apt installs the second kernel, and its hooks let DKMS build the module for it. The VM boots
# the second kernel, and the member pins memory again. The VM is emulated, so that gcc takes
# minutes. Prints TAP; the last line holds the totals.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/root.sh
. "$LAB/root.sh"

# Packages of a workstation that builds modules. apt must install what else gupx needs.
PACKAGES=(dkms gcc kmod mount openssl passwd systemd udev initramfs-tools linux-base)

# Keep the initramfs of the root small, because the VM does not boot it.
set_up_root() {
	echo MODULES=list >"$root/etc/initramfs-tools/conf.d/lab"
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/lab"
	mkdir "$root/root/debs"
	cp "$TOP"/build/deb/*.deb "$root/root/debs"
}

make_disk() {
	truncate -s 5G "$work/disk"
	mkfs.ext4 -q -d "$root" "$work/disk"
	rm -rf --one-file-system "$root"
}

# boot_kernel KERNEL LIMIT ARGUMENT...: boot the VM, and keep its writes to the disk for the
# next boot.
boot_kernel() {
	local kernel=$1 limit=$2 code=0
	shift 2

	VM_LIMIT=$limit VM_MEMORY=1G boot_disk "$kernel" \
		"file=$work/disk,if=virtio,format=raw,cache=unsafe" \
		upgrade_guest.sh "$@" >"$work/guest" 2>&1 || code=$?
	check_guest "$code"
}

if ((EUID != 0)); then
	echo "ok 1 - upgrade # SKIP needs root, to create a Debian root"
	print_totals 0 0 1
	exit
fi
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf")
"$LAB/deps" build vm install deb
# The VM boots the two kernels of this machine's own suite.
mapfile -t kernels < <(awk '/^[^#]/ && $3 == "apt" {print $1}' "$LAB/kernels")
first=$(kernel_release "${kernels[0]}")
second=$(kernel_release "${kernels[1]}")
set_up_work
check "the packages are built" "$TOP/tools/dist/deb.sh"
base=$(HOOK="apt-get -qq -y --download-only install libjson-c5 \
	linux-image-$second linux-headers-$second" make_base_tar upgrade bookworm \
	"${PACKAGES[@]}" "linux-headers-$first")
unpack_root "$base"
set_up_root
make_disk
say "Debian bookworm from Linux $first to $second"
boot_kernel "${kernels[0]}" 2400 first "$version" "$first" "$second"
boot_kernel "${kernels[1]}" 600 second "$version" "$first" "$second"
print_totals "$passed" "$failed" 0
((failed == 0))
