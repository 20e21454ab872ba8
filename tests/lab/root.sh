# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Clean Debian roots to install things in, for the install tests; and their checks,
# in TAP. Each has $work, a folder that goes at the end, and $root below it.

# shellcheck source=tests/lab/suite.sh
. "$LAB/suite.sh"

# The folder of the working copy, in a root.
SRC=/usr/local/src/gupx

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

# check NAME COMMAND...: the last output is shown only if it fails.
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

join() {
	local IFS=,
	echo "$*"
}

# All Debian sources of a suite, as this machine's apt gets them; of another suite
# than its own, there is one at the same mirror.
suite_sources() {
	local own

	# shellcheck disable=SC2016
	own=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		grep -E " $1(-updates|-security)? main\$" | sort -u)
	echo "${own:-deb $(main_mirror) $1 main}"
}

# suite_versions SUITE PACKAGE...: as apt has them today.
suite_versions() {
	[[ $(suite_sources "$1" | wc -l) -gt 1 ]] || use_suite "$1"
	apt-cache show --no-all-versions "${@:2}" | grep '^Version:'
}

# base_of NAME SUITE PACKAGE...: a tar of that suite with these packages, the same for
# as long as apt has the same versions. HOOK is run in it at the end, with a network;
# what apt has downloaded then is kept.
base_of() {
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
		say "making a clean Debian root of $suite (once; kept in $CACHE/install)"
		suite_sources "$suite" >"$work/sources"
		# Proxies and such: mmdebstrap does not look at this machine's apt for them.
		apt-config dump | grep '^Acquire::' | grep -v '::IndexTargets' >"$work/apt"
		[[ ! ${HOOK:-} ]] || options=(--skip=cleanup/apt
			--customize-hook="chroot \"\$1\" $HOOK")
		mmdebstrap --quiet --variant=apt --aptopt="$work/apt" \
			--aptopt='APT::Install-Recommends "false"' "${options[@]}" \
			--include="$(join "$@")" \
			"$suite" "$work/base.tar" - <"$work/sources" >&2
		mv "$work/base.tar" "$tar"
	fi
	echo "$tar"
}

# unpack_root TAR: in place of the root that was there.
unpack_root() {
	rm -rf --one-file-system "$root"
	mkdir "$root"
	tar -C "$root" -xf "$1"
}

# The kernel whose headers are installed.
only_kernel() {
	local build

	build=$(echo "$root"/lib/modules/*/build)
	[[ $build != *' '* ]] || die "more than one kernel: $build"
	basename "$(dirname "$build")"
}

# Only one of these tests at a time, and nothing of it is left behind.
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

# listing FILE: all there is in the root: kind, mode, owner, and what is in it.
listing() {
	(
		cd "$root" || exit
		find . -xdev -path ".$SRC" -prune -o -printf '%P %y %m %U:%G %l\n'
		find . -xdev -path ".$SRC" -prune -o -type f -print0 |
			xargs -0 sha256sum | sed 's#^\([^ ]*\)  \./\(.*\)#\2 \1#'
	) | LC_ALL=C sort >"$work/$1"
}

# is_unchanged EXCEPTION...: since the listing "before", except for these paths.
is_unchanged() {
	local all

	all=$(printf '|%s' "$@")
	listing after
	LC_ALL=C comm -3 "$work/before" "$work/after" |
		all="^(${all#|})\$" \
			awk '$1 !~ ENVIRON["all"] {print; n++} END {exit n > 0}'
}

# boot_disk KERNEL DRIVE GUEST ARGUMENT...: with a disk to be mounted by that script.
boot_disk() {
	local kernel=$1 drive=$2 guest=$3
	shift 3

	VM_QEMU="-drive $drive" "$LAB/run" --no-module \
		--add module:virtio_pci --add module:virtio_blk \
		--add "file:$LAB/guest.sh:lab/guest.sh" \
		--add "file:$LAB/$guest:lab/$guest" "$kernel" \
		-- sh "/lab/$guest" "$@"
}

# check_guest CODE: of what the machine said, in $work/guest. One that stops half-way
# has passed no more than it said. After the plan, the lab's init has the last word,
# on the kernel log.
check_guest() {
	local line code=$1 planned='' said=0

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
