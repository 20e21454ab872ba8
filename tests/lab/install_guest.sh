#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# install_guest.sh VERSION: in the VM that tests/lab/install.sh boots. The disk is a
# Debian in which `make install` was run: its own udev, kmod and gupctl are put to
# work on the module that its DKMS built. Prints TAP without numbers, and a plan.

# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/guest.sh"

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

# Do not trust the command: ask the kernel.
outsider_cannot_open() {
	for how in '<' '>' '<>'; do
		! as outsider sh -c ": $how /dev/gupx" || return
	done
}

# other_abi DIR: gupctl as of another ABI says in one line who is to be upgraded.
other_abi() {
	says 1 "gupctl pin: the module has ABI " "$SRC/$1/gupctl" pin $$ '[heap]' &&
		grep -q "; upgrade $2\$" /run/said && [ "$(wc -l </run/said)" = 1 ]
}

doctor_of_other_abi() {
	says 1 "to do, abi: upgrade $2" "$SRC/$1/gupctl" doctor
}

# A member of the group, but not when this session began.
early_member() {
	setpriv --reuid member --regid member --clear-groups gupctl doctor
}

version=$1
SRC=/usr/local/src/gupx
use_disk "$@"
useradd --groups gupx member && useradd outsider || exit

check "doctor: installed, not loaded" says 1 "to do, loaded: load it: sudo modprobe" gupctl doctor
check "a boot loads gupx" boot_loads_it
check "it is the module that DKMS built" is_of_dkms
check "its version is $version" is_the_version
check "before udev the node is root's alone" node_is "root:root 600"
check "doctor: the node is root's alone" says 0 "to do, node: install the udev rule" gupctl doctor
check "it unloads" unloads
check "udev runs" udev_runs
check "it loads with udev" modprobe gupx
check "udev gives the node to the group: root:gupx 0660" udev_made_node
check "root: gupctl info" gupctl info
check "root: doctor has nothing to complain of" says 0 "group gupx may open /dev/gupx (mode 0660)" gupctl doctor
check "a member of the group: gupctl info" as member gupctl info
check "a member of the group: doctor" says 0 "you may open /dev/gupx as a member of group gupx" as member gupctl doctor
check "a member of the group: gupctl populate, of its own process" member_populates
check "a member since the login: doctor" says 1 "newgrp gupx" early_member
check "others: gupctl names the group" outsider_is_refused
check "others: doctor" says 1 "to do, access: join it (sudo usermod -aG gupx" as outsider gupctl doctor
check "others cannot open the node" outsider_cannot_open
check "a newer gupctl has the module upgraded" other_abi newer "the module gupx"
check "an older gupctl is to be upgraded itself" other_abi older gupctl
check "doctor: a newer gupctl" doctor_of_other_abi newer "the module gupx"
check "doctor: an older gupctl" doctor_of_other_abi older gupctl
check "it unloads with udev, the node goes" unloads
echo "1..$tests"
