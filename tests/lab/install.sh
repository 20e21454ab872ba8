#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# install.sh [SUITE]: the way of a workstation. In a clean root of that Debian suite
# (bookworm), `make install` has DKMS build the module, and `make uninstall` leaves
# nothing; so do the packages. Of bookworm, a VM boots with that root as its disk
# and loads that module. TAP; the last line holds the totals.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/root.sh
. "$LAB/root.sh"

# Packages of a workstation, and those that gupx needs. DKMS signs with openssl.
PACKAGES=(dkms gcc kmod libc6-dev libcap-dev libjson-c-dev make mount openssl
	passwd pkg-config systemd udev)
# Packages needed to build the Debian packages there, not on this machine.
BUILD_PACKAGES=(build-essential debhelper dh-dkms file)

# Files that may differ after `make uninstall`, and who owns them.
EXCEPTIONS=(
	# depmod's: this root has no kernel, whose package would have made them
	'usr/lib/modules/[^/]*/modules\.[a-z.]*'
	# DKMS': the key it made for itself, for all modules to come
	'var/lib/dkms/mok\.(key|pub)'
	# the lock and copies that groupadd, groupdel and systemd-sysusers keep
	'etc/(\.pwd\.lock|group-|gshadow-)'
)
# After apt also the records of apt and dpkg.
APT_EXCEPTIONS=(
	'var/log/.*' 'var/cache/.*' 'var/lib/apt/.*'
	'var/lib/dpkg/(status|lock|triggers|available|diversions).*'
)

make_in_root() {
	in_root make --no-print-directory -C "$SRC" "$@"
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
	check "install without gupctl's libraries is refused, with the cure" \
		refuses "apt install pkg-config" make_in_root install PKG_CONFIG=false
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

# Everything that kbuild reads, and no file that it wrote.
sources_are_clean() {
	local dir=$root/usr/src/gupx-$version

	diff -r "$TOP/uapi" "$dir/uapi" && cmp "$TOP/Kbuild" "$dir/Kbuild" &&
		[[ -f $dir/module/compat.sh && -f $dir/module/compat.mk ]] &&
		! find "$dir" -name '*.o' -o -name '*.mod*' -o -name '*.cmd' \
			-o -name compat_probed.h | grep .
}

# As modprobe of that kernel would load it.
modprobe_finds_it() {
	in_root modprobe -S "$release" --show-depends gupx |
		tee /dev/stderr | grep 'updates/dkms/gupx\.ko'
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
	check "modprobe finds it" modprobe_finds_it
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

# build_gupctl DIR ABI: one that speaks another.
build_gupctl() {
	in_root sh -c "mkdir -p $SRC/$1/tools &&
		cp -r $SRC/dkms.conf $SRC/uapi $SRC/$1 &&
		cp -r $SRC/tools/gupctl $SRC/$1/tools &&
		sed -i 's/^#define GUPX_ABI .*/#define GUPX_ABI $2/' $SRC/$1/uapi/linux/gupx.h &&
		make -s -C $SRC/$1/tools/gupctl O=$SRC/$1"
}

# One that is older than the module, and one that is newer.
check_other_abis() {
	local abi

	abi=$(sed -n 's/^#define GUPX_ABI //p' "$TOP/uapi/linux/gupx.h")
	check "a gupctl of the ABI before" build_gupctl older $((abi - 1))
	check "a gupctl of the ABI to come" build_gupctl newer $((abi + 1))
}

# The root as it now is becomes the disk of a machine. Nothing is written to it.
check_in_machine() {
	local disk=$work/disk code=0

	truncate -s 2G "$disk"
	mkfs.ext4 -q -O ^has_journal -d "$root" "$disk"
	VM_LIMIT=200 VM_MEMORY=1G boot_disk "$kernel" \
		"file=$disk,if=virtio,format=raw,snapshot=on" \
		install_guest.sh "$version" >"$work/guest" 2>&1 || code=$?
	check_guest "$code"
	rm "$disk"
}

check_uninstalled() {
	check "make uninstall" make_in_root uninstall
	check "nothing is left" is_unchanged "${EXCEPTIONS[@]}"
	check "make uninstall of nothing" make_in_root uninstall
}

apt_in_root() {
	in_root env DEBIAN_FRONTEND=noninteractive apt-get -y "$@"
}

# On this machine, or else in the root.
build_packages() {
	if [[ $suite == bookworm ]]; then
		"$TOP/tools/dist/deb.sh" && cp -r "$TOP/build/deb" "$root$SRC/debs"
	else
		in_root "$SRC/tools/dist/deb.sh" &&
			cp -r "$root$SRC/build/deb" "$root$SRC/debs"
	fi
}

install_packages() {
	in_root sh -c "DEBIAN_FRONTEND=noninteractive apt-get -y install $SRC/debs/*.deb"
}

# DKMS alone would be content.
warns_without_headers() {
	local link=$root/lib/modules/$release/build code=0

	mv "$link" "$work/build"
	install_packages 2>&1 | tee "$work/warnings" || code=$?
	mv "$work/build" "$link"
	((code == 0)) || return
	grep -x 'gupx-dkms: WARNING: NO MODULE was built: .*' "$work/warnings" &&
		grep -x 'gupx-dkms: .* apt install linux-headers-amd64' "$work/warnings"
}

installs_in_peace() {
	install_packages >"$work/warnings" 2>&1 || {
		cat "$work/warnings"
		return 1
	}
	! grep WARNING "$work/warnings"
}

# As the package of headers does when it comes.
headers_come() {
	in_root run-parts --exit-on-error --arg="$release" \
		/etc/kernel/header_postinst.d && dkms_says_installed
}

versions_of_packages() {
	# shellcheck disable=SC2016
	[[ $(in_root dpkg-query -W -f '${Package} ${Version}\n' gupctl gupx-dkms) == \
		"gupctl $version"$'\n'"gupx-dkms $version" ]] &&
		grep -qF "$version" <(in_root gupctl --version)
}

files_of_packages() {
	local file

	for file in lib/udev/rules.d/60-gupx.rules lib/modules-load.d/gupx.conf \
		share/man/man8/gupctl.8.gz share/bash-completion/completions/gupctl \
		include/linux/gupx.h; do
		[[ -f $root/usr/$file ]] || {
			echo "no $file"
			return 1
		}
	done
}

check_packages() {
	check "the packages are built" build_packages
	listing before
	check "packages without headers: installed, and a warning that says so" \
		warns_without_headers
	check "when headers come, DKMS builds the module" headers_come
	check "packages are removed" apt_in_root purge gupctl gupx-dkms
	check "nothing is left" is_unchanged "${EXCEPTIONS[@]}" "${APT_EXCEPTIONS[@]}"
	check "apt install of the packages, without a warning" installs_in_peace
	check "DKMS says: installed" dkms_says_installed
	check "module for $release, version $version" module_is_the_version
	check "modprobe finds it" modprobe_finds_it
	check "sources are those of this tree, clean" sources_are_clean
	check "both packages and gupctl are $version" versions_of_packages
	check "group gupx" grep -qE '^gupx:x:[0-9]+:$' "$root/etc/group"
	check "udev rule, modules-load.d, man page, completion, header" files_of_packages
	check "make install beside the packages is refused" \
		refuses "apt purge gupx-dkms gupctl" make_in_root install
	check "and so is make uninstall" \
		refuses "apt purge gupx-dkms gupctl" make_in_root uninstall
	check "packages are purged" apt_in_root purge gupctl gupx-dkms
	check "nothing is left" is_unchanged "${EXCEPTIONS[@]}" "${APT_EXCEPTIONS[@]}"
}

if ((EUID != 0)); then
	echo "ok 1 - install # SKIP only root may make a Debian root"
	print_totals 0 0 1
	exit
fi
suite=${1:-bookworm}
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf")
set_up_work
if [[ $suite == bookworm ]]; then
	"$LAB/deps" build vm install deb
	kernel=$(list_kernels check | head -n 1)
	base=$(base_of base bookworm "${PACKAGES[@]}" \
		"linux-headers-$(kernel_release "$kernel")")
else
	"$LAB/deps" vm install
	base=$(base_of "base-$suite" "$suite" "${PACKAGES[@]}" "${BUILD_PACKAGES[@]}" \
		linux-headers-amd64)
fi
unpack_root "$base"
release=$(only_kernel)
say "Debian $suite with the headers of Linux $release"
copy_tree

check_refusals
check_staging
check_installed
if [[ $suite == bookworm ]]; then
	check_other_abis
	check_in_machine
fi
check_uninstalled
check_packages
print_totals "$passed" "$failed" 0
((failed == 0))
