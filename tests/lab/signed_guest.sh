#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# signed_guest.sh: in the VM that tests/lab/signed.sh boots.

# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/guest.sh"

enforces() {
	[ "$(cat /sys/module/module/parameters/sig_enforce)" = Y ]
}

# is_refused MODULE WORDS: of the kernel's log, new ones.
is_refused() {
	dmesg -c >/dev/null
	! insmod "/lab/$1.ko" || return
	[ ! -e /sys/module/gupx ] && [ ! -e /dev/gupx ] || return
	dmesg | grep -F "$2"
}

loads() {
	insmod "/lab/$1.ko" && [ -c /dev/gupx ]
}

# The kernel marks with an E what was not signed, where it lets it in at all.
is_not_tainted_by_it() {
	cat /sys/module/gupx/taint
	! grep -q E /sys/module/gupx/taint
}

check "the kernel enforces signatures" enforces
check "a module without signature is refused" is_refused unsigned \
	"Loading of unsigned module is rejected"
check "a module signed by another key is refused" is_refused wrong \
	"Loading of module with unavailable key is rejected"
check "the module that make sign has signed is loaded" loads right
check "and is not marked as unsigned" is_not_tainted_by_it
check "gupctl works with it" gupctl info
check "it unloads" rmmod gupx
echo "1..$tests"
