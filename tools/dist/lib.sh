# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Functions for the scripts in this directory: paths of the installed files, DKMS, udev.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# DESTDIR=/ means the same as no DESTDIR, as in other projects.
DESTDIR=${DESTDIR:+$(realpath -m "$DESTDIR")}
DESTDIR=${DESTDIR%/}
PREFIX=$(realpath -ms "/${PREFIX:-/usr/local}")
# shellcheck disable=SC2034
GROUP=gupx
# shellcheck disable=SC2034
VERSION=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf")

# If make runs this script, kbuild must not use the flags and the job server of that make.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

# udev, sysusers and modules-load only read these two prefixes and /etc, which is left to
# the administrator.
case $PREFIX in
/usr | /usr/local) SYSTEM=$PREFIX/lib ;;
*) SYSTEM=/etc ;;
esac

# Debian's zsh reads another directory of /usr than of /usr/local.
case $PREFIX in
/usr) ZSH=$PREFIX/share/zsh/vendor-completions ;;
*) ZSH=$PREFIX/share/zsh/site-functions ;;
esac

say() {
	printf 'gupx: %s\n' "$*"
}

warn() {
	printf 'gupx: %s\n' "$*" >&2
}

# Print the mode, the path in the tree and the destination of every file except the source
# tree. gupctl goes to bin, not to sbin, because users other than root run it.
list_files() {
	cat <<-END
		755 build/gupctl $PREFIX/bin/gupctl
		644 tools/gupctl/gupctl.8 $PREFIX/share/man/man8/gupctl.8
		644 tools/gupctl/completions/gupctl.bash $PREFIX/share/bash-completion/completions/gupctl
		644 tools/gupctl/completions/gupctl.fish $PREFIX/share/fish/vendor_completions.d/gupctl.fish
		644 tools/gupctl/completions/gupctl.zsh $ZSH/_gupctl
		644 tools/dist/gupctl-postgresql.conf $PREFIX/share/doc/gupctl/examples/gupctl-postgresql.conf
		644 uapi/linux/gupx.h $PREFIX/include/linux/gupx.h
		644 tools/dist/60-gupx.rules $SYSTEM/udev/rules.d/60-gupx.rules
		644 tools/dist/sysusers.conf $SYSTEM/sysusers.d/gupx.conf
		644 tools/dist/modules-load.conf $SYSTEM/modules-load.d/gupx.conf
		644 tools/dist/gupctl@.service $SYSTEM/systemd/system/gupctl@.service
	END
}

# Check if gupx is installed as a package. If it is, apt manages DKMS, the source tree and the
# group.
is_packaged() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' gupx-dkms 2>/dev/null) == installed ]]
}

source_tree() {
	echo "$DESTDIR/usr/src/gupx-$1"
}

# Print the versions that DKMS has. `dkms status` does not list a version whose sources are
# missing, but that version must be removed, too.
dkms_versions() {
	local link

	for link in /var/lib/dkms/gupx/*/source; do
		[[ ! -L $link ]] || basename "$(dirname "$link")"
	done
}

# run_dkms ARGUMENT...: run dkms, and print its output only if it fails.
run_dkms() {
	local output

	output=$(dkms "$@" 2>&1) && return
	printf '%s\n' "$output" >&2
	return 1
}

# Remove each version and its sources, because only one version may be installed.
remove_from_dkms() {
	local version

	for version in $(dkms_versions); do
		# DKMS cannot remove a version without its dkms.conf: write one if it is missing.
		[[ -e $(source_tree "$version")/dkms.conf ]] ||
			sed "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$version\"/" \
				"$TOP/dkms.conf" |
			install -D -m 644 /dev/stdin "$(source_tree "$version")/dkms.conf"
		run_dkms remove "gupx/$version" --all || return
		rm -rf "$(source_tree "$version")"
		say "removed from DKMS: gupx $version"
	done
}

reload_udev() {
	[[ -S /run/udev/control ]] || return 0
	udevadm control --reload
	udevadm trigger --action=change --subsystem-match=misc --sysname-match=gupx
}
