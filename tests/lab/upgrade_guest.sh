#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# upgrade_guest.sh first|second VERSION FIRST SECOND: in the VM of tests/lab/upgrade.sh,
# on the first or the second of two kernels. apt has what it needs in its cache.

# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/guest.sh"

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -y "$@"
}

runs() {
	uname -r
	[ "$(uname -r)" = "$1" ]
}

is_built_for() {
	dkms status -m gupx
	dkms status -m gupx | grep -qx "gupx/$version, $1, x86_64: installed" &&
		modprobe -S "$1" --show-depends gupx | grep 'updates/dkms/gupx\.ko'
}

# The pause is for the exec of sleep: until then it is a shell.
member_pins() {
	# shellcheck disable=SC2016
	as member sh -c 'sleep 60 &
		sleep 1
		gupctl pin --write --hold 0 $! "[heap]" "[stack]"
		code=$?
		kill $!
		exit $code' >/run/said 2>&1
	code=$?
	cat /run/said
	[ "$code" -eq 0 ] && grep '^pinned [1-9]' /run/said
}

member_is_well() {
	as member gupctl doctor
}

# Removing the packages also removes what they built, for both kernels.
nothing_is_left() {
	! find /lib/modules /usr/src /var/lib/dkms /usr/bin /usr/lib/udev \
		/usr/lib/modules-load.d /usr/lib/sysusers.d -name '*gup[xc]*' | grep . &&
		! grep gupx /etc/group
}

check_first() {
	check "Linux $first runs" runs "$first"
	check "apt install of the packages" apt install /root/debs/gupx-dkms_*.deb \
		/root/debs/gupctl_*.deb
	check "DKMS has built the module for $first" is_built_for "$first"
	useradd --groups gupx member
	check "udev runs" udev_runs
	check "modprobe gupx" modprobe gupx
	check "udev gives the node to the group: root:gupx 0660" udev_made_node
	check "a member of the group: gupctl pin, of its own process" member_pins
	check "a member of the group: doctor" member_is_well
	check "apt install of Linux $second and its headers" apt install \
		"linux-image-$second" "linux-headers-$second"
	check "its hooks had DKMS build the module for $second" is_built_for "$second"
}

check_second() {
	check "Linux $second runs" runs "$second"
	check "udev runs" udev_runs
	check "a boot loads gupx" boot_loads_it
	check "udev gives the node to the group: root:gupx 0660" udev_made_node
	check "a member of the group: gupctl pin, of its own process" member_pins
	check "a member of the group: doctor" member_is_well
	# The purge keeps a group that has members.
	userdel member
	check "apt purge" apt purge gupctl gupx-dkms
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
