#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# upgrade_guest.sh first|second VERSION FIRST SECOND: runs in the VM of tests/lab/upgrade.sh,
# on the first or the second of two kernels. apt has all packages in its cache.

# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/guest.sh"

run_apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -y "$@"
}

kernel_is() {
	uname -r
	[ "$(uname -r)" = "$1" ]
}

is_built_for() {
	dkms status -m gupx
	dkms status -m gupx | grep -qx "gupx/$version, $1, x86_64: installed" &&
		modprobe -S "$1" --show-depends gupx | grep 'updates/dkms/gupx\.ko'
}

# Pin memory of a sleep process. The pause lets the shell's child execute sleep first.
member_pins() {
	# shellcheck disable=SC2016
	run_as member sh -c 'sleep 60 &
		sleep 1
		gupctl pin --write --hold 0 $! "[heap]" "[stack]"
		code=$?
		kill $!
		exit $code' >/run/printed 2>&1
	code=$?
	cat /run/printed
	[ "$code" -eq 0 ] && grep '^pinned [1-9]' /run/printed
}

doctor_finds_no_problem() {
	run_as member gupctl doctor
}

# Removing the packages also removes what they built, for both kernels.
nothing_is_left() {
	! find /lib/modules /usr/src /var/lib/dkms /usr/bin /usr/lib/udev \
		/usr/lib/modules-load.d /usr/lib/sysusers.d -name '*gup[xc]*' | grep . &&
		! grep gupx /etc/group
}

check_first() {
	check "Linux $first runs" kernel_is "$first"
	check "apt install of the packages" run_apt install /root/debs/gupx-dkms_*.deb \
		/root/debs/gupctl_*.deb
	check "DKMS has built the module for $first" is_built_for "$first"
	useradd --groups gupx member
	check "start udev" start_udev
	check "modprobe gupx" modprobe gupx
	check "udev gives the node to the group: root:gupx 0660" udev_made_node
	check "a member of the group: gupctl pin on its own process" member_pins
	check "a member of the group: doctor" doctor_finds_no_problem
	check "apt install of Linux $second and its headers" run_apt install \
		"linux-image-$second" "linux-headers-$second"
	check "the hooks of Linux $second let DKMS build the module" is_built_for "$second"
}

check_second() {
	check "Linux $second runs" kernel_is "$second"
	check "start udev" start_udev
	check "a boot loads gupx" boot_loads_module
	check "udev gives the node to the group: root:gupx 0660" udev_made_node
	check "a member of the group: gupctl pin on its own process" member_pins
	check "a member of the group: doctor" doctor_finds_no_problem
	# Remove the member first, because purge keeps a group that has members.
	userdel member
	check "apt purge" run_apt purge gupctl gupx-dkms
	check "the module was unloaded" [ ! -e /sys/module/gupx ]
	check "nothing is left" nothing_is_left
}

use_disk "$@"
phase=$1
version=$2
first=$3
second=$4
"check_$phase"
echo "1..$tests"
