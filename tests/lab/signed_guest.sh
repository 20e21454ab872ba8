#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# signed_guest.sh: runs in the VM that tests/lab/signed.sh boots.

# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/guest.sh"

enforces_signatures() {
	[ "$(cat /sys/module/module/parameters/sig_enforce)" = Y ]
}

# is_refused MODULE TEXT: check that the module does not load and that the kernel logs TEXT.
is_refused() {
	dmesg -c >/dev/null
	! insmod "/lab/$1.ko" || return
	[ ! -e /sys/module/gupx ] && [ ! -e /dev/gupx ] || return
	dmesg | grep -F "$2"
}

load_module() {
	insmod "/lab/$1.ko" && [ -c /dev/gupx ]
}

# Check the taint flags of the module: E would mark an unsigned module.
is_not_marked_unsigned() {
	cat /sys/module/gupx/taint
	! grep -q E /sys/module/gupx/taint
}

check "the kernel enforces signatures" enforces_signatures
check "a module without signature is refused" is_refused unsigned \
	"Loading of unsigned module is rejected"
check "a module signed by another key is refused" is_refused wrong \
	"Loading of module with unavailable key is rejected"
check "the module that make sign has signed is loaded" load_module right
check "the signed module is not marked as unsigned" is_not_marked_unsigned
check "gupctl works with the signed module" gupctl info
check "the signed module unloads" rmmod gupx
echo "1..$tests"
