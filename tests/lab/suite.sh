# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Functions that use apt with packages of another Debian suite. apt then has separate lists in
# the cache, knows only that suite, and regards no package as installed. This changes nothing
# of the machine's own apt, and does not need root.

# sparse, and tools that Debian's headers packages need without depending on them.
SUITE_TOOLS=(base-files bash coreutils dash diffutils findutils grep make mawk
	perl-base sed sparse)

# Print the mirror from which this machine's apt gets its own suite. The mirror has other
# suites, too.
main_mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' \
		'Created-By: Packages' 'Origin: Debian' |
		awk '$1 !~ /-/ && $2 == "main" && !mirror {mirror = $3}
		     END {print mirror}'
}

write_apt_config() {
	local dir=$1 setting

	# Keep this machine's settings for downloads, such as proxies.
	apt-config dump | grep '^Acquire::' | grep -v '::IndexTargets'
	for setting in Parts Main SourceParts Preferences PreferencesParts; do
		echo "Dir::Etc::$setting \"/dev/null\";"
	done
	cat <<-END
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::State "$dir/state";
		Dir::State::status "$dir/nothing-installed";
		Dir::Cache "$dir/cache";
		APT::Sandbox::User "root";
		APT::Install-Recommends "false";
		APT::Update::Error-Mode "any";
	END
}

# use_suite SUITE [ARCH...]: let all later calls of apt use that suite, and these
# architectures instead of the machine's own. Packages whose name has no architecture are
# those of the first one.
use_suite() {
	local arch base dir mirror

	mirror=$(main_mirror)
	[[ -n $mirror ]] || die "apt knows no Debian mirror: run tests/lab/deps vm"
	dir=$CACHE/suites/$(tr ' ' - <<<"$*")
	mkdir -p "$dir"/{state/lists,cache/archives}/partial
	: >"$dir/nothing-installed"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"$mirror $1 main" >"$dir/sources.list"
	write_apt_config "$dir" >"$dir/apt.conf"
	[[ ! ${2:-} ]] || echo "APT::Architecture \"$2\";" >>"$dir/apt.conf"
	for arch in "${@:2}"; do
		echo "APT::Architectures:: \"$arch\";" >>"$dir/apt.conf"
	done
	# Backports and experimental depend on packages of the suite below them, such as its
	# compiler. apt prefers the packages of the upper suite where both have one.
	base=${1%-backports}
	[[ $1 != experimental ]] || base=sid
	if [[ $1 != "$base" ]]; then
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
			"$mirror $base main" >>"$dir/sources.list"
		echo "APT::Default-Release \"$1\";" >>"$dir/apt.conf"
	fi
	export APT_CONFIG=$dir/apt.conf
	[[ -z $(find "$dir/updated" -mmin -720 2>/dev/null) ]] || return 0
	if apt-get -qq update >&2; then
		touch "$dir/updated"
	else
		[[ -e $dir/updated ]] || die "cannot download package lists of Debian $1"
		say "suite $1: cannot update package lists; using those of $(date -r "$dir/updated")"
	fi
}

apt_version() {
	apt-cache show --no-all-versions "$1" | awk '$1 == "Version:" {print $2; exit}'
}

# list_dependencies PATTERN PACKAGE...: print those of the packages and their dependencies
# whose names match the pattern.
list_dependencies() {
	local pattern=$1
	shift
	apt-cache depends --recurse --no-recommends --no-suggests --no-breaks \
		--no-conflicts --no-replaces --no-enhances --no-pre-depends "$@" |
		grep -E "^$pattern" | grep -v -e '-unsigned$' | sort -u
}

# download_pool_headers DIR RELEASE VERSION: download the headers packages of an older kernel, which
# the suite's index does not list any more, from the pool of the mirror.
download_pool_headers() {
	local pool arch package

	pool=$(main_mirror)
	pool=${pool%/}/pool/main/l/linux
	arch=$(dpkg --print-architecture)
	mkdir -p "$1"
	for package in "linux-headers-$2_$3_$arch" "linux-headers-${2%%-*}-common_$3_all" \
		"linux-kbuild-${2%%-*}_$3_$arch"; do
		/usr/lib/apt/apt-helper download-file "$pool/$package.deb" "$1/$package.deb" >&2
	done
}

# list_headers ROOT RELEASE[:ARCH]: print the headers packages of a kernel. If only the pool of
# the mirror has them, download them to ROOT/debs, and print their files and what they need of
# other packages.
list_headers() {
	local deb

	if apt-cache show --no-all-versions "linux-headers-$2" >/dev/null 2>&1; then
		list_dependencies 'linux-(headers|kbuild)-' "linux-headers-$2"
		return
	fi
	download_pool_headers "$1/debs" "$2" "$(apt_version "linux-image-$2")"
	for deb in "$1"/debs/linux-*"${2%%-*}"*.deb; do
		echo "$deb"
		dpkg-deb --field "$deb" Depends | tr ',' '\n' | sed 's/(.*//; s/ //g; /^linux-/d'
	done
}

# add_to_root ROOT PACKAGE...: unpack these packages and all their dependencies in ROOT. A
# package can be a .deb file in ROOT/debs.
add_to_root() {
	local debs=$1/debs deb package packages=()

	mkdir -p "$debs/partial"
	for package in "${@:2}"; do
		[[ $package == *.deb ]] || packages+=("$package")
	done
	apt-get -qq -y --download-only -o Dir::Cache::archives="$debs" install \
		"${SUITE_TOOLS[@]}" "${packages[@]}" >&2
	for deb in "$debs"/*.deb; do
		dpkg -x "$deb" "$1"
	done
	rm -r "$debs"
	finish_root "$1"
}

# finish_root ROOT: do what the packages' scripts would do, as far as builds need it.
finish_root() {
	mkdir -p "$1/dev" "$1/usr/bin"
	ln -sf mawk "$1/usr/bin/awk"
	: >"$1/dev/null"
}
