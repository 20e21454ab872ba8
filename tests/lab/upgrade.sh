#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# upgrade.sh: the packages, inside a machine with a disk of its own. On the first
# kernel apt installs them, DKMS builds the module there, a member of the group pins;
# apt installs the second kernel, whose hooks have DKMS build for it; the machine
# boots that, and it works again. All is emulated: gcc takes minutes.
# TAP; the last line holds the totals.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/root.sh
. "$LAB/root.sh"

# A workstation on which modules are built; what else gupx needs, apt is to bring.
PACKAGES=(dkms gcc kmod mount openssl passwd systemd udev initramfs-tools linux-base)

# The machine does not boot its own initramfs: keep that small.
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

# boot KERNEL LIMIT ARGUMENT...: what is written to the disk stays there.
boot() {
	local kernel=$1 limit=$2 code=0
	shift 2

	VM_LIMIT=$limit VM_MEMORY=1G boot_disk "$kernel" \
		"file=$work/disk,if=virtio,format=raw,cache=unsafe" \
		upgrade_guest.sh "$@" >"$work/guest" 2>&1 || code=$?
	check_guest "$code"
}

if ((EUID != 0)); then
	echo "ok 1 - upgrade # SKIP only root may make a Debian root"
	print_totals 0 0 1
	exit
fi
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf")
"$LAB/deps" build vm install deb
# The kernels of the installed suite: the machine boots both.
mapfile -t kernels < <(awk '/^[^#]/ && $3 == "apt" {print $1}' "$LAB/kernels")
first=$(kernel_release "${kernels[0]}")
second=$(kernel_release "${kernels[1]}")
set_up_work
check "the packages are built" "$TOP/tools/dist/deb.sh"
base=$(HOOK="apt-get -qq -y --download-only install libjson-c5 \
	linux-image-$second linux-headers-$second" base_of upgrade bookworm \
	"${PACKAGES[@]}" "linux-headers-$first")
unpack_root "$base"
set_up_root
make_disk
say "Debian bookworm from Linux $first to $second"
boot "${kernels[0]}" 2400 first "$version" "$first" "$second"
boot "${kernels[1]}" 600 second "$version" "$first" "$second"
print_totals "$passed" "$failed" 0
((failed == 0))
