#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# install_guest.sh VERSION: in the VM that tests/vm/install.sh boots. The disk is a
# Debian in which `make install` was run: its own udev, kmod and gupctl are put to
# work on the module that its DKMS built. Prints TAP without numbers, and a plan.

tests=0

check() {
	name=$1
	shift
	tests=$((tests + 1))
	if "$@" >/run/output 2>&1; then
		echo "ok - $name"
	else
		sed 's/^/#   /' /run/output
		echo "not ok - $name"
	fi
}

# In the initramfs: make the disk the root of a process tree of its own. Its first
# process is chrooted, else udevadm takes the place for a chroot and does nothing.
enter_disk() {
	modprobe virtio_pci && modprobe virtio_blk || return
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ ! -b /dev/vda ] || break
		usleep 200000
	done
	mkdir -p /mnt/root
	mount -t ext4 /dev/vda /mnt/root || return
	mount -t sysfs sys /mnt/root/sys
	mount -t devtmpfs dev /mnt/root/dev
	mount -t tmpfs run /mnt/root/run
	cp "$0" /mnt/root/run/install_guest.sh
	exec unshare -m -p -f chroot /mnt/root \
		/bin/sh /run/install_guest.sh "$1" inside
}

node_is() {
	ls -l /dev/gupx
	[ "$(stat -c '%F %U:%G %a' /dev/gupx)" = "character special file $1" ]
}

# By what stands in modules-load.d, as at boot.
boot_loads_it() {
	/lib/systemd/systemd-modules-load && [ -d /sys/module/gupx ]
}

is_the_version() {
	cat /sys/module/gupx/version
	[ "$(cat /sys/module/gupx/version)" = "$version" ]
}

is_of_dkms() {
	modinfo -n gupx
	case $(modinfo -n gupx) in
	*/updates/dkms/gupx.ko*) ;;
	*) return 1 ;;
	esac
}

unloads() {
	modprobe -r gupx && [ ! -e /dev/gupx ]
}

udev_runs() {
	/lib/systemd/systemd-udevd --daemon && udevadm control --ping
}

udev_made_node() {
	udevadm settle --timeout=20 && node_is "root:gupx 660"
}

as() {
	user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups "$@"
}

# The pause is for the exec of sleep: until then it is a shell.
member_populates() {
	# shellcheck disable=SC2016
	as member sh -c 'sleep 60 &
		sleep 1
		gupctl populate $! "[heap]"
		code=$?
		kill $!
		exit $code'
}

outsider_is_refused() {
	as outsider gupctl info
	code=$?
	cat /run/output
	[ "$code" -eq 1 ] && grep -q 'group' /run/output
}

# The CLI may be mistaken or kind; the kernel's own word is this.
outsider_cannot_open() {
	for how in '<' '>' '<>'; do
		! as outsider sh -c ": $how /dev/gupx" || return
	done
}

version=$1
[ "${2:-}" = inside ] || enter_disk "$version" || {
	echo "not ok - the disk is mounted"
	exit 1
}
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
mount -t proc proc /proc
useradd --groups gupx member && useradd outsider || exit

check "a boot loads gupx" boot_loads_it
check "it is the module that DKMS built" is_of_dkms
check "its version is $version" is_the_version
check "before udev the node is root's alone" node_is "root:root 600"
check "it unloads" unloads
check "udev runs" udev_runs
check "it loads with udev" modprobe gupx
check "udev gives the node to the group: root:gupx 0660" udev_made_node
check "root: gupctl info" gupctl info
check "a member of the group: gupctl info" as member gupctl info
check "a member of the group: gupctl populate, of its own process" member_populates
check "others: gupctl names the group" outsider_is_refused
check "others cannot open the node" outsider_cannot_open
check "it unloads with udev, the node goes" unloads
echo "1..$tests"
