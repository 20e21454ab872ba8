#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# install.sh: the way of a workstation. In a clean Debian 12 root, `make install`
# has DKMS build the module; a VM boots with that root as its disk and loads that
# module; `make uninstall` leaves nothing. TAP; the last line holds the totals.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# What a workstation has, and what it needs for gupx. openssl: for DKMS to sign.
PACKAGES=(dkms gcc kmod libc6-dev libcap-dev libjson-c-dev make mount openssl
	pkg-config systemd udev)

# What may differ after `make uninstall`, and whose it is.
EXCEPTIONS=(
	# depmod's: this root has no kernel, whose package would have made them
	'usr/lib/modules/[^/]*/modules\.[a-z.]*'
	# DKMS': the key it made for itself, for all modules to come
	'var/lib/dkms/mok\.(key|pub)'
	# what groupadd, groupdel and systemd-sysusers keep: a lock, and copies
	'etc/(\.pwd\.lock|group-|gshadow-)'
)

passed=0
failed=0

# result CODE NAME
result() {
	local number=$((passed + failed + 1))

	if (($1 == 0)); then
		passed=$((passed + 1))
		echo "ok $number - $2"
	else
		failed=$((failed + 1))
		echo "not ok $number - $2"
	fi
}

# check NAME COMMAND...: what it said last is shown only where it fails.
check() {
	local name=$1 code=0
	shift
	"$@" >"$work/output" 2>&1 || code=$?
	((code == 0)) || tail -n 30 "$work/output" | sed 's/^/#   /'
	result "$code" "$name"
}

# refuses TEXT COMMAND...: it fails, and says so in a line with that text.
refuses() {
	local text=$1
	shift
	! "$@" >"$work/refusal" 2>&1 && grep -F -e "$text" "$work/refusal" && return
	cat "$work/refusal"
	return 1
}

# All Debian suites of this release that apt knows, as it gets them.
mirrors() {
	# shellcheck disable=SC2016
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		grep -E ' bookworm(-updates|-security)? main$' | sort -u
}

# The same root for as long as apt has the same versions: its name says which.
base_name() {
	{
		mirrors
		printf '%s\n' "$release" "${PACKAGES[@]}"
		apt-cache show --no-all-versions dkms udev | grep '^Version:'
	} | sha256sum | cut -c 1-12
}

make_base() {
	rm -f "$CACHE"/install/base-*
	say "making a clean Debian 12 root (once; kept in $CACHE/install)"
	mirrors >"$work/sources"
	# Proxies and such: mmdebstrap does not look at this machine's apt for them.
	apt-config dump | grep '^Acquire::' | grep -v '::IndexTargets' >"$work/apt"
	mmdebstrap --quiet --variant=apt --aptopt="$work/apt" \
		--aptopt='APT::Install-Recommends "false"' \
		--include="$(join "${PACKAGES[@]}" "linux-headers-$release")" \
		bookworm "$work/base.tar" - <"$work/sources" >&2
	mv "$work/base.tar" "$base"
}

join() {
	local IFS=,
	echo "$*"
}

# The working copy, as git sees it.
copy_tree() {
	mkdir "$root$SRC"
	git -C "$TOP" ls-files -co --exclude-standard --deduplicate |
		while read -r file; do
			[[ ! -e $TOP/$file ]] || echo "$file"
		done | tar -C "$TOP" -cf - -T - | tar -C "$root$SRC" --no-same-owner -xf -
}

# in_root COMMAND...: nothing that it starts or mounts outlives it, however we end.
# But in a chroot, whose root is no mount: there our mounts may be seen by others,
# and clean_up sees to them.
in_root() {
	# shellcheck disable=SC2016
	unshare --mount --propagation "$propagation" --pid --fork --kill-child \
		sh -c 'mount -t proc proc "$0/proc" || exit
			chroot "$0" "$@"
			code=$?
			umount -l "$0/proc"
			exit "$code"' \
		"$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
		HOME=/root LC_ALL=C.UTF-8 "$@" </dev/null
}

# clean_up WORK...: our folder, or those of runs that were killed.
clean_up() {
	local dir

	for dir in "$@"; do
		! mountpoint -q "$dir/root/proc" || umount -l "$dir/root/proc"
		rm -rf --one-file-system "$dir"
	done
}

make_in_root() {
	in_root make --no-print-directory -C "$SRC" "$@"
}

# listing FILE: all there is in the root: kind, mode, owner, and what is in it.
listing() {
	(
		cd "$root"
		find . -xdev -path ".$SRC" -prune -o -printf '%P %y %m %U:%G %l\n'
		find . -xdev -path ".$SRC" -prune -o -type f -print0 |
			xargs -0 sha256sum | sed 's#^\([^ ]*\)  \./\(.*\)#\2 \1#'
	) | LC_ALL=C sort >"$work/$1"
}

# is_unchanged EXCEPTION...: since the listing "before", but for these paths.
is_unchanged() {
	local all

	all=$(printf '|%s' "$@")
	listing after
	LC_ALL=C comm -3 "$work/before" "$work/after" |
		all="^(${all#|})\$" \
			awk '$1 !~ ENVIRON["all"] {print; n++} END {exit n > 0}'
}

breaks_off_without_dkms() {
	mv "$root/usr/sbin/dkms" "$work/dkms"
	refuses "apt install dkms" make_in_root install
	local code=$?
	mv "$work/dkms" "$root/usr/sbin/dkms"
	return "$code"
}

check_refusals() {
	make_in_root cli >"$work/output" 2>&1 || true
	listing before
	check "install without dkms is refused, with the cure" breaks_off_without_dkms
	check "install for a kernel without headers is refused, with the choice" \
		refuses "these have: $release" make_in_root install KERNEL=0.0.0
	check "install is root's" refuses "only root may" in_root \
		setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$SRC/tools/dist/install.sh"
	check "what was refused has left nothing" is_unchanged nothing
}

staged_files() {
	local stage=$root$SRC/stage

	make_in_root install DESTDIR="$SRC/stage" PREFIX=/usr
	for file in bin/gupctl "src/gupx-$version/dkms.conf" \
		lib/udev/rules.d/60-gupx.rules; do
		[[ -f $stage/usr/$file ]] || return 1
	done
}

check_staging() {
	check "install with DESTDIR puts files there" staged_files
	check "and nothing anywhere else" is_unchanged nothing
	make_in_root uninstall DESTDIR="$SRC/stage" PREFIX=/usr >"$work/output"
	check "uninstall with DESTDIR leaves an empty folder" \
		rmdir "$root$SRC/stage"
}

dkms_says_installed() {
	in_root dkms status | tee /dev/stderr |
		grep -x "gupx/$version, $release, x86_64: installed"
}

# Its name ends in .ko or .ko.xz, as the kernel has its own.
module_is_the_version() {
	local module

	module=$(echo "$root/lib/modules/$release/updates/dkms/gupx.ko"*)
	[[ $(modinfo -F version "$module") == "$version" &&
		$(modinfo -F vermagic "$module") == "$release "* ]]
}

# All that kbuild reads and nothing that it wrote.
sources_are_clean() {
	local dir=$root/usr/src/gupx-$version

	diff -r "$TOP/uapi" "$dir/uapi" && cmp "$TOP/Kbuild" "$dir/Kbuild" &&
		[[ -f $dir/module/compat.sh && -f $dir/module/compat.mk ]] &&
		! find "$dir" -name '*.o' -o -name '*.mod*' -o -name '*.cmd' \
			-o -name compat_probed.h | grep .
}

header_compiles() {
	in_root sh -c "echo '#include <linux/gupx.h>' | gcc -fsyntax-only -x c -"
}

completion_completes() {
	local file=/usr/local/share/bash-completion/completions/gupctl

	in_root bash -c ". $file && complete -p gupctl"
}

man_page_is_gupctls() {
	grep -qE '^\.(TH|Dt) GUPCTL 8' "$root/usr/local/share/man/man8/gupctl.8"
}

check_installed() {
	check "make install" make_in_root install
	check "DKMS says: installed" dkms_says_installed
	check "module for $release, version $version" module_is_the_version
	check "sources are those of this tree, clean" sources_are_clean
	check "group gupx" grep -qE '^gupx:x:[0-9]+:$' "$root/etc/group"
	check "gupctl --version is $version" \
		grep -qF "$version" <(in_root gupctl --version)
	check "gupctl --help names its commands" \
		grep -q populate <(in_root gupctl --help)
	check "man page" man_page_is_gupctls
	check "bash completion" completion_completes
	check "<linux/gupx.h> compiles" header_compiles
	check "make install over it" make_in_root install
	check "DKMS still says: installed" dkms_says_installed
}

# The root as it now is becomes the disk of a machine. Nothing is written to it.
boot_root() {
	local disk=$work/disk code=0

	truncate -s 2G "$disk"
	mkfs.ext4 -q -O ^has_journal -d "$root" "$disk"
	VM_LIMIT=150 VM_MEMORY=1G \
		VM_QEMU="-drive file=$disk,if=virtio,format=raw,snapshot=on" \
		"$VM/run" --no-module --add module:virtio_pci --add module:virtio_blk \
		--add "file:$VM/install_guest.sh:lab/install_guest.sh" "$kernel" \
		-- sh /lab/install_guest.sh "$version" >"$work/guest" 2>&1 || code=$?
	return "$code"
}

# A guest that stops half-way has passed no more than it said. After the plan, the
# lab's init has the last word, on the kernel log.
check_in_machine() {
	local line code=0 planned='' said=0

	boot_root || code=$?
	while read -r line; do
		case $line in
		"ok - "*) result 0 "VM: ${line#ok - }" ;;
		"not ok - "*) result 1 "VM: ${line#not ok - }" ;;
		1..*) planned=${line#1..} && continue ;;
		*) echo "# $line" && continue ;;
		esac
		[[ $planned ]] || said=$((said + 1))
	done <"$work/guest"
	[[ $code == 0 && $planned == "$said" ]] || code=1
	result "$code" "VM: came to its end, said $said of ${planned:-?}"
}

check_uninstalled() {
	check "make uninstall" make_in_root uninstall
	check "nothing is left" is_unchanged "${EXCEPTIONS[@]}"
	check "make uninstall of nothing" make_in_root uninstall
}

if ((EUID != 0)); then
	echo "ok 1 - install # SKIP only root may make a Debian root"
	print_totals 0 0 1
	exit
fi
"$VM/deps" vm install
kernel=$(list_kernels check | head -n 1)
release=$(kernel_release "$kernel")
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf")
SRC=/usr/local/src/gupx
mkdir -p "$CACHE/install"
exec 8>"$CACHE/install/.lock"
flock 8
clean_up "$CACHE"/install/work.*
work=$(mktemp -d "$CACHE/install/work.XXXXXX")
trap 'clean_up "$work"' EXIT
propagation=private
unshare --mount true 2>/dev/null || propagation=unchanged
root=$work/root
base=$CACHE/install/base-$(base_name).tar
[[ -s $base ]] || make_base
mkdir "$root"
tar -C "$root" -xf "$base"
copy_tree

check_refusals
check_staging
check_installed
check_in_machine
check_uninstalled
print_totals "$passed" "$failed" 0
((failed == 0))
