#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# uninstall.sh: remove everything that install.sh has installed with the same PREFIX and
# DESTDIR. A missing file is not an error.
#
# The group is also removed, unless it has members, because it may have another use then.
set -euo pipefail
# shellcheck source=tools/dist/lib.sh
. "$(dirname "$0")/lib.sh"

# Directories to keep even if they are empty, because a minimal Debian has them.
KEPT=(/etc/{udev/rules.d,sysusers.d,modules-load.d} /home /opt
	/usr/local/{bin,include,lib,share,share/man})

# Unload the module, unless it is in use because processes hold pins. In a chroot, do nothing:
# there the loaded module is the module of the host.
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

# remove_empty DIR: remove the directory and its parents, as far as they are empty. With
# DESTDIR, remove the directories in KEPT, too.
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
		warn "dkms is not installed, but it has built gupx:" \
			"apt install dkms, then run make uninstall again"
		return 1
	fi
}

remove_group() {
	local gid members

	# Read the local file only: a directory service manages its own groups.
	IFS=: read -r _ _ gid members < <(grep "^$GROUP:" /etc/group) || return 0
	if [[ -n $members ]] || cut -d: -f4 /etc/passwd | grep -qx "$gid"; then
		say "the group $GROUP stays, because it has members: ${members:-see /etc/passwd}"
		return
	fi
	groupdel "$GROUP" || {
		warn "cannot remove the group $GROUP"
		return 1
	}
	say "removed: group $GROUP"
}

if [[ -n $DESTDIR ]]; then
	remove_files
	exit
fi
((EUID == 0)) || {
	warn "NOT removed: only root may uninstall: sudo make uninstall"
	exit 1
}
! is_packaged || {
	warn "NOT removed: gupx is installed as a package: apt purge gupx-dkms gupctl"
	exit 1
}
PATH=$PATH:/usr/sbin:/sbin
unload_module
remove_modules
remove_files
remove_group
reload_udev
