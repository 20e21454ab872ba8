# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Functions for the install tests. They create clean Debian roots, run commands in them, and
# print the results in TAP. $work is a temporary directory; $root, inside it, is the Debian
# root.

# shellcheck source=tests/lab/suite.sh
. "$LAB/suite.sh"

# Directory of the working copy in a root.
SRC=/usr/local/src/gupx

passed=0
failed=0

# report_result CODE NAME: print and count the result of a test; CODE 0 means passed.
report_result() {
	local number=$((passed + failed + 1))

	if (($1 == 0)); then
		passed=$((passed + 1))
		echo "ok $number - $2"
	else
		failed=$((failed + 1))
		echo "not ok $number - $2"
	fi
}

# check NAME COMMAND...: run a command as a test. Print the end of its output only if it
# fails.
check() {
	local name=$1 code=0
	shift
	"$@" >"$work/output" 2>&1 || code=$?
	((code == 0)) || tail -n 30 "$work/output" | sed 's/^/#   /'
	report_result "$code" "$name"
}

# fails_with TEXT COMMAND...: check that a command fails and prints a line with TEXT.
fails_with() {
	local text=$1
	shift
	! "$@" >"$work/failure" 2>&1 && grep -F -e "$text" "$work/failure" && return
	cat "$work/failure"
	return 1
}

join_with_commas() {
	local IFS=,
	echo "$*"
}

# suite_sources SUITE: print the Debian sources of a suite that this machine's apt uses. If
# it uses none of that suite, print a source at the same mirror.
suite_sources() {
	local own

	# shellcheck disable=SC2016
	own=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		grep -E " $1(-updates|-security)? main\$" | sort -u)
	echo "${own:-deb $(main_mirror) $1 main}"
}

# suite_versions SUITE PACKAGE...: print the current versions of packages in a suite.
suite_versions() {
	[[ $(suite_sources "$1" | wc -l) -gt 1 ]] || use_suite "$1"
	apt-cache show --no-all-versions "${@:2}" | grep '^Version:'
}

# make_base_tar NAME SUITE PACKAGE...: print the path of a tar file with a root of that suite
# and these packages. The cache keeps the file until apt has other versions of packages. If
# the variable HOOK is set, run that command in the root at the end, with network access, and
# keep the files that apt has downloaded.
make_base_tar() {
	local name=$1 suite=$2 tar key options=()
	shift 2

	key=$({
		suite_sources "$suite"
		printf '%s\n' "$@" "${HOOK:-}"
		(suite_versions "$suite" dkms udev linux-headers-amd64)
	} | sha256sum | cut -c 1-12)
	tar=$CACHE/install/$name-$key.tar
	if [[ ! -s $tar ]]; then
		rm -f "$CACHE/install/$name"-????????????.tar
		say "creating a clean Debian root of $suite once, kept in $CACHE/install"
		suite_sources "$suite" >"$work/sources"
		# mmdebstrap does not read this machine's apt settings, such as proxies: pass them.
		apt-config dump | grep '^Acquire::' | grep -v '::IndexTargets' >"$work/apt"
		[[ ! ${HOOK:-} ]] || options=(--skip=cleanup/apt
			--customize-hook="chroot \"\$1\" $HOOK")
		mmdebstrap --quiet --variant=apt --aptopt="$work/apt" \
			--aptopt='APT::Install-Recommends "false"' "${options[@]}" \
			--include="$(join_with_commas "$@")" \
			"$suite" "$work/base.tar" - <"$work/sources" >&2
		mv "$work/base.tar" "$tar"
	fi
	echo "$tar"
}

# unpack_root TAR: replace the root by the contents of a tar file.
unpack_root() {
	rm -rf --one-file-system "$root"
	mkdir "$root"
	tar -C "$root" -xf "$1"
}

# Print the only kernel that has a build directory in the root.
only_kernel() {
	local build

	build=$(echo "$root"/lib/modules/*/build)
	[[ $build != *' '* ]] || die "more than one kernel in the root: $build"
	basename "$(dirname "$build")"
}

# Create $work and remove it at exit, so that nothing is left behind. A lock lets only one of
# these tests run at a time.
set_up_work() {
	mkdir -p "$CACHE/install"
	exec 8>"$CACHE/install/.lock"
	flock 8
	clean_up "$CACHE"/install/work.*
	work=$(mktemp -d "$CACHE/install/work.XXXXXX")
	trap 'clean_up "$work"' EXIT
	propagation=private
	unshare --mount true 2>/dev/null || propagation=unchanged
	root=$work/root
}

# Copy the working copy to the root, without the files that git ignores.
copy_tree() {
	mkdir "$root$SRC"
	git -C "$TOP" ls-files -co --exclude-standard --deduplicate |
		while read -r file; do
			[[ ! -e $TOP/$file ]] || echo "$file"
		done | tar -C "$TOP" -cf - -T - | tar -C "$root$SRC" --no-same-owner -xf -
}

# in_root COMMAND...: run a command in the root. The new PID and mount namespaces end its
# processes and mounts, however this script ends. If this script itself runs in a chroot
# whose root is not a mount point, mounts may leave the namespace; clean_up unmounts them.
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

# clean_up WORK...: remove work directories, also those of runs that were killed.
clean_up() {
	local dir

	for dir in "$@"; do
		! mountpoint -q "$dir/root/proc" || umount -l "$dir/root/proc"
		rm -rf --one-file-system "$dir"
	done
}

# list_root FILE: list all files of the root in $work/FILE, with type, mode, owner, link target
# and checksum.
list_root() {
	(
		cd "$root" || exit
		find . -xdev -path ".$SRC" -prune -o -printf '%P %y %m %U:%G %l\n'
		find . -xdev -path ".$SRC" -prune -o -type f -print0 |
			xargs -0 sha256sum | sed 's#^\([^ ]*\)  \./\(.*\)#\2 \1#'
	) | LC_ALL=C sort >"$work/$1"
}

# is_unchanged EXCEPTION...: compare the root with the list "before", which list_root has
# written. Ignore paths that match an EXCEPTION.
is_unchanged() {
	local all

	all=$(printf '|%s' "$@")
	list_root after
	LC_ALL=C comm -3 "$work/before" "$work/after" |
		all="^(${all#|})\$" \
			awk '$1 !~ ENVIRON["all"] {print; n++} END {exit n > 0}'
}

# boot_disk KERNEL DRIVE GUEST ARGUMENT...: boot a VM with that disk and run the script
# GUEST in it, which mounts the disk.
boot_disk() {
	local kernel=$1 drive=$2 guest=$3
	shift 3

	VM_QEMU="-drive $drive" "$LAB/run" --no-module \
		--add module:virtio_pci --add module:virtio_blk \
		--add "file:$LAB/guest.sh:lab/guest.sh" \
		--add "file:$LAB/$guest:lab/$guest" "$kernel" \
		-- sh "/lab/$guest" "$@"
}

# check_guest CODE: report the results that the VM has printed to $work/guest, and one more
# test: CODE is 0, and the VM has run as many tests as planned. The lab's init prints a result
# for the kernel log after the plan, which does not count as planned.
check_guest() {
	local line code=$1 planned='' ran=0

	while read -r line; do
		case $line in
		"ok - "*) report_result 0 "VM: ${line#ok - }" ;;
		"not ok - "*) report_result 1 "VM: ${line#not ok - }" ;;
		1..*) planned=${line#1..} && continue ;;
		*) echo "# $line" && continue ;;
		esac
		[[ $planned ]] || ran=$((ran + 1))
	done <"$work/guest"
	[[ $code == 0 && $planned == "$ran" ]] || code=1
	report_result "$code" "VM: finished, ran $ran of ${planned:-?} tests"
}
