# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Functions for the lab's scripts: paths, the list of kernels, and totals of tests.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB=$TOP/tests/lab
BUILD=$TOP/build
CACHE=${GUPX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gupx}
export LC_ALL=C.UTF-8
# If make runs this script, kbuild must not use the flags and the job server of that make.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
mkdir -p "$BUILD" "$CACHE"

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# list_kernels [check|all|debug|arm64]: print the kernels of that class, oldest first.
# The class `all` excludes the kernels that the lab builds for debugging and signing.
list_kernels() {
	awk -v class="${1:-all}" '/^[^#]/ && ($2 == class ||
		class == "all" && $2 == "check") {print $1}' "$LAB/kernels"
}

# kernel_field NAME COLUMN: print one column of the kernel's line in tests/lab/kernels.
kernel_field() {
	awk -v name="$1" -v column="$2" \
		'$1 == name {print $column; found = 1} END {exit !found}' \
		"$LAB/kernels" || die "no kernel '$1' in tests/lab/kernels"
}

# kernel_pace NAME: print the factor for all time limits on this kernel. It says how many
# times slower than a stock kernel the kernel may be.
kernel_pace() {
	kernel_field "$1" 6
}

# kernel_suite NAME: print the Debian suite of the kernel's packages, or nothing if they come
# from this machine's apt sources or if the lab builds the kernel.
kernel_suite() {
	local from
	from=$(kernel_field "$1" 3)
	case $from in
	apt | build) ;;
	suite:?*) from=${from#suite:} && echo "${from%/*}" ;;
	*) die "kernel $1: unknown origin '$from' in tests/lab/kernels" ;;
	esac
}

# kernel_arch NAME: print Debian's name of the kernel's architecture if it is not this
# machine's, else nothing.
kernel_arch() {
	local from
	from=$(kernel_field "$1" 3)
	case $from in
	*/arm64) echo arm64 ;;
	*/*) die "kernel $1: unknown architecture in '$from' in tests/lab/kernels" ;;
	esac
}

# program_dir KERNEL: print the directory in which make_programs builds.
program_dir() {
	local arch
	arch=$(kernel_arch "$1")
	echo "$BUILD${arch:+/$arch}"
}

# cross_compiler KERNEL: print the name of the compiler that inside finds for a kernel of
# another architecture.
cross_compiler() {
	basename "$(kernel_root "$1")"/usr/bin/aarch64-linux-gnu-gcc-[0-9]*
}

# make_programs KERNEL ARGUMENT...: run make with these arguments, to build programs for the
# kernel's guest in program_dir.
make_programs() {
	local kernel=$1 arch out
	shift

	arch=$(kernel_arch "$kernel")
	out=$(program_dir "$kernel")
	if [[ ! $arch ]]; then
		make -s O="$out" "$@"
		return
	fi
	mkdir -p "$out"
	"$LAB/inside" "$kernel" "$TOP" make -s O="$out" CC="$(cross_compiler "$kernel")" LDFLAGS="-static -Wl,--no-warnings" \
		PKG_CONFIG="env PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig pkgconf" "$@"
}

# harness_dir KERNEL: print a directory with the kselftest harness that make_programs can read.
harness_dir() {
	local from to

	from=$(selftests_dir)
	[[ $(kernel_arch "$1") ]] || { echo "$from" && return; }
	to=$(program_dir "$1")/harness
	mkdir -p "$to"
	cp -u "$from"/kselftest*.h "$to"
	echo "$to"
}

# kernel_root NAME: print the directory into which fetch has unpacked the kernel. Run fetch
# first if needed.
kernel_root() {
	local link=$CACHE/kernels/$1

	[[ -e $link ]] || "$LAB/fetch" "$1"
	readlink -f "$link"
}

kernel_release() {
	cat "$(kernel_root "$1")/release"
}

kernel_headers() {
	echo "$(kernel_root "$1")/usr/src/linux-headers-$(kernel_release "$1")"
}

# source_package KERNEL: print the name of the kernel's source package in its suite.
source_package() {
	local package

	package=$(kernel_field "$1" 5)
	[[ $package != - ]] || package=linux-source-${1%%-*}
	echo "$package"
}

# source_version KERNEL: print the version of the source package that apt has today.
source_version() {
	local package version

	package=$(source_package "$1")
	version=$(apt-cache show --no-all-versions "$package" 2>/dev/null |
		awk '$1 == "Version:" {print $2; exit}')
	[[ -n $version ]] || die "apt does not know $package: run tests/lab/deps vm"
	echo "$version"
}

# unpack_source KERNEL DIR: download the kernel's source package and unpack it in DIR.
unpack_source() {
	local package

	package=$(source_package "$1")
	(
		cd "$2" || exit
		apt-get download -q -o APT::Sandbox::User=root "$package" >&2
		dpkg -x "$package"_*.deb .
		rm "$package"_*.deb
	)
}

# Files of a kernel's source tree that the checks and tests use.
SOURCE_FILES=(
	tools/testing/selftests/kselftest.h
	tools/testing/selftests/kselftest_harness.h
	tools/testing/selftests/lib.mk
	tools/testing/selftests/kselftest/runner.sh
	tools/testing/selftests/kselftest/prefix.pl
	scripts/subarch.include
	scripts/checkpatch.pl
	scripts/spelling.txt
	scripts/const_structs.checkpatch
	scripts/kernel-doc
)

# source_link KERNEL: print the name of the link to these files in the cache. The name depends
# on the list of files.
source_link() {
	echo "$CACHE/source/$1-$(cksum <<<"${SOURCE_FILES[*]}" | cut -d ' ' -f 1)"
}

# source_dir KERNEL: print the directory with these files. Extract them first if needed.
source_dir() {
	local link

	link=$(source_link "$1")
	[[ -e $link ]] || "$LAB/source" "$1"
	readlink -f "$link"
}

# selftests_dir: print the path of tools/testing/selftests in source_dir.
selftests_dir() {
	echo "$(source_dir "$(list_kernels all | head -n 1)")/tools/testing/selftests"
}

# Every stage ends with this line, so that check can sum up all stages.
print_totals() {
	printf '%d passed, %d failed, %d skipped\n' "$1" "$2" "$3"
}

# count_tap FILE: print the numbers of passed, failed and skipped tests in TAP output.
count_tap() {
	awk '/^ok / {if (/# SKIP/) skip++; else ok++} /^not ok / {bad++}
	     END {print ok + 0, bad + 0, skip + 0}' "$1"
}
