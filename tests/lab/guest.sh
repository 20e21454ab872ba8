# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Functions for scripts that run in the guest. The scripts print TAP without numbers, and a
# plan. Most use a disk with a Debian, which has its own udev, kmod and gupctl.

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

# enter_disk ARGUMENT...: leave the initramfs. Mount the disk, and run this script again with
# the disk as its root directory, in a new PID namespace. udevadm does nothing if its root
# differs from that of process 1, so process 1 of the namespace has the same root.
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
	mkdir -p /mnt/root/run/lab
	cp /lab/guest.sh "$0" /mnt/root/run/lab
	exec unshare -m -p -f chroot /mnt/root /bin/sh "/run/lab/${0##*/}" "$@"
}

# use_disk ARGUMENT...: run the rest of the script with the disk as its root directory.
use_disk() {
	[ -e /run/lab ] || enter_disk "$@" || {
		echo "not ok - mount the disk"
		exit 1
	}
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
	mount -t proc proc /proc
	mkdir -p /dev/pts
	mount -t devpts devpts /dev/pts
}

run_as() {
	user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups "$@"
}

start_udev() {
	/lib/systemd/systemd-udevd --daemon && udevadm control --ping
}

node_is() {
	ls -l /dev/gupx
	[ "$(stat -c '%F %U:%G %a' /dev/gupx)" = "character special file $1" ]
}

udev_made_node() {
	udevadm settle --timeout=20 && node_is "root:gupx 660"
}

# Load the modules that modules-load.d lists, as at boot.
boot_loads_module() {
	/lib/systemd/systemd-modules-load && [ -d /sys/module/gupx ]
}

# exits_and_prints CODE TEXT COMMAND...: check that a command exits with CODE and prints TEXT.
exits_and_prints() {
	wanted=$1
	text=$2
	shift 2
	"$@" >/run/printed 2>&1
	code=$?
	cat /run/printed
	[ "$code" -eq "$wanted" ] && grep -qF -- "$text" /run/printed
}
