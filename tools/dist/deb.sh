#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# deb.sh: build Debian packages of this tree in build/deb/, for `make deb`.
#
# LINTIAN=no  do not run lintian, even if it is installed
set -euo pipefail
# shellcheck source=tools/dist/lib.sh
. "$(dirname "$0")/lib.sh"

# TREE lists the sources of the packages, PRODUCTS the build products to leave out.
TREE=(COPYING Kbuild Makefile dkms.conf module tools uapi)
PRODUCTS=('*.o' '*.ko' '*.mod' '*.mod.c' '.*.cmd' compat_probed.h)

stage_tree() {
	mkdir "$1"
	tar -C "$TOP" "${PRODUCTS[@]/#/--exclude=}" -cf - "${TREE[@]}" |
		tar -C "$1" --no-same-owner -xf -
	mv "$1/tools/dist/debian" "$1/debian"
	mkdir "$1/debian/source"
	echo "3.0 (native)" >"$1/debian/source/format"
	write_changelog >"$1/debian/changelog"
}

# Print a changelog with the version of dkms.conf and the date of the packaged commit.
write_changelog() {
	local maintainer date

	maintainer=$(sed -n 's/^Maintainer: //p' "$TOP/tools/dist/debian/control")
	date=${SOURCE_DATE_EPOCH:-$(git -C "$TOP" log -1 --format=%ct 2>/dev/null ||
		stat -c %Y "$TOP/dkms.conf")}
	cat <<-END
		gupx ($VERSION) unstable; urgency=medium

		  * Package gupx $VERSION.

		 -- $maintainer  $(LC_ALL=C date -R -d "@$date")
	END
}

out=$TOP/build/deb
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/gupx-$VERSION
stage_tree "$tree"
mkdir -p "$out"
rm -f "$out"/*
unset DESTDIR PREFIX
export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:+$DEB_BUILD_OPTIONS }noautodbgsym"
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign) >"$out/log" 2>&1 || {
	tail -n 40 "$out/log" >&2
	warn "NOT built: see build/deb/log"
	exit 1
}
mv "$work"/*.deb "$out"
if [[ ${LINTIAN:-} != no ]] && type -P lintian >/dev/null; then
	mv "$work"/*.changes "$work"/*.buildinfo "$out"
	lintian --fail-on error "$out"/*.changes
fi
for deb in "$out"/*.deb; do
	say "built: ${deb#"$TOP"/}"
done
say "install them: sudo apt install ./build/deb/*.deb"
