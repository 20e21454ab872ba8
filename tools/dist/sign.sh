#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# sign.sh FILE: sign a gupx.ko as DKMS does, with the key of this machine's owner.
# See tools/dist/SECURE-BOOT.md.
#
# KDIR=DIR        headers of the module's kernel, which have sign-file and name the hash
# MOK_KEY=FILE    private key, PEM (default: the key of DKMS; created if missing)
# MOK_CERT=FILE   certificate of the key, DER
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

# Create the key in the same way as DKMS, so that DKMS uses it, too.
create_key() {
	type -P openssl >/dev/null || die "openssl is not installed: apt install openssl"
	mkdir -p "$(dirname "$MOK_KEY")" "$(dirname "$MOK_CERT")"
	(
		umask 077
		openssl req -new -x509 -nodes -days 36500 \
			-subj "/CN=DKMS module signing key" -newkey rsa:2048 \
			-keyout "$MOK_KEY" -outform DER -out "$MOK_CERT" 2>/dev/null
	) || die "cannot create the key $MOK_KEY"
	chmod 644 "$MOK_CERT"
	say "created a key: $MOK_KEY"
}

check_key() {
	[[ -r $MOK_KEY || ! -e $MOK_KEY ]] || die "only root may read $MOK_KEY: sudo make sign"
	if [[ ! -e $MOK_KEY && ! -e $MOK_CERT ]]; then
		[[ -w $(dirname "$MOK_KEY") || $EUID == 0 ]] ||
			die "there is no key yet, and only root may create it: sudo make sign"
		create_key
	fi
	[[ -r $MOK_KEY && -r $MOK_CERT ]] ||
		die "the key or its certificate is missing or not readable:" \
			"$MOK_KEY, $MOK_CERT"
}

# Sign the module. strip also removes an earlier signature, because it follows the ELF data.
sign_module() {
	local hash

	hash=$(sed -n 's/^CONFIG_MODULE_SIG_HASH="\(.*\)"$/\1/p' "$KDIR/.config")
	strip -g "$module"
	"$KDIR/scripts/sign-file" "${hash:-sha256}" "$MOK_KEY" "$MOK_CERT" "$module"
	say "signed: $module (${hash:-sha256}, $MOK_KEY)"
}

# Print how to enroll the key. mokutil --import sets a password, which the firmware asks for.
print_next_steps() {
	if mokutil --test-key "$MOK_CERT" 2>/dev/null | grep -q 'already enrolled'; then
		say "this key is already enrolled in the firmware"
	else
		say "enroll this key in the firmware once:" \
			"mokutil --import $MOK_CERT, then reboot and confirm"
	fi
}

(($# == 1)) || { sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 2; }
module=$1
[[ -f $module ]] || die "$module does not exist: run make, or set MODULE=FILE"
[[ $module == *.ko ]] || die "$module is not a .ko file; sign a module before compressing it"
[[ -x $KDIR/scripts/sign-file ]] ||
	die "$KDIR has no scripts/sign-file: apt install linux-headers-$(uname -r)"
check_key
sign_module
print_next_steps
