#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# install_guest.sh VERSION: runs in the VM that tests/lab/install.sh boots. The disk is a
# Debian in which `make install` was run. Tests the disk's own udev, kmod and gupctl with the
# module that DKMS has built there. Prints TAP without numbers, and a plan.

# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/guest.sh"

has_version() {
	cat /sys/module/gupx/version
	[ "$(cat /sys/module/gupx/version)" = "$version" ]
}

is_built_by_dkms() {
	modinfo -n gupx
	case $(modinfo -n gupx) in
	*/updates/dkms/gupx.ko*) ;;
	*) return 1 ;;
	esac
}

unload_module() {
	modprobe -r gupx && [ ! -e /dev/gupx ]
}

# Populate the heap of a sleep process. The pause lets the shell's child execute sleep first.
member_populates() {
	# shellcheck disable=SC2016
	run_as member sh -c 'sleep 60 &
		sleep 1
		gupctl populate $! "[heap]"
		code=$?
		kill $!
		exit $code'
}

outsider_is_refused() {
	run_as outsider gupctl info
	code=$?
	cat /run/output
	[ "$code" -eq 1 ] && grep -q 'group' /run/output
}

# Test the kernel's own check, without gupctl.
outsider_cannot_open() {
	for how in '<' '>' '<>'; do
		! run_as outsider sh -c ": $how /dev/gupx" || return
	done
}

# reports_other_abi DIR PROGRAM: check that a gupctl with another ABI prints one line, which
# names the program to upgrade.
reports_other_abi() {
	exits_and_prints 1 "gupctl pin: the module has ABI " "$SRC/$1/gupctl" pin $$ '[heap]' &&
		grep -q "; upgrade $2\$" /run/printed && [ "$(wc -l </run/printed)" = 1 ]
}

doctor_reports_other_abi() {
	exits_and_prints 1 "to do, abi: upgrade $2" "$SRC/$1/gupctl" doctor
}

# Run doctor as a member who joined the group after the start of this session.
doctor_in_old_session() {
	setpriv --reuid member --regid member --clear-groups gupctl doctor
}

# Run the tests that install.sh has built. run_tests always exits with 0. load_test skips its
# tests, because the files of the test modules are missing here. This Debian has no Python, so
# script_test.py fails.
kselftest_passes() {
	make -s -C "$SRC/tests/selftests" run_tests TARGETS=abi KSFT="$SRC/selftests" \
		>/run/selftests 2>&1
	cat /run/selftests
	grep -q '^ok [0-9]* selftests: .*: abi_test$' /run/selftests &&
		grep -q '^ok [0-9]* selftests: .*: order_test$' /run/selftests &&
		grep -q '^ok [0-9]* selftests: .*: load_test' /run/selftests
}

version=$1
SRC=/usr/local/src/gupx
use_disk "$@"
useradd --groups gupx member && useradd outsider || exit

check "doctor: installed, not loaded" exits_and_prints 1 "to do, loaded: load it: sudo modprobe" gupctl doctor
check "a boot loads gupx" boot_loads_module
check "the loaded module is the one that DKMS built" is_built_by_dkms
check "the version of the module is $version" has_version
check "without udev only root may open the node" node_is "root:root 600"
check "doctor: only root may open the node" exits_and_prints 0 "to do, node: install the udev rule" gupctl doctor
check "unload gupx" unload_module
check "start udev" start_udev
check "load gupx with udev" modprobe gupx
check "udev gives the node to the group: root:gupx 0660" udev_made_node
check "root: gupctl info" gupctl info
check "root: doctor finds no problem" exits_and_prints 0 "group gupx may open /dev/gupx (mode 0660)" gupctl doctor
check "make -C tests/selftests run_tests" kselftest_passes
check "a member of the group: gupctl info" run_as member gupctl info
check "a member of the group: doctor" exits_and_prints 0 "you may open /dev/gupx as a member of group gupx" run_as member gupctl doctor
check "a member of the group: gupctl populate on its own process" member_populates
check "a user who joined the group after login: doctor" exits_and_prints 1 "newgrp gupx" doctor_in_old_session
check "others: gupctl names the group" outsider_is_refused
check "others: doctor" exits_and_prints 1 "to do, access: join it (sudo usermod -aG gupx" run_as outsider gupctl doctor
check "others cannot open the node" outsider_cannot_open
check "a newer gupctl asks to upgrade the module" reports_other_abi newer "the module gupx"
check "an older gupctl asks to upgrade gupctl" reports_other_abi older gupctl
check "doctor: a newer gupctl" doctor_reports_other_abi newer "the module gupx"
check "doctor: an older gupctl" doctor_reports_other_abi older gupctl
check "unload gupx with udev: the node is removed" unload_module
echo "1..$tests"
