#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# demo.sh [KERNEL]: a real redis-server in a virtual machine is paged out,
# populated, pinned and read by gupctl. Every claim is checked: a wrong number
# fails the demo. The machine's whole output goes to build/demo/log.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

step() {
	printf '%4d s  %s\n' "$SECONDS" "$*"
}

build_witness() {
	gcc-12 -O2 -Wall -Wextra -Werror -static -o "$out/proc_check" \
		"$LAB/demo/proc_check.c"
}

# The package has no redis-server of its own: that is a link to this program.
boot_guest() {
	VM_MEMORY=1G VM_LIMIT=300 "$LAB/run" \
		--add program:redis-check-rdb --add program:redis-cli \
		--add "file:$out/proc_check:usr/bin/proc_check" \
		--add "file:$LAB/demo/guest:usr/bin/demo" \
		"$kernel" -- demo </dev/null 2>&1
}

# A line of the kernel's log: the machine boots.
tell_boot() {
	[[ $booted ]] || step "an emulated machine boots"
	booted=1
}

# Parse the guest's report; the head of its script lists the words.
follow_guest() {
	local line rest

	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$out/log"
		rest=${line#*|}
		case ${line%%|*} in
		step) step "$rest" ;;
		show) printf '          %s\n' "$rest" ;;
		row) rows+=("$rest") ;;
		fact) facts+=("$rest") ;;
		checks) checks=$rest ;;
		bad) bad=$rest ;;
		'waiting for another VM'*) step "$line" ;;
		'['*) tell_boot ;;
		esac
	done
}

print_table() {
	local row what time resident swap pinned
	local form='  %-36s %7s %11s %11s %8s\n'

	# shellcheck disable=SC2059
	printf "\n$form" 'redis-server in the machine' time resident 'in swap' \
		pinned
	for row in "${rows[@]}"; do
		IFS='|' read -r what time resident swap pinned <<<"$row"
		# shellcheck disable=SC2059
		printf "$form" "$what" "$time" "$resident" "$swap" "$pinned"
	done
	printf '\n'
	printf '  %s\n' "${facts[@]}"
}

kernel=${1:-$(list_kernels check | head -n 1)}
out=$BUILD/demo
rows=()
facts=()
checks=0
bad=
booted=
mkdir -p "$out"
: >"$out/log"

echo "gupx: a live redis-server, paged out, populated, pinned and read by another"
echo "process. All in a virtual machine: nothing is loaded into this kernel."
echo
step "$("$LAB/fetch" "$kernel" 2>&1 | tee -a "$out/log" | tail -n 1)"
build_witness
step "building the module and gupctl"
follow_guest < <(boot_guest)
code=0
wait $! || code=$?

if ((code != 0 || checks == 0)); then
	say "FAILED: ${bad:-the demo did not come to its end:}"
	[[ $bad ]] || tail -n 15 "$out/log" >&2
	die "ended with $code; all of it is in ${out#"$TOP"/}/log"
fi
print_table
printf '\n  %s checks, all true; %s s. The log: %s\n' \
	"$checks" "$SECONDS" "${out#"$TOP"/}/log"
