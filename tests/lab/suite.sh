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
	local arch dir mirror

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
	# Backports depend on packages of the suite below them, such as its compiler. apt
	# prefers the packages of the backports where both have one.
	if [[ $1 == *-backports ]]; then
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
			"$mirror ${1%-backports} main" >>"$dir/sources.list"
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
