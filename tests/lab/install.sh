#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# install.sh [SUITE]: test the installation on a workstation. In a clean root of that Debian
# suite (default: bookworm), run `make install`, which lets DKMS build the module, and check
# that `make uninstall` leaves nothing behind. Test the Debian packages in the same way. For
# bookworm, also boot a VM with the root as its disk, and load the module there. Prints TAP;
# the last line holds the totals.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/root.sh
. "$LAB/root.sh"

# Packages of a workstation, and those that gupx needs. DKMS signs with openssl.
PACKAGES=(dkms gcc kmod libc6-dev libcap-dev libjson-c-dev libkmod-dev
	libsmartcols-dev make mount openssl
	passwd pkg-config systemd udev)
# More packages, which are needed to build the Debian packages in the root.
BUILD_PACKAGES=(build-essential debhelper dh-dkms file)

# Files that may differ after `make uninstall`, and the programs that write them.
EXCEPTIONS=(
	# depmod creates them, because this root has no kernel package that installs them.
	'usr/lib/modules/[^/]*/modules\.[a-z.]*'
	# DKMS creates this key when it signs its first module.
	'var/lib/dkms/mok\.(key|pub)'
	# groupadd, groupdel and systemd-sysusers create this lock and these backup copies.
	'etc/(\.pwd\.lock|group-|gshadow-)'
)
# Files in which apt and dpkg keep records. They may also differ after apt has run.
APT_EXCEPTIONS=(
	'var/log/.*' 'var/cache/.*' 'var/lib/apt/.*'
	'var/lib/dpkg/(status|lock|triggers|available|diversions).*'
)

make_in_root() {
	in_root make --no-print-directory -C "$SRC" "$@"
}

fails_without_dkms() {
	mv "$root/usr/sbin/dkms" "$work/dkms"
	fails_with "apt install dkms" make_in_root install
	local code=$?
	mv "$work/dkms" "$root/usr/sbin/dkms"
	return "$code"
}

check_refusals() {
	make_in_root cli >"$work/output" 2>&1 || true
	list_root before
	check "install without gupctl's libraries is refused, and names the packages" \
		fails_with "apt install pkg-config" make_in_root install PKG_CONFIG=false
	check "install without dkms is refused, and names the package" fails_without_dkms
	check "install for a kernel without headers is refused, and lists other kernels" \
		fails_with "these have: $release" make_in_root install KERNEL=0.0.0
	check "install by another user than root is refused" fails_with "only root may" in_root \
		setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$SRC/tools/dist/install.sh"
	check "refused installs leave nothing behind" is_unchanged nothing
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
	check "install with DESTDIR writes files there" staged_files
	check "install with DESTDIR writes nothing elsewhere" is_unchanged nothing
	make_in_root uninstall DESTDIR="$SRC/stage" PREFIX=/usr >"$work/output"
	check "uninstall with DESTDIR leaves an empty directory" \
		rmdir "$root$SRC/stage"
}

dkms_says_installed() {
	in_root dkms status | tee /dev/stderr |
		grep -x "gupx/$version, $release, x86_64: installed"
}

# Check the module that DKMS has built. Its name ends in .ko or .ko.xz, like the names of the
# kernel's own modules.
module_is_the_version() {
	local module

	module=$(echo "$root/lib/modules/$release/updates/dkms/gupx.ko"*)
	[[ $(modinfo -F version "$module") == "$version" &&
		$(modinfo -F vermagic "$module") == "$release "* ]]
}

# Check that the installed sources have the files that kbuild reads, but no build products.
sources_are_clean() {
	local dir=$root/usr/src/gupx-$version

	diff -r "$TOP/uapi" "$dir/uapi" && cmp "$TOP/Kbuild" "$dir/Kbuild" &&
		[[ -f $dir/module/compat.sh && -f $dir/module/compat.mk ]] &&
		! find "$dir" -name '*.o' -o -name '*.mod*' -o -name '*.cmd' \
			-o -name compat_probed.h | grep .
}

# Check that modprobe would load the module of DKMS for this kernel.
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

# Check the service with the example of its drop-in. Verification also finds gupctl.
service_is_valid() {
	local unit=gupctl@postgresql@15-main.service

	install -D -m 644 "$root/usr/local/share/doc/gupctl/examples/gupctl-postgresql.conf" \
		"$root/etc/systemd/system/$unit.d/ranges.conf"
	in_root systemd-analyze verify --man=no "$unit" "gupctl@redis-server.service"
	local code=$?
	# systemd-analyze leaves this directory in a root that was never booted.
	rm -r "$root/etc/systemd/system/$unit.d" "$root/run/systemd"
	return "$code"
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
	check "service for each start of another service" service_is_valid
	check "<linux/gupx.h> compiles" header_compiles
	check "make install, a second time" make_in_root install
	check "DKMS still says: installed" dkms_says_installed
}

# build_gupctl DIR ABI: build a gupctl with that ABI number.
build_gupctl() {
	in_root sh -c "mkdir -p $SRC/$1/tools &&
		cp -r $SRC/dkms.conf $SRC/uapi $SRC/$1 &&
		cp -r $SRC/tools/gupctl $SRC/$1/tools &&
		sed -i 's/^#define GUPX_ABI .*/#define GUPX_ABI $2/' $SRC/$1/uapi/linux/gupx.h &&
		make -s -C $SRC/$1/tools/gupctl O=$SRC/$1"
}

# Build one gupctl that is older than the module, and one that is newer.
check_other_abis() {
	local abi

	abi=$(sed -n 's/^#define GUPX_ABI //p' "$TOP/uapi/linux/gupx.h")
	check "build a gupctl with the previous ABI number" build_gupctl older $((abi - 1))
	check "build a gupctl with the next ABI number" build_gupctl newer $((abi + 1))
}

# Build the tests of the ABI with the kernel's lib.mk, as `make -C tests/selftests` does.
build_selftests() {
	cp -r "$(selftests_dir)" "$root$SRC/selftests" &&
		make_in_root -C tests/selftests TARGETS=abi KSFT="$SRC/selftests"
}

# Boot a VM that has a copy of the root as its disk. snapshot=on discards the VM's writes.
check_in_vm() {
	local disk=$work/disk code=0

	truncate -s 2G "$disk"
	mkfs.ext4 -q -O ^has_journal -d "$root" "$disk"
	VM_LIMIT=300 VM_MEMORY=1G boot_disk "$kernel" \
		"file=$disk,if=virtio,format=raw,snapshot=on" \
		install_guest.sh "$version" >"$work/guest" 2>&1 || code=$?
	check_guest "$code"
	rm "$disk"
}

check_uninstalled() {
	check "make uninstall" make_in_root uninstall
	check "nothing is left" is_unchanged "${EXCEPTIONS[@]}"
	check "make uninstall, a second time" make_in_root uninstall
}

apt_in_root() {
	in_root env DEBIAN_FRONTEND=noninteractive apt-get -y "$@"
}

# Build the packages of bookworm on this machine, and those of another suite in the root.
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

# Check that the packages warn if there are no headers. DKMS itself does not fail then.
warns_without_headers() {
	local link=$root/lib/modules/$release/build code=0

	mv "$link" "$work/build"
	install_packages 2>&1 | tee "$work/warnings" || code=$?
	mv "$work/build" "$link"
	((code == 0)) || return
	grep -x 'gupx-dkms: WARNING: NO MODULE was built: .*' "$work/warnings" &&
		grep -x 'gupx-dkms: .* apt install linux-headers-amd64' "$work/warnings"
}

installs_without_warning() {
	install_packages >"$work/warnings" 2>&1 || {
		cat "$work/warnings"
		return 1
	}
	! grep WARNING "$work/warnings"
}

# Run the hooks that a package of kernel headers runs when apt installs it.
builds_for_new_headers() {
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
	list_root before
	check "install the packages without headers: they warn that no module was built" \
		warns_without_headers
	check "after headers are installed, DKMS builds the module" builds_for_new_headers
	check "apt purge of the packages" apt_in_root purge gupctl gupx-dkms
	check "nothing is left" is_unchanged "${EXCEPTIONS[@]}" "${APT_EXCEPTIONS[@]}"
	check "apt install of the packages, without a warning" installs_without_warning
	check "DKMS says: installed" dkms_says_installed
	check "module for $release, version $version" module_is_the_version
	check "modprobe finds it" modprobe_finds_it
	check "sources are those of this tree, clean" sources_are_clean
	check "both packages and gupctl are $version" versions_of_packages
	check "group gupx" grep -qE '^gupx:x:[0-9]+:$' "$root/etc/group"
	check "udev rule, modules-load.d, man page, completion, header" files_of_packages
	check "make install is refused while the packages are installed" \
		fails_with "apt purge gupx-dkms gupctl" make_in_root install
	check "make uninstall is refused while the packages are installed" \
		fails_with "apt purge gupx-dkms gupctl" make_in_root uninstall
	check "apt purge of the packages, again" apt_in_root purge gupctl gupx-dkms
	check "nothing is left" is_unchanged "${EXCEPTIONS[@]}" "${APT_EXCEPTIONS[@]}"
}

if ((EUID != 0)); then
	echo "ok 1 - install # SKIP needs root, to create a Debian root"
	print_totals 0 0 1
	exit
fi
suite=${1:-bookworm}
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf")
set_up_work
if [[ $suite == bookworm ]]; then
	"$LAB/deps" build vm install deb
	kernel=$(list_kernels check | head -n 1)
	base=$(make_base_tar base bookworm "${PACKAGES[@]}" \
		"linux-headers-$(kernel_release "$kernel")")
else
	"$LAB/deps" vm install
	base=$(make_base_tar "base-$suite" "$suite" "${PACKAGES[@]}" "${BUILD_PACKAGES[@]}" \
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
	check "build the tests of the ABI with kselftest's lib.mk" build_selftests
	check_in_vm
fi
check_uninstalled
check_packages
print_totals "$passed" "$failed" 0
((failed == 0))
