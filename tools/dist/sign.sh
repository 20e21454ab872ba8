#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# sign.sh FILE: signs a gupx.ko as DKMS does, with the key of this machine's owner.
# See tools/dist/SECURE-BOOT.md.
#
# KDIR=DIR        headers of the kernel it was built for: their sign-file, their hash
# MOK_KEY=FILE    the key, PEM (DKMS's own; made where there is none)
# MOK_CERT=FILE   its certificate, DER
set -euo pipefail

KDIR=${KDIR:-/lib/modules/$(uname -r)/build}
MOK_KEY=${MOK_KEY:-/var/lib/dkms/mok.key}
MOK_CERT=${MOK_CERT:-/var/lib/dkms/mok.pub}

say() {
	printf 'gupx: %s\n' "$*"
}

die() {
	printf 'gupx: NOT signed: %s\n' "$*" >&2
	exit 1
}

# As DKMS makes its own, so that it finds and uses it.
make_key() {
	type -P openssl >/dev/null || die "there is no openssl here: apt install openssl"
	mkdir -p "$(dirname "$MOK_KEY")" "$(dirname "$MOK_CERT")"
	(
		umask 077
		openssl req -new -x509 -nodes -days 36500 \
			-subj "/CN=DKMS module signing key" -newkey rsa:2048 \
			-keyout "$MOK_KEY" -outform DER -out "$MOK_CERT" 2>/dev/null
	) || die "no key could be made in $MOK_KEY"
	chmod 644 "$MOK_CERT"
	say "made a key: $MOK_KEY"
}

check_key() {
	[[ -r $MOK_KEY || ! -e $MOK_KEY ]] || die "$MOK_KEY is root's: sudo make sign"
	if [[ ! -e $MOK_KEY && ! -e $MOK_CERT ]]; then
		[[ -w $(dirname "$MOK_KEY") || $EUID == 0 ]] ||
			die "there is no key yet, and only root can make one: sudo make sign"
		make_key
	fi
	[[ -r $MOK_KEY && -r $MOK_CERT ]] ||
		die "a key without its certificate, or the other way round:" \
			"$MOK_KEY, $MOK_CERT"
}

# A signature that it has already goes, too: it stands behind the ELF file.
sign() {
	local hash

	hash=$(sed -n 's/^CONFIG_MODULE_SIG_HASH="\(.*\)"$/\1/p' "$KDIR/.config")
	strip -g "$module"
	"$KDIR/scripts/sign-file" "${hash:-sha256}" "$MOK_KEY" "$MOK_CERT" "$module"
	say "signed: $module (${hash:-sha256}, $MOK_KEY)"
}

# The firmware asks for a password that is chosen at the import.
say_what_next() {
	if mokutil --test-key "$MOK_CERT" 2>/dev/null | grep -q 'already enrolled'; then
		say "the firmware knows this key"
	else
		say "the firmware has to know this key, once:" \
			"mokutil --import $MOK_CERT, then reboot and enroll it"
	fi
}

(($# == 1)) || { sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 2; }
module=$1
[[ -f $module ]] || die "there is no $module: run make, or name another by MODULE="
[[ $module == *.ko ]] || die "$module is no .ko; what is compressed has to be signed before"
[[ -x $KDIR/scripts/sign-file ]] ||
	die "$KDIR has no scripts/sign-file: apt install linux-headers-$(uname -r)"
check_key
sign
say_what_next
