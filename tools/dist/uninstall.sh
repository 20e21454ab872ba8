#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# uninstall.sh: takes away what install.sh put there, given the same PREFIX and
# DESTDIR. What is not there is no error.
#
# The group goes too, unless somebody is in it: then it is not ours alone.
set -euo pipefail
# shellcheck source=tools/dist/lib.sh
. "$(dirname "$0")/lib.sh"

# Folders that a bare Debian has, be they empty.
KEPT=(/etc/{udev/rules.d,sysusers.d,modules-load.d} /home /opt
	/usr/local/{bin,include,lib,share,share/man})

# It is in use where pins are held: those are not ours to break. A chroot sees the
# module of the machine around it.
unload_module() {
	[[ -e /sys/module/gupx ]] && ! is_chroot || return 0
	rmmod gupx 2>/dev/null ||
		warn "the module is in use and stays loaded until the next boot"
}

is_chroot() {
	local code=0

	ischroot || code=$?
	((code != 1))
}

remove_files() {
	local to

	while read -r _ _ to; do
		[[ ! -e $DESTDIR$to ]] || {
			rm "$DESTDIR$to"
			say "removed: $DESTDIR$to"
		}
		remove_empty "$(dirname "$to")"
	done < <(list_files)
	rm -rf "$(source_tree "$VERSION")"
	[[ -z $DESTDIR ]] || remove_empty /usr/src
}

# Upwards, while nothing is left in it. In a staging folder all is ours.
remove_empty() {
	local dir=$1 end=" / "

	[[ $DESTDIR ]] || end=" / ${KEPT[*]} "
	while [[ $end != *" $dir "* ]]; do
		rmdir "$DESTDIR$dir" 2>/dev/null || [[ ! -e $DESTDIR$dir ]] || return 0
		dir=$(dirname "$dir")
	done
}

remove_modules() {
	if type -P dkms >/dev/null; then
		remove_from_dkms
	elif [[ -e /var/lib/dkms/gupx ]]; then
		warn "DKMS is gone, what it built of gupx is not:" \
			"apt install dkms, and once more"
		return 1
	fi
}

remove_group() {
	local gid members

	# Read the local file only: a directory service manages its own groups.
	IFS=: read -r _ _ gid members < <(grep "^$GROUP:" /etc/group) || return 0
	if [[ -n $members ]] || cut -d: -f4 /etc/passwd | grep -qx "$gid"; then
		say "the group $GROUP stays, somebody is in it: ${members:-see /etc/passwd}"
		return
	fi
	groupdel "$GROUP" || {
		warn "the group $GROUP stays, it could not be removed"
		return 1
	}
	say "removed: group $GROUP"
}

if [[ -n $DESTDIR ]]; then
	remove_files
	exit
fi
((EUID == 0)) || {
	warn "NOT removed: only root may: sudo make uninstall"
	exit 1
}
! is_packaged || {
	warn "NOT removed: gupx is here as a package: apt purge gupx-dkms gupctl"
	exit 1
}
PATH=$PATH:/usr/sbin:/sbin
unload_module
remove_modules
remove_files
remove_group
reload_udev
