#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# signed.sh: test a kernel that only loads modules signed with a key it trusts. Try a module
# without a signature, one signed with another key, and one that `make sign` has signed with
# the trusted key. Prints TAP; the last line holds the totals.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

KERNEL=signed

# sign_module MODULE KEY-DIR: sign as a user would, with a key in that directory.
sign_module() {
	make -s --no-print-directory -C "$TOP" sign MODULE="$1" KDIR="$headers" \
		MOK_KEY="$2/signing_key.pem" MOK_CERT="$2/signing_key.x509" >&2
}

make_modules() {
	local built=$BUILD/$KERNEL name

	"$LAB/module" "$KERNEL" "$built"
	for name in unsigned wrong right; do
		cp "$built/gupx.ko" "$work/$name.ko"
		items+=(--add "file:$work/$name.ko:lab/$name.ko")
	done
	# The key does not exist yet: make sign creates it.
	sign_module "$work/wrong.ko" "$work/wrong"
	sign_module "$work/right.ko" "$(kernel_root "$KERNEL")/certs"
}

"$LAB/deps" build vm kernel
headers=$(kernel_headers "$KERNEL")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
items=()
make_modules
make -s -C "$TOP/tools/gupctl" O="$BUILD"
PATH=$BUILD:$PATH
code=0
VM_APPEND="module.sig_enforce=1" VM_LIMIT=120 "$LAB/run" --no-module "${items[@]}" \
	--add program:gupctl --add "file:$LAB/guest.sh:lab/guest.sh" \
	--add "file:$LAB/signed_guest.sh:lab/signed_guest.sh" \
	"$KERNEL" -- sh /lab/signed_guest.sh >"$work/guest" 2>&1 || code=$?
cat "$work/guest"
read -r passed failed skipped < <(count_tap "$work/guest")
planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$work/guest")
# The plan does not count the last test, which the lab's init adds for the kernel log.
if ((code != 0 && failed == 0)) || ((passed + failed != ${planned:-0} + 1)); then
	echo "not ok - exited with $code after $((passed + failed)) of ${planned:-?} tests"
	failed=$((failed + 1))
fi
print_totals "$passed" "$failed" "$skipped"
((failed == 0))
