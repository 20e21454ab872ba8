#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# dkms_pre_build.sh HEADERS: DKMS runs this in a copy of the sources before it builds the
# module. If the kernel lacks or has changed something that gupx uses, exit with 77: DKMS 3.2
# then skips the module, and apt goes on. What fails for another reason, such as a missing
# compiler, is left to the build, which reports it. Otherwise the build finds everything made.
set -u
log=$(mktemp) || exit 0
trap 'rm -f "$log"' EXIT

make -s -j"$(nproc)" -C "$1" M="$PWD" modules >"$log" 2>&1 && exit 0
if grep -q -e '^gupx: .* update gupx$' -e '^gupx: .* which gupx needs$' \
	-e '^ERROR: modpost: .* undefined!$' "$log"; then
	echo "gupx does not support this kernel, so DKMS skips it; try a newer gupx"
	exit 77
fi
